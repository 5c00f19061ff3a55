using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Mta.Transports.Mailgun;
using Postern.Mta.Webhooks;
using Postern.Tests.Doubles;

namespace Postern.Tests.Webhooks;

/// <summary>Events told to those who asked for them: signed, in the ladder, over crashes.</summary>
public sealed class WebhookSenderTests : IAsyncDisposable
{
    const string Key = "test-signing-key";
    const string Url = "https://hooks.example/one";
    const string Other = "https://other.example/two";

    static readonly PosternOptions Options = MailHall.OptionsOf(MailHall.Route("all", via: ["relay"])) with
    {
        Webhooks = new WebhookOptions { SigningKey = new Secret("test:", Key) },
    };

    readonly WebhookReceiver receiver;
    readonly List<IDisposable> senders = [];
    MailHall hall = new(Options);
    WebhookTable hooks = null!;
    WebhookSender sender = null!;

    public WebhookSenderTests()
    {
        receiver = new WebhookReceiver(hall.Clock);
        Begin();
    }

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A sender of another process, on what the last one left.</summary>
    void Begin()
    {
        hooks = new WebhookTable(
            hall.Store, domain => domain.Equals("mg.example", StringComparison.OrdinalIgnoreCase));
        var key = new WebhookKey(hall.Queue, hall.Store, () => hall.Options, hall.Clock);
        var post = new WebhookPost(receiver, hall.Clock);
        sender = new WebhookSender(
            hooks, key, post, hall.Queue, hall.Store, hall.Clock, NullLogger.Instance);
        senders.AddRange(sender, post);
    }

    async Task CrashAsync()
    {
        hall = await hall.CrashAsync();
        Begin();
    }

    async Task SetAsync(string type, params string[] urls)
    {
        var name = WebhookTable.NameOf("mg.example", type);
        await hall.Queue.PutObjectsAsync(
        [
            hooks.OfDomains.Put(name, new DomainWebhook(urls)),
            WebhookTable.PutCursor(hall.Store.Events.Count),
        ]);
    }

    ValueTask UnsetAsync(string type) =>
        hall.Queue.PutObjectAsync(hooks.OfDomains.Remove(WebhookTable.NameOf("mg.example", type)));

    ValueTask HappenAsync(
        EventKind kind = EventKind.Delivered, string recipient = "x@net.example",
        EventSeverity? severity = null, string sender = "a@MG.example")
    {
        var change = new StoreChange();
        change.Events.Add(new MailEvent
        {
            Kind = kind,
            At = hall.Clock.GetUtcNow(),
            Sender = sender,
            RecipientAddress = recipient,
            MessageId = "<1@mg.example>",
            Severity = severity,
        });
        return hall.Store.CommitAsync(change);
    }

    async Task RoundAsync()
    {
        await sender.RoundAsync(Cancel);
        await sender.RestAsync();
    }

    /// <summary>Rounds minute by minute; the program's come each second.</summary>
    async Task PassAsync(TimeSpan time)
    {
        for (var end = hall.Clock.GetUtcNow() + time; hall.Clock.GetUtcNow() < end;)
        {
            hall.Clock.Advance(TimeSpan.FromMinutes(1));
            await RoundAsync();
        }
    }

    async Task<int> WaitingAsync() =>
        (await hall.Store.ReadObjectsAsync("webhook-delivery", Cancel)).Count;

    [Fact]
    public async Task Event_IsToldOnce_WithASignatureOfItsOwn()
    {
        await SetAsync("delivered", Url);
        await HappenAsync();
        await RoundAsync();
        await PassAsync(TimeSpan.FromHours(9));
        var told = Assert.Single(receiver.Came);
        Assert.Equal(Url, told.Url);
        Assert.Equal("application/json", told.ContentType);
        Assert.Matches("^[0-9a-f]{50}$", told.Signed("token"));
        Assert.Equal($"{MailHall.Start.ToUnixTimeSeconds()}", told.Signed("timestamp"));
        Assert.Equal(
            MailgunSignature.Sign(Key, told.Signed("timestamp"), told.Signed("token")),
            told.Signed("signature"));
        Assert.Equal(
            """
            {"event":"delivered","id":"AAAAAAAAAAAAAAAAAAAAAQ","timestamp":1767323045,
            "log-level":"info","recipient":"x@net.example","recipient-domain":"net.example",
            "envelope":{"transport":"smtp","sender":"a@MG.example","targets":"x@net.example"},
            "delivery-status":{"code":0,"message":"","description":""},
            "message":{"headers":{"message-id":"1@mg.example"},"attachments":[]},
            "flags":{"is-routed":false,"is-system-test":false,"is-test-mode":false},
            "tags":[],"campaigns":[],"user-variables":{},"postern":{}}
            """.ReplaceLineEndings(""),
            told.Body.GetProperty("event-data").GetRawText());
        Assert.Equal(
            ["signature", "event-data"], told.Body.EnumerateObject().Select(member => member.Name));
    }

