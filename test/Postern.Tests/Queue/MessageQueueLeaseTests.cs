using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueueLeaseTests
{
    static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task LaterAttempts_AreCommittedBeforeTheyStart()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Relay.Holds = true;
        await hall.PassAsync(TimeSpan.FromMinutes(6));
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.Equal((RecipientState.Active, hall.Store.Epoch), (hall.Only.State, hall.Only.Lease));
        Assert.True(hall.Only.DueAt > hall.Clock.GetUtcNow());
        hall.Relay.Release();
    }

    [Fact]
    public async Task Probe_WhoseLeaseMeetsAFullDisk_IsMadeWhenThereIsRoom()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        hall.Store.FailNext(StoreHealth.Full);
        Assert.False(await hall.Dispatcher.FillAllAsync());
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task Probe_ThatMeetsOurOwnBug_DoesNotOpenTheLane()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.LoginRefused);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Relay.Bug = new InvalidOperationException("a bug");
        await hall.PassAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.NotNull(hall.Health.Find("relay"));
        Assert.Equal(1, hall.Alarms.Count);
    }

    [Fact]
    public async Task LeasesOfOneMessage_AreOneAttempt()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("a@x.net", "b@x.net", "c@x.net");
        await hall.RunWorkersAsync();
        hall.Health.Open("relay");
        await hall.RunAsync();
        Assert.Equal([3, 3], hall.Relay.Attempts.Select(attempt => attempt.Recipients.Count));
    }

    [Fact]
    public async Task Crash_DuringAnAttempt_MakesItUncertainForTheNextProcess()
    {
        var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Holds = true;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await using var next = await hall.CrashAsync();

        var row = next.Only;
        Assert.Equal((RecipientState.Deferred, 1, "one"), (row.State, row.Uncertain, row.BoundTransport));
        Assert.Equal(Start.AddMinutes(15), row.DueAt);
        Assert.True(Assert.Single(next.Events(EventKind.Attempted)).Uncertain);
        await next.PassAsync(TimeSpan.FromMinutes(14));
        Assert.Empty(next.Ways["one"].Attempts);
        await next.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Single(next.Ways["one"].Attempts);
        Assert.Empty(next.Ways["two"].Attempts);
        Assert.Equal(RecipientOutcome.Relayed, next.Only.Outcome);
    }

    [Fact]
    public async Task Crash_Twice_RaisesTheAlarm()
    {
        var hall = new MailHall();
        hall.Relay.Holds = true;
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        var second = await hall.CrashAsync();
        second.Relay.Holds = true;
        await second.PassAsync(TimeSpan.FromMinutes(15));
        Assert.Equal(RecipientState.Active, second.Only.State);
        await using var third = await second.CrashAsync();
        Assert.Equal(2, third.Only.Uncertain);
        Assert.True(third.Alarms.IsRaised("uncertain", id.ToString()));
    }

    [Fact]
    public async Task Crash_BeforeAPostedResult_RepeatsTheAttempt()
    {
        var hall = new MailHall();
        hall.Store.Holds = HeldChanges.Posted;
        await hall.AcceptAsync("b@example.net");
        await hall.RunWorkersAsync();
        await using var next = await hall.CrashAsync();
        await next.PassAsync(TimeSpan.FromMinutes(15));
        Assert.Equal(RecipientOutcome.Relayed, next.Only.Outcome);
    }

    [Fact]
    public async Task Recovery_OfManyPages_TakesAllBack()
    {
        var hall = new MailHall();
        hall.Relay.Holds = true;
        for (var i = 0; i < 1100; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await using var next = await hall.CrashAsync();
        Assert.All(next.Store.Recipients, row => Assert.Equal(RecipientState.Deferred, row.State));
    }

    [Fact]
    public async Task Command_OnWhatAnEarlierProcessLeftActive_ComesTrueAtOnce()
    {
        var hall = new MailHall();
        hall.Relay.Holds = true;
        var id = await hall.AcceptAsync("b@example.net");
        hall.Store.Crash();
        await using var next = new MailHall(hall.Options, hall.Disk, hall.Clock);
        await next.Queue.CancelAsync(new QueueSelection.One(id), "kim", None);
        await next.StartAsync();
        Assert.Equal(RecipientOutcome.Cancelled, next.Only.Outcome);
    }

    [Fact]
    public async Task Stop_GivesBackWhatWaits_AndLetsAttemptsEnd()
    {
        var options = OptionsOf(Route("all"));
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = options.Transports["relay"] with { MaxConnections = 1 },
            },
        });
        hall.Relay.Holds = true;
        await hall.AcceptAsync("a@example.net");
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        var stop = hall.Dispatcher.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        hall.Relay.Release();
        while (!stop.IsCompleted)
        {
            hall.Clock.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal(
            [RecipientState.Done, RecipientState.Ready], hall.Store.Recipients.Select(row => row.State));
        Assert.Equal(0, hall.Store.Recipients[1].Uncertain);
    }

    [Fact]
    public async Task Stop_CutsOffWhatDoesNotEnd_AsUncertain()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        await hall.StopAsync();
        Assert.Equal(
            (RecipientState.Deferred, 1, "relay"), (
                hall.Only.State, hall.Only.Uncertain, hall.Only.BoundTransport));
    }

    [Fact]
    public async Task Stop_FulfilsWishesForWhatWaits()
    {
        await using var hall = new MailHall();
        var id = await hall.AcceptAsync("a@example.net");
        await hall.Queue.HoldAsync(new QueueSelection.One(id), "kim", None);
        await hall.RunStoppedAsync();
        Assert.Equal(RecipientState.Held, hall.Only.State);
    }

    [Fact]
    public async Task Reload_WithANewRoute_PicksUpMailThatHadNone()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Reload(OptionsOf(Route("other", to: ["*@other.org"])));
        await hall.PassAsync(TimeSpan.FromHours(2));
        Assert.Equal((RecipientState.Ready, ""), (hall.Only.State, hall.Only.Lane));
        Assert.True(hall.Alarms.IsRaised("no-route", "example.net"));

        hall.Reload(OptionsOf(Route("new", via: ["new"])));
        await hall.RunAsync();
        Assert.Single(hall.Ways["new"].Attempts);
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Equal(0, hall.Alarms.Count);
    }

    [Fact]
    public async Task NoRouteAlarm_NotStored_IsRaisedAgain()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Reload(OptionsOf(Route("other", to: ["*@other.org"])));
        hall.Clock.Advance(TimeSpan.FromMinutes(1));
        hall.Store.FailNext(StoreHealth.Full);
        Assert.False(await hall.Dispatcher.FillAllAsync());
        Assert.Equal(0, hall.Alarms.Count);
        await hall.RunAsync();
        Assert.True(hall.Alarms.IsRaised("no-route", "example.net"));
        Assert.Single(hall.Events(EventKind.AlarmRaised));
    }

    [Fact]
    public async Task Reload_WithoutTheTransport_KeepsTheMail()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Uncertain);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Reload(OptionsOf(Route("all", via: ["new"])));
        await hall.PassAsync(TimeSpan.FromHours(2));
        Assert.Empty(hall.Ways["new"].Attempts);
        Assert.Equal((RecipientState.Ready, ""), (hall.Only.State, hall.Only.Lane));
        hall.Reload(OptionsOf(Route("all", via: ["relay"])));
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task Reload_OfAClosedTransport_BeginsItsLaneAnew()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.LoginRefused);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        var options = OptionsOf(Route("all"));
        hall.Reload(options with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = options.Transports["relay"] with { MaxConnections = 7 },
            },
        });
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task FetchedMail_CannotBeCancelledBetweenFetchAndLease()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromHours(1));
        // The command is at the gate, its commit on the way, when the pump comes for the same recipient.
        hall.Store.Holds = HeldChanges.All;
        var cancelling = hall.Queue.CancelAsync(new QueueSelection.One(id), "kim", None).AsTask();
        var filling = hall.Dispatcher.FillAllAsync().AsTask();
        hall.Store.Holds = HeldChanges.None;
        hall.Store.Settle();
        await cancelling;
        await filling;
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Cancelled, hall.Only.Outcome);
        Assert.Single(hall.Relay.Attempts);
    }
}
