using Postern.Mta.Configuration;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Routing;

namespace Postern.Mta;

/// <summary><c>[[inbound.verdicts]]</c>.</summary>
public sealed record VerdictOptions
{
    public string Name { get; init; } = "";
    public VerdictAction Action { get; init; }

    /// <summary>Patterns of the reverse-path. Null: any.</summary>
    public IReadOnlyList<AddressPattern>? From { get; init; }

    public IReadOnlyList<AuthenticationResult>? Spf { get; init; }

    /// <summary>Pass where any signature passes.</summary>
    public IReadOnlyList<AuthenticationResult>? Dkim { get; init; }

    public IReadOnlyList<AuthenticationResult>? Dmarc { get; init; }
    public IReadOnlyList<DmarcPolicy>? DmarcPolicy { get; init; }
    public IReadOnlyList<AuthenticationResult>? Arc { get; init; }

    public IReadOnlyList<AuthenticationResult>? Iprev { get; init; }
    public IReadOnlyList<AuthenticationResult>? Helo { get; init; }

    /// <summary>Block lists by zone, of which one names the client.</summary>
    public IReadOnlyList<string>? Listed { get; init; }

    public IReadOnlyList<SpamResult>? Spam { get; init; }
    public IReadOnlyList<VirusResult>? Virus { get; init; }

    /// <summary>What any of the milters says.</summary>
    public IReadOnlyList<MilterResult>? Milter { get; init; }

    internal static readonly SettingTable<VerdictOptions> Settings = new(
        "What becomes of mail from other servers; tried in order, the first match wins, once a message. Keys "
        + "are joined by AND, items of a list by OR. Mail that no verdict matches is taken.")
    {
        new ValueSetting<VerdictOptions, string>("name", Kinds.Text,
            "How logs and the mail itself call it.",
            o => o.Name, (o, v) => o with { Name = v }) { DefaultDoc = "`verdict-` and its place" },
        new ValueSetting<VerdictOptions, VerdictAction>("action", Kinds.Word<VerdictAction>(),
            "`tag` marks the mail with `X-Postern-Verdict`, `quarantine` holds it for an operator.",
            o => o.Action, (o, v) => o with { Action = v }) { IsRequired = true },
        new ValueSetting<VerdictOptions, IReadOnlyList<AddressPattern>?>(
            "from", Kinds.List(Kinds.Pattern).OrNull(),
            "Senders; `<>` is the null sender.",
            o => o.From, (o, v) => o with { From = v }) { DefaultDoc = "any" },
        Results("spf", "What SPF says of the sender.", o => o.Spf, (o, v) => o with { Spf = v }),
        Results("dkim", "What DKIM says; `pass` where any signature passes.",
            o => o.Dkim, (o, v) => o with { Dkim = v }),
        Results("dmarc", "What DMARC says of the author.", o => o.Dmarc, (o, v) => o with { Dmarc = v }),
        new ValueSetting<VerdictOptions, IReadOnlyList<DmarcPolicy>?>(
            "dmarc-policy", Kinds.List(Kinds.Word<DmarcPolicy>()).OrNull(),
            "What the author's domain asks for.",
            o => o.DmarcPolicy, (o, v) => o with { DmarcPolicy = v }) { DefaultDoc = "any" },
        Results("arc", "What ARC says of those it came through.",
            o => o.Arc, (o, v) => o with { Arc = v }),
        Results("iprev",
            "Whether the client's address has a name that leads back to it: `pass`, `fail`, or `permerror` "
            + "where it has none.",
            o => o.Iprev, (o, v) => o with { Iprev = v }),
        Results("helo",
            "Whether the client is who it says in HELO: `pass`; `fail` where it says to be us, or another "
            + "address; `permerror` where that is no name of a host; `neutral` or `none` where the name "
            + "leads to others or nowhere, for which RFC 5321 §4.1.4 wants no mail refused.",
            o => o.Helo, (o, v) => o with { Helo = v }),
        new ValueSetting<VerdictOptions, IReadOnlyList<string>?>("listed", Kinds.List(Kinds.Text).OrNull(),
            "Block lists of `inbound.block-lists`, of which one names the client.",
            o => o.Listed, (o, v) => o with { Listed = v }) { DefaultDoc = "any" },
        Results("spam",
            "What the spam filter says: `suspect` lies between `ham` and `spam`; `error` where it gives no "
            + "answer.",
            o => o.Spam, (o, v) => o with { Spam = v }),
        Results("virus",
            "What the virus scanner says; `error` where it gives no answer.",
            o => o.Virus, (o, v) => o with { Virus = v }),
        Results("milter",
            "What any milter of `[[inbound.milters]]` says, of those that do not decide themselves; `error` "
            + "where it gives no answer.",
            o => o.Milter, (o, v) => o with { Milter = v }),
    };

    static ValueSetting<VerdictOptions, IReadOnlyList<TResult>?> Results<TResult>(
        string key, string doc, Func<VerdictOptions, IReadOnlyList<TResult>?> get,
        Func<VerdictOptions, IReadOnlyList<TResult>?, VerdictOptions> set) where TResult : struct, Enum =>
        new(key, Kinds.List(Kinds.Word<TResult>()).OrNull(), doc, get, set)
        {
            DefaultDoc = "any",
        };
}

public enum VerdictAction
{
    Accept,

    /// <summary>Taken, and marked for whoever gets it.</summary>
    Tag,

    /// <summary>Taken and held for an operator.</summary>
    Quarantine,

    /// <summary>451: the peer may come again.</summary>
    Defer,

    /// <summary>550.</summary>
    Reject,
}
