using Postern.Mta.Configuration;
using Postern.Mta.Routing;

namespace Postern.Mta;

/// <summary><c>[[routes]]</c>.</summary>
public sealed record RouteOptions
{
    public string Name { get; init; } = "";

    /// <summary>Patterns of the reverse-path; <c>"&lt;&gt;"</c> is the null sender. Null: any.</summary>
    public IReadOnlyList<AddressPattern>? From { get; init; }

    public IReadOnlyList<AddressPattern>? To { get; init; }
    public IReadOnlyList<string>? Account { get; init; }
    public IReadOnlyList<string>? Listener { get; init; }
    public MailDoors Accepts { get; init; } = MailDoors.Submission | MailDoors.Api;

    /// <summary>Transports in order; the first open one is taken.</summary>
    public IReadOnlyList<string> Via { get; init; } = [];

    /// <summary>Every transport of <see cref="Via"/> gets a copy.</summary>
    public bool All { get; init; }

    /// <summary>Waits between attempts for Recipient and Message blame. Null: Postfix's curve.</summary>
    public IReadOnlyList<TimeSpan>? Retry { get; init; }

    /// <summary>Age at which an undelivered recipient ends. Null: the queue's lifetime, or that of
    /// reports.</summary>
    public TimeSpan? GiveUp { get; init; }

    /// <summary>Age at which the sender is told that a recipient still waits. Null: never.</summary>
    public TimeSpan? DelayWarning { get; init; }

    /// <summary>Mail of a higher one goes first within a lane.</summary>
    public int Priority { get; init; }

    /// <summary>Null: true for submission and api, false for mx.</summary>
    public bool? Bounce { get; init; }

    internal static readonly SettingTable<RouteOptions> Settings = new(
        "A rule that picks transports; tried in order, the first match wins, per recipient. Keys are "
        + "joined by AND, items of a list by OR.")
    {
        new ValueSetting<RouteOptions, string>("name", Kinds.Text,
            "How logs and commands call it.",
            o => o.Name, (o, v) => o with { Name = v }) { DefaultDoc = "`route-` and its place" },
        new ValueSetting<RouteOptions, IReadOnlyList<AddressPattern>?>(
            "from", Kinds.List(Kinds.Pattern).OrNull(),
            "Senders; `<>` is the null sender.",
            o => o.From, (o, v) => o with { From = v }) { DefaultDoc = "any" },
        new ValueSetting<RouteOptions, IReadOnlyList<AddressPattern>?>(
            "to", Kinds.List(Kinds.Pattern).OrNull(),
            "Recipients.",
            o => o.To, (o, v) => o with { To = v }) { DefaultDoc = "any" },
        new ValueSetting<RouteOptions, IReadOnlyList<string>?>("account", Kinds.List(Kinds.Text).OrNull(),
            "Accounts that logged in.",
            o => o.Account, (o, v) => o with { Account = v }) { DefaultDoc = "any" },
        new ValueSetting<RouteOptions, IReadOnlyList<string>?>("listener", Kinds.List(Kinds.Text).OrNull(),
            "Listeners it came through, by name.",
            o => o.Listener, (o, v) => o with { Listener = v }) { DefaultDoc = "any" },
        new ValueSetting<RouteOptions, MailDoors>("accepts", Kinds.Doors,
            "The doors whose mail sees this route. `forward`: what came from outside and goes on to an "
            + "address elsewhere, by an alias or `forward()` of the API; where no such route takes it, one "
            + "for `submission` does.",
            o => o.Accepts, (o, v) => o with { Accepts = v }),
        new ValueSetting<RouteOptions, IReadOnlyList<string>>("via", Kinds.List(Kinds.Text),
            "Transports in order; the first open one is taken.",
            o => o.Via, (o, v) => o with { Via = v }) { IsRequired = true },
        new ValueSetting<RouteOptions, bool>("all", Kinds.Flag,
            "Whether every transport of `via` gets a copy.",
            o => o.All, (o, v) => o with { All = v }),
        new ValueSetting<RouteOptions, IReadOnlyList<TimeSpan>?>("retry", Kinds.List(Kinds.Duration).OrNull(),
            "Waits between attempts after a deferral; the last one repeats.",
            o => o.Retry, (o, v) => o with { Retry = v }) { DefaultDoc = "Postfix's curve, 5 to 67 minutes" },
        new ValueSetting<RouteOptions, TimeSpan?>("give-up", Kinds.Duration.OrNone(),
            "The age at which an undelivered recipient ends, reports to senders too.",
            o => o.GiveUp, (o, v) => o with { GiveUp = v })
        {
            DefaultDoc = "`queue.lifetime`, `queue.bounce-lifetime`",
        },
        new ValueSetting<RouteOptions, TimeSpan?>("delay-warning", Kinds.Duration.OrNone(),
            "The age at which the sender is told, once, that a recipient still waits (RFC 3464 `delayed`).",
            o => o.DelayWarning, (o, v) => o with { DelayWarning = v }) { DefaultDoc = "never" },
        new ValueSetting<RouteOptions, int>("priority", Kinds.Whole(-100, 100),
            "Mail of a higher one goes first within a lane.",
            o => o.Priority, (o, v) => o with { Priority = v }),
        new ValueSetting<RouteOptions, bool?>("bounce", Kinds.Flag.OrNone(),
            "Whether senders get a report when delivery fails.",
            o => o.Bounce, (o, v) => o with { Bounce = v })
        {
            DefaultDoc = "true for submission and api, false for mx",
        },
    };
}

[Flags]
public enum MailDoors
{
    Mx = 1,
    Submission = 2,
    Api = 4,

    /// <summary>No door of the house: mail from outside goes on to another address, by an alias or a
    /// <c>forward()</c> of the API.</summary>
    Forward = 8,
}
