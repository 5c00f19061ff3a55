using Postern.Dashboard.Pages;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class InboundPageTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync() => house = await PageHouse.OpenAsync(
        MailHall.OptionsOf(MailHall.Route("in") with { Accepts = MailDoors.Mx }));

    public ValueTask DisposeAsync() => house.DisposeAsync();

    QueuedMessage Letter(string sender) => new()
    {
        Id = house.Agent.Queue.NextId(),
        ArrivedAt = house.Now,
        Door = MailDoors.Mx,
        Sender = new ReversePath(MailHall.Mailbox(sender)),
        Client = new ClientFacts { Address = "192.0.2.1", Helo = "<b>out</b>", Listener = "mx-25" },
        ContentOctets = 25,
        MessageId = "<1@good.example>",
    };

    async Task<QueueId> HeldAsync(string sender)
    {
        var mail = MailHall.Mail(Letter(sender), "me@in.example");
        await house.Agent.Queue.AcceptAsync(mail with { Quarantine = "verdict strange: SPF fail" });
        return mail.Message.Id;
    }

    async Task<QueueId> DeadAsync()
    {
        var mail = MailHall.Mail(Letter("ann@good.example"), "me@in.example");
        var change = new StoreChange();
        change.Messages.Add(new NewMessage(mail.Message, mail.Content));
        change.Recipients.Add(new Recipient
        {
            Message = mail.Message.Id,
            Number = 1,
            Address = MailHall.Mailbox("me@in.example"),
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Failed,
            KeepUntil = house.Now + TimeSpan.FromDays(9),
            LastText = "550 <script>alert(1)</script>",
        });
        await house.Agent.Store.CommitAsync(change);
        return mail.Message.Id;
    }

    [Fact]
    public async Task Recent_ShowsWhatCameIn_WithItsVerdict()
    {
        var id = await HeldAsync("ann@good.example");
        var (_, html) = await house.ShowAsync<InboundPage>("/inbound");
        Assert.Contains($"href=\"/messages/{id}\"", html, StringComparison.Ordinal);
        Assert.Contains("quarantined", html, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;out&lt;/b&gt;", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>out", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quarantine_SaysWhy_AndOffersReleaseAndCancel()
    {
        var id = await HeldAsync("ann@good.example");
        var (_, html) = await house.ShowAsync<InboundPage>("/inbound?view=quarantine");
        Assert.Contains("verdict strange: SPF fail", html, StringComparison.Ordinal);
        Assert.Contains($"value=\"POST queue/release?id={id}\"", html, StringComparison.Ordinal);
        Assert.Contains($"/queue/act?do=cancel&amp;id={id}", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quarantine_ForAReader_HasNoActs()
    {
        await HeldAsync("ann@good.example");
        var (_, html) = await house.ShowAsync<InboundPage>("/inbound?view=quarantine", OperatorRole.Reader);
        Assert.Contains("verdict strange", html, StringComparison.Ordinal);
        Assert.DoesNotContain("queue/release", html, StringComparison.Ordinal);
        Assert.DoesNotContain("/queue/act", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeadLetters_SayWhy_AsText_AndOfferAReplay()
    {
        var id = await DeadAsync();
        var (_, html) = await house.ShowAsync<InboundPage>("/inbound?view=dead-letters");
        Assert.Contains("550 &lt;script&gt;", html, StringComparison.Ordinal);
        Assert.Contains($"value=\"POST inbound/replay?id={id}\"", html, StringComparison.Ordinal);
        Assert.Contains("/inbound/replay?state=dead-letter", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeadLetters_ThatDoNotFit_AreNotShown()
    {
        var id = await DeadAsync();
        var (_, html) = await house.ShowAsync<InboundPage>(
            "/inbound?view=dead-letters&sender=bob@good.example");
        Assert.DoesNotContain(id.ToString(), html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replay_SaysHowMany_BeforeItIsDone()
    {
        await DeadAsync();
        await DeadAsync();
        var (_, html) = await house.ShowAsync<InboundReplayPage>("/inbound/replay?recipient=*@in.example");
        Assert.Contains("2 recipients will be tried again.", html, StringComparison.Ordinal);
        Assert.Contains(
            "value=\"POST inbound/replay?state=dead-letter&amp;recipient=%2A%40in.example&amp;", html,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replay_MeansWhatWasThere_WhenItWasShown()
    {
        await DeadAsync();
        var (_, html) = await house.ShowAsync<InboundReplayPage>("/inbound/replay?newer=2d");
        var call = html[html.IndexOf("POST inbound/replay", StringComparison.Ordinal)..];
        call = call[..call.IndexOf('"', StringComparison.Ordinal)];
        Assert.DoesNotContain("newer", call, StringComparison.Ordinal);
        Assert.Contains("arrived-after=", call, StringComparison.Ordinal);
        Assert.Contains("arrived-before=", call, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Act_OnARow_SaysThatItIsForAllOfTheMessage()
    {
        var mail = MailHall.Mail(Letter("ann@good.example"), "me@in.example", "you@in.example");
        await house.Agent.Queue.AcceptAsync(mail with { Quarantine = "verdict strange: SPF fail" });
        var (_, html) = await house.ShowAsync<InboundPage>("/inbound?view=quarantine");
        Assert.Contains("Release all 2", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replay_OfAFilterThatCannotBeRead_OffersNothing()
    {
        await DeadAsync();
        var (_, html) = await house.ShowAsync<InboundReplayPage>("/inbound/replay?older=yesterday");
        Assert.Contains("This filter cannot be read.", html, StringComparison.Ordinal);
        Assert.DoesNotContain("POST inbound/replay", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_UntilTheLastDayThereIs_AreLookedFor()
    {
        var (status, html) = await house.ShowAsync<MessagesPage>("/messages?until=9999-12-31");
        Assert.Equal(200, status);
        Assert.Contains("Until, UTC", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_InKorean_IsKorean()
    {
        var (_, html) = await house.ShowAsync<InboundPage>("/inbound", language: "ko-KR,ko;q=0.9");
        Assert.Contains("아직 수신된 메일이 없습니다.", html, StringComparison.Ordinal);
        Assert.Contains("lang=\"ko\"", html, StringComparison.Ordinal);
    }
}
