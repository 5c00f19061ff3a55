using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>Mail of one recipient where a transport keeps its order.</summary>
public sealed class OrderTests
{
    static readonly PosternOptions Ordered = OptionsOf(Route("all")) with
    {
        Transports = new Dictionary<string, TransportOptions>
        {
            ["relay"] = new() { Kind = TransportKind.Pubsub, Ordering = TransportOrdering.Recipient },
        },
    };

    /// <summary>It asks for a lower pace, and its lane stays open.</summary>
    static readonly AttemptResult Busy = new AttemptResult.NextHopDown(
        new(4, 7, 0), "slow down", NextHopTrouble.Unreachable)
    {
        SlowDown = true,
    };

    /// <summary>What the relay took, in the order in which it took it.</summary>
    readonly List<(string Recipient, QueueId Message)> taken = [];

    ScriptedTransport Watch(MailHall hall, Func<AttemptResult> answer)
    {
        var relay = hall.Relay;
        relay.OfDomain = _ =>
        {
            var result = answer();
            if (result is AttemptResult.Relayed)
                taken.AddRange(relay.Attempts[^1].Recipients.Select(
                    row => (row.Address.ToString(), row.Message)));
            return result;
        };
        return relay;
    }

    static IEnumerable<string> Recipients(ScriptedTransport relay) =>
        relay.Attempts.Select(way => way.Recipients[0].Address.LocalPart);

    void AssertInOrder(int count)
    {
        Assert.Equal(count, taken.Count);
        foreach (var mail in taken.GroupBy(one => one.Recipient))
            Assert.Equal(mail.Select(one => one.Message).Order(), mail.Select(one => one.Message));
    }

