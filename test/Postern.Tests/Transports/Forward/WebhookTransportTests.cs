using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Inbound;
using Postern.Mta.Reports;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Forward;
using Postern.Mta.Transports.Mailgun;
using Postern.Mta.Webhooks;
using Postern.Tests.Doubles;
using Postern.Tests.Transports.Mailgun;

namespace Postern.Tests.Transports.Forward;

/// <summary>What a webhook gets, and what its answer proves.</summary>
public sealed class WebhookTransportTests : IDisposable
{
    const string Mail = "From: a@x.example\r\nSubject: hi\r\nMessage-ID: <1@x.example>\r\n\r\nbody\r\n";

    readonly FakeTimeProvider clock = new(DateTimeOffset.FromUnixTimeSeconds(1_614_265_330));
    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("webhook");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static TransportOptions Options => new()
    {
        Kind = TransportKind.Webhook,
        Url = "https://h.example/in?a=b",
        Key = new Secret("file:key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    };

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Signature_IsThatOfStandardWebhooks()
    {
        Assert.True(StandardWebhook.TryReadKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", out var key));
        Assert.Equal(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            StandardWebhook.Sign(
                key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}"u8));
    }

    [Fact]
    public async Task Document_IsPostedForEachRecipientAndSigned()
    {
        var peer = new ScriptedApi().Do(TakeAsync).Do(TakeAsync);
        var report = await PostAsync(peer, Options, AttemptOf.Text(Mail, "a@in.example", "b+t@in.example"));
        Assert.Equal(2, peer.Requests.Count);
        for (var i = 0; i < 2; i++)
        {
            var request = peer.Requests[i];
            Assert.Equal(("POST", "https://h.example/in?a=b"), (request.Method, request.Address));
            Assert.Equal($"000000000YGJ0-{i + 1}", request.Header("webhook-id"));
            Assert.Equal("1614265330", request.Header("webhook-timestamp"));
            Assert.True(StandardWebhook.TryReadKey(Options.Key!.Value, out var key));
            Assert.Equal(
                StandardWebhook.Sign(
                    key, request.Header("webhook-id")!, "1614265330", Encoding.Latin1.GetBytes(request.Text)),
                request.Header("webhook-signature"));
            using var document = JsonDocument.Parse(request.Text);
            Assert.Equal("postern.inbound.v1", document.RootElement.GetProperty("schema").GetString());
            var raw = document.RootElement.GetProperty("raw").GetProperty("data").GetBytesFromBase64();
            Assert.Equal(Mail, Encoding.UTF8.GetString(raw));
        }
        var relayed = Assert.IsType<AttemptResult.Relayed>(report.Results[1]);
        Assert.Equal(
            ("host h.example said: 200 ok", HandOver.Final), (relayed.Text, relayed.HandedOver));
        Assert.Equal(("h.example", 1), (report.Facts.Relay, report.Facts.ConnectionUse));
    }

    [Fact]
    public async Task Document_OfALargeMessage_NamesTheFileThatHoldsIt()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        var content = new byte[WebhookTransport.InlineMax + 1];
        Array.Fill(content, (byte)'x');
        "Subject: big\r\n\r\n"u8.CopyTo(content);
        await PostAsync(peer, Options, AttemptOf.Octets(content, AttemptOf.Sender, "a@in.example"));
        using var document = JsonDocument.Parse(Assert.Single(peer.Requests).Text);
        var raw = document.RootElement.GetProperty("raw");
        Assert.Equal("ref", raw.GetProperty("mode").GetString());
        Assert.Equal(
            content.Length, new FileInfo(new Uri(raw.GetProperty("uri").GetString()!).LocalPath).Length);
    }

    [Fact]
    public async Task Conversation_OfARefusedPost_HasStatusAndBody_AndNothingBehindTheQuestionMark()
    {
        var peer = new ScriptedApi().Answer(401, "who\nare you?");
        var report = await PostAsync(peer, Options, AttemptOf.Text(Mail, "a@in.example", "b@in.example"));
        var turn = Assert.Single(report.Talk!(0)!.Turns);
        Assert.Equal(("POST https://h.example/in?...", "401\nwho\nare you?"), (turn.Said, turn.Answer));
        // The second was not posted.
        Assert.Null(report.Talk(1));
    }

    [Fact]
    public async Task MailgunForm_IsPostedWithItsSignature()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        await PostAsync(
            peer, Options with { Form = WebhookForm.Mailgun }, AttemptOf.Text(Mail, "a@in.example"));
        var request = Assert.Single(peer.Requests);
        var form = QueryHelpers.ParseQuery(request.Text);
        Assert.Equal("a@in.example", form["recipient"]);
        Assert.Equal("body\r\n", form["body-plain"]);
        Assert.Equal(
            MailgunSignature.Sign(Options.Key!.Value, form["timestamp"]!, form["token"]!), form["signature"]);
        Assert.Null(request.Header("webhook-signature"));
    }

    [Fact]
    public async Task MailgunForm_WithFiles_IsMultipart()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        const string mail = "Content-Type: image/png; name=a.png\r\n"
            + "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nAQID\r\n";
        await PostAsync(
            peer, Options with { Form = WebhookForm.Mailgun }, AttemptOf.Text(mail, "a@in.example"));
        Assert.Equal(["1"], Assert.Single(peer.Requests).Field("attachment-count"));
    }

    [Fact]
    public async Task MailgunMimeForm_HoldsTheMessageAsItIs()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        await PostAsync(
            peer, Options with { Form = WebhookForm.MailgunMime }, AttemptOf.Text(Mail, "a@in.example"));
        Assert.Equal(Mail, QueryHelpers.ParseQuery(Assert.Single(peer.Requests).Text)["body-mime"]);
    }

