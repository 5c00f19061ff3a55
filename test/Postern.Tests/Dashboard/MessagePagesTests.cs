using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Mta.Store.Sample;
using MessagePage = Postern.Dashboard.Pages.MessagePage;

namespace Postern.Tests.Dashboard;

public sealed class MessagePagesTests : IAsyncLifetime
{
    const int Long = 300;

    PageHouse house = null!;

    /// <summary>One with two held and a deferred recipient, one with a long history, and one whose beginning
    /// is kept no more.</summary>
    public async ValueTask InitializeAsync()
    {
        var store = new MemoryStore();
        var change = Accept(
            Message(1), Recipient(1, 1, RecipientState.Held), Recipient(1, 2, RecipientState.Held),
            Recipient(1, 3, RecipientState.Deferred, dueSeconds: 3600));
        for (var number = 1; number <= 3; number++)
            change.Events.Add(Of(1, number, EventKind.Attempted, "4.2.1 later"));
        await store.CommitAsync(change);
        var life = Accept(Message(2), Recipient(2, 1, RecipientState.Deferred, dueSeconds: 3600));
        for (var attempt = 1; attempt <= Long; attempt++)
            life.Events.Add(Of(2, 1, EventKind.Attempted, $"4.2.1 later {attempt}."));
        await store.CommitAsync(life);
        var late = new StoreChange();
        late.Events.Add(Of(3, 1, EventKind.Opened, null));
        await store.CommitAsync(late);
        house = await PageHouse.OpenAsync(
            MailHall.OptionsOf(MailHall.Route("all", via: ["relay"])), store: store);
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    static MailEvent Of(long message, int recipient, EventKind kind, string? reply) =>
        Event(message, kind) with
        {
            Recipient = recipient,
            RecipientAddress = $"r{recipient}@example.com",
            Reply = reply,
        };

    async Task<string> HtmlAsync(long message, string language = "en") =>
        (await house.ShowAsync<MessagePage>(
            $"/messages/{new QueueId(message)}", language: language,
            id: new QueueId(message).ToString())).Html;

    static int CountOf(string html, string what) => html.Split(what).Length - 1;

    [Fact]
    public async Task Acts_AreForTheMessage_AndStandThereOnce()
    {
        var html = await HtmlAsync(1);
        foreach (var command in (string[])["release", "retry", "hold"])
            Assert.Equal(1, CountOf(html, $"POST queue/{command}?id="));
        Assert.Equal(1, CountOf(html, "/queue/act?do=cancel"));
        Assert.Contains("For all its recipients:", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Timeline_ThatIsLong_HasItsEnd_AndSaysWhatIsLeftOut()
    {
        var html = await HtmlAsync(2);
        Assert.Contains("Accepted", html, StringComparison.Ordinal);
        Assert.Contains($"later {Long}.", html, StringComparison.Ordinal);
        Assert.DoesNotContain("later 60.", html, StringComparison.Ordinal);
        Assert.Contains("101 events in between are not shown.", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Message_WhoseBeginningIsGone_HasNoSenderAndNoArrival()
    {
        var html = await HtmlAsync(3);
        Assert.DoesNotContain("&lt;&gt;", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<dt>Accepted</dt>", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("en", "<span class=\"badge\">Opened</span>")]
    [InlineData("ko", "<span class=\"badge\">열람</span>")]
    public async Task Reaction_IsNamed_InTheReadersLanguage(string language, string name) =>
        Assert.Contains(name, await HtmlAsync(3, language), StringComparison.Ordinal);
}
