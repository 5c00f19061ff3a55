using System.IO.Pipelines;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Mailgun;
using Postern.Smtp;

namespace Postern.Tests.Transports.Mailgun;

public sealed class MailgunTransportTests
{
    const string Mail = "Message-ID: <id@from.example>\r\nSubject: 배포\r\n\r\nbody\r\n--x--\r\nno end";

    static readonly DateTimeOffset Now = new(2026, 7, 1, 9, 59, 0, TimeSpan.Zero);

    static readonly TransportOptions Options = new()
    {
        Kind = TransportKind.Mailgun,
        Domain = "mg.example",
        Key = new Secret("env:KEY", "key-1"),
    };

    readonly FakeTimeProvider clock = new(Now);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Form_HoldsEnvelopeAndUnchangedOctets()
    {
        var api = new ScriptedApi().Do(TakeAsync);
        var report = await AttemptAsync(api, AttemptOf.Text(Mail, "a@b.example", "배포@b.example"));
        var request = Assert.Single(api.Requests);
        Assert.Equal(
            ("POST", "https://api.mailgun.net/v3/mg.example/messages.mime"),
            (request.Method, request.Address));
        Assert.Equal("Basic " + Convert.ToBase64String("api:key-1"u8), request.Authorization);
        Assert.Equal(["a@b.example", Latin1("배포@b.example")], request.Field("to"));
        Assert.Equal(["000000000YGJ0"], request.Field("v:postern-id"));
        Assert.Equal(["no"], request.Field("o:tracking"));
        Assert.Contains(
            "name=\"message\"; filename=\"message.eml\"\r\nContent-Type: message/rfc822\r\n\r\n"
            + Latin1(Mail) + "\r\n--postern-", request.Text, StringComparison.Ordinal);
        Assert.Equal(2, report.Results.Count);
        Assert.All(report.Results, result =>
        {
            var relayed = Assert.IsType<AttemptResult.Relayed>(result);
            Assert.Equal("<1@mg.example>", relayed.RemoteId);
            Assert.Equal("200 Queued. Thank you. id=<1@mg.example>", relayed.Text);
            Assert.Equal(HandOver.ToHopWithoutDsn, relayed.HandedOver);
        });
        Assert.Equal(("api.mailgun.net:443", 1), (report.Facts.Relay, report.Facts.ConnectionUse));
    }

    [Theory]
    [InlineData("eu", null, "https://api.eu.mailgun.net/v3/")]
    [InlineData("us", "[127.0.0.1]:8443", "https://127.0.0.1:8443/v3/")]
    [InlineData("us", "[::1]:8443", "https://[::1]:8443/v3/")]
    [InlineData("eu", "api.example.net", "https://api.example.net/v3/")]
    public async Task Address_IsOfRegionOrHost(string region, string? host, string begin)
    {
        var api = new ScriptedApi().Do(TakeAsync);
        await AttemptAsync(
            api, AttemptOf.Text(Mail, "a@b.example"), Options with { Region = region, Host = host });
        Assert.StartsWith(begin, Assert.Single(api.Requests).Address, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "o:tracking")]
    [InlineData("x-mailgun-track: htmlonly\r\n", "")]
    [InlineData("X-Mailgun-Track-Clicks: yes\r\n", "o:tracking-opens")]
    [InlineData("X-Mailgun-Track-Opens: yes\r\n", "o:tracking-clicks")]
    [InlineData("X-Mailgun-Track-Opens: yes\r\nX-Mailgun-Track-Clicks: no\r\n", "")]
    [InlineData("Subject: a\r\n\r\nX-Mailgun-Track: yes\r\n", "o:tracking")]
    public async Task Tracking_IsOffUnlessTheMessageAsks(string head, string field)
    {
        var api = new ScriptedApi().Do(TakeAsync);
        await AttemptAsync(api, AttemptOf.Text(head + Mail, "a@b.example"));
        string[] names = ["o:tracking", "o:tracking-opens", "o:tracking-clicks"];
        Assert.Equal(
            field.Length == 0 ? [] : [field],
            names.Where(name => api.Requests[0].Field(name).SequenceEqual(["no"])));
    }