    [Theory]
    [InlineData(200, "Relayed 2.0.0", false)]
    [InlineData(204, "Relayed 2.0.0", false)]
    [InlineData(302, "NextHopDown 4.3.5", true)]
    [InlineData(400, "NextHopDown 4.3.5", true)]
    [InlineData(401, "NextHopDown 4.3.5", true)]
    [InlineData(404, "NextHopDown 4.3.5", true)]
    [InlineData(406, "Failed 5.7.1", false)]
    [InlineData(408, "NextHopDown 4.3.0", false)]
    [InlineData(410, "NextHopDown 4.3.5", true)]
    [InlineData(413, "NextHopDown 4.3.5", true)]
    [InlineData(425, "NextHopDown 4.3.0", false)]
    [InlineData(429, "NextHopDown 4.3.0", false)]
    [InlineData(500, "NextHopDown 4.3.0", false)]
    [InlineData(503, "NextHopDown 4.3.0", false)]
    [InlineData(999, "NextHopDown 4.3.0", false)]
    public async Task Answer_ProvesNoMoreThanItSays(int status, string expected, bool hasAlarm)
    {
        var report = await PostAsync(
            new ScriptedApi().Answer(status, "words"), Options, AttemptOf.Text(Mail, "a@in.example"));
        var result = Assert.Single(report.Results);
        Assert.Equal(expected, $"{result.GetType().Name} {result.Status}");
        Assert.Equal(
            hasAlarm ? "webhook" : null, (result as AttemptResult.NextHopDown)?.Alarm?.Kind);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task RetryAfter_IsHonoured(int status)
    {
        var peer = new ScriptedApi().Answer(
            status, "",
            headers => headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(90)));
        var report = await PostAsync(peer, Options, AttemptOf.Text(Mail, "a@in.example"));
        var down = Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results));
        Assert.Equal((TimeSpan.FromSeconds(90), false), (down.RetryAfter!.Value, down.SlowDown));
    }

    [Fact]
    public async Task Answer429_WithoutATime_IsThePaceAlone()
    {
        var report = await PostAsync(
            new ScriptedApi().Answer(429), Options, AttemptOf.Text(Mail, "a@in.example"));
        Assert.True(Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results)).SlowDown);
    }

    [Fact]
    public async Task BrokenConnection_StopsThePostsBehindIt()
    {
        var peer = new ScriptedApi().BreakBeforeReading(new HttpRequestException("no way"));
        var report = await PostAsync(peer, Options, AttemptOf.Text(Mail, "a@in.example", "b@in.example"));
        Assert.Single(peer.Requests);
        Assert.All(report.Results, result => Assert.Equal(
            "4.4.1 posting to h.example: no way",
            $"{Assert.IsType<AttemptResult.NextHopDown>(result).Status} {result.Text}"));
        Assert.Equal(0, report.Facts.ConnectionUse);
    }

    [Fact]
    public async Task Loopback_IsPostedToInTheClearAndARedirectIsNotFollowed()
    {
        await using var server = ScriptedRelay.Start(async peer =>
        {
            await peer.ExpectAsync("POST /in HTTP/1.1");
            var length = 0;
            while (await peer.ReadLineAsync() is { Length: > 0 } line)
                if (line.Split(": ") is ["Content-Length", var octets])
                    length = int.Parse(octets, CultureInfo.InvariantCulture);
            // What is left unread would reset the connection.
            Assert.Equal(length, (await peer.ReadOctetsAsync(length)).Length);
            await peer.SayAsync(
                "HTTP/1.1 307 Temporary Redirect", "Location: /elsewhere", "Content-Length: 0", "");
        });
        var options = Options with { Url = $"http://127.0.0.1:{server.Port}/in" };
        await using var transport = Over(options);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@in.example"), Cancel);
        var down = Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results));
        Assert.Equal("webhook", down.Alarm?.Kind);
        Assert.Equal(1, server.Connections);
        Assert.Empty(server.Failures);
    }

    [Fact]
    public async Task PrivateAddress_IsNotConnectedTo()
    {
        var options = Options with { Url = "https://10.0.0.1/in" };
        await using var transport = Over(options);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@in.example"), Cancel);
        Assert.Contains(
            "address is not allowed", Assert.Single(report.Results).Text, StringComparison.Ordinal);
        var wrong = Assert.IsType<TransportFinding.Wrong>(await transport.CheckAsync(Cancel));
        Assert.Equal("webhook", wrong.Alarm.Kind);
    }

    [Fact]
    public async Task Check_OfAHostThatIsNotFound_ProvesNothing()
    {
        await using var transport = Over(Options);
        Assert.Equal(TransportFinding.Nothing, await transport.CheckAsync(Cancel));
    }

    [Theory]
    [InlineData("https://app.example.org/mail", null)]
    [InlineData("http://127.0.0.1:3000/mail", null)]
    [InlineData("http://[::1]:3000/mail", null)]
    [InlineData("http://localhost/mail", null)]
    [InlineData("http://app.example.org/mail", "must be https off loopback")]
    [InlineData("http://127.0.0.1.example.org/", "must be https off loopback")]
    [InlineData("ftp://app.example.org/", "is no address")]
    [InlineData("https://user:pass@app.example.org/", "is no address")]
    [InlineData("app.example.org", "is no address")]
    [InlineData(null, "is no address")]
    public void Url_IsChecked(string? url, string? part)
    {
        var problem = WebhookTransport.FindProblem(Options with { Url = url });
        if (part is null)
            Assert.Null(problem);
        else
            Assert.Contains(part, problem?.Text, StringComparison.Ordinal);
    }

    static WebTargets Targets => new(new FakeResolver(), () => new PosternOptions());

    InboundSource Source => new("mx.example.org", "1.0", "+", folder.FullName);

    /// <summary>With connections of its own.</summary>
    WebhookTransport Over(TransportOptions options) =>
        new("hook", options, Source, Targets, TimeProvider.System);

    async Task<AttemptReport> PostAsync(ScriptedApi peer, TransportOptions options, Attempt attempt)
    {
        await using var transport =
            new WebhookTransport("hook", options, Source, Targets, clock, peer);
        return await transport.AttemptAsync(attempt, Cancel);
    }

    static async Task<HttpResponseMessage> TakeAsync(ScriptedApi.Request request, CancellationToken cancel)
    {
        await request.ReadAsync(cancel);
        return ScriptedApi.Make(200, "ok");
    }
}