    /// <summary>The vector of Mailgun's documented scheme: HMAC-SHA256 over timestamp and token.</summary>
    [Fact]
    public void Signature_IsThatOfTheVector() => Assert.Equal(
        "bea308f5525fe20be5281cad6b88fce519153100eb67e876ec1c9340220da6d4",
        MailgunSignature.Sign(Key, "1461565667", "1e63ef6e9c4d5f3b1f1b3e5d0c0e8f7a6b5c4d3e2f1a0b9c8d"));

    [Theory]
    [InlineData(EventKind.Accepted, null, "accepted")]
    [InlineData(EventKind.Delivered, null, "delivered")]
    [InlineData(EventKind.Relayed, null, "delivered")]
    [InlineData(EventKind.Opened, null, "opened")]
    [InlineData(EventKind.Clicked, null, "clicked")]
    [InlineData(EventKind.Unsubscribed, null, "unsubscribed")]
    [InlineData(EventKind.Complained, null, "complained")]
    [InlineData(EventKind.Failed, EventSeverity.Temporary, "temporary_fail")]
    [InlineData(EventKind.Attempted, null, "temporary_fail")]
    [InlineData(EventKind.Failed, EventSeverity.Permanent, "permanent_fail")]
    [InlineData(EventKind.Rejected, null, null)]
    [InlineData(EventKind.Routed, null, null)]
    public async Task Event_GoesWhereItsKindGoes(EventKind kind, EventSeverity? severity, string? type)
    {
        foreach (var one in WebhookTypes.All)
            await SetAsync(one, $"https://hooks.example/{one}");
        await HappenAsync(kind, severity: severity);
        await RoundAsync();
        Assert.Equal(
            type is null ? [] : [$"https://hooks.example/{type}"], receiver.Came.Select(told => told.Url));
    }

