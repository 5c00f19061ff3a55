// CLIENT URL KEY DOMAIN: sends with one of Mailgun's clients and reads events; prints what they returned, as JSON.
// CLIENT URL KEY DOMAIN domains: makes that domain with logins in place of it, shows, changes and removes it.
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

// Two recipients and the MIME: three of them.
async function untilDelivered(get) {
  for (;;) {
    const page = await get({ event: 'delivered', tags: 'welcome', ascending: 'yes', limit: 10 });
    if (page.items.length >= 2)
      return page;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

async function domains(module) {
  const Mailgun = require(module).default || require(module);
  const { domains } = new Mailgun(FormData).client({ username: 'api', key, url });
  const tracking = domains.domainTracking || domains;
  const login = `ann@${domain}`;
  return {
    created: await domains.create({ name: domain, web_scheme: 'http' }),
    taken: await domains.create({ name: domain }).catch(error => ({ status: error.status, details: error.details })),
    listed: await domains.list({ limit: 10 }),
    updated: await domains.update(domain, { web_prefix: 'go' }),
    shown: await domains.get(domain),
    connection: await domains.updateConnection(domain, { skip_verification: true, require_tls: false }),
    nested: await domains.getConnection(domain),
    click: await tracking.updateTracking(domain, 'click', { active: 'htmlonly' }),
    tracking: await tracking.getTracking(domain),
    login: await domains.domainCredentials.create(domain, { login: 'ann', password: 'sesame' }),
    generated: await domains.domainCredentials.create(domain, { login: 'bob' }),
    logins: await domains.domainCredentials.list(domain),
    changed: await domains.domainCredentials.update(domain, login, { password: 'open-up' }),
    removed: await domains.domainCredentials.destroy(domain, login),
    destroyed: await domains.destroy(domain),
    missing: await domains.get(domain).catch(error => ({ status: error.status, details: error.details })),
  };
}

async function oldDomains() {
  const at = new URL(url);
  const client = require('mailgun-js')({
    apiKey: key, domain, host: at.hostname, port: Number(at.port), protocol: 'http:', endpoint: '/v3', retry: 1,
  });
  const failed = error => ({ status: error.statusCode, details: error.message });
  return {
    created: await client.post('/domains', { name: domain, web_scheme: 'http' }),
    taken: await client.domains().create({ name: domain }).catch(failed),
    listed: await client.domains().list(),
    shown: await client.domains(domain).info(),
    click: await client.put(`/domains/${domain}/tracking/click`, { active: 'htmlonly' }),
    tracking: await client.domains(domain).tracking().info(),
    login: await client.domains(domain).credentials().create({ login: 'ann', password: 'sesame' }),
    generated: await client.post(`/domains/${domain}/credentials`, { login: 'bob' }),
    logins: await client.domains(domain).credentials().list(),
    changed: await client.domains(domain).credentials(`ann@${domain}`).update({ password: 'open-up' }),
    removed: await client.domains(domain).credentials(`ann@${domain}`).delete(),
    destroyed: await client.domains(domain).delete(),
    missing: await client.domains(domain).info().catch(failed),
  };
}

(what === 'domains' ? { 'mailgun.js': () => domains('mailgun.js'), 'mailgun.js-10': () => domains('mailgun.js-10'),
  'mailgun-js': oldDomains }
: { 'mailgun.js': () => sdk('mailgun.js'), 'mailgun.js-10': () => sdk('mailgun.js-10'), 'mailgun-js': old,
  'nodemailer-mailgun-transport': transport })[name]().then(
  result => console.log(JSON.stringify(result)),
  error => {
    console.error(error);
    process.exit(1);
  });