    [Theory]
    [InlineData(50, "1h10m")]
    [InlineData(119, "5m")]
    [InlineData(-5, "2h")]
    public async Task Wishes_OfTheSubmitter_GoAlong(int minutesAgo, string left)
    {
        var api = new ScriptedApi().Do(TakeAsync);
        var attempt = AttemptOf.Text(Mail, "a@b.example");
        await AttemptAsync(api, attempt with
        {
            Message = attempt.Message with
            {
                ArrivedAt = Now.AddMinutes(-minutesAgo),
                Options = new MailOptions
                {
                    Domain = "x",
                    RequiresTls = true,
                    DeliverWithin = TimeSpan.FromHours(2),
                },
            },
        });
        Assert.Equal(["yes"], api.Requests[0].Field("o:require-tls"));
        Assert.Equal([left], api.Requests[0].Field("o:deliver-within"));
    }

    [Fact]
    public async Task NullReversePath_IsSent()
    {
        var api = new ScriptedApi().Do(TakeAsync);
        var attempt = AttemptOf.Octets(Encoding.UTF8.GetBytes(Mail), sender: null, "a@b.example");
        Assert.IsType<AttemptResult.Relayed>((await AttemptAsync(api, attempt)).Results[0]);
    }

    [Theory]
    [InlineData(400, """{"message":"from parameter is missing"}""", "5.6.0")]
    [InlineData(400, """{"message":"to parameter is not a valid address. please check documentation"}""",
        "5.1.3")]
    [InlineData(413, "Request Entity Too Large", "5.3.4")]
    public async Task Refusal_OfTheMessage_Fails(int status, string body, string code)
    {
        var failed = Assert.IsType<AttemptResult.Failed>(await ResultOfAsync(status, body));
        Assert.Equal(code, failed.Status.ToString());
    }

    [Fact]
    public async Task Conversation_OfARefusedKey_HasStatusAndBody_AndNotTheKey()
    {
        var api = new ScriptedApi().Answer(401, "Forbidden");
        await using var transport = new MailgunTransport("mailgun", Options, clock, api);
        var report = await transport.AttemptAsync(
            AttemptOf.Text("Subject: x\r\n\r\n", "a@b.example", "c@b.example"),
            TestContext.Current.CancellationToken);
        Assert.Equal(
            [
                ("POST https://api.mailgun.net/v3/mg.example/messages.mime", "401\nForbidden"),
                ("(and 1 other recipient)", null),
            ],
            report.Talk!(0)!.Turns.Select(turn => (turn.Said, turn.Answer)));
    }

    [Theory]
    [InlineData(401, "Forbidden", "login")]
    [InlineData(402, """{"message":"request failed"}""", "account")]
    [InlineData(403, "no", "account")]
    [InlineData(404, """{"message":"Domain not found: mg.example"}""", "domain")]
    [InlineData(400, """{"message":"Domain d is not allowed to send: Sandbox subdomains are for test"}""",
        "account")]
    [InlineData(400, """{"Error":"your account is disabled"}""", "account")]
    public async Task Refusal_OfTheAccount_IsTheNextHopsWithAnAlarm(int status, string body, string kind)
    {
        var down = Assert.IsType<AttemptResult.NextHopDown>(await ResultOfAsync(status, body));
        Assert.Equal((kind, NextHopTrouble.Refusing), (down.Alarm?.Kind, down.Trouble));
    }

    [Theory]
    [InlineData(500, "Internal Server Error")]
    [InlineData(503, "<html>\r\nbusy</html>")]
    [InlineData(530, "error code: 1016")]
    [InlineData(302, "")]
    [InlineData(408, "")]
    [InlineData(999, "")]
    public async Task Trouble_OfTheService_IsTheNextHops(int status, string body)
    {
        var down = Assert.IsType<AttemptResult.NextHopDown>(await ResultOfAsync(status, body));
        Assert.Null(down.Alarm);
        Assert.DoesNotContain('\n', down.Text);
    }

