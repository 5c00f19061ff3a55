using System.Security.Cryptography;
using Postern.Mta.Transports;

namespace Postern.Mta.Accounts;

/// <summary>The DNS records that a sending domain should have: its mail comes to us, and those who send it on
/// may do so.</summary>
/// <param name="Domain">A-labels in lower case.</param>
/// <param name="MailHost">Where the MX leads: our own name.</param>
/// <param name="Mechanisms">Of SPF, for every way that mail of this domain may take from the API.</param>
public sealed record DnsPlan(string Domain, string MailHost, IReadOnlyList<string> Mechanisms)
{
    /// <summary>Of the MX record.</summary>
    public const int Preference = 10;

    /// <summary>Records kept of what was seen, of each type.</summary>
    const int SeenMax = 20;

    /// <summary>Of one record; what is longer is no SPF record that anybody would read.</summary>
    const int CharactersMax = 2048;

    const string Version = "v=spf1";

    /// <summary>Host names of providers, and the mechanism that each asks its customers for.</summary>
    static readonly (string Host, string Mechanism)[] Providers =
    [
        ("mailgun.org", "include:mailgun.org"),
        ("mailgun.net", "include:mailgun.org"),
        ("sendgrid.net", "include:sendgrid.net"),
        ("postmarkapp.com", "include:spf.mtasv.net"),
        ("mandrillapp.com", "include:spf.mandrillapp.com"),
        ("mailjet.com", "include:spf.mailjet.com"),
        ("brevo.com", "include:spf.brevo.com"),
        ("sparkpostmail.com", "include:sparkpostmail.com"),
        ("gmail.com", "include:_spf.google.com"),
        ("office365.com", "include:spf.protection.outlook.com"),
        ("outlook.com", "include:spf.protection.outlook.com"),
    ];

    /// <summary>The host of links in mail, which the domain's own name for them is an alias of. Null: it
    /// needs no such name.</summary>
    public string? LinkHost { get; init; }

    /// <summary>Of the key that seals what is forwarded. Null: not in the name of this domain.</summary>
    public DnsText? SealKey { get; init; }

    /// <summary>The text of the SPF record.</summary>
    public string Spf => $"{Version} {string.Join(' ', Mechanisms)} ~all";

    public static DnsPlan Of(PosternOptions options, string domain)
    {
        var ours = $"a:{options.Hostname}";
        string[] mechanisms = [.. WaysOf(options, domain)
            .SelectMany(way => MechanismsOf(way.Transport, ours)).Distinct(StringComparer.Ordinal)];
        return new DnsPlan(domain, options.Hostname, mechanisms.Length > 0 ? mechanisms : [ours])
        {
            LinkHost = options.Tracking is { OwnNames: true, Url: { } url } ? new Uri(url).IdnHost : null,
            SealKey = options.Forward is { ArcSelector: { } selector, ArcKey: { Value: var pem } } forward
                && domain.Equals(forward.ArcDomain, StringComparison.OrdinalIgnoreCase)
                    ? new DnsText($"{selector}._domainkey.{domain}", KeyRecordOf(pem)) : null,
        };
    }

    // RFC 6376 §3.6.1.
    static string KeyRecordOf(string pem)
    {
        using var key = RSA.Create();
        key.ImportFromPem(pem);
        return $"v=DKIM1; k=rsa; p={Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())}";
    }

    /// <summary>The transports that bring mail of this domain from the API to other servers.</summary>
    public static IEnumerable<(string Name, TransportOptions Transport)> WaysOf(
        PosternOptions options, string domain) =>
        from name in options.Routes.Where(route => MayTake(route, domain)).SelectMany(route => route.Via)
            .Distinct(StringComparer.Ordinal)
        where options.Transports.ContainsKey(name)
        let transport = options.Transports[name]
        where transport.Kind is TransportKind.Smtp or TransportKind.Mailgun
        select (name, transport);