    [Fact]
    public async Task Failure_IsToldAgainInTheLadder_SignedAfresh_ThenGivenUp()
    {
        receiver.Answer = _ => HttpStatusCode.InternalServerError;
        await SetAsync("delivered", Url);
        await HappenAsync();
        await RoundAsync();
        await PassAsync(TimeSpan.FromHours(24));
        Assert.Equal(
            [0, 5, 15, 30, 60, 120, 240, 480],
            receiver.Came.Select(told => (told.At - MailHall.Start).TotalMinutes));
        Assert.Equal(8, receiver.Came.Select(told => told.Signed("token")).Distinct().Count());
        Assert.All(receiver.Came, told => Assert.Equal(
            $"{told.At.ToUnixTimeSeconds()}", told.Signed("timestamp")));
        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public async Task Receiver_ThatIsDownForEightHours_GetsEverythingOnce_OverCrashes()
    {
        var up = MailHall.Start.AddHours(8);
        receiver.Answer = _ => hall.Clock.GetUtcNow() < up
            ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.OK;
        await SetAsync("delivered", Url);
        for (var i = 0; i < 96; i++)
        {
            await HappenAsync(recipient: $"r{i:d2}@net.example");
            if (i % 40 == 10)
                await CrashAsync();
            await RoundAsync();
            await PassAsync(TimeSpan.FromMinutes(5));
        }
        await PassAsync(TimeSpan.FromHours(9));
        Assert.Equal(
            Enumerable.Range(0, 96).Select(i => $"r{i:d2}@net.example"),
            receiver.Taken.Select(told => told.Recipient).Order());
        Assert.Equal(
            [0, 5, 15, 30, 60, 120, 240, 480],
            receiver.Came.Where(told => told.Recipient == "r00@net.example")
                .Select(told => (told.At - MailHall.Start).TotalMinutes));
        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public async Task NotAcceptable_IsNotToldAgain()
    {
        receiver.Answer = _ => HttpStatusCode.NotAcceptable;
        await SetAsync("delivered", Url);
        await HappenAsync();
        await RoundAsync();
        await PassAsync(TimeSpan.FromHours(9));
        Assert.Single(receiver.Came);
        Assert.Equal(0, await WaitingAsync());
    }

    [Theory]
    [InlineData(HttpStatusCode.Accepted, 1)]
    [InlineData(HttpStatusCode.NoContent, 1)]
    [InlineData(HttpStatusCode.Found, 8)]
    [InlineData(HttpStatusCode.BadRequest, 8)]
    [InlineData(HttpStatusCode.NotFound, 8)]
    public async Task Answer_OfTwoHundreds_IsTheEnd_AnyOtherIsNot(HttpStatusCode status, int tries)
    {
        receiver.Answer = _ => status;
        await SetAsync("delivered", Url);
        await HappenAsync();
        await RoundAsync();
        await PassAsync(TimeSpan.FromHours(9));
        Assert.Equal(tries, receiver.Came.Count);
    }

    [Fact]
    public async Task Url_OfAccountAndDomain_IsToldOnce()
    {
        await SetAsync("delivered", Url, Other);
        await hall.Queue.PutObjectAsync(hooks.OfAccount.Put(
            "id", new AccountWebhook(Url, ["delivered", "opened"], null, MailHall.Start)));
        await HappenAsync();
        await HappenAsync(EventKind.Opened);
        await HappenAsync(EventKind.Clicked);
        await RoundAsync();
        Assert.Equal([Url, Url, Other], receiver.Came.Select(told => told.Url).Order());
    }

    [Fact]
    public async Task Account_IsToldOfItsDomainsAlone()
    {
        await SetAsync("opened", Other);
        await hall.Queue.PutObjectAsync(hooks.OfAccount.Put(
            "id", new AccountWebhook(Url, ["delivered"], null, MailHall.Start)));
        await HappenAsync(sender: "stranger@elsewhere.example");
        await HappenAsync(sender: "");
        await RoundAsync();
        Assert.Empty(receiver.Came);
    }

    [Fact]
    public async Task Url_ThatHangs_HoldsUpNoOther_AndHasFourAtOnce()
    {
        receiver.Answer = url => url == Url ? null : HttpStatusCode.OK;
        await SetAsync("delivered", Url, Other);
        for (var i = 0; i < 50; i++)
            await HappenAsync(recipient: $"r{i}@net.example");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        await sender.RoundAsync(stop.Token);
        while (receiver.Taken.Count() < 50 || receiver.UnderWay < 4)
            await Task.Yield();
        Assert.All(receiver.Taken, told => Assert.Equal(Other, told.Url));
        Assert.Equal(4, receiver.Came.Count(told => told.Url == Url));
        await stop.CancelAsync();
        await sender.RestAsync();
        Assert.Equal(50, await WaitingAsync());
    }

    [Fact]
    public async Task Url_ThatDoesNotAnswer_IsCutOffAfterFifteenSeconds_AndToldAgain()
    {
        receiver.Answer = _ => null;
        await SetAsync("delivered", Url);
        await HappenAsync();
        await sender.RoundAsync(Cancel);
        while (receiver.UnderWay < 1)
            await Task.Yield();
        hall.Clock.Advance(TimeSpan.FromSeconds(15));
        await sender.RestAsync();
        receiver.Answer = _ => HttpStatusCode.OK;
        await PassAsync(TimeSpan.FromMinutes(4));
        Assert.Empty(receiver.Taken);
        await PassAsync(TimeSpan.FromMinutes(1));
        Assert.Single(receiver.Taken);
    }

    [Fact]
    public async Task Webhook_ThatIsGone_IsNotToldWhatWaited()
    {
        receiver.Answer = _ => HttpStatusCode.BadGateway;
        await SetAsync("delivered", Url);
        await HappenAsync();
        await RoundAsync();
        await UnsetAsync("delivered");
        await PassAsync(TimeSpan.FromHours(9));
        Assert.Single(receiver.Came);
        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public async Task LastWebhook_Gone_EndsTheReading()
    {
        await SetAsync("delivered", Url);
        await UnsetAsync("delivered");
        await HappenAsync();
        await RoundAsync();
        Assert.Null(await hooks.ReadCursorAsync(Cancel));
        await HappenAsync();
        await SetAsync("delivered", Url);
        await HappenAsync(recipient: "new@net.example");
        await RoundAsync();
        Assert.Equal("new@net.example", Assert.Single(receiver.Came).Recipient);
    }

    [Fact]
    public async Task Crash_BeforeTheAnswer_HasItToldAgain()
    {
        receiver.Answer = _ => null;
        await SetAsync("delivered", Url);
        await HappenAsync();
        await sender.RoundAsync(Cancel);
        while (receiver.UnderWay < 1)
            await Task.Yield();
        receiver.Answer = _ => HttpStatusCode.OK;
        await CrashAsync();
        await RoundAsync();
        Assert.Single(receiver.Taken);
        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public async Task Commit_ThatFails_LosesNothing()
    {
        await SetAsync("delivered", Url);
        await HappenAsync();
        hall.Store.FailNext(StoreHealth.Full);
        await RoundAsync();
        Assert.Empty(receiver.Came);
        await RoundAsync();
        Assert.Single(receiver.Came);
    }

    [Fact]
    public async Task Events_ThatNobodyWants_AreNotWritten()
    {
        await SetAsync("delivered", Url);
        for (var i = 0; i < 1200; i++)
            await HappenAsync(sender: "a@other.example");
        var before = hall.Commits;
        await RoundAsync();
        Assert.Equal(before, hall.Commits);
        await HappenAsync();
        await RoundAsync();
        Assert.Single(receiver.Came);
    }

    [Fact]
    public async Task Backlog_OfManyPages_IsToldWhole()
    {
        await SetAsync("delivered", Url);
        for (var i = 0; i < 1200; i++)
            await HappenAsync(recipient: $"r{i}@net.example");
        await RoundAsync();
        Assert.Equal(1200, receiver.Taken.Select(told => told.Recipient).Distinct().Count());
        Assert.Equal(1200, receiver.Came.Count);
    }

    [Fact]
    public async Task Login_OfTheUrl_IsGiven()
    {
        await SetAsync("delivered", "https://me:p%40ss@hooks.example/");
        await HappenAsync();
        await RoundAsync();
        Assert.Equal("Basic bWU6cEBzcw==", Assert.Single(receiver.Came).Authorization);
    }

    public async ValueTask DisposeAsync()
    {
        senders.ForEach(one => one.Dispose());
        await hall.DisposeAsync();
    }
}
