// CLIENT URL KEY DOMAIN [suppressions]: sends with one of Mailgun's clients and reads events, or works on its
// suppressions; prints what they returned, as JSON.
'use strict';
const FormData = require('form-data');

const [name, url, key, domain, what] = process.argv.slice(2);
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

function oldClient() {
  const at = new URL(url);
  return require('mailgun-js')({
    apiKey: key, domain, host: at.hostname, port: Number(at.port), protocol: 'http:', endpoint: '/v3', retry: 1,
  });
}

async function old() {
  const client = oldClient();
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

// Both generations of the SDK.
async function suppress(module) {
  const Mailgun = require(module).default || require(module);
  const client = new Mailgun(FormData).client({ username: 'api', key, url });
  const lists = client.suppressions;
  const entry = { address: 'Gone+1@rcpt.test', code: 551, error: 'no such user' };
  const added = await lists.create(domain, 'bounces', entry);
  await lists.create(domain, 'bounces', [{ address: 'b@rcpt.test' }, { address: 'c@rcpt.test' }]);
  await lists.create(domain, 'unsubscribes', { address: 'u@rcpt.test', tag: 'news' });
  await lists.create(domain, 'complaints', [{ address: 'x@rcpt.test' }]);
  const first = await lists.list(domain, 'bounces', { limit: 2 });
  const second = await lists.list(domain, 'bounces', { limit: 2, page: first.pages.next.page });
  const got = await lists.get(domain, 'bounces', 'gone+1@rcpt.test');
  await client.messages.create(domain, { ...fields, to: 'gone+1@rcpt.test' });
  const events = await client.events.get(domain, { event: 'failed', recipient: 'gone+1@rcpt.test' });
  const removed = await lists.destroy(domain, 'bounces', 'gone+1@rcpt.test');
  const missing = await lists.get(domain, 'bounces', 'gone+1@rcpt.test').catch(error => error);
  return {
    added: added.message,
    pages: [first, second].map(page => page.items.map(item => item.address)),
    got: { address: got.address, code: `${got.code}`, error: got.error, date: got.created_at },
    tags: (await lists.get(domain, 'unsubscribes', 'u@rcpt.test')).tags,
    complaint: (await lists.get(domain, 'complaints', 'x@rcpt.test')).address,
    reason: events.items.map(item => item.reason),
    removed: removed.message,
    missing: missing.status,
  };
}

async function oldSuppress() {
  const client = oldClient();
  const added = await client.post(`/${domain}/bounces`, { address: 'Gone+1@rcpt.test', code: 551, error: 'no such user' });
  await client.post(`/${domain}/bounces`, { address: 'b@rcpt.test' });
  await client.post(`/${domain}/bounces`, { address: 'c@rcpt.test' });
  await client.post(`/${domain}/unsubscribes`, { address: 'u@rcpt.test', tag: 'news' });
  await client.post(`/${domain}/complaints`, { address: 'x@rcpt.test' });
  const first = await client.get(`/${domain}/bounces`, { limit: 2 });
  const second = await client.get(`/${domain}/bounces`, { limit: 2, page: 'next', address: first.items[1].address });
  const got = await client.get(`/${domain}/bounces/gone+1@rcpt.test`);
  await client.messages().send({ ...fields, attachment: undefined, to: 'gone+1@rcpt.test' });
  const events = await client.get(`/${domain}/events`, { event: 'failed', recipient: 'gone+1@rcpt.test' });
  const removed = await client.delete(`/${domain}/bounces/gone+1@rcpt.test`);
  const missing = await client.get(`/${domain}/bounces/gone+1@rcpt.test`).catch(error => error);
  return {
    added: added.message,
    pages: [first, second].map(page => page.items.map(item => item.address)),
    got: { address: got.address, code: got.code, error: got.error, date: got.created_at },
    tags: (await client.get(`/${domain}/unsubscribes/u@rcpt.test`)).tags,
    complaint: (await client.get(`/${domain}/complaints/x@rcpt.test`)).address,
    reason: events.items.map(item => item.reason),
    removed: removed.message,
    missing: missing.statusCode,
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

const todo = what === 'suppressions' ? {
  'mailgun.js': () => suppress('mailgun.js'), 'mailgun.js-10': () => suppress('mailgun.js-10'), 'mailgun-js': oldSuppress,
} : {
  'mailgun.js': () => sdk('mailgun.js'), 'mailgun.js-10': () => sdk('mailgun.js-10'), 'mailgun-js': old,
  'nodemailer-mailgun-transport': transport,
};
todo[name]().then(
  result => console.log(JSON.stringify(result)),
  error => {
    console.error(error);
    process.exit(1);
  });