    /// <summary>Whether the record is as the plan wants it.</summary>
    public DnsVerdict JudgeMx(DnsSeen seen) => seen.Mx is not { } hosts ? DnsVerdict.Unknown
        : hosts.Any(host => host.Name.Equals(MailHost, StringComparison.OrdinalIgnoreCase))
            ? DnsVerdict.Valid : DnsVerdict.Invalid;

    /// <summary>The same; by mechanism, since there are many ways to write one record.</summary>
    public DnsVerdict JudgeSpf(DnsSeen seen)
    {
        if (seen.Spf is not { } records)
            return DnsVerdict.Unknown;
        // RFC 7208 §4.5: more than one is an error for good.
        if (records is not [var only])
            return DnsVerdict.Invalid;
        // RFC 7208 §4.6.2: without a qualifier it is "+".
        var terms = only.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(term => term.TrimStart('+')).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return Mechanisms.All(terms.Contains) ? DnsVerdict.Valid : DnsVerdict.Invalid;
    }

    /// <summary>Asks the DNS. What it does not tell now stays as it was seen before.</summary>
    public static async ValueTask<DnsSeen> LookAsync(
        IResolver resolver, string domain, DnsSeen earlier, CancellationToken cancel)
    {
        var texts = resolver.LookupTextAsync(domain, cancel).AsTask();
        var mx = await resolver.LookupMxAsync(domain, cancel).ConfigureAwait(false);
        var text = await texts.ConfigureAwait(false);
        return new DnsSeen(
            mx.Outcome == LookupOutcome.Unknown ? earlier.Mx
                : [.. mx.Hosts.OrderBy(host => host.Preference)
                    .ThenBy(host => host.Name, StringComparer.Ordinal).Take(SeenMax)],
            text.Outcome == LookupOutcome.Unknown ? earlier.Spf
                : [.. text.Texts.Where(IsSpf).Order(StringComparer.Ordinal).Take(SeenMax)]);
    }

    // RFC 7208 §4.5: the version ends with the record or at a space.
    static bool IsSpf(string text) => text.Length <= CharactersMax
        && text.StartsWith(Version, StringComparison.OrdinalIgnoreCase)
        && (text.Length == Version.Length || text[Version.Length] == ' ');

    static bool MayTake(RouteOptions route, string domain) =>
        route.Accepts.HasFlag(MailDoors.Api)
        && route.From?.Any(pattern => pattern.ServesDomain(domain)) != false
        && route.Account?.Contains(domain, StringComparer.OrdinalIgnoreCase) != false;

    static IEnumerable<string> MechanismsOf(TransportOptions transport, string ours)
    {
        if (transport.Kind == TransportKind.Mailgun)
            return ["include:mailgun.org"];
        return transport.Host is { } host && NextHop.TryParseList(host, [NextHop.SmtpPort], out var hops)
            ? hops.Select(hop => ProviderOf(hop.Host) ?? ours) : [ours];
    }

    /// <summary>Null: the name tells of none.</summary>
    static string? ProviderOf(string host) =>
        // Other names of Amazon's are anybody's machines.
        host.StartsWith("email-smtp.", StringComparison.Ordinal) && IsUnder(host, "amazonaws.com")
            ? "include:amazonses.com"
            : Providers.FirstOrDefault(provider => IsUnder(host, provider.Host)).Mechanism;

    static bool IsUnder(string host, string parent) =>
        host == parent || host.EndsWith("." + parent, StringComparison.Ordinal);
}

/// <summary>A TXT record to be published.</summary>
public sealed record DnsText(string Name, string Text);

public enum DnsVerdict { Unknown, Valid, Invalid }

/// <summary>What the DNS said of a domain when it was last asked.</summary>
/// <param name="Mx">In order of preference. Null: nothing is known.</param>
/// <param name="Spf">Texts of SPF records. Null: nothing is known.</param>
public sealed record DnsSeen(IReadOnlyList<MxHost>? Mx = null, IReadOnlyList<string>? Spf = null)
{
    public static readonly DnsSeen Nothing = new();
}
