using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Simulation;

/// <summary>A backlog whose transport is closed, and another one that is open.</summary>
public sealed class FailoverTests
{
    /// <summary>Twice the concurrency that a lane begins with.</summary>
    const int Window = 40;

    static readonly CancellationToken None = CancellationToken.None;

    static int RoutedTo(MailHall hall, string transport) =>
        hall.Events(EventKind.Routed).Count(fact => fact.Transport == transport);

    static int WaitingIn(MailHall hall, string lane) => hall.Store.Recipients.Count(
        row => row.State == RecipientState.Ready && row.Lane == lane);

    /// <summary>All of it is handed to <c>one</c>, which falls silent with its hands full and then
    /// dies.</summary>
    static async Task<MailHall> BeginAsync(PosternOptions options, params (int Count, string To)[] backlog)
    {
        var hall = new MailHall(options);
        var one = hall.Ways["one"];
        (one.Holds, one.Otherwise) = (true, Results.LoginRefused);
        for (var i = 0; i < backlog.Max(part => part.Count); i++)
        {
            foreach (var (_, to) in backlog.Where(part => i < part.Count))
                await hall.AcceptAsync(hall.Letter($"s{i % 3}@example.org"), $"r{i}@{to}");
        }
        await hall.RunAsync();
        one.Holds = false;
        return hall;
    }

    static async Task CloseFirstAsync(MailHall hall)
    {
        hall.Ways["one"].Release();
        await hall.RunAsync();
    }

    [Fact]
    public async Task Backlog_MovesOnlyAsTheOpenTransportTakesIt_AndIsNotCarriedBack()
    {
        const int messages = 5000;
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one", "two"])), (messages, "example.net"));
        var (one, two) = (hall.Ways["one"], hall.Ways["two"]);
        two.Holds = true;
        await CloseFirstAsync(hall);
        Assert.Equal(20, two.Attempts.Count);
        Assert.InRange(RoutedTo(hall, "two"), 20, 2 * Window);

        // It is slow: one after the other.
        var commits = hall.Commits;
        for (var i = 0; i < 300; i++)
        {
            two.Release(1);
            await hall.RunAsync();
        }
        Assert.InRange(hall.Commits - commits, 300, 2 * 300);
        Assert.InRange(RoutedTo(hall, "two"), 300, two.Attempts.Count + Lane.WindowMax);

        two.Otherwise = Results.Unreachable;
        commits = hall.Commits;
        var routed = hall.Events(EventKind.Routed).Count();
        two.Holds = false;
        two.Release();
        await hall.RunAsync();
        // One for each attempt, and one for what had not been attempted yet.
        Assert.InRange(hall.Commits - commits, 1, Lane.WindowMax + 10);
        Assert.Equal(routed, hall.Events(EventKind.Routed).Count());
        Assert.Equal(messages - 300, WaitingIn(hall, "one"));
        Assert.InRange(RoutedTo(hall, "two"), 300, two.Attempts.Count + Lane.WindowMax);

        var before = two.Attempts.Count;
        one.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
        Assert.Equal(messages, hall.Events(EventKind.Relayed).Count());
        // But for the probes of the second, all of it went out where it lay.
        Assert.InRange(two.Attempts.Count - before, 0, 10);
        Assert.InRange(
            hall.Events(EventKind.Routed).Count(), 300, two.Attempts.Count + (2 * Lane.WindowMax));
    }

