using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[inbound.greylist]</c>.</summary>
public sealed record GreylistOptions
{
    /// <summary>How long after the first try a client has to come again. Zero: nobody is asked to.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.Zero;

    /// <summary>A second try after this is a first one. RFC 6647 §5 wants a day.</summary>
    public TimeSpan RetryWithin { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Since it was last seen. RFC 6647 §5 wants a week at least; Postgrey has 35 days, for what
    /// comes once a month.</summary>
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
            "How long after the first try mail with this sender and recipient is taken, `\"5m\"`; `\"0s\"`: "
            + "at once.",
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
