using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Tests.Transports.Mailgun;

/// <summary>Attempts after one that ended unknown: the events are asked first.</summary>
public sealed class MailgunEventsTests : IDisposable
{
    const string Base = "https://api.mailgun.net/v3/mg.example";
    const string Mark = "\"user-variables\":{\"postern-id\":\"000000000YGJ0\"}";

    static readonly TransportOptions Options = new()
    {
        Kind = TransportKind.Mailgun,
        Domain = "mg.example",
        Key = new Secret("env:KEY", "key-1"),
    };

    readonly ScriptedApi api = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => api.Dispose();

    [Fact]
    public async Task Known_IsRelayedAndNotSent()
    {
        api.Answer(200, Page(Item("accepted", "A@b.example", Mark)));
        var report = await AttemptAsync(Uncertain("a@b.example"));
        var relayed = Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal("found in the events of api.mailgun.net: accepted", relayed.Text);
        Assert.Equal("<id@from.example>", relayed.RemoteId);
        Assert.Equal(
            $"GET {Base}/events?message-id=id%40from.example"
            + "&event=accepted%20OR%20delivered%20OR%20failed&limit=300&recipient=a%40b.example",
            $"{api.Requests.Single().Method} {api.Requests.Single().Address}");
    }

    [Fact]
    public async Task Certain_Attempts_AskNothing()
    {
        api.Accept();
        await AttemptAsync(AttemptOf.Text("\r\n", "a@b.example"));
        Assert.Equal("POST", Assert.Single(api.Requests).Method);
    }

    [Fact]
    public async Task Unknown_IsSent_AndTheKnownAreNot()
    {
        api.Answer(200, Page(Item("delivered", "b@b.example", "\"user-variables\":[]"))).Answer(200, Page())
            .Do(async (request, cancel) =>
            {
                await request.ReadAsync(cancel);
                return ScriptedApi.Make(200, """{"id":"<id@from.example>"}""");
            });
        var report = await AttemptAsync(Uncertain("a@b.example", "b@b.example", "c@b.example"));
        Assert.All(report.Results, result => Assert.IsType<AttemptResult.Relayed>(result));
        Assert.Equal(["a@b.example", "c@b.example"], api.Requests[^1].Field("to"));
        Assert.DoesNotContain("&recipient=", api.Requests[0].Address, StringComparison.Ordinal);
        // The next page is asked of the configured host, whatever the link says.
        Assert.Equal($"{Base}/events/W3siYQ==", api.Requests[1].Address);
    }

    [Theory]
    [InlineData("\"user-variables\":{\"postern-id\":\"000000000YGJ1\"}", "id@from.example")]
    [InlineData("\"user-variables\":{}", "other@from.example")]
    public async Task Event_OfAnotherMessage_CountsNot(string variables, string messageId)
    {
        api.Answer(200, Page(Item("accepted", "a@b.example", variables, messageId)))
            .Answer(200, Page()).Accept();
        await AttemptAsync(Uncertain("a@b.example"));
        Assert.Equal(["GET", "GET", "POST"], api.Requests.Select(request => request.Method));
    }

    [Theory]
    [InlineData(500, "")]
    [InlineData(429, "")]
    [InlineData(200, "{\"items\":")]
    [InlineData(200, "{\"items\":{}}")]
    [InlineData(200, "Mailgun Magnificent API")]
    public async Task NoAnswer_OfTheEvents_SendsNothing(int status, string body)
    {
        api.Answer(status, body);
        var report = await AttemptAsync(Uncertain("a@b.example", "b@b.example"));
        Assert.All(report.Results, result =>
        {
            var down = Assert.IsType<AttemptResult.NextHopDown>(result);
            Assert.Null(down.Alarm);
        });
        Assert.Single(api.Requests);
    }

