using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueueReplayTests
{
    static readonly PosternOptions Options = OptionsOf(
        Route("in", to: ["*@in.example"]) with { Accepts = MailDoors.Mx },
        Route("out") with { Accepts = MailDoors.Submission });

    static MailHall Open(TimeSpan keepContent = default) => new(Options with
    {
        Queue = Options.Queue with { KeepContent = keepContent },
    });

    static async Task<QueueId> TakeAsync(MailHall hall, params string[] recipients)
    {
        var id = await hall.AcceptAsync(hall.Letter() with { Door = MailDoors.Mx }, recipients);
        await hall.RunAsync();
        return id;
    }

    static ValueTask<int> ReplayAsync(
        MailHall hall, QueueSelection which, ReplayReach reach = ReplayReach.DeadLetters) =>
        hall.Queue.ReplayAsync(which, reach, "operator", CancellationToken.None);

    [Fact]
    public async Task DeadLetter_GoesItsWayOnceMore_AndStaysAsItEnded()
    {
        await using var hall = Open();
        hall.Relay.Answer(Results.Failed);
        var id = await TakeAsync(hall, "a@in.example");
        Assert.Equal(RecipientOutcome.Failed, hall.Only.Outcome);
        Assert.Equal(1, await ReplayAsync(hall, new QueueSelection.One(id)));
        await hall.RunAsync();
        Assert.Equal(
            [(1, null, RecipientOutcome.Failed), (2, 1, RecipientOutcome.Relayed)],
            hall.Store.Recipients.Select(row => (row.Number, row.Parent, row.Outcome)));
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.Contains(EventKind.Replayed, hall.Kinds);
        // It went: there is nothing left to replay.
        Assert.Equal(0, await ReplayAsync(hall, new QueueSelection.One(id), ReplayReach.Done));
    }

    [Fact]
    public async Task DeadLetters_AreListed_AndNothingElseThatIsDone()
    {
        await using var hall = Open(keepContent: TimeSpan.FromDays(1));
        hall.Relay.Answer(Results.Failed);
        var dead = await TakeAsync(hall, "a@in.example");
        await TakeAsync(hall, "b@in.example");
        var filter = new QueueFilter { State = RecipientState.Done, DeadLetters = true };
        var page = await hall.Store.ListAsync(filter, default, 10, CancellationToken.None);
        Assert.Equal(dead, Assert.Single(page.Messages).Message.Id);
        await ReplayAsync(hall, new QueueSelection.One(dead));
        Assert.Empty((await hall.Store.ListAsync(filter, default, 10, CancellationToken.None)).Messages);
    }

    [Fact]
    public async Task DeadLetter_OlderThanItsLifetime_IsTriedAnew()
    {
        await using var hall = Open();
        hall.Relay.Answer(Results.Failed);
        var id = await TakeAsync(hall, "a@in.example");
        hall.Clock.Advance(TimeSpan.FromDays(20));
        hall.Relay.Otherwise = Results.Unreachable;
        Assert.Equal(1, await ReplayAsync(hall, new QueueSelection.One(id)));
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(RecipientState.Ready, hall.Store.Recipients[1].State);
        hall.Relay.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(RecipientOutcome.Relayed, hall.Store.Recipients[1].Outcome);
    }

    [Fact]
    public async Task DeadLetter_ThatFailsAgain_IsADeadLetterAgain()
    {
        await using var hall = Open();
        hall.Relay.Otherwise = Results.Failed;
        var id = await TakeAsync(hall, "a@in.example");
        Assert.Equal(1, await ReplayAsync(hall, new QueueSelection.One(id)));
        await hall.RunAsync();
        Assert.Equal([false, true], hall.Store.Recipients.Select(row => row.KeepUntil is not null));
        Assert.Equal(1, await ReplayAsync(hall, new QueueSelection.One(id)));
    }

    [Fact]
    public async Task Delivered_IsReplayedWhenAskedFor_WhileItsContentIsKept()
    {
        await using var hall = Open(TimeSpan.FromDays(1));
        var id = await TakeAsync(hall, "a@in.example");
        Assert.Equal(0, await ReplayAsync(hall, new QueueSelection.One(id)));
        Assert.Equal(1, await ReplayAsync(hall, new QueueSelection.One(id), ReplayReach.Done));
        await hall.RunAsync();
        Assert.Equal(2, hall.Relay.Attempts.Count);
        hall.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(0, await ReplayAsync(hall, new QueueSelection.One(id), ReplayReach.Done));
    }

    [Fact]
    public async Task Filter_PicksByRecipientAndRoute_AndOutboundMailIsLeftAlone()
    {
        await using var hall = Open();
        hall.Relay.Otherwise = Results.Failed;
        await TakeAsync(hall, "a@in.example", "b@in.example");
        await hall.AcceptAsync("a@in.example");
        await hall.RunAsync();
        hall.Relay.Otherwise = Results.Relayed;
        var filter = new QueueFilter { Recipient = "a@in.example" };
        Assert.Equal(
            0, await ReplayAsync(hall, new QueueSelection.Matching(filter with { Route = "out" })));
        Assert.Equal(
            1, await ReplayAsync(hall, new QueueSelection.Matching(filter with { Route = "in" })));
        await hall.RunAsync();
        Assert.Equal(
            "a@in.example", Assert.Single(hall.Store.Recipients, row => row.Number == 3).Address.ToString());
    }
}
