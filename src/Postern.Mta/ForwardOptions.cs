using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[forward]</c>.</summary>
public sealed record ForwardOptions
{
    const string Keep = "keep";

    /// <summary><c>keep</c>, or the address whose domain takes what comes back.</summary>
    public string ReturnPath { get; init; } = Keep;

    /// <summary>The domain of return paths of ours. Null: mail keeps its sender, unless its transport says
    /// else.</summary>
    public string? ReturnDomain =>
        ReturnPath == Keep ? null : ReturnPath[(ReturnPath.LastIndexOf('@') + 1)..];

    /// <summary><c>d=</c> of seals. Null: nothing is sealed; then the other two are null as well.</summary>
    public string? ArcDomain { get; init; }

    public string? ArcSelector { get; init; }

    /// <summary>PEM of an RSA key with its private half.</summary>
    public Secret? ArcKey { get; init; }

    internal static readonly SettingTable<ForwardOptions> Settings = new(
        "Mail from outside that goes on to an address elsewhere, by an alias or `forward()` of the API.")
    {
        new ValueSetting<ForwardOptions, string>("return-path", Kinds.Text,
            "Its envelope sender: `keep`, which receivers that look at SPF refuse, or an address such as "
            + "`bounces@example.org`: it then leaves with one of that domain that only we can make, and what "
            + "comes back to it within 21 days is passed on to who sent the mail. The domain's MX must be "
            + "this server, and its SPF record must name it. A transport's own `return-path` goes before.",
            o => o.ReturnPath, (o, v) => o with { ReturnPath = v }),
        new ValueSetting<ForwardOptions, string?>("arc-domain", Kinds.Text.OrNull(),
            "Who vouches for what was found out about it at the door (RFC 8617): the domain of the seal.",
            o => o.ArcDomain, (o, v) => o with { ArcDomain = v }) { DefaultDoc = "nothing is sealed" },
        new ValueSetting<ForwardOptions, string?>("arc-selector", Kinds.Text.OrNull(),
            "The key's record is at `SELECTOR._domainkey.DOMAIN`, written as one of DKIM.",
            o => o.ArcSelector, (o, v) => o with { ArcSelector = v }),
        new ValueSetting<ForwardOptions, Secret?>("arc-key", Kinds.Secret.OrNull(),
            "The private key, PEM, RSA of 2048 bits or more, by reference.",
            o => o.ArcKey, (o, v) => o with { ArcKey = v }),
    };
}
