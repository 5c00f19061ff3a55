using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Accounts;

namespace Postern.Api.Mailgun;

/// <summary>What is set for a domain: connection, tracking, names in front of it; and lists that are empty
/// here.</summary>
sealed partial class MailgunFace
{
    const int FooterOctetsMax = 16 << 10;
    const int LabelOctetsMax = 63;

    void MapDomainSettings(IEndpointRouteBuilder web)
    {
        const string one = "/v3/domains/{domain}";
        web.MapGet(one + "/connection", context => ServeDomainAsync(context, ShowConnectionAsync));
        web.MapPut(one + "/connection", context => ServeDomainAsync(context, SetConnectionAsync));
        web.MapGet(one + "/tracking", context => ServeDomainAsync(context, ShowTrackingAsync));
        web.MapPut(one + "/tracking/open", context => ServeDomainAsync(context, SetOpenAsync));
        web.MapPut(one + "/tracking/click", context => ServeDomainAsync(context, SetClickAsync));
        web.MapPut(one + "/tracking/unsubscribe", context => ServeDomainAsync(context, SetUnsubscribeAsync));
        web.MapPut(one + "/dkim_authority", context => ServeDomainAsync(context, SetAuthorityAsync));
        web.MapPut(one + "/dkim_selector", context => ServeDomainAsync(context, SetSelectorAsync));
        web.MapPut(one + "/web_prefix", context => ServeDomainAsync(context, SetPrefixAsync));
        MapDkimKeys(web);
        MapEmpty(web);
    }

    /// <summary>Known, and not done yet.</summary>
    void MapDkimKeys(IEndpointRouteBuilder web)
    {
        const string keys = "/v4/domains/{domain}/keys";
        web.MapGet(keys, context => ServeDomainAsync(context, NoSigningAsync));
        web.MapPut(keys + "/{selector}/{change}", context => ServeDomainAsync(context, NoSigningAsync));
        web.MapGet("/v1/dkim/keys", context => ServeAccountAsync(context, NoSigningAsync));
        web.MapPost("/v1/dkim/keys", context => ServeAccountAsync(context, NoSigningAsync));
        web.MapDelete("/v1/dkim/keys", context => ServeAccountAsync(context, NoSigningAsync));
    }

    static Task<JsonObject> NoSigningAsync(HttpContext context, SendingDomain domain) =>
        NoSigningAsync(context);

    static Task<JsonObject> NoSigningAsync(HttpContext context) =>
        throw new ApiException(501, "Postern signs no mail yet: it has no DKIM keys");

    /// <summary>Addresses, pools and subaccounts are Mailgun's own.</summary>
    void MapEmpty(IEndpointRouteBuilder web)
    {
        web.MapGet("/v3/domains/{domain}/ips", context => ServeDomainAsync(context, NoAddressesAsync));
        web.MapGet("/v3/ips", context => ServeAccountAsync(context, NoAddressesAsync));
        web.MapGet("/v1/ip_pools", context => ServeAccountAsync(context, NoPoolsAsync));
        web.MapGet("/v3/ip_pools", context => ServeAccountAsync(context, NoPoolsAsync));
        web.MapGet("/v5/accounts/subaccounts", context => ServeAccountAsync(context, NoSubaccountsAsync));
    }

    static Task<JsonObject> NoAddressesAsync(HttpContext context, SendingDomain domain) =>
        Task.FromResult(new JsonObject { ["items"] = new JsonArray(), ["total_count"] = 0 });

    static Task<JsonObject> NoAddressesAsync(HttpContext context) => Task.FromResult(new JsonObject
    {
        ["items"] = new JsonArray(),
        ["total_count"] = 0,
        ["assignable_to_pools"] = new JsonArray(),
    });

    static Task<JsonObject> NoPoolsAsync(HttpContext context) =>
        Task.FromResult(new JsonObject { ["ip_pools"] = new JsonArray(), ["message"] = "success" });

    static Task<JsonObject> NoSubaccountsAsync(HttpContext context) =>
        Task.FromResult(new JsonObject { ["subaccounts"] = new JsonArray(), ["total"] = 0 });

    static Task<JsonObject> ShowConnectionAsync(HttpContext context, SendingDomain domain) =>
        Task.FromResult(DomainView.Connection(domain.Settings));

    async Task<JsonObject> SetConnectionAsync(HttpContext context, SendingDomain domain)
    {
        await using var form = await ReadFormAsync(context);
        DomainSettings changed = null!;
        await ChangeSettingsAsync(context, domain, settings => changed = ConnectionFrom(
            domain.Key, settings, name => FieldOf(context, form, name)));
        return new JsonObject
        {
            ["message"] =
                "Domain connection settings have been updated, may take 10 minutes to fully propagate",
            ["require_tls"] = changed.RequireTls,
            ["skip_verification"] = changed.SkipVerification,
        };
    }

    /// <exception cref="ApiException">TLS is asked for, and a way of this domain may go without.</exception>
    DomainSettings ConnectionFrom(string name, DomainSettings settings, Func<string, string?> field)
    {
        if (FlagOf(field("require_tls") ?? field("require-tls"), "require_tls") is { } requires)
        {
            var open = DnsPlan.WaysOf(agent.Options, name).FirstOrDefault(way => !way.Transport.RequiresTls);
            if (requires && open.Name is not null)
                throw new ApiException(501,
                    $"require_tls cannot be kept: transport {open.Name} may send without TLS; "
                    + "set tls = \"required\" on it");
            settings = settings with { RequireTls = requires };
        }
        return FlagOf(field("skip_verification") ?? field("skip-verification"), "skip_verification")
            is { } skips ? settings with { SkipVerification = skips } : settings;
    }

