using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Routing;
using Postern.Smtp;

namespace Postern.Tests.Simulation;

/// <summary>A configuration that chance draws, what reloads make of it, and who writes to whom.</summary>
sealed class SimulatedWorld
{
    static readonly string[] Names = ["one", "two", "three", "four"];
    static readonly string[] Domains = ["a.net", "b.net", "c.net", "d.net"];

    static readonly AddressPattern[] DomainPatterns =
        [.. Domains.Select(d => AddressPattern.Parse($"*@{d}"))];
    static readonly AddressPattern Bulk = AddressPattern.Parse("bulk@example.org");

    static readonly Mailbox?[] Senders =
        [Address("bulk@example.org"), Address("kim@example.org"), Address("lee@example.com"), null];

    static readonly Mailbox[] People =
        [.. Domains.SelectMany(domain => Enumerable.Range(0, 4).Select(i => Address($"r{i}@{domain}")))];

    static readonly DsnNotify[] Notifies =
    [
        DsnNotify.Unspecified, DsnNotify.Unspecified, DsnNotify.Never,
        DsnNotify.Success | DsnNotify.Failure,
    ];

    static readonly RouteOptions Rest = new() { Name = "rest", Accepts = AllDoors };
    const MailDoors AllDoors = MailDoors.Mx | MailDoors.Submission | MailDoors.Api;

    readonly Random chance;
    readonly string[] transports;

    public SimulatedWorld(Random chance)
    {
        this.chance = chance;
        transports = Names[..chance.Next(2, 5)];
        First = new PosternOptions
        {
            Hostname = "mx.example.org",
            Transports = transports.ToDictionary(name => name, _ => DrawTransport()),
            Routes =
            [
                .. Enumerable.Range(0, chance.Next(1, 4)).Select(DrawRoute),
                Rest with { Via = DrawVia() },
            ],
            Queue = new QueueOptions
            {
                Lifetime = TimeSpan.FromHours(chance.Next(2, 120)),
                BounceLifetime = TimeSpan.FromHours(chance.Next(2, 120)),
                UncertainWait = TimeSpan.FromMinutes(chance.Next(1, 16)),
                KeepContent = chance.Next(3) == 0 ? TimeSpan.FromHours(1) : TimeSpan.Zero,
            },
            Aliases = new AliasOptions
            {
                Table = new Dictionary<string, IReadOnlyList<string>>
                {
                    ["r0@a.net"] = ["r1@a.net", "r2@b.net"],
                    ["r3@d.net"] = ["r3@d.net", "r1@c.net", "r0@b.net"],
                },
            },
        };
    }

    /// <summary>What the walk begins and ends with.</summary>
    public PosternOptions First { get; }

    public MailDoors DrawDoor() => chance.Next(4) == 0 ? MailDoors.Mx : MailDoors.Submission;

    public ReversePath DrawSender() => new(Senders[chance.Next(Senders.Length)]);

    /// <summary>Somebody who writes or is written to.</summary>
    public Mailbox DrawPerson() => Senders[chance.Next(2 * Senders.Length) % Senders.Length] is { } sender
        && chance.Next(2) == 0 ? sender : People[chance.Next(People.Length)];

    public EnvelopeRecipient[] DrawEnvelope()
    {
        var first = chance.Next(People.Length);
        var people = Enumerable.Range(0, chance.Next(5) == 0 ? chance.Next(2, 9) : chance.Next(1, 3));
        return [.. people.Select(i => new EnvelopeRecipient(
            new ForwardPath(People[(first + i) % People.Length]),
            RcptParameters.None with { Notify = Notifies[chance.Next(Notifies.Length)] }))];
    }

    /// <summary>A file that an operator has changed: a transport or a route is other, or gone.</summary>
    public PosternOptions DrawReload()
    {
        var name = transports[chance.Next(transports.Length)];
        switch (chance.Next(5))
        {
            case 0:
                return First with
                {
                    Transports = First.Transports.Where(pair => pair.Key != name).ToDictionary(),
                };
            case 1:
                return First with
                {
                    Transports = First.Transports.ToDictionary(
                        pair => pair.Key, pair => pair.Key == name ? DrawTransport() : pair.Value),
                };
            case 2:
                return First with { Routes = [.. First.Routes.Skip(1)] };
            case 3:
                return First with { Routes = [DrawRoute(0), .. First.Routes.Skip(1)] };
            default:
                return First;
        }
    }

    TransportOptions DrawTransport() => new()
    {
        // Without a host each domain is a lane of its own.
        Kind = chance.Next(3) == 0 ? TransportKind.Smtp : TransportKind.Pubsub,
        Ordering = chance.Next(4) == 0 ? TransportOrdering.Recipient : TransportOrdering.None,
        MaxConnections = chance.Next(3) == 0 ? chance.Next(1, 4) : 30,
        RecipientsPerMessage = chance.Next(3) == 0 ? chance.Next(1, 3) : 50,
        Rate = chance.Next(4) switch
        {
            0 => new Rate(chance.Next(1, 5), TimeSpan.FromSeconds(1)),
            1 => new Rate(chance.Next(5, 20), TimeSpan.FromMinutes(1)),
            _ => null,
        },
    };

    RouteOptions DrawRoute(int number) => new()
    {
        Name = $"route-{number}",
        From = chance.Next(4) == 0 ? [Bulk] : null,
        To = chance.Next(4) == 0 ? null : [DomainPatterns[chance.Next(DomainPatterns.Length)]],
        Accepts = chance.Next(3) == 0 ? AllDoors : MailDoors.Submission,
        Via = DrawVia(),
        All = chance.Next(4) == 0,
        GiveUp = chance.Next(3) == 0 ? TimeSpan.FromMinutes(chance.Next(10, 600)) : null,
        Retry = chance.Next(3) == 0 ? [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2)] : null,
        Priority = chance.Next(-1, 3),
        Bounce = chance.Next(3) switch { 0 => true, 1 => false, _ => null },
    };

    string[] DrawVia()
    {
        var shuffled = transports.ToArray();
        chance.Shuffle(shuffled);
        return shuffled[..chance.Next(1, shuffled.Length + 1)];
    }

    static Mailbox Address(string text) =>
        Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new FormatException(text);
}
