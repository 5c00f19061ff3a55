using Postern.Mta;
using Postern.Mta.Accounts;

namespace Postern.Api.Mailgun;

/// <summary>What links in a domain's mail begin with.</summary>
static class LinkRoot
{
    /// <summary>Without a slash at its end. Null: there is no place for them to lead to.</summary>
    public static string? Of(TrackingOptions options, SendingDomain domain) =>
        options.Url is not { } url ? null
            : options.OwnNames ? $"{domain.Settings.WebScheme}://{NameOf(domain)}"
            : url.TrimEnd('/');

    /// <summary>The domain's own name for them, an alias of the host of <c>tracking.url</c>.</summary>
    public static string NameOf(SendingDomain domain) => $"{domain.Settings.WebPrefix}.{domain.Key}";
}
