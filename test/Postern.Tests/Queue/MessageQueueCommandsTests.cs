using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueueCommandsTests
{
    static readonly CancellationToken None = CancellationToken.None;

    static QueueSelection All => new QueueSelection.Matching(QueueFilter.All);

    /// <summary>A hall with one deferred recipient.</summary>
    static async ValueTask<(MailHall Hall, QueueSelection One)> DeferredAsync()
    {
        var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        return (hall, new QueueSelection.One(id));
    }

    /// <summary>A hall whose one recipient is being attempted.</summary>
    static async ValueTask<(MailHall Hall, QueueSelection One)> ActiveAsync()
    {
        var hall = new MailHall();
        hall.Relay.Holds = true;
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        return (hall, new QueueSelection.One(id));
    }

    [Fact]
    public async Task Hold_ThenRelease_GoesOn()
    {
        var (hall, one) = await DeferredAsync();
        await using var _ = hall;
        Assert.Equal(1, await hall.Queue.HoldAsync(one, "kim", None));
        Assert.Equal(0, await hall.Queue.HoldAsync(one, "kim", None));
        await hall.PassAsync(TimeSpan.FromHours(2));
        Assert.Equal(RecipientState.Held, hall.Only.State);
        Assert.Equal("kim", Assert.Single(hall.Events(EventKind.Held)).Actor);

        Assert.Equal(1, await hall.Queue.ReleaseAsync(one, "kim", None));
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Single(hall.Events(EventKind.Released));
    }

    [Fact]
    public async Task Retry_OfADeferredRecipient_IsAttemptedNow()
    {
        var (hall, one) = await DeferredAsync();
        await using var _ = hall;
        Assert.Equal(new Retried(1, 0), await hall.Queue.RetryAsync(one, "kim", None));
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Single(hall.Events(EventKind.Retried));
    }

    [Fact]
    public async Task Retry_ProbesClosedLanesNow_AndSaysSo()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.LoginRefused);
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(new Retried(0, 1), await hall.Queue.RetryAsync(All, "kim", None));
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task Cancel_EndsItWithoutAReport()
    {
        var (hall, one) = await DeferredAsync();
        await using var _ = hall;
        Assert.Equal(1, await hall.Queue.CancelAsync(one, "kim", None));
        await hall.PassAsync(TimeSpan.FromHours(2));
        Assert.Equal((RecipientState.Done, RecipientOutcome.Cancelled), (hall.Only.State, hall.Only.Outcome));
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal(EventKind.Cancelled, hall.Kinds.Last());
        Assert.Equal(0, await hall.Queue.CancelAsync(one, "kim", None));
    }

    [Fact]
    public async Task Expire_EndsItWithAReport()
    {
        var (hall, one) = await DeferredAsync();
        await using var _ = hall;
        Assert.Equal(1, await hall.Queue.ExpireAsync(one, "kim", None));
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Expired, hall.Store.Recipients[0].Outcome);
        Assert.Equal("sender@example.org", hall.Relay.Attempts[1].Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task UnknownMessage_IsNobody()
    {
        await using var hall = new MailHall();
        Assert.Equal(0, await hall.Queue.CancelAsync(new QueueSelection.One(new QueueId(7)), "kim", None));
    }

    [Fact]
    public async Task HoldOfAnActiveRecipient_ComesTrueWhenItsAttemptProvedNothing()
    {
        var (hall, one) = await ActiveAsync();
        await using var _ = hall;
        hall.Relay.Answer(Results.Greylisted);
        Assert.Equal(1, await hall.Queue.HoldAsync(one, "kim", None));
        Assert.Equal(RecipientState.Active, hall.Only.State);
        hall.Relay.Release();
        Assert.Equal(RecipientState.Held, hall.Only.State);
        Assert.Equal([EventKind.Accepted, EventKind.Attempted, EventKind.Held], hall.Kinds);
    }

    [Fact]
    public async Task CancelOfAnActiveRecipient_IsTooLateWhenItWasRelayed()
    {
        var (hall, one) = await ActiveAsync();
        await using var _ = hall;
        Assert.Equal(1, await hall.Queue.CancelAsync(one, "kim", None));
        hall.Relay.Release();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Empty(hall.Events(EventKind.Cancelled));
    }

    [Fact]
    public async Task CancelOfAnActiveRecipient_ComesBeforeAnotherTransport()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Holds = true;
        hall.Ways["one"].Answer(Results.Unreachable);
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await hall.Queue.CancelAsync(new QueueSelection.One(id), "kim", None);
        hall.Ways["one"].Release();
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Cancelled, hall.Only.Outcome);
        Assert.Empty(hall.Ways["two"].Attempts);
    }

    [Fact]
    public async Task ExpireOfAnActiveRecipient_ReportsWhenItsAttemptProvedNothing()
    {
        var (hall, one) = await ActiveAsync();
        await using var _ = hall;
        hall.Relay.Answer(Results.Unreachable);
        await hall.Queue.ExpireAsync(one, "kim", None);
        hall.Relay.Release();
        Assert.Equal(RecipientOutcome.Expired, hall.Store.Recipients[0].Outcome);
        Assert.Single(hall.Events(EventKind.BouncedToSender));
    }

    [Fact]
    public async Task Wish_ForWorkThatWaitsInAClosingLane_ComesTrueAtOnce()
    {
        var options = OptionsOf(Route("all", via: ["one", "two"]));
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["one"] = new() { Kind = TransportKind.Pipe, MaxConnections = 1 },
                ["two"] = new() { Kind = TransportKind.Pipe },
            },
        });
        hall.Ways["one"].Holds = true;
        hall.Ways["one"].Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        var waits = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await hall.Queue.HoldAsync(new QueueSelection.One(waits), "kim", None);
        hall.Ways["one"].Release();
        await hall.RunAsync();
        Assert.Equal(RecipientState.Held, hall.Store.Recipients[1].State);
        Assert.Single(hall.Ways["two"].Attempts);
    }

    [Fact]
    public async Task Wish_WhoseAttemptEndsWhileTheRowIsRead_IsNotForgotten()
    {
        var (hall, one) = await ActiveAsync();
        await using var _ = hall;
        hall.Relay.Answer(Results.Greylisted);
        // The result is written right after the command has read the row: it does not know the wish yet.
        hall.Store.Holds = HeldChanges.All;
        var holding = hall.Queue.HoldAsync(one, "kim", None).AsTask();
        hall.Store.Settle();
        hall.Relay.Release();
        hall.Store.Holds = HeldChanges.None;
        hall.Store.Settle();
        await holding;
        Assert.Equal(RecipientState.Held, hall.Only.State);
    }

    [Fact]
    public async Task Filter_MeansRecipients_NotTheOthersOfTheirMessages()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.AcceptAsync("a@one.net", "b@two.net");
        await hall.AcceptAsync("c@two.net");
        await hall.RunAsync();
        var two = new QueueSelection.Matching(new QueueFilter { Recipient = "*@two.net" });
        Assert.Equal(2, await hall.Queue.CancelAsync(two, "kim", None));
        Assert.Equal(
            [RecipientState.Deferred, RecipientState.Done, RecipientState.Done],
            hall.Store.Recipients.Select(row => row.State));
    }

    [Fact]
    public async Task Commands_OnAllMail_GoPageByPage()
    {
        await using var hall = new MailHall();
        for (var i = 0; i < 1200; i++)
            await hall.AcceptAsync($"r{i}@example.net!");
        Assert.Equal(1200, await hall.Queue.CancelAsync(All, "kim", None));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task Commands_GoOnOverPagesThatHoldNothingThatFits()
    {
        await using var hall = new MailHall();
        hall.Store.ListScanMax = 3;
        for (var i = 0; i < 20; i++)
            await hall.AcceptAsync($"r{i}@example.net!");
        hall.Clock.Advance(TimeSpan.FromHours(2));
        await hall.AcceptAsync("young@example.net!");
        var young = new QueueFilter { ArrivedAfter = hall.Clock.GetUtcNow() - TimeSpan.FromHours(1) };
        Assert.Equal(1, await hall.Queue.CancelAsync(new QueueSelection.Matching(young), "kim", None));
        Assert.Equal("young@example.net", Assert.Single(hall.Events(EventKind.Cancelled)).RecipientAddress);
        Assert.Equal(20, await hall.Queue.CancelAsync(All, "kim", None));
    }

    [Theory]
    [InlineData("hold", RecipientState.Held)]
    [InlineData("release", RecipientState.Ready)]
    [InlineData("retry", RecipientState.Ready)]
    [InlineData("cancel", RecipientState.Done)]
    [InlineData("expire", RecipientState.Done)]
    public async Task BulkCommands_ChangeWhatFits_AndNothingElse(string command, RecipientState after)
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Greylisted;
        string[] mark = command == "release" ? ["a@one.net!", "b@two.net!"] : ["a@one.net", "b@two.net"];
        await hall.AcceptAsync(hall.Letter(""), mark);
        await hall.RunAsync();
        var before = hall.Store.Recipients[1];
        var which = new QueueSelection.Matching(new QueueFilter { Recipient = "*@one.net" });
        Assert.Equal(1, command switch
        {
            "hold" => await hall.Queue.HoldAsync(which, "kim", None),
            "release" => await hall.Queue.ReleaseAsync(which, "kim", None),
            "retry" => (await hall.Queue.RetryAsync(which, "kim", None)).Recipients,
            "cancel" => await hall.Queue.CancelAsync(which, "kim", None),
            _ => await hall.Queue.ExpireAsync(which, "kim", None),
        });
        Assert.Equal((after, before), (hall.Store.Recipients[0].State, hall.Store.Recipients[1]));
        Assert.Equal("kim", hall.Store.Events.Last(fact => fact.Actor is not null).Actor);
    }

    [Fact]
    public async Task ReleasedMail_OfARouteThatNowSplits_IsSplit()
    {
        await using var hall = new MailHall();
        await hall.AcceptAsync("a@example.net!");
        await hall.AcceptAsync("b@example.net!");
        hall.Reload(OptionsOf(Route("all", via: ["one", "two"]) with { All = true }));
        foreach (var row in hall.Store.Recipients)
        {
            await hall.Queue.ReleaseAsync(new QueueSelection.One(row.Message), "kim", None);
            await hall.RunAsync();
        }
        Assert.Equal((2, 2), (hall.Ways["one"].Attempts.Count, hall.Ways["two"].Attempts.Count));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task PostedResults_AreWrittenBeforeACommandReads()
    {
        await using var hall = new MailHall();
        hall.Store.Holds = HeldChanges.Posted;
        hall.Relay.Answer(Results.Greylisted);
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunWorkersAsync();
        Assert.Equal(
            new Retried(1, 0), await hall.Queue.RetryAsync(new QueueSelection.One(id), "kim", None));
    }
}