    [Fact]
    public async Task BrokenCall_ToTheEvents_SendsNothing()
    {
        api.BreakBeforeReading(new HttpRequestException("refused"));
        Assert.IsType<AttemptResult.NextHopDown>((await AttemptAsync(Uncertain("a@b.example"))).Results[0]);
        Assert.Single(api.Requests);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    public async Task Key_ThatMayNotAsk_SendsAgain(int status)
    {
        api.Answer(status, "Forbidden").Accept();
        Assert.IsType<AttemptResult.Relayed>((await AttemptAsync(Uncertain("a@b.example"))).Results[0]);
    }

    [Fact]
    public async Task Question_ForEvents_IsAsMailgunRecommends()
    {
        api.Answer(200, Page(Item("delivered", "a@b.example", Mark), Item("accepted", "a@b.example", Mark)))
            .Answer(200, Page());
        await using var transport =
            new MailgunTransport("mailgun", Options, TimeProvider.System, api);
        var since = DateTimeOffset.FromUnixTimeSeconds(1_767_225_600);
        var found = Assert.IsType<TellingPage.Found>(
            await transport.ReadEventsAsync(since, null, Cancel));
        Assert.Equal(
            $"{Base}/events?begin=1767225600&ascending=yes&limit=300&event=delivered%20OR%20failed%20OR%20"
            + "rejected%20OR%20opened%20OR%20clicked%20OR%20unsubscribed%20OR%20complained",
            api.Requests[0].Address);
        Assert.Equal("000000000YGJ0", Assert.Single(found.Tellings).Mark.ToString());
        var end = Assert.IsType<TellingPage.Found>(
            await transport.ReadEventsAsync(since, found.Next, Cancel));
        Assert.Equal($"{Base}/events/W3siYQ==", api.Requests[1].Address);
        Assert.Null(end.Next);
    }

    [Theory]
    [InlineData(401, true)]
    [InlineData(403, true)]
    [InlineData(404, true)]
    [InlineData(429, false)]
    [InlineData(500, false)]
    [InlineData(200, false)]
    public async Task Question_ForEvents_ThatIsNotAnswered_SaysWhoseTroubleItIs(int status, bool isOurs)
    {
        api.Answer(status, "no");
        await using var transport =
            new MailgunTransport("mailgun", Options, TimeProvider.System, api);
        var page = await transport.ReadEventsAsync(default, null, Cancel);
        Assert.Equal(isOurs, page is TellingPage.Refused);
        Assert.Equal(!isOurs, page is TellingPage.Unanswered);
    }

    [Fact]
    public async Task Message_WithoutMessageId_CannotBeAskedFor()
    {
        api.Accept();
        var attempt = Uncertain("a@b.example");
        await AttemptAsync(attempt with { Message = attempt.Message with { MessageId = "" } });
        Assert.Equal("POST", Assert.Single(api.Requests).Method);
    }

    [Fact]
    public async Task Pages_WithoutEnd_SendNothing()
    {
        for (var i = 0; i < 50; i++)
            api.Answer(200, Page(Item("failed", "x@b.example", Mark)).Replace("W3siYQ", $"W3siYQ{i}"));
        Assert.IsType<AttemptResult.NextHopDown>((await AttemptAsync(Uncertain("a@b.example"))).Results[0]);
    }

    async Task<AttemptReport> AttemptAsync(Attempt attempt)
    {
        await using var transport = new MailgunTransport("mailgun", Options, new FakeTimeProvider(), api);
        return await transport.AttemptAsync(attempt, Cancel);
    }

    static Attempt Uncertain(params string[] recipients)
    {
        var attempt = AttemptOf.Text("Message-ID: <id@from.example>\r\n\r\nbody\r\n", recipients);
        return attempt with
        {
            Recipients = [.. attempt.Recipients.Select(recipient => recipient with { Uncertain = 1 })],
        };
    }

    static string Item(
        string kind, string recipient, string variables, string messageId = "id@from.example") =>
        $$"""{"event":"{{kind}}","id":"{{kind}}-1","timestamp":1767225600.5,"recipient":"{{recipient}}","""
        + $$"""{{variables}},"message":{"headers":"""
        + $"{{\"message-id\":\"{messageId}\"}}}}}}";

    static string Page(params string[] items) => $$"""
        {"items":[{{string.Join(',', items)}}],
         "paging":{"next":"https://elsewhere.example/v3/mg.example/events/W3siYQ=="}
        }
        """;
}