    [Fact]
    public async Task TransportsThatOpenAndCloseInTurns_MoveNoMoreThanTheyAttempt()
    {
        const int messages = 2000;
        const int turns = 20;
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one", "two"])), (messages, "example.net"));
        var (one, two) = (hall.Ways["one"], hall.Ways["two"]);
        one.Otherwise = Results.Unreachable;
        two.Holds = true;
        await CloseFirstAsync(hall);
        for (var turn = 0; turn < turns; turn++)
        {
            var (open, closed) = turn % 2 == 0 ? (one, two) : (two, one);
            open.Otherwise = Results.Relayed;
            (closed.Holds, closed.Otherwise) = (false, Results.Unreachable);
            closed.Release();
            await hall.RunAsync();
            open.Holds = true;
            await hall.PassAsync(TimeSpan.FromSeconds(20));
            open.Release(5);
            await hall.RunAsync();
        }
        var attempts = one.Attempts.Count + two.Attempts.Count;
        Assert.InRange(hall.Events(EventKind.Routed).Count(), 1, attempts + (turns * Window));
        Assert.InRange(WaitingIn(hall, "one"), messages / 2, messages);
        foreach (var way in (ScriptedTransport[])[one, two])
        {
            (way.Holds, way.Otherwise) = (false, Results.Relayed);
            way.Release();
        }
        await hall.PassAsync(TimeSpan.FromMinutes(5));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
        Assert.Equal(messages, hall.Events(EventKind.Relayed).Count());
    }

