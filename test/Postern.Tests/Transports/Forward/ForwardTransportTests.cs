using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Reports;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Forward;
using Postern.Mta.Transports.Mailgun;
using Postern.Tests.Transports.Mailgun;

namespace Postern.Tests.Transports.Forward;

/// <summary>What is posted for <c>forward(url)</c> and <c>store(notify)</c>, and what an answer
/// proves.</summary>
public sealed class ForwardTransportTests
{
    static readonly DateTimeOffset Now = new(2026, 7, 1, 9, 59, 0, TimeSpan.Zero);

    readonly FakeTimeProvider clock = new(Now);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task<AttemptReport> PostAsync(ScriptedApi peer, string bound, string content)
    {
        await using var transport = new ForwardTransport(
            () => new PosternOptions { Data = Path.GetTempPath(), Hostname = "mx.example.org" },
            _ => new(new MailgunSignature(
                "1461565667", "1e63ef", MailgunSignature.Sign("key", "1461565667", "1e63ef"))),
            clock, peer);
        var attempt = AttemptOf.Text(content.ReplaceLineEndings("\r\n"), "support@mg.example.org");
        return await transport.AttemptAsync(attempt with
        {
            Message = attempt.Message with { Options = new() { Domain = "mg.example.org" } },
            Recipients = [attempt.Recipients[0] with { BoundTransport = bound }],
        }, Cancel);
    }

    static async Task<HttpResponseMessage> TakeAsync(ScriptedApi.Request request, CancellationToken cancel)
    {
        await request.ReadAsync(cancel);
        return ScriptedApi.Make(200, "ok");
    }

    static string Shown(string form) => string.Join('\n', QueryHelpers.ParseQuery(form).SelectMany(
        field => field.Value.Select(value =>
            $"{field.Key}={value!.Replace("\r\n", "|", StringComparison.Ordinal)}")));

    const string Plain = """
        From: =?utf-8?b?7ZmN?= <hong@x.example>
        To: support@mg.example.org
        Subject: hi & =?utf-8?b?7JWI?=
        Message-ID: <1@x.example>
        signature: forged
        Body-Plain: forged
        X-Twice: a
        X-Twice: b

        답 + 1
        > old
        -- 
        me

        """;

