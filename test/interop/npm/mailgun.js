// CLIENT URL KEY DOMAIN: sends with one of Mailgun's clients and reads events; prints what they returned, as JSON.
'use strict';
const FormData = require('form-data');

const [name, url, key, domain] = process.argv.slice(2);
const attachment = { filename: '안녕.txt', data: Buffer.from('attached\n') };
const fields = {
  from: 'Ann <ann@shop.example>',
  to: ['b1@rcpt.test', 'Bob, Q <b2@rcpt.test>'],
  subject: `${name} says 안녕`,
  text: 'text',
  html: '<b>html</b>',
  'o:tag': ['welcome', 'new'],
  'o:testmode': 'no',
  'v:order': '17',
  'h:Reply-To': 'reply@shop.example',
  attachment,
};
const mime = [
  'From: ann@shop.example', 'To: shown@else.example', 'Bcc: hidden@rcpt.test',
  `Subject: ${name} mime`, '', 'as it is', ''].join('\r\n');

// Both generations of the SDK.
async function sdk(module) {
  const Mailgun = require(module).default || require(module);
  const client = new Mailgun(FormData).client({ username: 'api', key, url });
  const refused = await client.messages.create(domain, { ...fields, to: 'nobody' }).catch(error => error);
  return {
    sent: await client.messages.create(domain, fields),
    mime: await client.messages.create(domain, { to: 'm@rcpt.test', message: mime }),
    refused: { status: refused.status, details: refused.details },
    events: await untilDelivered(query => client.events.get(domain, query)),
  };
}

async function old() {
  const at = new URL(url);
  const client = require('mailgun-js')({
    apiKey: key, domain, host: at.hostname, port: Number(at.port), protocol: 'http:', endpoint: '/v3', retry: 1,
  });
  const file = new client.Attachment({ ...attachment, knownLength: attachment.data.length });
  const raw = new client.Attachment({ data: Buffer.from(mime), filename: 'message.mime' });
  const refused = await client.messages().send({ ...fields, attachment: file, to: 'nobody' }).catch(error => error);
  return {
    sent: await client.messages().send({ ...fields, attachment: file }),
    mime: await client.messages().sendMime({ to: 'm@rcpt.test', message: mime }),
    refused: { status: refused.statusCode, details: refused.message },
    events: await untilDelivered(query => client.get(`/${domain}/events`, query)),
  };
}

async function transport() {
  const options = { auth: { api_key: key, domain }, url };
  const mail = require('nodemailer').createTransport(require('nodemailer-mailgun-transport')(options));
  const { attachment: file, 'o:tag': tags, ...rest } = fields;
  const refused = await mail.sendMail({ ...rest, to: 'nobody' }).catch(error => error);
  const sent = await mail.sendMail({
    ...rest, 'o:tag': tags, attachments: [{ filename: file.filename, content: file.data }],
  });
  return { sent, refused: { status: refused.status, details: refused.details } };
}

async function routes() {
  const Mailgun = require('mailgun.js').default || require('mailgun.js');
  const client = new Mailgun(FormData).client({ username: 'api', key, url });
  const created = await client.routes.create({
    priority: 3, description: '길', expression: 'match_recipient(".*@mg.postern.test")',
    action: ['forward("https://app.example/in")', 'stop()'],
  });
  const updated = await client.routes.update(created.id, { description: 'changed' });
  return {
    created, updated,
    shown: await client.routes.get(created.id),
    listed: await client.routes.list({ limit: 5, skip: 0 }),
    deleted: await client.routes.destroy(created.id),
    missing: await client.routes.get(created.id).catch(error => ({ status: error.status, details: error.details })),
  };
}

// Two recipients and the MIME: three of them.
async function untilDelivered(get) {
  for (;;) {
    const page = await get({ event: 'delivered', tags: 'welcome', ascending: 'yes', limit: 10 });
    if (page.items.length >= 2)
      return page;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

({ 'mailgun.js': () => sdk('mailgun.js'), 'mailgun.js-10': () => sdk('mailgun.js-10'), 'mailgun-js': old,
  'nodemailer-mailgun-transport': transport, routes })[name]().then(
  result => console.log(JSON.stringify(result)),
  error => {
    console.error(error);
    process.exit(1);
  });
