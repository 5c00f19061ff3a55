using Postern.Mta.Configuration;
using Postern.Mta.Inbound.Filters;

namespace Postern.Mta;

/// <summary><c>[[inbound.milters]]</c>.</summary>
public sealed record MilterOptions
{
    public string Name { get; init; } = "";

    /// <summary>Null only where it is missing, which is an error.</summary>
    public FilterAddress? Address { get; init; }

    /// <summary>Of the whole conversation about one message.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Octets of a message; the default of <c>limits.message-size</c>.</summary>
    public long SizeMax { get; init; } = 50L << 20;

    /// <summary>What it says of a message is done, before any verdict.</summary>
    public bool Decides { get; init; } = true;

    public MilterOutage WhenDown { get; init; }

    internal static readonly SettingTable<MilterOptions> Settings = new(
        "Filters that speak Sendmail's milter protocol, as Postfix asks them, are asked about mail from "
        + "other servers, one after the other in this order; each sees what those before it changed in the "
        + "header.")
    {
        new ValueSetting<MilterOptions, string>("name", Kinds.Text,
            "How logs, alarms and verdicts call it.",
            o => o.Name, (o, v) => o with { Name = v }) { DefaultDoc = "`milter-` and its place" },
        new ValueSetting<MilterOptions, FilterAddress?>("address", Kinds.Filter.OrNull(),
            "Where it listens, `\"unix:/run/opendkim/opendkim.sock\"` or `\"127.0.0.1:8891\"`.",
            o => o.Address, (o, v) => o with { Address = v }) { IsRequired = true },
        new ValueSetting<MilterOptions, TimeSpan>("timeout", Kinds.Duration,
            "How long the whole conversation about a message may take, also where it asks for more time; "
            + "then what it says is `error`. All of them together have 5m.",
            o => o.Timeout, (o, v) => o with { Timeout = v }),
        new ValueSetting<MilterOptions, long>("size-max", Kinds.Size,
            "The greatest message it is asked about; a larger one is `skipped`.",
            o => o.SizeMax, (o, v) => o with { SizeMax = v }),
        new ValueSetting<MilterOptions, bool>("decides", Kinds.Flag,
            "Whether mail is refused, deferred or held because it says so; what it would discard is held. "
            + "Otherwise that is for `milter` of `[[inbound.verdicts]]` to say. Its changes of the header "
            + "are made in both cases.",
            o => o.Decides, (o, v) => o with { Decides = v }),
        new ValueSetting<MilterOptions, MilterOutage>("when-down", Kinds.Word<MilterOutage>(),
            "What becomes of mail about which it gives no answer; `accept` takes it without.",
            o => o.WhenDown, (o, v) => o with { WhenDown = v }),
    };
}

/// <summary>What becomes of mail while a milter gives no answer.</summary>
public enum MilterOutage
{
    Accept,

    /// <summary>451: the peer may come again.</summary>
    Defer,
}