    [Fact]
    public async Task Message_WithoutFiles_IsPostedUrlencoded()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        var report = await PostAsync(peer, "https://h.example/in?a=b", Plain);
        var request = Assert.Single(peer.Requests);
        Assert.Equal(("POST", "https://h.example/in?a=b"), (request.Method, request.Address));
        Assert.Equal("""
            recipient=support@mg.example.org
            sender=sender@from.example
            from=홍 <hong@x.example>
            from=홍 <hong@x.example>
            subject=hi & 안
            subject=hi & 안
            timestamp=1461565667
            token=1e63ef
            signature=SIGNATURE
            body-plain=답 + 1|> old|-- |me|
            stripped-text=답 + 1
            stripped-signature=me
            X-Mailgun-Incoming=Yes
            X-Envelope-From=<sender@from.example>
            message-headers=HEADERS
            To=support@mg.example.org
            Message-Id=<1@x.example>
            X-Twice=a
            X-Twice=b
            """
            .Replace("HEADERS", """
                [["From","홍 <hong@x.example>"],["To","support@mg.example.org"],["Subject","hi & 안"],
                ["Message-ID","<1@x.example>"],["signature","forged"],["Body-Plain","forged"],
                ["X-Twice","a"],["X-Twice","b"]]
                """.Replace("\n", "", StringComparison.Ordinal), StringComparison.Ordinal)
            .Replace(
                "SIGNATURE", MailgunSignature.Sign("key", "1461565667", "1e63ef"), StringComparison.Ordinal),
            Shown(request.Text));
        var relayed = Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal(
            ("host h.example said: 200 ok", HandOver.Final), (relayed.Text, relayed.HandedOver));
        Assert.Equal(("h.example", 1), (report.Facts.Relay, report.Facts.ConnectionUse));
    }

    const string Files = """
        From: a@x.example
        Subject: files
        Content-Type: multipart/mixed; boundary=m

        --m
        Content-Type: text/html

        <b>hi</b>
        --m
        Content-Type: image/png; name*=utf-8''%EC%95%88%22.png
        Content-ID: <logo>
        Content-Transfer-Encoding: base64

        AQID
        --m--

        """;

    [Fact]
    public async Task Message_WithFiles_IsPostedMultipart()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        await PostAsync(peer, "https://h.example/in", Files);
        var request = Assert.Single(peer.Requests);
        Assert.Equal(["1"], request.Field("attachment-count"));
        Assert.Equal(["""{"<logo>":"attachment-1"}"""], request.Field("content-id-map"));
        Assert.Equal(["<b>hi</b>"], request.Field("body-html"));
        Assert.Equal(["hi"], request.Field("body-plain"));
        Assert.Contains(
            "name=\"attachment-1\"; filename=\"" + Encoding.Latin1.GetString(Encoding.UTF8.GetBytes("안"))
            + "%22.png\"\r\nContent-Type: image/png\r\n\r\n\u0001\u0002\u0003\r\n--postern-", request.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Url_ThatEndsInMime_GetsTheMessageAsItIs()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        await PostAsync(peer, "https://h.example/rails/inbound_emails/mime", Files);
        var form = QueryHelpers.ParseQuery(Assert.Single(peer.Requests).Text);
        Assert.Equal(Files.ReplaceLineEndings("\r\n"), form["body-mime"]);
        Assert.Equal(
            ["recipient", "sender", "from", "subject", "timestamp", "token", "signature", "body-mime"],
            form.Keys);
    }

    [Fact]
    public async Task Notice_SaysWhereTheMessageLies()
    {
        var peer = new ScriptedApi().Do(TakeAsync);
        await PostAsync(peer, "notify https://h.example/in", Files);
        var form = QueryHelpers.ParseQuery(Assert.Single(peer.Requests).Text);
        const string url = "https://mx.example.org/v3/domains/mg.example.org/messages/000000000YGJ0";
        Assert.Equal("mg.example.org", form["domain"]);
        Assert.Equal(url, form["message-url"]);
        Assert.Equal(
            $$"""[{"url":"{{url}}/attachments/1","content-type":"image/png","name":"안\".png","size":3}]""",
            form["attachments"]);
        Assert.Equal($$"""{"<logo>":"{{url}}/attachments/1"}""", form["content-id-map"]);
        Assert.False(form.ContainsKey("attachment-count"));
    }

    [Theory]
    [InlineData(200, "Relayed 2.0.0")]
    [InlineData(204, "Relayed 2.0.0")]
    [InlineData(302, "NextHopDown 4.3.0")]
    [InlineData(400, "NextHopDown 4.3.0")]
    [InlineData(401, "NextHopDown 4.3.0")]
    [InlineData(404, "NextHopDown 4.3.0")]
    [InlineData(406, "Failed 5.7.1")]
    [InlineData(413, "NextHopDown 4.3.0")]
    [InlineData(429, "NextHopDown 4.3.0")]
    [InlineData(500, "NextHopDown 4.3.0")]
    [InlineData(999, "NextHopDown 4.3.0")]
    public async Task Answer_ProvesNoMoreThanItSays(int status, string expected)
    {
        var report = await PostAsync(new ScriptedApi().Answer(status, "words"), "http://h.example", Plain);
        var result = Assert.Single(report.Results);
        Assert.Equal(expected, $"{result.GetType().Name} {result.Status}");
    }

    [Fact]
    public async Task RetryAfter_IsHonoured()
    {
        var peer = new ScriptedApi().Answer(
            503, "", headers => headers.RetryAfter = new(TimeSpan.FromSeconds(90)));
        var report = await PostAsync(peer, "https://h.example/", Plain);
        var down = Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results));
        Assert.Equal(TimeSpan.FromSeconds(90), down.RetryAfter);
        Assert.Null(down.Alarm);
    }

    [Fact]
    public async Task BrokenConnection_ProvesNothing()
    {
        var peer = new ScriptedApi().BreakBeforeReading(new HttpRequestException("no way"));
        var report = await PostAsync(peer, "https://h.example/secret", Plain);
        var down = Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results));
        Assert.Equal("4.4.1 posting to h.example: no way", $"{down.Status} {down.Text}");
    }
}