    [Theory]
    [InlineData(429, "Too Many Requests", null, null)]
    [InlineData(420, "", "30", 30)]
    [InlineData(429, "", "Wed, 01 Jul 2026 10:00:00 GMT", 60)]
    [InlineData(429, """{"retry-seconds":60}""", null, 60)]
    [InlineData(429, """{"message":"limit exceeded, try again after 120 seconds"}""", null, 120)]
    [InlineData(429, """{"message":"not allowed to send: try again after Wed, 01 Jul 2026 10:00:00 UTC"}""",
        null, 60)]
    [InlineData(429, "", "999999999", 3600)]
    [InlineData(429, "", "Mon, 01 Jun 2026 10:00:00 GMT", null)]
    public async Task SlowDown_IsHonouredForItsTime(int status, string body, string? header, int? seconds)
    {
        var api = new ScriptedApi().Answer(status, body, headers => Put(headers, header));
        var report = await AttemptAsync(api, AttemptOf.Text(Mail, "a@b.example"));
        var down = Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]);
        Assert.Null(down.Alarm);
        Assert.Equal(seconds, (int?)down.RetryAfter?.TotalSeconds);
        // While it names a time nothing is taken: the lane rests, and its pace says nothing.
        Assert.Equal(seconds is null, down.SlowDown);
    }

    [Fact]
    public async Task ServerError_WithATime_IsHonoured()
    {
        var api = new ScriptedApi().Answer(503, "", headers => Put(headers, "7"));
        var report = await AttemptAsync(api, AttemptOf.Text(Mail, "a@b.example"));
        Assert.Equal(
            TimeSpan.FromSeconds(7), Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]).RetryAfter);
    }

    [Theory]
    [InlineData(200, "Mailgun Magnificent API")]
    [InlineData(200, """{"message":"Queued. Thank you."}""")]
    [InlineData(200, """{"id":"\ud800"}""")]
    [InlineData(200, """{"id":17}""")]
    [InlineData(200, "[]")]
    [InlineData(200, "{\"id\":\"<cut")]
    [InlineData(202, """{"id":"<1@mg.example>"}""")]
    public async Task Success_WithoutAnId_ProvesNothing(int status, string body) =>
        Assert.IsType<AttemptResult.Uncertain>(await ResultOfAsync(status, body));

    [Fact]
    public async Task Text_OfThePeer_IsOneShortLine()
    {
        var down = await ResultOfAsync(500, "a\r\nb\0" + new string('c', 100_000));
        Assert.Contains("500 a b ccc", down.Text, StringComparison.Ordinal);
        Assert.InRange(down.Text.Length, 1000, 1200);
        Assert.DoesNotContain(down.Text, character => char.IsControl(character));
    }

    [Fact]
    public async Task Call_BrokenBeforeTheEndOfTheForm_IsAnOutage()
    {
        var api = new ScriptedApi().BreakBeforeReading(new HttpRequestException("refused"));
        var down = Assert.IsType<AttemptResult.NextHopDown>(
            (await AttemptAsync(api, AttemptOf.Text(Mail, "a@b.example"))).Results[0]);
        Assert.Equal(NextHopTrouble.Unreachable, down.Trouble);
        Assert.Contains("refused", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_BrokenAfterTheWholeForm_IsUncertain()
    {
        var api = new ScriptedApi().Do(async (request, cancel) =>
        {
            await request.ReadAsync(cancel);
            throw new IOException("reset");
        });
        Assert.IsType<AttemptResult.Uncertain>(
            (await AttemptAsync(api, AttemptOf.Text(Mail, "a@b.example"))).Results[0]);
    }

    [Theory]
    [InlineData(true, typeof(AttemptResult.Uncertain))]
    [InlineData(false, typeof(AttemptResult.NextHopDown))]
    public async Task Timeout_EndsTheAttempt(bool reads, Type expected)
    {
        var waits = new TaskCompletionSource();
        var api = new ScriptedApi().Do(async (request, cancel) =>
        {
            if (reads)
                await request.ReadAsync(cancel);
            waits.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, clock, cancel);
            throw new InvalidOperationException("it does not end");
        });
        var attempt = AttemptAsync(
            api, AttemptOf.Text(Mail, "a@b.example"), Options with { Timeout = TimeSpan.FromSeconds(9) });
        await waits.Task;
        clock.Advance(TimeSpan.FromSeconds(9));
        var result = (await attempt).Results[0];
        Assert.IsType(expected, result);
        Assert.Contains("timed out", result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_OfTheProcess_IsNoResult()
    {
        using var stop = new CancellationTokenSource();
        var api = new ScriptedApi().Do(async (_, cancel) =>
        {
            await stop.CancelAsync();
            cancel.ThrowIfCancellationRequested();
            throw new InvalidOperationException("it goes on");
        });
        await using var transport = new MailgunTransport("mailgun", Options, clock, api);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), stop.Token));
    }

    [Fact]
    public async Task Content_ThatCannotBeRead_IsNotTheNextHopsFault()
    {
        var attempt = AttemptOf.Text(Mail, "a@b.example");
        var api = new ScriptedApi().Do(TakeAsync);
        await Assert.ThrowsAsync<ContentDamagedException>(
            () => AttemptAsync(api, attempt with { Content = new DamagedContent(attempt.Content) }));
    }

    [Fact]
    public async Task BadAddress_AmongOthers_StandsAloneInTheEnd()
    {
        var api = new ScriptedApi();
        for (var i = 0; i < 9; i++)
            api.Do(RefuseBadAsync);
        var report = await AttemptAsync(
            api, AttemptOf.Text(Mail, "a@b.example", "b@b.example", "bad@b.example", "c@b.example"));
        Assert.Equal(
            [true, true, false, true], report.Results.Select(result => result is AttemptResult.Relayed));
        Assert.Equal("5.1.3", report.Results[2].Status.ToString());
        Assert.Equal(5, api.Requests.Count);
    }

    [Theory]
    [InlineData(400, """{"message":"to parameter is missing"}""", typeof(TransportFinding.Well), null)]
    [InlineData(401, "Forbidden", typeof(TransportFinding.Wrong), "login")]
    [InlineData(404, "Domain not found", typeof(TransportFinding.Wrong), "domain")]
    [InlineData(403, "disabled", typeof(TransportFinding.Wrong), "account")]
    [InlineData(500, "", typeof(TransportFinding.Unproved), null)]
    [InlineData(429, "", typeof(TransportFinding.Unproved), null)]
    public async Task Check_NeedsNoMail(int status, string body, Type expected, string? kind)
    {
        var api = new ScriptedApi().Answer(status, body);
        await using var transport = new MailgunTransport("mailgun", Options, clock, api);
        var finding = await transport.CheckAsync(Cancel);
        Assert.IsType(expected, finding);
        Assert.Equal(kind, (finding as TransportFinding.Wrong)?.Alarm.Kind);
        Assert.Equal("POST", Assert.Single(api.Requests).Method);
    }

    [Fact]
    public async Task Check_WithoutAnAnswer_ProvesNothing()
    {
        var api = new ScriptedApi().BreakBeforeReading(new HttpRequestException("refused"));
        await using var transport = new MailgunTransport("mailgun", Options, clock, api);
        Assert.IsType<TransportFinding.Unproved>(await transport.CheckAsync(Cancel));
    }

    async Task<AttemptResult> ResultOfAsync(int status, string body) => (await AttemptAsync(
        new ScriptedApi().Answer(status, body), AttemptOf.Text(Mail, "a@b.example"))).Results[0];

    async Task<AttemptReport> AttemptAsync(ScriptedApi api, Attempt attempt, TransportOptions? options = null)
    {
        await using var transport = new MailgunTransport("mailgun", options ?? Options, clock, api);
        return await transport.AttemptAsync(attempt, Cancel);
    }

    static async Task<HttpResponseMessage> TakeAsync(ScriptedApi.Request request, CancellationToken cancel)
    {
        await request.ReadAsync(cancel);
        return ScriptedApi.Make(200, """{"id":"<1@mg.example>","message":"Queued. Thank you."}""");
    }

    static async Task<HttpResponseMessage> RefuseBadAsync(
        ScriptedApi.Request request, CancellationToken cancel)
    {
        await request.ReadAsync(cancel);
        return request.Field("to").Any(to => to.StartsWith("bad", StringComparison.Ordinal))
            ? ScriptedApi.Make(400, """{"message":"to parameter is not a valid address."}""")
            : ScriptedApi.Make(200, """{"id":"<1@mg.example>","message":"Queued. Thank you."}""");
    }

    static void Put(HttpResponseHeaders headers, string? retryAfter)
    {
        if (retryAfter is not null)
            headers.Add("Retry-After", retryAfter);
    }

    static string Latin1(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>Readable once, for the header; then it is damaged.</summary>
    sealed class DamagedContent(ContentSource content) : ContentSource
    {
        int opened;

        public override long Octets => content.Octets;
        public override bool HasEightBit => content.HasEightBit;
        public override bool HasEightBitHeader => content.HasEightBitHeader;

        public override PipeReader OpenReader() => opened++ == 0
            ? content.OpenReader()
            : PipeReader.Create(new DamagedStream());
    }

    sealed class DamagedStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            throw new ContentDamagedException("1", "its sum does not fit");
    }
}
