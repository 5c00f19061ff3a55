using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Accounts;

namespace Postern.Api.Mailgun;

/// <summary>A sending domain as Mailgun shows one: what is set for it, and its DNS records with what was last
/// seen of them.</summary>
/// <remarks>Members of what Postern does not do say so: <c>wildcard</c> is false and <c>spam_action</c>
/// disabled, whatever was asked for.</remarks>
static class DomainView
{
    const int IdOctets = 12;

    /// <summary>One of the file is meant to send; of one of the store it is told whether the DNS is ready for
    /// that. Both may.</summary>
    public static bool IsActive(SendingDomain domain, DnsPlan plan) => domain.Source is DomainSource.File
        || plan.JudgeSpf(SeenOf(domain)) == DnsVerdict.Valid;

    public static string StateOf(SendingDomain domain, DnsPlan plan) =>
        IsActive(domain, plan) ? "active" : "unverified";

    public static JsonObject Domain(SendingDomain domain, DnsPlan plan)
    {
        var settings = domain.Settings;
        var json = new JsonObject
        {
            ["id"] = IdOf(domain.Key),
            ["name"] = domain.Name,
            ["state"] = StateOf(domain, plan),
            ["type"] = "custom",
            ["is_disabled"] = false,
            ["smtp_login"] = $"postmaster@{domain.Key}",
            ["spam_action"] = "disabled",
            ["wildcard"] = false,
            ["require_tls"] = settings.RequireTls,
            ["skip_verification"] = settings.SkipVerification,
            ["web_prefix"] = settings.WebPrefix,
            ["web_scheme"] = settings.WebScheme,
        };
        // Nobody knows when a domain was put into the file.
        if (domain.Source is DomainSource.Store { CreatedAt: var at })
            json.Insert(2, "created_at", ApiDates.Gmt(at));
        return json;
    }

    /// <summary>The domain and its records, as every answer about one domain has them.</summary>
    public static JsonObject Whole(SendingDomain domain, DnsPlan plan) => new()
    {
        ["domain"] = Domain(domain, plan),
        ["receiving_dns_records"] = Receiving(domain, plan),
        ["sending_dns_records"] = Sending(domain, plan),
    };

    public static JsonArray Sending(SendingDomain domain, DnsPlan plan)
    {
        var seen = SeenOf(domain);
        var records = new JsonArray
        {
            new JsonObject
            {
                ["is_active"] = true,
                ["cached"] = new JsonArray([.. (seen.Spf ?? []).Select(text => JsonValue.Create(text))]),
                ["name"] = domain.Key,
                ["record_type"] = "TXT",
                ["valid"] = WordOf(plan.JudgeSpf(seen)),
                ["value"] = plan.Spf,
            },
        };
        if (plan.SealKey is { } seal)
            records.Add((JsonNode)new JsonObject
            {
                ["is_active"] = true,
                ["cached"] = new JsonArray(),
                ["name"] = seal.Name,
                ["record_type"] = "TXT",
                // Nobody has asked the DNS for it.
                ["valid"] = WordOf(DnsVerdict.Unknown),
                ["value"] = seal.Text,
            });
        if (plan.LinkHost is { } host)
            records.Add((JsonNode)new JsonObject
            {
                ["is_active"] = true,
                ["cached"] = new JsonArray(),
                ["name"] = LinkRoot.NameOf(domain),
                ["record_type"] = "CNAME",
                // Nobody has asked the DNS for it.
                ["valid"] = WordOf(DnsVerdict.Unknown),
                ["value"] = host,
            });
        return records;
    }

    static JsonArray Receiving(SendingDomain domain, DnsPlan plan)
    {
        var seen = SeenOf(domain);
        return
        [
            new JsonObject
            {
                ["is_active"] = true,
                ["cached"] = new JsonArray([.. (seen.Mx ?? []).Select(host => JsonValue.Create(
                    string.Create(CultureInfo.InvariantCulture, $"{host.Preference} {host.Name}")))]),
                ["priority"] = DnsPlan.Preference.ToString(CultureInfo.InvariantCulture),
                ["record_type"] = "MX",
                ["valid"] = WordOf(plan.JudgeMx(seen)),
                ["value"] = plan.MailHost,
            },
        ];
    }

    /// <summary>Flat as it was recorded, and nested as some clients read it.</summary>
    public static JsonObject Connection(DomainSettings settings)
    {
        var flat = new JsonObject
        {
            ["require_tls"] = settings.RequireTls,
            ["skip_verification"] = settings.SkipVerification,
        };
        var both = flat.DeepClone().AsObject();
        both["connection"] = flat;
        return both;
    }

    public static JsonObject Tracking(DomainSettings settings) => new()
    {
        ["open"] = Open(settings),
        ["click"] = Click(settings),
        ["unsubscribe"] = Unsubscribe(settings),
        ["web_scheme"] = settings.WebScheme,
    };

    public static JsonObject Open(DomainSettings settings) => new()
    {
        ["active"] = settings.OpenOrDefault.IsActive,
        ["place_at_the_top"] = settings.OpenOrDefault.IsAtTheTop,
    };

    public static JsonObject Click(DomainSettings settings) => new()
    {
        ["active"] = settings.Click == ClickTracking.HtmlOnly ? JsonValue.Create("htmlonly")
            : JsonValue.Create(settings.Click == ClickTracking.On),
    };

    public static JsonObject Unsubscribe(DomainSettings settings) => new()
    {
        ["active"] = settings.UnsubscribeOrDefault.IsActive,
        ["html_footer"] = settings.UnsubscribeOrDefault.HtmlFooter,
        ["text_footer"] = settings.UnsubscribeOrDefault.TextFooter,
    };

    static DnsSeen SeenOf(SendingDomain domain) => domain.Settings.Seen ?? DnsSeen.Nothing;

    static string WordOf(DnsVerdict verdict) => verdict.ToString().ToLowerInvariant();

    /// <summary>24 hexadecimal digits, the same as long as the name is.</summary>
    static string IdOf(string key) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, IdOctets));
}
