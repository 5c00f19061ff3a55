using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Tracking;
using Postern.Tests.Doubles;

namespace Postern.Tests.Queue;

/// <summary>What links in mail tell: how much of it is recorded, and whom an unsubscription is of.</summary>
public sealed class MessageQueueTrackedTests
{
    const string Details = """{"ip":"192.0.2.1"}""";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static async Task<(MailHall Hall, QueueId Id)> AcceptedAsync(params string[] recipients)
    {
        var hall = new MailHall(MailHall.OptionsOf(MailHall.Route("all", via: ["relay"])) with
        {
            Domains = new Dictionary<string, DomainOptions> { ["example.org"] = new() },
        });
        var letter = hall.Letter() with
        {
            Options = new MailOptions { Domain = "example.org", Tags = ["news", "offers"] },
        };
        var id = await hall.AcceptAsync(letter, recipients);
        await hall.RunAsync();
        return (hall, id);
    }

    static TrackingToken Token(
        TrackingKind kind, QueueId message, int recipient = 1, string address = "a@example.net") =>
        new(kind, message, recipient, MailHall.Start, new Subscriber("example.org", address).ToString());

    static async Task<IEnumerable<string>> EntriesAsync(MailHall hall) =>
        (await hall.Queue.Suppressions.Entries.ReadAsync(Cancel))
            .Select(entry => $"{entry.Name} {string.Join(',', entry.Value.Tags!)}");

    [Fact]
    public async Task Reactions_OfOneRecipient_AreSoManyInAnHour_AndAnotherKindHasItsOwn()
    {
        var (hall, id) = await AcceptedAsync("a@example.net");
        await using var ends = hall;
        var token = Token(TrackingKind.Open, id);
        for (var i = 0; i < 20; i++)
            Assert.True(await hall.Queue.TellReactionAsync(token, EventKind.Opened, Details, Cancel));
        Assert.False(await hall.Queue.TellReactionAsync(token, EventKind.Opened, Details, Cancel));
        Assert.True(await hall.Queue.TellReactionAsync(token, EventKind.Clicked, Details, Cancel));
        hall.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True(await hall.Queue.TellReactionAsync(token, EventKind.Opened, Details, Cancel));
        Assert.Equal(21, hall.Events(EventKind.Opened).Count());
    }

    [Fact]
    public async Task Reaction_OfARecipientThatTheMessageDoesNotHave_IsNotRecorded()
    {
        var (hall, id) = await AcceptedAsync("a@example.net");
        await using var ends = hall;
        Assert.False(await hall.Queue.TellReactionAsync(
            Token(TrackingKind.Open, id, recipient: 2), EventKind.Opened, Details, Cancel));
        Assert.Empty(hall.Events(EventKind.Opened));
    }

    [Fact]
    public async Task Reaction_ThatIsNotStored_IsSaid()
    {
        var (hall, id) = await AcceptedAsync("a@example.net");
        await using var ends = hall;
        hall.Store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(async () => await hall.Queue.TellReactionAsync(
            Token(TrackingKind.Open, id), EventKind.Opened, Details, Cancel));
        Assert.Empty(hall.Events(EventKind.Opened));
    }

    [Fact]
    public async Task Unsubscription_IsOneCommit_AndKeepsMailBack()
    {
        var (hall, id) = await AcceptedAsync("a@example.net");
        await using var ends = hall;
        var before = hall.Commits;
        Assert.True(await hall.Queue.UnsubscribeAsync(Token(TrackingKind.Unsubscribe, id), Details, Cancel));
        Assert.False(await hall.Queue.UnsubscribeAsync(Token(TrackingKind.Unsubscribe, id), Details, Cancel));
        Assert.Equal(1, hall.Commits - before);
        Assert.Equal(["example.org/unsubscribes/a@example.net *"], await EntriesAsync(hall));
        Assert.Single(hall.Events(EventKind.Unsubscribed));
        await hall.AcceptAsync("a@example.net");
        Assert.Equal("suppress-unsubscribe", hall.Events(EventKind.Failed).Last().Why);
    }

    [Fact]
    public async Task Unsubscription_FromTags_IsOfTheMessagesOwn_AndNoMoreBesideAllMail()
    {
        var (hall, id) = await AcceptedAsync("a@example.net");
        await using var ends = hall;
        var tags = Token(TrackingKind.UnsubscribeTags, id);
        Assert.True(await hall.Queue.UnsubscribeAsync(tags, Details, Cancel));
        Assert.Equal(["example.org/unsubscribes/a@example.net news,offers"], await EntriesAsync(hall));
        Assert.False(await hall.Queue.UnsubscribeAsync(tags, Details, Cancel));
        Assert.True(await hall.Queue.UnsubscribeAsync(Token(TrackingKind.Unsubscribe, id), Details, Cancel));
        Assert.False(await hall.Queue.UnsubscribeAsync(tags, Details, Cancel));
        Assert.Equal(["example.org/unsubscribes/a@example.net *"], await EntriesAsync(hall));
    }

    [Theory]
    [InlineData("a@example.net=b@example.net", "a b")]
    [InlineData("a@example.net=b@example.net,c@example.net", "a")]
    public async Task Unsubscription_OfAnAlias_IsOfTheOneItStoodForToo_ButNotOfMany(
        string recipient, string listed)
    {
        var (hall, id) = await AcceptedAsync(recipient);
        await using var ends = hall;
        await hall.Queue.UnsubscribeAsync(Token(TrackingKind.Unsubscribe, id), Details, Cancel);
        Assert.Equal(
            listed.Split(' ').Select(name => $"example.org/unsubscribes/{name}@example.net *"),
            await EntriesAsync(hall));
    }

    [Fact]
    public async Task Unsubscription_ThatIsNotStored_IsSaid_AndCountsTheNextTime()
    {
        var (hall, id) = await AcceptedAsync("a@example.net");
        await using var ends = hall;
        hall.Store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(async () =>
            await hall.Queue.UnsubscribeAsync(Token(TrackingKind.Unsubscribe, id), Details, Cancel));
        Assert.Empty(await EntriesAsync(hall));
        Assert.True(await hall.Queue.UnsubscribeAsync(Token(TrackingKind.Unsubscribe, id), Details, Cancel));
        Assert.Single(hall.Events(EventKind.Unsubscribed));
    }
}