    [Fact]
    public async Task MailOfOneWay_AndASlowTransport_HoldUpNobodyElse()
    {
        await using var hall = await BeginAsync(
            OptionsOf(
                Route("bound", to: ["*@bound.net"], via: ["one"]),
                Route("slow", to: ["*@slow.net"], via: ["one", "two"]),
                Route("quick", via: ["one", "three"])),
            (3000, "bound.net"), (1000, "slow.net"), (1000, "quick.net"));
        var (one, two, three) = (hall.Ways["one"], hall.Ways["two"], hall.Ways["three"]);
        two.Holds = true;
        await CloseFirstAsync(hall);
        Assert.Equal(1000, three.Attempts.Count);
        Assert.InRange(RoutedTo(hall, "two"), 20, 2 * Window);
        // Each search went through the lane once, in steps.
        Assert.InRange(hall.Store.SearchedCount, 1000, 3 * 5000);

        var searched = hall.Store.SearchedCount;
        while (two.HeldCount > 0)
        {
            two.Release(10);
            await hall.RunAsync();
        }
        Assert.Equal(1000, two.Attempts.Count);
        Assert.InRange(hall.Store.SearchedCount - searched, 1000, 2 * 5000);
        Assert.Equal(3000, WaitingIn(hall, "one"));
        one.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    [Fact]
    public async Task OpenTransport_TakesTurnsBetweenItsOwnMailAndThatOfTheClosedOne()
    {
        var options = OptionsOf(
            Route("own", to: ["*@own.net"], via: ["two"]), Route("all", via: ["one", "two"]));
        await using var hall = await BeginAsync(
            options with
            {
                Transports = options.Transports.ToDictionary(pair => pair.Key, pair => pair.Key == "one"
                    ? pair.Value : pair.Value with { Rate = new Rate(1, TimeSpan.FromSeconds(1)) }),
            }, (600, "example.net"));
        await CloseFirstAsync(hall);
        for (var i = 0; i < 600; i++)
            await hall.AcceptAsync($"r{i}@own.net");
        await hall.PassAsync(TimeSpan.FromSeconds(200));
        var domains = hall.Ways["two"].Attempts.CountBy(attempt => attempt.Recipients[0].Address.Domain)
            .ToDictionary();
        Assert.InRange(domains["own.net"], 50, 150);
        Assert.InRange(domains["example.net"], 50, 150);
    }

    [Fact]
    public async Task WaitingMail_IsTheProbeOfEachTransportOfItsRoute()
    {
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one", "two"])), (100, "example.net"));
        var two = hall.Ways["two"];
        two.Answer(Results.Unreachable, Results.Unreachable);
        two.Otherwise = Results.Unreachable;
        await CloseFirstAsync(hall);
        Assert.Equal(100, WaitingIn(hall, "one"));
        var before = two.Attempts.Count;
        await hall.PassAsync(TimeSpan.FromSeconds(2.5));
        Assert.Equal(1, two.Attempts.Count - before);
        two.Otherwise = Results.Relayed;
        // What is our own trouble is no probe: the next one is.
        two.Bug = new InvalidOperationException("a bug");
        // The first is probed after 30 s at the earliest.
        await hall.PassAsync(TimeSpan.FromSeconds(7));
        Assert.Equal(99, hall.Events(EventKind.Relayed).Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    public async Task DomainThatRecovers_IsFoundByItsOwnProbe(int others)
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["one"] = new() { Kind = TransportKind.Pipe },
                // A lane for each domain.
                ["two"] = new() { Kind = TransportKind.Smtp },
            },
        });
        var isUp = false;
        hall.Ways["one"].Otherwise = Results.LoginRefused;
        hall.Ways["two"].OfDomain = domain =>
            isUp && domain == "good.example" ? Results.Relayed : Results.Unreachable;
        for (var i = 0; i < others; i++)
            await hall.AcceptAsync(hall.Letter($"s{i % 3}@example.org"), $"x@dead{i}.example");
        await hall.RunAsync();
        await hall.AcceptAsync("x@good.example");
        await hall.PassAsync(TimeSpan.FromMinutes(10));
        isUp = true;
        for (var second = 0; second < 11 && !hall.Events(EventKind.Relayed).Any(); second++)
            await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Single(hall.Events(EventKind.Relayed));
    }

    [Fact]
    public async Task Uncertain_StaysOnItsTransport_WhileOthersPassItBy()
    {
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one", "two"])), (200, "example.net"));
        hall.Ways["one"].Answer(Results.Uncertain);
        await CloseFirstAsync(hall);
        await hall.PassAsync(TimeSpan.FromHours(1));
        var left = Assert.Single(hall.Store.Recipients, row => row.State != RecipientState.Done);
        Assert.Equal(("one", "one"), (left.BoundTransport, left.Lane));
        hall.Ways["one"].Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromMinutes(6));
        Assert.Equal(200, hall.Events(EventKind.Relayed).Count());
    }

    [Fact]
    public async Task Stop_GivesTheGuestsBackToTheLaneTheyCameFrom()
    {
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one", "two"])), (500, "example.net"));
        hall.Ways["two"].Holds = true;
        await CloseFirstAsync(hall);
        await hall.StopAsync();
        Assert.Equal(480, WaitingIn(hall, "one"));
        await using var next = await hall.CrashAsync();
        await next.PassAsync(TimeSpan.FromMinutes(20));
        Assert.All(next.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    [Fact]
    public async Task Reload_ThatTakesTheClosedTransportAway_SendsItsBacklogElsewhere()
    {
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one"])), (1500, "example.net"));
        await CloseFirstAsync(hall);
        Assert.Equal(1500, WaitingIn(hall, "one"));
        hall.Reload(OptionsOf(Route("all", via: ["two"]), Route("never", via: ["one"])));
        await hall.RunAsync();
        Assert.Equal(1500, hall.Ways["two"].Attempts.Count);
    }

    [Fact]
    public async Task Why_SaysThatItWaitsForRoomInTheOpenOne()
    {
        await using var hall = await BeginAsync(
            OptionsOf(Route("all", via: ["one", "two"])), (200, "example.net"));
        hall.Ways["two"].Holds = true;
        await CloseFirstAsync(hall);
        var waits = hall.Store.Recipients.Last(row => row.State == RecipientState.Ready);
        var why = Assert.Single(await hall.Queue.WhyAsync(waits.Message, None));
        Assert.Equal((WaitCause.BehindOthers, Start), (why.Cause, why.Since));
        Assert.StartsWith(
            "lane one is closed since 2026-01-02 03:04:05Z: 535 authentication failed; it goes through two"
            + " as soon as there is room: others are before it in lane two: 20 are being attempted, of at"
            + " most 20 now,", why.Text, StringComparison.Ordinal);
    }
}