    static Task<JsonObject> ShowTrackingAsync(HttpContext context, SendingDomain domain) =>
        Task.FromResult(new JsonObject { ["tracking"] = DomainView.Tracking(domain.Settings) });

    Task<JsonObject> SetOpenAsync(HttpContext context, SendingDomain domain) =>
        SetTrackingAsync(context, domain, "open", DomainView.Open, (form, settings) => settings with
        {
            Open = new OpenTracking(
                FlagOf(FieldOf(context, form, "active"), "active") ?? settings.OpenOrDefault.IsActive,
                FlagOf(FieldOf(context, form, "place_at_the_top"), "place_at_the_top")
                    ?? settings.OpenOrDefault.IsAtTheTop),
        });

    Task<JsonObject> SetClickAsync(HttpContext context, SendingDomain domain) =>
        SetTrackingAsync(context, domain, "click", DomainView.Click, (form, settings) =>
            FieldOf(context, form, "active") is not { } active ? settings : settings with
            {
                Click = active.Equals("htmlonly", StringComparison.OrdinalIgnoreCase) ? ClickTracking.HtmlOnly
                    : FlagOf(active, "active") == true ? ClickTracking.On : ClickTracking.Off,
            });

    Task<JsonObject> SetUnsubscribeAsync(HttpContext context, SendingDomain domain) =>
        SetTrackingAsync(context, domain, "unsubscribe", DomainView.Unsubscribe, (form, settings) =>
        {
            var old = settings.UnsubscribeOrDefault;
            return settings with
            {
                Unsubscribe = new UnsubscribeTracking(
                    FlagOf(FieldOf(context, form, "active"), "active") ?? old.IsActive,
                    FooterOf(FieldOf(context, form, "html_footer"), "html_footer") ?? old.HtmlFooter,
                    FooterOf(FieldOf(context, form, "text_footer"), "text_footer") ?? old.TextFooter),
            };
        });

    async Task<JsonObject> SetTrackingAsync(
        HttpContext context, SendingDomain domain, string what, Func<DomainSettings, JsonObject> show,
        Func<ApiForm, DomainSettings, DomainSettings> change)
    {
        await using var form = await ReadFormAsync(context);
        DomainSettings changed = null!;
        await ChangeSettingsAsync(context, domain, settings => changed = change(form, settings));
        return new JsonObject
        {
            ["message"] = "Domain tracking settings have been updated",
            [what] = show(changed),
        };
    }

    /// <summary>Every domain is its own authority; nothing else can be.</summary>
    Task<JsonObject> SetAuthorityAsync(HttpContext context, SendingDomain domain) =>
        Task.FromResult(new JsonObject
        {
            ["message"] = "Domain DKIM authority has not been changed",
            ["changed"] = false,
            ["sending_dns_records"] = DomainView.Sending(domain, PlanOf(domain)),
        });

    async Task<JsonObject> SetSelectorAsync(HttpContext context, SendingDomain domain)
    {
        await using var form = await ReadFormAsync(context);
        var selector = FieldOf(context, form, "dkim_selector") ?? FieldOf(context, form, "selector") ?? "";
        selector = LabelOf(selector, "dkim_selector");
        await ChangeSettingsAsync(context, domain, settings => settings with { DkimSelector = selector });
        return new JsonObject { ["message"] = "DKIM selector changed" };
    }

    async Task<JsonObject> SetPrefixAsync(HttpContext context, SendingDomain domain)
    {
        await using var form = await ReadFormAsync(context);
        var prefix = LabelOf(FieldOf(context, form, "web_prefix") ?? "", "web_prefix");
        await ChangeSettingsAsync(context, domain, settings => settings with { WebPrefix = prefix });
        return new JsonObject { ["message"] = "Domain web prefix updated" };
    }

    /// <summary>Of the form, or of the query: some SDKs put the fields of a PUT there.</summary>
    static string? FieldOf(HttpContext context, ApiForm form, string name) =>
        form.Find(name) ?? context.Request.Query[name].LastOrDefault();

    /// <returns>Null: it was not given.</returns>
    internal static bool? FlagOf(string? text, string name) => text?.ToLowerInvariant() switch
    {
        null => null,
        "yes" or "true" or "1" => true,
        "no" or "false" or "0" => false,
        _ => throw new ApiException(400, $"The '{name}' parameter is one of yes, no"),
    };

    static string? FooterOf(string? text, string name) =>
        text is null || Encoding.UTF8.GetByteCount(text) <= FooterOctetsMax ? text
            : throw new ApiException(400, $"The '{name}' parameter may have {FooterOctetsMax} octets");

    static string SchemeOf(string text) => text.ToLowerInvariant() is "http" or "https"
        ? text.ToLowerInvariant()
        : throw new ApiException(400, "The 'web_scheme' parameter is one of http, https");

    /// <summary>One label of the DNS, or several with dots.</summary>
    static string LabelOf(string text, string name) =>
        text.Length <= LabelOctetsMax && DomainDirectory.TryReadName(text, out var label) ? label
            : throw new ApiException(400, $"The '{name}' parameter is no name of the DNS");
}
