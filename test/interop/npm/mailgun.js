// CLIENT URL KEY DOMAIN [WHAT]: lets one of Mailgun's clients do WHAT, and prints what it returned, as JSON. Without it:
// sends and reads events. templates: keeps them, sends with them, reads tags and stats. domains: makes that domain
// with logins in place of it, shows, changes and removes it. suppressions: adds, lists and removes them. rest:
// webhooks, routes and the allowlist, and events by pages. account: what an account key alone opens.
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

function sdkClient(module, Form = FormData) {
  const Mailgun = require(module).default || require(module);
  return new Mailgun(Form).client({ username: 'api', key, url });
}

// Both generations of the SDK.
async function sdk(module, Form) {
  const client = sdkClient(module, Form);
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

// The provider as Strapi loads it: its settings, and send() with its names of fields.
async function strapi() {
  const provider = require('@strapi/provider-email-mailgun').init(
    { key, domain, url }, { defaultFrom: fields.from, defaultReplyTo: fields['h:Reply-To'] });
  const { from, 'h:Reply-To': replyTo, ...rest } = fields;
  const refused = await provider.send({ ...rest, to: 'nobody' }).catch(error => error);
  return {
    sent: await provider.send({ ...rest, cc: 'c@rcpt.test', bcc: 'Hidden <h@rcpt.test>' }),
    refused: { status: refused.status, details: refused.details },
  };
}

const route = {
  priority: 3, description: '길', expression: 'match_recipient(".*@mg.postern.test")',
  action: ['forward("https://app.example/in")', 'stop()'],
};
const hooks = ['http://127.0.0.1:8099/a', 'http://127.0.0.1:8099/b'];
const test = i => ({ from: 'ann@shop.example', to: `p${i}@rcpt.test`, text: 'x', 'o:testmode': 'yes', 'o:tag': 'page' });

// Both generations of the SDK.
async function rest(module) {
  const client = sdkClient(module);
  const failed = error => ({ status: error.status, details: error.details });
  const created = await client.routes.create(route);
  const updated = await client.routes.update(created.id, { description: 'changed' });
  const routes = {
    created, updated,
    shown: await client.routes.get(created.id),
    listed: await client.routes.list({ limit: 5, skip: 0 }),
    deleted: await client.routes.destroy(created.id),
    missing: await client.routes.get(created.id).catch(failed),
  };
  const { webhooks, suppressions: lists } = client;
  const made = await webhooks.create(domain, 'opened', hooks[0]);
  await webhooks.create(domain, 'clicked', hooks[0]);
  const changed = await webhooks.update(domain, 'opened', hooks);
  const asked = {
    made: made.urls, changed: changed.urls,
    shown: (await webhooks.get(domain, 'opened')).urls,
    listed: Object.keys(await webhooks.list(domain, {})).sort(),
    removed: (await webhooks.destroy(domain, 'clicked')).id,
    left: Object.keys(await webhooks.list(domain, {})),
    missing: await webhooks.get(domain, 'clicked').catch(failed),
  };
  await lists.create(domain, 'whitelists', { domain: 'good.test' });
  const allowed = await lists.list(domain, 'whitelists');
  await lists.destroy(domain, 'whitelists', 'good.test');
  for (let i = 0; i < 3; i++)
    await client.messages.create(domain, test(i));
  const pages = [];
  let query = { event: 'accepted', tags: 'page', ascending: 'yes', limit: 2 };
  for (;;) {
    const page = await client.events.get(domain, query);
    pages.push(page.items.map(item => item.recipient));
    if (page.items.length === 0)
      break;
    query = { page: page.pages.next.page };
  }
  return {
    routes, webhooks: asked, pages,
    allowed: allowed.items.map(item => [item.type, item.value]),
    left: (await lists.list(domain, 'whitelists')).items.length,
  };
}

async function oldRest() {
  const client = oldClient();
  const failed = error => ({ status: error.statusCode, details: error.message });
  const created = (await client.routes().create(route)).route;
  const updated = await client.routes(created.id).update({ description: 'changed' });
  const routes = {
    created, updated,
    shown: (await client.routes(created.id).info()).route,
    listed: (await client.routes().list({ limit: 5, skip: 0 })).items,
    deleted: await client.routes(created.id).delete(),
    missing: await client.routes(created.id).info().catch(failed),
  };
  const home = `/domains/${domain}/webhooks`;
  const made = await client.post(home, { id: 'opened', url: hooks[0] });
  await client.post(home, { id: 'clicked', url: hooks[0] });
  const changed = await client.put(`${home}/opened`, { url: hooks });
  const asked = {
    made: made.webhook.urls, changed: changed.webhook.urls,
    shown: (await client.get(`${home}/opened`)).webhook.urls,
    listed: Object.keys((await client.get(home)).webhooks).sort(),
    removed: (await client.delete(`${home}/clicked`)) && 'clicked',
    left: Object.keys((await client.get(home)).webhooks),
    missing: await client.get(`${home}/clicked`).catch(failed),
  };
  await client.post(`/${domain}/whitelists`, { domain: 'good.test' });
  const allowed = await client.get(`/${domain}/whitelists`);
  await client.delete(`/${domain}/whitelists/good.test`);
  for (let i = 0; i < 3; i++)
    await client.messages().send(test(i));
  const pages = [];
  let page = await client.get(`/${domain}/events`, { event: 'accepted', tags: 'page', ascending: 'yes', limit: 2 });
  for (;;) {
    pages.push(page.items.map(item => item.recipient));
    if (page.items.length === 0)
      break;
    page = await client.get(new URL(page.paging.next).pathname.replace(/^\/v3/, ''));
  }
  return {
    routes, webhooks: asked, pages,
    allowed: allowed.items.map(item => [item.type, item.value]),
    left: (await client.get(`/${domain}/whitelists`)).items.length,
  };
}

// What the newest generation alone offers.
async function account() {
  const client = sdkClient('mailgun.js');
  await client.messages.create(domain, test(0));
  const day = 86400000;
  const span = { start: new Date(Date.now() - day), end: new Date(Date.now() + day) };
  const only = (attribute, value) => ({ attribute, comparator: '=', values: [{ label: value, value }] });
  const filter = { AND: [only('tag', 'page'), only('domain', domain)] };
  const first = await client.logs.list({ ...span, filter, pagination: { sort: 'timestamp:asc', limit: 1 } });
  const second = await client.logs.list({
    ...span, filter, pagination: { sort: 'timestamp:asc', limit: 1, token: first.pagination.next },
  });
  const metrics = await client.metrics.getAccount({
    ...span, dimensions: ['tag'], metrics: ['accepted_count', 'opened_rate'], filter, include_aggregates: true,
  });
  const tags = await client.tags.list({ tag: 'page' });
  return {
    logs: [first, second].map(page => page.items.map(item => [
      item.event, item.domain.name, item['user-variables'], Array.isArray(item.storage.url), !isNaN(item['@timestamp']),
    ])),
    span: !isNaN(first.start) && !isNaN(first.end),
    metrics: metrics.items.map(item => [item.dimensions[0].value, item.metrics]),
    tags: tags.items.map(item => item.tag),
    described: (await client.tags.update('page', 'of pages')).message,
    limits: (await client.tags.limits()).count,
    untagged: (await client.tags.destroy('page')).message,
    matched: await client.routes.matchAddress('x@mg.postern.test').catch(error => error.status),
    subaccounts: (await client.subaccounts.list()).total,
    ips: (await client.ips.list()).items,
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
    listed: await domains.list({ limit: 100 }),
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
const sending = {
  ...both(sdk),
  'mailgun.js with formdata-node': async () => sdk('mailgun.js', (await import('formdata-node')).FormData),
  'mailgun.js with FormData of Node': () => sdk('mailgun.js', globalThis.FormData),
  'mailgun-js': old, 'nodemailer-mailgun-transport': transport, strapi,
};
const clients = {
  sending,
  templates: { ...both(sdkTemplates), 'mailgun-js': oldTemplates },
  domains: { ...both(domains), 'mailgun-js': oldDomains },
  suppressions: { ...both(suppress), 'mailgun-js': oldSuppress },
  rest: { ...both(rest), 'mailgun-js': oldRest },
  account: { 'mailgun.js': account },
};

clients[what ?? 'sending'][name]().then(
  result => console.log(JSON.stringify(result)),
  error => {
    console.error(error);
    process.exit(1);
  });
