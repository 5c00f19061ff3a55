// PORT REDIRECT SECRET ADDRESS yes|no: an OpenID provider that signs everybody in as ADDRESS at once, verified
// or not. Prints a line when it is ready.
'use strict';

async function serve(port, redirect, secret, address, verified) {
  const { default: Provider } = await import('oidc-provider');
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'postern', client_secret: secret, redirect_uris: [redirect], response_types: ['code'],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['of a test'] },
    findAccount: (_, id) => ({
      accountId: id, claims: () => ({ sub: id, email: address, email_verified: verified === 'yes' }),
    }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  provider.use(async (context, next) => {
    if (!context.path.startsWith('/interaction/')) return next();
    const { prompt, params } = await provider.interactionDetails(context.req, context.res);
    const result = { login: { accountId: '42' } };
    if (prompt.name === 'consent') {
      const grant = new provider.Grant({ accountId: '42', clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      result.consent = { grantId: await grant.save() };
    }
    context.respond = false;
    return provider.interactionFinished(context.req, context.res, result);
  });
  provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
}

serve(...process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exit(1);
});