    /// <summary>A day of mail: three senders, in turn, to forty recipients.</summary>
    static async Task SendOverADayAsync(MailHall hall, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await hall.AcceptAsync(hall.Letter($"s{i % 3}@example.org"), $"r{i % 40}@example.net");
            await hall.PassAsync(TimeSpan.FromDays(1) / count);
        }
    }

    [Fact]
    public async Task Outage_OfADay_LosesNoneOf10000_AndTheirOrderIsKept()
    {
        await using var hall = new MailHall(Ordered);
        await hall.StartAsync();
        var isDown = true;
        var relay = Watch(hall, () => isDown ? Results.Unreachable : Results.Relayed);
        await SendOverADayAsync(hall, 10_000);
        Assert.Empty(taken);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Ready, row.State));
        // Probes alone, 40 lanes for a day: one in 30 s each, and more at its beginning.
        Assert.InRange(relay.Attempts.Count, 10_000, 40 * 2 * 60 * 25);
        isDown = false;
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        AssertInOrder(10_000);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    [Fact]
    public async Task Faults_OfEachKind_KeepTheOrder()
    {
        await using var hall = new MailHall(Ordered);
        await hall.StartAsync();
        var chance = new Random(1);
        Watch(hall, () => chance.Next(6) switch
        {
            0 => Results.Unreachable,
            1 => Busy,
            _ => Results.Relayed,
        });
        for (var round = 0; round < 40; round++)
        {
            for (var i = 0; i < 50; i++)
                await hall.AcceptAsync(hall.Letter($"s{i % 3}@example.org"), $"r{i % 4}@example.net");
            await hall.PassAsync(TimeSpan.FromSeconds(chance.Next(20)));
        }
        await hall.PassAsync(TimeSpan.FromHours(6));
        AssertInOrder(2000);
    }

    [Fact]
    public async Task OneRecipient_HasOneAttemptAtATime_AndOthersGoBesideIt()
    {
        await using var hall = new MailHall(Ordered);
        await hall.StartAsync();
        hall.Relay.Holds = true;
        foreach (var recipient in (string[])["a", "a", "b", "a"])
            await hall.AcceptAsync($"{recipient}@example.net");
        await hall.RunAsync();
        Assert.Equal(["a", "b"], Recipients(hall.Relay).Order());
        hall.Relay.Release(2);
        await hall.RunAsync();
        Assert.Equal(["a", "a", "b"], Recipients(hall.Relay).Order());
    }

    [Fact]
    public async Task Crash_UnderWay_IsRepeatedAtOnce_InFrontOfWhatCameLater()
    {
        await using var first = new MailHall(Ordered);
        await first.StartAsync();
        first.Relay.Holds = true;
        await first.AcceptAsync("a@example.net");
        await first.AcceptAsync("a@example.net");
        await first.RunAsync();
        Assert.Single(first.Relay.Attempts);
        await using var hall = await first.CrashAsync();
        Watch(hall, () => Results.Relayed);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        AssertInOrder(3);
    }

    [Fact]
    public async Task OrderedLane_WaitsForWhatAnEarlierProcessLeft()
    {
        await using var first = new MailHall(Ordered);
        await first.StartAsync();
        first.Relay.Holds = true;
        await first.AcceptAsync("a@example.net");
        await first.RunAsync();
        first.Store.Crash();
        await using var hall = new MailHall(Ordered, first.Disk, first.Clock);
        Watch(hall, () => Results.Relayed);
        await hall.Queue.BeginAsync(CancellationToken.None);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Assert.Empty(taken);
        await hall.Queue.RecoverAsync(CancellationToken.None);
        await hall.RunAsync();
        AssertInOrder(2);
    }

    [Fact]
    public async Task Lane_ThatAnotherHasTakenThePaceOf_WakesThePump()
    {
        await using var hall = new MailHall(Ordered with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = Ordered.Transports["relay"] with { Rate = new Rate(2, TimeSpan.FromMinutes(1)) },
            },
        });
        await hall.StartAsync();
        foreach (var recipient in (string[])["a", "b", "c"])
            await hall.AcceptAsync($"{recipient}@example.net");
        // Each lane sees the pace that is left for all of them, and the pump goes to sleep.
        Assert.True(await hall.Dispatcher.FillAllAsync());
        hall.Dispatcher.UntilNext();
        while (hall.Dispatcher.TakeWake())
        {
        }
        await hall.RunWorkersAsync();
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.True(hall.Dispatcher.TakeWake());
        await hall.PassAsync(TimeSpan.FromSeconds(31));
        Assert.Equal(3, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task SearchOfAClosedLane_GivesOutNoProbeOfIt()
    {
        await using var hall = new MailHall(Ordered);
        await hall.StartAsync();
        Watch(hall, () => Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var first = hall.Store.Recipients[0];
        // Its probe falls due while the search is on its way, somewhere behind the first.
        hall.Clock.Advance(TimeSpan.FromHours(1));
        var found = await hall.Queue.LeaseDueAsync(
            first.Lane, new SearchStep(DueKey.Of(first), ""), 10, CancellationToken.None);
        Assert.Equal((1, 0), (found.Fetched, found.Leased));
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.All(hall.Relay.Attempts, attempt => Assert.Equal(first.Message, attempt.Message.Id));
    }

    [Fact]
    public async Task AttemptThatTakesItsTime_KeepsThePumpAsleep()
    {
        await using var hall = new MailHall(Ordered with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = Ordered.Transports["relay"] with { Rate = new Rate(60, TimeSpan.FromMinutes(1)) },
            },
        });
        await hall.StartAsync();
        hall.Relay.Holds = true;
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        // The rate has room for it, and its turn has not come.
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Assert.True(hall.Dispatcher.UntilNext() > TimeSpan.FromSeconds(1));
        hall.Relay.Release();
        Assert.True(hall.Dispatcher.TakeWake());
    }

    [Fact]
    public async Task HigherPriority_PassesNothingOfTheSameRecipient()
    {
        var (vip, all) = (Route("vip", from: ["boss@example.org"]) with { Priority = 50 }, Route("all"));
        await using var hall = new MailHall(Ordered with { Routes = [vip, all] });
        await hall.StartAsync();
        var isDown = true;
        Watch(hall, () => isDown ? Results.Unreachable : Results.Relayed);
        foreach (var sender in (string[])["s1", "boss", "s1", "boss"])
            await hall.AcceptAsync(hall.Letter($"{sender}@example.org"), "a@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        // What comes later has another priority by a reload alone.
        hall.Reload(hall.Options with { Routes = [vip, all with { Priority = 90 }] });
        await hall.AcceptAsync(hall.Letter("s1@example.org"), "a@example.net");
        isDown = false;
        await hall.PassAsync(TimeSpan.FromHours(1));
        AssertInOrder(5);
    }

    [Fact]
    public async Task Stop_ThatCutsAnAttemptOff_LeavesItInFront()
    {
        await using var first = new MailHall(Ordered);
        await first.StartAsync();
        first.Relay.Holds = true;
        await first.AcceptAsync("a@example.net");
        await first.AcceptAsync("a@example.net");
        await first.RunAsync();
        await first.StopAsync();
        await using var hall = await first.CrashAsync();
        Watch(hall, () => Results.Relayed);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        AssertInOrder(3);
    }

    [Theory]
    [InlineData(TransportOrdering.None, TransportOrdering.Recipient)]
    [InlineData(TransportOrdering.Recipient, TransportOrdering.None)]
    public async Task Reload_ThatChangesTheOrdering_LosesNothing_AndPutsWhatWaitsInOrder(
        TransportOrdering before, TransportOrdering after)
    {
        PosternOptions With(TransportOrdering ordering) => Ordered with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = Ordered.Transports["relay"] with { Ordering = ordering },
            },
        };
        await using var hall = new MailHall(With(before));
        await hall.StartAsync();
        var isDown = true;
        Watch(hall, () => isDown ? Results.Unreachable : Results.Relayed);
        for (var i = 0; i < 1000; i++)
            await hall.AcceptAsync("a@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        isDown = false;
        hall.Reload(With(after));
        await hall.AcceptAsync("a@example.net");
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(1001, taken.Count);
        if (after == TransportOrdering.Recipient)
            AssertInOrder(1001);
    }

    [Fact]
    public async Task RecipientsOfOneMessage_InOneLane_AndHeldOnes_KeepTheOrderOfTheOthers()
    {
        await using var hall = new MailHall(Ordered);
        await hall.StartAsync();
        var isDown = true;
        Watch(hall, () => isDown ? Results.Unreachable : Results.Relayed);
        string[] all = [.. Enumerable.Range(0, 200).Select(i => $"r{i}@example.net")];
        for (var i = 0; i < 5; i++)
            await hall.AcceptAsync(all);
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        var everything = new QueueSelection.Matching(QueueFilter.All);
        Assert.Equal(1000, await hall.Queue.HoldAsync(everything, "op", CancellationToken.None));
        Assert.Equal(1000, await hall.Queue.ReleaseAsync(everything, "op", CancellationToken.None));
        await hall.AcceptAsync(all);
        isDown = false;
        await hall.Queue.RetryAsync(everything, "op", CancellationToken.None);
        await hall.PassAsync(TimeSpan.FromHours(1));
        AssertInOrder(1200);
    }
}
