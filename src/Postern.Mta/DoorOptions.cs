using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[inbound.rates]</c>.</summary>
public sealed record ClientRateOptions
{
    /// <summary>Null: no limit.</summary>
    public Rate? Connections { get; init; } = new(600, TimeSpan.FromMinutes(1));

    /// <summary>Null: no limit.</summary>
    public Rate? Messages { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? Recipients { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? NetworkConnections { get; init; } = new(3000, TimeSpan.FromMinutes(1));

    /// <summary>Null: no limit.</summary>
    public Rate? NetworkMessages { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? NetworkRecipients { get; init; }

    internal static readonly SettingTable<ClientRateOptions> Settings = new(
        "What one client of an mx listener, and one network, may do in a time; `inbound.unchecked` ones may do "
        + "what they like. An IPv6 client is its /64; how large a network is, `limits.network-ipv4` and "
        + "`-ipv6` say. Whoever is over a rate is told to come again, and no mail of it is lost.")
    {
        Of("connections", "Connections of a client; above it 421.",
            o => o.Connections, (o, v) => o with { Connections = v }),
        Of("messages", "Messages that a client begins; above it MAIL gets 450.",
            o => o.Messages, (o, v) => o with { Messages = v }),
        Of("recipients", "Recipients that a client asks for, refused ones too; above it RCPT gets 450.",
            o => o.Recipients, (o, v) => o with { Recipients = v }),
        Of("network-connections", "Connections of a network; above it 421.",
            o => o.NetworkConnections, (o, v) => o with { NetworkConnections = v }),
        Of("network-messages", "Messages of a network; above it MAIL gets 450.",
            o => o.NetworkMessages, (o, v) => o with { NetworkMessages = v }),
        Of("network-recipients", "Recipients of a network; above it RCPT gets 450.",
            o => o.NetworkRecipients, (o, v) => o with { NetworkRecipients = v }),
    };

    static ValueSetting<ClientRateOptions, Rate?> Of(
        string key, string doc, Func<ClientRateOptions, Rate?> get,
        Func<ClientRateOptions, Rate?, ClientRateOptions> set) =>
        new(key, Kinds.Rate.OrTheWordNone(), doc, get, set);
}

/// <summary><c>[inbound.greylist]</c>.</summary>
public sealed record GreylistOptions
{
    /// <summary>How long after the first try a client has to come again. Zero: nobody is asked to.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.Zero;

    /// <summary>A second try after this is a first one. RFC 6647 §5 wants a day.</summary>
    public TimeSpan RetryWithin { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Since it was last seen. RFC 6647 §5 wants a week at least; Postgrey has 35 days, for what comes
    /// once a month.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(36);

    /// <summary>So many messages of a network that came again make it known for all.</summary>
    public int AllowAfter { get; init; } = 1;

    /// <summary>Mail whose SPF passes is taken at once.</summary>
    public bool SkipSpf { get; init; } = true;

    /// <summary>Clients that are never asked to come again.</summary>
    public IReadOnlyList<Network> Allow { get; init; } = [];

    internal bool IsOn => Wait > TimeSpan.Zero;

    internal static readonly SettingTable<GreylistOptions> Settings = new(
        "Mail of a network (/24, IPv6 /64) that nobody knows is told to come again, with 451 after RCPT: "
        + "programs that only send spam do not. `inbound.unchecked` clients and those of "
        + "`inbound.allow-lists` are not asked to.")
    {
        new ValueSetting<GreylistOptions, TimeSpan>("wait", Kinds.Duration,
            "How long after the first try mail with this sender and recipient is taken, `\"5m\"`; `\"0s\"`: at "
            + "once.",
            o => o.Wait, (o, v) => o with { Wait = v }),
        new ValueSetting<GreylistOptions, TimeSpan>("retry-within", Kinds.Duration,
            "A try that comes later is a first one again.",
            o => o.RetryWithin, (o, v) => o with { RetryWithin = v }),
        new ValueSetting<GreylistOptions, TimeSpan>("keep", Kinds.Duration,
            "How long a network is known after its last mail.",
            o => o.Keep, (o, v) => o with { Keep = v }),
        new ValueSetting<GreylistOptions, int>("allow-after", Kinds.Whole(1, 32),
            "So many recipients that were tried again make the network known, whoever it then sends for.",
            o => o.AllowAfter, (o, v) => o with { AllowAfter = v }),
        new ValueSetting<GreylistOptions, bool>("skip-spf", Kinds.Flag,
            "Whether mail whose SPF passes, or cannot be known now, is taken at once; `inbound.checks` must "
            + "have `spf`.",
            o => o.SkipSpf, (o, v) => o with { SkipSpf = v }),
        new ValueSetting<GreylistOptions, IReadOnlyList<Network>>("allow", Kinds.List(Kinds.Network),
            "Clients whose mail is taken at once.",
            o => o.Allow, (o, v) => o with { Allow = v }),
    };
}
