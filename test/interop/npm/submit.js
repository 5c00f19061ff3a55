// PORT SECURE USER PASSWORD FROM TO: submits one message with nodemailer and prints the server's reply.
'use strict';
const nodemailer = require('nodemailer');

const [port, secure, user, pass, from, to] = process.argv.slice(2);
nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  secure: secure === 'true',
  requireTLS: secure !== 'true',
  tls: { rejectUnauthorized: false },
  auth: { user, pass },
}).sendMail({ from, to, subject: 'nodemailer', text: 'nodemailer says 안녕\n.dot\n' }).then(
  info => console.log(info.response),
  error => {
    console.error(error);
    process.exit(1);
  });
