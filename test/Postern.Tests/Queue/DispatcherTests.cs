using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class DispatcherTests
{
    static PosternOptions WithConnections(int max) => OptionsOf(Route("all")) with
    {
        Transports = new Dictionary<string, TransportOptions>
        {
            ["relay"] = new() { Kind = TransportKind.Pipe, MaxConnections = max },
        },
    };

    static async ValueTask AcceptManyAsync(MailHall hall, int count)
    {
        for (var i = 0; i < count; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.RunAsync();
    }

    static int ConcurrencyOf(MailHall hall) => Assert.Single(hall.Dispatcher.Lanes()).ConcurrencyMax;

    [Fact]
    public async Task Concurrency_StartsAt20_AndGrowsWithEachMessage()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        await AcceptManyAsync(hall, 100);
        Assert.Equal(20, hall.Relay.HeldCount);
        hall.Relay.Release(5);
        await hall.RunWorkersAsync();
        Assert.Equal((25, 25), (ConcurrencyOf(hall), hall.Relay.HeldCount));
        hall.Relay.Holds = false;
        hall.Relay.Release();
        await hall.RunAsync();
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task Concurrency_NeverExceedsMaxConnections()
    {
        await using var hall = new MailHall(WithConnections(3));
        hall.Relay.Holds = true;
        await AcceptManyAsync(hall, 50);
        var most = 0;
        while (hall.Relay.HeldCount > 0)
        {
            most = Math.Max(most, hall.Relay.HeldCount);
            hall.Relay.Release(1);
            await hall.RunAsync();
        }
        Assert.Equal(3, most);
        Assert.Equal(50, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task Concurrency_IsHalvedWhenThePeerAsksForIt()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.SlowDown);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(10, ConcurrencyOf(hall));
    }

    [Fact]
    public async Task Concurrency_IsHalvedWhenTheAnswerIsLost()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Uncertain);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(10, ConcurrencyOf(hall));
    }

    [Fact]
    public async Task Concurrency_IsHalvedWhenTheNextHopIsDown_AndNeverBelowOne()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(10, ConcurrencyOf(hall));
        await hall.PassAsync(TimeSpan.FromMinutes(5));
        Assert.Equal(1, ConcurrencyOf(hall));
    }

    [Fact]
    public async Task Next_IsWhatWaitsForTheSameWorker()
    {
        await using var hall = new MailHall(WithConnections(2));
        hall.Relay.BeginsNext = true;
        hall.Relay.Holds = true;
        await AcceptManyAsync(hall, 10);
        while (hall.Relay.HeldCount > 0)
        {
            hall.Relay.Release(1);
            await hall.RunAsync();
        }
        Assert.Equal(10, hall.Relay.Attempts.DistinctBy(attempt => attempt.Message.Id).Count());
        Assert.Equal((8, 8, 0), hall.Relay.Nexts);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task Next_IsGivenUpWhenTheLaneCloses()
    {
        await using var hall = new MailHall(WithConnections(1));
        hall.Relay.BeginsNext = true;
        hall.Relay.Answer(Results.Relayed, Results.Unreachable);
        await AcceptManyAsync(hall, 4);
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.Equal((2, 1, 1), hall.Relay.Nexts);
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(5, hall.Relay.Attempts.Count);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task Next_WhoseWorkerStaysBusy_GoesToAnother()
    {
        await using var hall = new MailHall(WithConnections(2));
        hall.Relay.BeginsNext = true;
        hall.Relay.Holds = true;
        await AcceptManyAsync(hall, 4);
        hall.Relay.Holds = false;
        hall.Relay.Release(1);
        await hall.RunAsync();
        Assert.Equal((3, 1), (hall.Relay.Attempts.Count, hall.Relay.HeldCount));
        // The fourth was begun for the one that is held.
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal((4, 1), (hall.Relay.Attempts.Count, hall.Relay.HeldCount));
        hall.Relay.Release();
        await hall.RunAsync();
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
        Assert.Equal((2, 1, 1), hall.Relay.Nexts);
    }

    [Fact]
    public async Task Next_WhoseContentIsDamaged_LeavesTheOneBeforeAlone()
    {
        await using var hall = new MailHall(WithConnections(1));
        hall.Relay.BeginsNext = true;
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("a@example.net");
        var damaged = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Store.LoseContent(damaged);
        hall.Relay.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(
            [RecipientState.Done, RecipientState.Held], hall.Store.Recipients.Select(row => row.State));
    }

    [Fact]
    public async Task ClosedLane_IsProbedByOneRecipient_ByTheClock()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        for (var i = 0; i < 20; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        var times = new List<double>();
        for (var second = 0; second <= 40; second++)
        {
            var before = hall.Relay.Attempts.Count;
            await hall.RunAsync();
            Assert.InRange(hall.Relay.Attempts.Count - before, 0, 1);
            if (hall.Relay.Attempts.Count > before)
                times.Add(second);
            hall.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal([1, 3, 7, 15, 25, 35], times);
    }

    [Fact]
    public async Task Success_OfTheProbe_LetsTheWholeLaneGo()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        for (var i = 0; i < 50; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.PassAsync(TimeSpan.FromMilliseconds(999));
        Assert.Single(hall.Relay.Attempts);
        await hall.PassAsync(TimeSpan.FromMilliseconds(1));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    [Fact]
    public async Task Pump_SleepsWhileAClosedLaneHoldsNothingToProbeWith()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromMinutes(5));
        await hall.RunAsync();
        Assert.Equal(TimeSpan.FromSeconds(30), hall.Dispatcher.UntilNext());
    }

    [Fact]
    public async Task Pump_SleepsUntilTheProbe_ThoughDeferredMailOfTheLaneIsDue()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromMinutes(4));
        hall.Relay.Otherwise = Results.LoginRefused;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(3));
        Assert.InRange(hall.Dispatcher.UntilNext().TotalSeconds, 1, 30);
    }

    [Fact]
    public async Task Pump_SleepsUntilTheProbe_OfALaneWithARate()
    {
        await using var hall = new MailHall(OptionsOf(Route("all")) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new()
                {
                    Kind = TransportKind.Pipe,
                    Rate = new Rate(100, TimeSpan.FromSeconds(1)),
                },
            },
        });
        hall.Relay.Otherwise = Results.LoginRefused;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(TimeSpan.FromSeconds(30), hall.Dispatcher.UntilNext());
    }

    [Fact]
    public async Task LeasedWork_ThatWaitsForALearntPace_GoesOnOnceThatIsForgotten()
    {
        var options = WithConnections(1) with
        {
            Routes = [Route("all") with { Retry = [TimeSpan.FromHours(1)] }],
        };
        await using var hall = new MailHall(options);
        await hall.AcceptAsync("delivered@example.net");
        await hall.RunAsync();
        hall.Relay.Holds = true;
        hall.Relay.Answer(Results.SlowDown);
        await hall.AcceptAsync("a@example.net");
        await hall.AcceptAsync("b@example.net");
        await hall.RunWorkersAsync();
        hall.Relay.Holds = false;
        hall.Relay.Release();
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.Equal(RecipientState.Active, hall.Store.Recipients[2].State);
        hall.Clock.Advance(TimeSpan.FromMinutes(30));
        // Whoever looks at a pace that is old enough forgets it.
        hall.Dispatcher.UntilNext();
        await hall.RunAsync();
        Assert.Equal("b@example.net", hall.Relay.Attempts[^1].Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task NextHop_ThatAsksForALowerPaceAndTakesNothing_IsNotHammered()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.SlowDown;
        for (var i = 0; i < 300; i++)
            await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        // One for each pause, and those that began at once.
        Assert.InRange(hall.Relay.Attempts.Count, 10, 40);
        Assert.Null(Assert.Single(hall.Dispatcher.Lanes()).Closed);
        hall.Relay.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromSeconds(11));
        // It takes mail: those that were never tried all go at once.
        Assert.InRange(hall.Relay.Attempts.Count, 300, 340);
    }

    [Fact]
    public async Task MailThatIsToldToSlowDown_IsTriedAgainWithinAMinuteOrSo()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.SlowDown);
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromSeconds(53));
        Assert.Single(hall.Relay.Attempts);
        await hall.PassAsync(TimeSpan.FromSeconds(14));
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task LeasedWork_WhoseLaneClosedMeanwhile_IsNotAttempted()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("a@example.net");
        await hall.RunWorkersAsync();
        hall.Store.Holds = HeldChanges.All;
        var accepted = hall.AcceptAsync("b@example.net").AsTask();
        hall.Relay.Release();
        hall.Store.Holds = HeldChanges.None;
        hall.Store.Settle();
        await accepted;
        await hall.RunWorkersAsync();
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal(RecipientState.Ready, hall.Store.Recipients[1].State);
    }

    [Fact]
    public async Task Backlog_LargerThanTheWindow_IsFetchedToItsEnd()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunWorkersAsync();
        for (var i = 0; i < 1500; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task ResultThatWaitsForTheDisk_IsNotOverlookedByThePump()
    {
        await using var hall = new MailHall();
        hall.Store.Holds = HeldChanges.Posted;
        hall.Relay.Answer(Results.Unreachable, Results.Greylisted);
        await hall.AcceptAsync("a@example.net");
        await hall.RunWorkersAsync();
        await hall.Dispatcher.FillAllAsync();
        hall.Store.Settle();
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(2, hall.Relay.Attempts.Count);
        await hall.Dispatcher.FillAllAsync();
        hall.Store.Settle();
        await hall.PassAsync(TimeSpan.FromMinutes(10));
        hall.Store.Settle();
        Assert.Equal(RecipientState.Done, hall.Only.State);
    }

    [Fact]
    public async Task MailOfAClosedLane_GoesThroughTheTransportThatOpens()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Otherwise = Results.LoginRefused;
        hall.Ways["two"].Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunWorkersAsync();
        for (var i = 0; i < 5; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
        Assert.Equal(7, hall.Ways["two"].Attempts.Count);
    }

    [Fact]
    public async Task ClosedLane_IsSearchedToItsEndForMailThatMayGoElsewhere()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("bulk", to: ["*@bulk.net"], via: ["one"]),
            Route("wake", to: ["*@wake.net"], via: ["two"]),
            Route("all", via: ["one", "two"])));
        hall.Ways["one"].Otherwise = Results.LoginRefused;
        hall.Ways["two"].Answer(Results.Unreachable);
        await hall.AcceptAsync("a@bulk.net", "a@wake.net");
        await hall.RunAsync();
        for (var i = 0; i < 2500; i++)
            await hall.AcceptAsync($"r{i}@bulk.net");
        await hall.AcceptAsync("last@example.net");
        await hall.PassAsync(TimeSpan.FromSeconds(2));
        // The last of them is as good a probe as mail that has no other way.
        Assert.Equal(["wake.net", "example.net", "wake.net"], hall.Ways["two"].Attempts
            .Select(attempt => attempt.Recipients[0].Address.Domain));
        Assert.Equal("two", Assert.Single(hall.Events(EventKind.Routed)).Transport);
        Assert.Equal(2501, hall.Store.Recipients.Count(row => row.State == RecipientState.Ready));
    }

    [Fact]
    public async Task UnknownOutcomeOfAProbe_DoesNotTryTheWholeLaneAtOnce()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        hall.Relay.Otherwise = Results.Uncertain;
        for (var i = 0; i < 50; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.RunWorkersAsync();
        var before = hall.Relay.Attempts.Count;
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1, hall.Relay.Attempts.Count - before);
    }

    [Fact]
    public async Task LostContent_HoldsTheMessage()
    {
        await using var hall = new MailHall();
        var id = await DamageAsync(hall, "a@example.net");
        Assert.Equal((RecipientState.Held, "4.3.0"), (hall.Only.State, hall.Only.LastText![..5]));
        Assert.True(hall.Alarms.IsRaised("content", id.ToString()));
    }

    [Fact]
    public async Task RestoredContent_ReleasedByAnOperator_IsRelayedAndItsAlarmCleared()
    {
        await using var hall = new MailHall();
        var id = await DamageAsync(hall, "a@example.net");
        hall.Store.RestoreContent(id);
        await hall.Queue.ReleaseAsync(new QueueSelection.One(id), "kim", CancellationToken.None);
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Equal(0, hall.Alarms.Count);
        Assert.Single(hall.Events(EventKind.AlarmCleared));
    }

    [Fact]
    public async Task LostContent_ReleasedAsItIs_IsHeldUnderItsAlarmAgain()
    {
        await using var hall = new MailHall();
        var id = await DamageAsync(hall, "a@example.net");
        await hall.Queue.ReleaseAsync(new QueueSelection.One(id), "kim", CancellationToken.None);
        await hall.RunAsync();
        Assert.Equal(RecipientState.Held, hall.Only.State);
        Assert.True(hall.Alarms.IsRaised("content", id.ToString()));
        Assert.Equal(2, hall.Events(EventKind.AlarmRaised).Count());
    }

    [Fact]
    public async Task AlarmOfLostContent_StandsUntilTheLastRecipientIsCancelled()
    {
        await using var hall = new MailHall();
        var id = await DamageAsync(hall, "a@example.net", "b@example.net");
        await CancelAsync("a@*");
        Assert.True(hall.Alarms.IsRaised("content", id.ToString()));
        await CancelAsync("b@*");
        Assert.Equal(0, hall.Alarms.Count);

        async Task CancelAsync(string recipient) => Assert.Equal(1, await hall.Queue.CancelAsync(
            new QueueSelection.Matching(new QueueFilter { Recipient = recipient }), "kim",
            CancellationToken.None));
    }

    [Fact]
    public async Task AlarmOfLostContent_EndsWithTheAttemptThatACancelWaitsFor()
    {
        await using var hall = new MailHall();
        var id = await DamageAsync(hall, "a@example.net", "b@example.net");
        hall.Store.RestoreContent(id);
        hall.Relay.Holds = true;
        await hall.Queue.ReleaseAsync(
            new QueueSelection.Matching(new QueueFilter { Recipient = "b@*" }), "kim",
            CancellationToken.None);
        await hall.RunAsync();
        Assert.Equal(2, await hall.Queue.CancelAsync(
            new QueueSelection.One(id), "kim", CancellationToken.None));
        Assert.True(hall.Alarms.IsRaised("content", id.ToString()));
        hall.Relay.Release();
        Assert.Equal(0, hall.Alarms.Count);
        Assert.Single(hall.Events(EventKind.AlarmCleared));
    }

    /// <summary>One message whose content is not there any more when it is tried again.</summary>
    static async Task<QueueId> DamageAsync(MailHall hall, params string[] recipients)
    {
        hall.Relay.Answer(Results.Unreachable);
        var id = await hall.AcceptAsync(hall.Letter(""), recipients);
        await hall.RunWorkersAsync();
        hall.Store.LoseContent(id);
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        return id;
    }
}
