// CLIENT URL KEY DOMAIN [WHAT]: lets one of Mailgun's clients do WHAT, and prints what it returned, as JSON. Without it:
// sends and reads events. templates: keeps them, sends with them, reads tags and stats. domains: makes that domain
// with logins in place of it, shows, changes and removes it. suppressions: adds, lists and removes them.
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

function sdkClient(module) {
  const Mailgun = require(module).default || require(module);
  return new Mailgun(FormData).client({ username: 'api', key, url });
}

// Both generations of the SDK.
async function sdk(module) {
  const client = sdkClient(module);
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

const template = { name: 'Greeting', description: 'hello', template: 'one {{name}}', tag: 'V1' };
const version = { template: '<p>two {{name}}</p>', tag: 'v2', active: 'yes' };
const templated = {
  from: 'ann@shop.example', to: 't@rcpt.test', subject: `${name} template`, template: 'greeting',
  't:variables': JSON.stringify({ name: '안녕 <b>' }), 'o:tag': 'From-Template',
};

async function sdkTemplates(module) {
  const client = sdkClient(module);
  const { domainTemplates: templates, domainTags: tags } = client.domains;
  const told = {
    created: await templates.create(domain, template),
    version: await templates.createVersion(domain, 'greeting', version),
    shown: await templates.get(domain, 'greeting', { active: 'yes' }),
    listed: await templates.list(domain),
    versions: await templates.listVersions(domain, 'greeting'),
    sent: await client.messages.create(domain, templated),
    tags: await tags.list(domain),
    tag: await tags.get(domain, 'from-template'),
    described: await tags.update(domain, 'from-template', 'mail of templates'),
    tagStats: await tags.statistic(domain, 'from-template', { event: 'accepted' }),
    stats: await client.stats.getDomain(domain, { event: ['accepted', 'failed'], duration: '1d', resolution: 'hour' }),
    untagged: await tags.destroy(domain, 'from-template'),
    versionDeleted: await templates.destroyVersion(domain, 'greeting', 'v1'),
    deleted: await templates.destroy(domain, 'greeting'),
    allDeleted: await templates.destroyAll(domain),
  };
  const missing = await templates.get(domain, 'greeting').catch(error => error);
  return { ...told, missing: { status: missing.status, details: missing.details } };
}

async function oldTemplates() {
  const client = oldClient();
  const home = `/${domain}/templates`;
  const stats = { event: ['accepted', 'failed'], duration: '1d', resolution: 'hour' };
  const told = {
    created: (await client.post(home, template)).template,
    version: await client.post(`${home}/greeting/versions`, version),
    shown: (await client.get(`${home}/greeting`, { active: 'yes' })).template,
    listed: await client.get(home),
    versions: await client.get(`${home}/greeting/versions`),
    sent: await client.messages().send(templated),
    tags: await client.get(`/${domain}/tags`),
    tag: await client.get(`/${domain}/tags/from-template`),
    described: await client.put(`/${domain}/tags/from-template`, { description: 'mail of templates' }),
    tagStats: await client.get(`/${domain}/tags/from-template/stats`, { event: 'accepted' }),
    stats: await client.get(`/${domain}/stats/total`, stats),
    untagged: await client.delete(`/${domain}/tags/from-template`),
    versionDeleted: await client.delete(`${home}/greeting/versions/v1`),
    deleted: await client.delete(`${home}/greeting`),
    allDeleted: await client.delete(home),
  };
  const missing = await client.get(`${home}/greeting`).catch(error => error);
  return { ...told, missing: { status: missing.statusCode, details: missing.message } };
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
  const client = oldClient();
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

// Both generations of the SDK.
async function suppress(module) {
  const client = sdkClient(module);
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

const both = run => ({ 'mailgun.js': () => run('mailgun.js'), 'mailgun.js-10': () => run('mailgun.js-10') });
const clients = {
  sending: { ...both(sdk), 'mailgun-js': old, 'nodemailer-mailgun-transport': transport, routes },
  templates: { ...both(sdkTemplates), 'mailgun-js': oldTemplates },
  domains: { ...both(domains), 'mailgun-js': oldDomains },
  suppressions: { ...both(suppress), 'mailgun-js': oldSuppress },
};

clients[what ?? 'sending'][name]().then(
  result => console.log(JSON.stringify(result)),
  error => {
    console.error(error);
    process.exit(1);
  });
