// KEY: reads the body of a webhook from standard input and prints what mailgun-js says of its signature.
'use strict';

const [key] = process.argv.slice(2);
let body = '';
process.stdin.on('data', part => { body += part; });
process.stdin.on('end', () => {
  const { timestamp, token, signature } = JSON.parse(body).signature;
  const mailgun = require('mailgun-js')({ apiKey: key, domain: 'mg.postern.test' });
  console.log(JSON.stringify({
    right: mailgun.validateWebhook(timestamp, token, signature),
    wrong: mailgun.validateWebhook(timestamp, token, signature.replace(/./g, '0')),
  }));
});
