using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Queue;

/// <summary>What providers tell is appended to its message once, over crashes and ways.</summary>
public sealed class MessageQueueToldTests
{
    static Telling Told(
        string id, string recipient = "r0@example.net", string? token = null,
        string? messageId = "1@example.org") => new()
        {
            Transport = "relay",
            Kind = EventKind.Delivered,
            Recipient = recipient,
            MessageId = messageId,
            Token = token,
            Facts = new RemoteFacts("webhook", id, MailHall.Start, null, null),
        };

    static async Task<MailHall> AcceptedAsync(params string[] recipients)
    {
        var hall = new MailHall();
        await hall.AcceptAsync(recipients);
        await hall.RunAsync();
        return hall;
    }

    [Fact]
    public async Task Telling_AfterACrash_IsARepeat()
    {
        await using var hall = await AcceptedAsync("r0@example.net");
        Assert.Equal(TellingOutcome.Appended, await hall.Queue.TellAsync(Told("e1", token: "t1")));
        await using var next = await hall.CrashAsync();
        next.Queue.RestoreTokens(await next.Store.ReadObjectsAsync("hook-token", CancellationToken.None));
        Assert.Equal(TellingOutcome.Repeated, await next.Queue.TellAsync(Told("e1", token: "t2")));
        Assert.Equal(TellingOutcome.Repeated, await next.Queue.TellAsync(Told("e2", token: "t1")));
        Assert.Equal(TellingOutcome.Appended, await next.Queue.TellAsync(Told("e2", token: "t2")));
        Assert.Equal(["e1", "e2"], next.Events(EventKind.Delivered).Select(fact => fact.Remote!.EventId));
    }

    [Fact]
    public async Task Telling_ThatIsNotStored_IsTakenWhenItComesAgain()
    {
        await using var hall = await AcceptedAsync("r0@example.net");
        hall.Store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(async () =>
            await hall.Queue.TellAsync(Told("e1", token: "t1")));
        Assert.Equal(TellingOutcome.Appended, await hall.Queue.TellAsync(Told("e1", token: "t1")));
        Assert.Single(hall.Events(EventKind.Delivered));
    }

    [Fact]
    public async Task Tellings_AtTheSameTime_ShareCommitsAndAreStoredOnce()
    {
        await using var hall = await AcceptedAsync("r0@example.net");
        var before = hall.Commits;
        hall.Store.Holds = HeldChanges.All;
        var all = Enumerable.Range(0, 1000)
            .Select(i => hall.Queue.TellAsync(Told($"e{i % 500}")).AsTask()).ToList();
        while (hall.Store.HeldCount > 0 || all.Exists(task => !task.IsCompleted))
        {
            hall.Store.Settle();
            await Task.Yield();
        }
        var outcomes = await Task.WhenAll(all);
        Assert.Equal(500, outcomes.Count(outcome => outcome == TellingOutcome.Appended));
        Assert.Equal(500, hall.Events(EventKind.Delivered).Count());
        Assert.Equal(500, hall.Events(EventKind.Delivered).DistinctBy(fact => fact.Remote!.EventId).Count());
        Assert.InRange(hall.Commits - before, 3, 10);
    }

    [Fact]
    public async Task MessageId_OfSeveralMessages_LeadsToTheOneWithTheRecipient()
    {
        await using var hall = new MailHall();
        var first = await hall.AcceptAsync("a@example.net");
        var second = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await hall.Queue.TellAsync(Told("e1", "A@EXAMPLE.net"));
        await hall.Queue.TellAsync(Told("e2", "b@example.net"));
        Assert.Equal(
            [(QueueId?)first, second], hall.Events(EventKind.Delivered).Select(fact => fact.Message));
        Assert.All(hall.Events(EventKind.Delivered), fact => Assert.Equal(1, fact.Recipient));
    }

    [Fact]
    public async Task Mark_LeadsToItsMessage_WhenTheRecipientIsOneOfIts()
    {
        await using var hall = new MailHall();
        var id = await hall.AcceptAsync("a@example.net", "b@example.net");
        await hall.RunAsync();
        var marked = Told("e1", "b@example.net", messageId: null) with { Mark = id };
        Assert.Equal(TellingOutcome.Appended, await hall.Queue.TellAsync(marked));
        Assert.Equal(TellingOutcome.Unmatched, await hall.Queue.TellAsync(
            Told("e2", "c@example.net", messageId: null) with { Mark = id }));
        Assert.Equal(2, hall.Events(EventKind.Delivered).First().Recipient);
    }

    [Fact]
    public async Task Alias_IsKnownByEitherName()
    {
        await using var hall = await AcceptedAsync("list@example.net=x@example.net,y@example.net");
        await hall.Queue.TellAsync(Told("e1", "y@example.net"));
        var told = Assert.Single(hall.Events(EventKind.Delivered));
        Assert.Equal(hall.Store.Recipients.Single(row => row.Address.ToString() == "y@example.net").Number,
            told.Recipient);
    }

    [Fact]
    public async Task Unmatched_IsKeptOnceWithItsIds()
    {
        await using var hall = await AcceptedAsync("r0@example.net");
        Assert.Equal(TellingOutcome.Unmatched, await hall.Queue.TellAsync(Told("u", messageId: "9@else")));
        Assert.Equal(TellingOutcome.Repeated, await hall.Queue.TellAsync(Told("u", messageId: "9@else")));
        var kept = Assert.Single(hall.Events(EventKind.Delivered));
        Assert.Null(kept.Message);
        Assert.Equal("<9@else>", kept.MessageId);
    }

    [Fact]
    public async Task Tokens_TooOldForTheirSignature_AreForgotten()
    {
        await using var hall = await AcceptedAsync("r0@example.net");
        for (var i = 0; i < 3; i++)
            await hall.Queue.TellAsync(Told($"e{i}", token: $"t{i}"));
        hall.Clock.Advance(TimeSpan.FromHours(10));
        await hall.Queue.TellAsync(Told("e3", token: "t3"));
        Assert.Equal(["t3"], (await hall.Store.ReadObjectsAsync("hook-token", CancellationToken.None))
            .Select(token => token.Name));
    }
}
