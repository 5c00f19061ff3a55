using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>Whose mail goes first, and how fast: flows, priority, rate.</summary>
public sealed class FairnessTests
{
    static List<string> Senders(ScriptedTransport way) =>
        [.. way.Attempts.Select(attempt => attempt.Sender.Mailbox!.LocalPart)];

    /// <summary>This sender's mail comes last and is among the next two that go.</summary>
    static async ValueTask AssertNextAsync(MailHall hall, string sender)
    {
        await hall.SendAsync(sender + "@example.org");
        hall.Relay.Release(2);
        await hall.RunAsync();
        Assert.Contains(sender, Senders(hall.Relay));
    }

    [Fact]
    public async Task Backlog_OfABulkSender_DoesNotHoldUpAnother()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.SendAsync("bulk@example.org");
        await hall.SendAsync("bulk@example.org", 3000);
        await hall.SendAsync("reset@example.org");
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(3003, hall.Relay.Attempts.Count);
        Assert.InRange(Senders(hall.Relay).IndexOf("reset"), 1, 25);
    }

    [Fact]
    public async Task FreshMail_OfABulkSender_DoesNotHoldUpAnother()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        await hall.SendAsync("bulk@example.org", 3000);
        await AssertNextAsync(hall, "reset");
    }

    [Fact]
    public async Task SendersOfOneList_AreOneFlow()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        for (var i = 0; i < 100; i++)
            await hall.SendAsync($"list+{i}@example.org");
        await AssertNextAsync(hall, "reset");
    }

    [Fact]
    public async Task HigherPriority_GoesFirst_FromTheStoreAndFromMemory()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("late", from: ["late@example.org"]) with { Priority = -5 },
            Route("first", from: ["first@example.org"]) with { Priority = 5 }, Route("all")));
        hall.Relay.Answer(Results.Unreachable);
        await hall.SendAsync("late@example.org");
        foreach (var sender in (string[])["late", "middle", "first"])
            await hall.SendAsync($"{sender}@example.org", 500);
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        string[] behindTheProbe = [.. Senders(hall.Relay).Skip(2)];
        Assert.Equal(behindTheProbe.Order(StringComparer.Ordinal)
            .OrderBy(sender => sender switch { "first" => 0, "middle" => 1, _ => 2 }), behindTheProbe);
    }

    /// <param name="kind">Without a host, as here, SMTP has a lane for each domain, and they share the
    /// rate.</param>
    static PosternOptions At(
        string rate, int connections = 200, TransportKind kind = TransportKind.Pipe) =>
        OptionsOf(Route("all")) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new()
                {
                    Kind = kind,
                    MaxConnections = connections,
                    Rate = Rate.TryParse(rate, out var read) ? read : throw new FormatException(rate),
                },
            },
        };

    [Fact]
    public async Task Rate_LetsSoManyGoInATime()
    {
        await using var hall = new MailHall(At("10/s"));
        await hall.SendAsync("a@example.org", 100);
        Assert.Equal(10, hall.Relay.Attempts.Count);
        for (var second = 1; second <= 9; second++)
        {
            await hall.PassAsync(TimeSpan.FromSeconds(1));
            // A batch of two may be a tick late.
            Assert.InRange(hall.Relay.Attempts.Count, 8 + (10 * second), 10 + (10 * second));
        }
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    /// <param name="own">The priority of the open lane's own mail; that of its guests is 0.</param>
    [Theory]
    [InlineData(-5)]
    [InlineData(5)]
    public async Task Rate_OfAnOpenLane_GoesByPriorityBetweenItsOwnMailAndThatOfAClosedOne(int own)
    {
        var two = At("10/s").Transports["relay"];
        var options = OptionsOf(
            Route("own", from: ["own@example.org"], via: ["two"]) with { Priority = own },
            Route("guests", via: ["one", "two"]));
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions>(options.Transports) { ["two"] = two },
        });
        hall.Ways["one"].Otherwise = Results.LoginRefused;
        foreach (var sender in (string[])["own", "guest", "own", "guest"])
            await hall.SendAsync(sender + "@example.org", 50);
        var before = hall.Ways["two"].Attempts.Count;
        await hall.PassAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(200, hall.Ways["two"].Attempts.Count);
        var late = own < 0 ? "own" : "guest";
        // A batch of two may have been under way.
        Assert.All(
            Senders(hall.Ways["two"]).Skip(before + 2).SkipWhile(sender => sender != late).Skip(2),
            sender => Assert.Equal(late, sender));
    }

    [Fact]
    public async Task MailThatWaitsForItsRate_IsNotLeased()
    {
        await using var hall = new MailHall(At("3/day"));
        await hall.SendAsync("a@example.org", 10);
        Assert.Equal(7, hall.Store.Recipients.Count(row => row.State == RecipientState.Ready));
        await hall.PassAsync(TimeSpan.FromHours(8.01));
        Assert.Equal(6, hall.Store.Recipients.Count(row => row.State == RecipientState.Ready));
        await hall.PassAsync(TimeSpan.FromDays(2));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    [Fact]
    public async Task PacedLane_WhoseWorkersAreAllBusy_LetsThePumpSleep()
    {
        await using var hall = new MailHall(At("100/s", connections: 2));
        hall.Relay.Holds = true;
        await hall.SendAsync("a@example.org", 30);
        Assert.Equal((2, 2), (hall.Relay.Attempts.Count, hall.Relay.HeldCount));
        Assert.Equal(TimeSpan.FromSeconds(30), hall.Dispatcher.UntilNext());
        hall.Relay.Holds = false;
        hall.Relay.Release();
        await hall.RunAsync();
        Assert.Equal(30, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task WorkerOfAPacedLane_ThatLeavesForWantOfPace_WakesThePump()
    {
        // Two lanes share the rate: the second one's attempt takes what the first one's worker needs.
        await using var hall = new MailHall(At("3/s", connections: 1, TransportKind.Smtp));
        await hall.AcceptAsync("first@two.net");
        await hall.RunAsync();
        hall.Relay.Holds = true;
        await hall.AcceptAsync("a@one.net");
        await hall.AcceptAsync("b@one.net");
        await hall.RunAsync();
        await hall.AcceptAsync("c@two.net");
        await hall.RunAsync();
        Assert.Equal(2, hall.Relay.HeldCount);
        Assert.Equal(TimeSpan.FromSeconds(30), hall.Dispatcher.UntilNext());
        hall.Dispatcher.TakeWake();
        hall.Relay.Holds = false;
        hall.Relay.Release(1);
        Assert.True(hall.Dispatcher.TakeWake());
        Assert.InRange(hall.Dispatcher.UntilNext().TotalSeconds, 0.3, 0.4);
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(4, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task Reload_ThatLiftsTheRate_LetsEverythingGo()
    {
        await using var hall = new MailHall(At("1/day"));
        await hall.SendAsync("a@example.org", 50);
        hall.Reload(OptionsOf(Route("all")));
        await hall.RunAsync();
        Assert.Equal(50, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task Reload_ThatLiftsTheRate_LetsGoWhatIsLeasedAlready()
    {
        // Without a host each domain has a lane, and they share the rate.
        var options = OptionsOf(Route("all"));
        PosternOptions With(Rate? rate) => options with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new() { Kind = TransportKind.Smtp, Rate = rate },
            },
        };
        await using var hall = new MailHall(With(new Rate(1, TimeSpan.FromDays(1))));
        await hall.AcceptAsync("a@one.net");
        await hall.AcceptAsync("b@two.net");
        await hall.RunAsync();
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal(RecipientState.Active, hall.Store.Recipients[1].State);
        hall.Reload(With(null));
        await hall.RunAsync();
        Assert.Equal(2, hall.Relay.Attempts.Count);
    }
}
