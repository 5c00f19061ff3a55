using Postern.Mta.Transports.Forward;
using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    void CheckDashboard()
    {
        const string urlKey = "dashboard.url", sessionKey = "dashboard.session";
        var dashboard = options.Dashboard;
        if (dashboard.Url is { } url)
            CheckOrigin(urlKey, url);
        CheckPositive(sessionKey, dashboard.Session);
        if (dashboard.Session > DashboardOptions.SessionMax)
            at.Error(sessionKey, "must be 30d at most");
        if (dashboard.Oidc.Issuer is { } issuer)
            CheckOidc(dashboard, issuer);
        else if (dashboard.Oidc is { ClientId: not null } or { ClientSecret: not null } or { HasRoles: true })
            at.Error("dashboard.oidc", "needs issuer, the provider's own name: \"https://id.example.org\"");
    }

    /// <summary>Scheme, host and port: what browsers call an origin.</summary>
    void CheckOrigin(string key, string url)
    {
        if (!WebTarget.IsUrl(url) || !Uri.TryCreate(url, UriKind.Absolute, out var origin)
            || origin.PathAndQuery != "/" || url.EndsWith('/'))
            at.Error(key, $"\"{url}\" is no origin; write \"https://postern.example.org\"");
        else if (origin.Scheme != Uri.UriSchemeHttps && !PubSubEndpoint.IsLoopback(origin))
            at.Error(key, "must be https off loopback; passwords would be readable on the way");
    }

    void CheckOidc(DashboardOptions dashboard, string issuer)
    {
        const string key = "dashboard.oidc.issuer";
        if (!WebTarget.IsUrl(issuer) || issuer.Contains('?', StringComparison.Ordinal))
            at.Error(key, $"\"{issuer}\" is no URL; write \"https://id.example.org\"");
        else if (new Uri(issuer) is var provider && provider.Scheme != Uri.UriSchemeHttps
            && !PubSubEndpoint.IsLoopback(provider))
            at.Error(key, "must be https off loopback; who sits on the way could sign in as anybody");
        if (dashboard.Url is null)
            at.Error(key, "needs dashboard.url, the origin that the provider sends browsers back to");
        if (dashboard.Oidc.ClientId is null)
            at.Error(key, "needs client-id beside it");
        if (!dashboard.Oidc.HasRoles)
            at.Error(key, "lets nobody in; add admins = [\"you@example.org\"], operators or readers");
    }
}
