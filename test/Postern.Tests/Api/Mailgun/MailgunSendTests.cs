using System.Net;
using System.Text;
using System.Text.Json;
using Postern.Mta.Queue;

namespace Postern.Tests.Api.Mailgun;

/// <summary><c>messages</c> and <c>messages.mime</c>: what they answer, and the mail they make.</summary>
public sealed class MailgunSendTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Messages = "v3/mg.example.org/messages";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static async Task<(HttpStatusCode Status, string Message, string? Id)> AnswerAsync(
        HttpResponseMessage response)
    {
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        var id = json.RootElement.TryGetProperty("id", out var given) ? given.GetString() : null;
        return (response.StatusCode, json.RootElement.GetProperty("message").GetString()!, id);
    }

    /// <param name="fields"><c>name=value</c> each; these alone where the first is empty, else besides a
    /// from, to, subject and text.</param>
    async Task<(HttpStatusCode Status, string Message, string? Id)> SendAsync(params string[] fields)
    {
        string[] usual = ["from=Ann <ann@shop.example>", "to=bob@net.example", "subject=hello", "text=hi"];
        string[] besides = [.. usual.Where(
            field => !fields.Any(own => own.Split('=')[0] == field.Split('=')[0])), .. fields];
        var all = (fields is ["", ..] ? fields[1..] : besides)
            .Select(field => field.Split('=', 2)).Where(field => field[1].Length > 0)
            .Select(field => new KeyValuePair<string, string>(field[0], field[1]));
        using var http = server.Api("key-mg");
        return await AnswerAsync(await http.PostAsync(Messages, new FormUrlEncodedContent(all), Cancel));
    }

    async Task<(StoredMail Mail, string Content)> SentAsync(params string[] fields)
    {
        var (status, message, id) = await SendAsync(fields);
        Assert.Equal((HttpStatusCode.OK, "Queued. Thank you."), (status, message));
        var (stored, content) = await server.MailAsync(id!);
        return (new StoredMail(stored.Message, [.. stored.Recipients.Select(row => row.Address.ToString())]),
            content);
    }

    sealed record StoredMail(QueuedMessage Message, IReadOnlyList<string> To);

    [Fact]
    public async Task Fields_BecomeAMessageToAllOfThem()
    {
        var (mail, content) = await SentAsync(
            "to=bob@net.example, C, D <c@net.example>", "cc=e@net.example", "bcc=f@net.example",
            "subject=안녕", "html=<b>hi</b>", "h:Reply-To=r@x.example", "o:tag=welcome", "v:order=17");
        Assert.Equal(["bob@net.example", "c@net.example", "e@net.example", "f@net.example"], mail.To);
        Assert.Equal("ann@shop.example", mail.Message.Sender.Mailbox?.ToString());
        Assert.Equal("mg.example.org", mail.Message.Options!.Domain);
        Assert.Equal(["welcome"], mail.Message.Options.Tags);
        Assert.Equal("""{"order":"17"}""", mail.Message.Options.Variables);
        Assert.Contains("\r\nFrom: Ann <ann@shop.example>\r\n", content);
        Assert.Contains("\r\nTo: bob@net.example, \"C, D\" <c@net.example>\r\n", content);
        Assert.Contains("\r\nCc: e@net.example\r\n", content);
        Assert.Contains("\r\nSubject: =?utf-8?b?7JWI64WV?=\r\n", content);
        Assert.Contains("\r\nReply-To: r@x.example\r\n", content);
        Assert.Contains("multipart/alternative", content);
        Assert.DoesNotContain("f@net.example", content);
        // Where the web server stands is not told.
        Assert.DoesNotContain("127.0.0.1", content);
    }

    [Fact]
    public async Task Files_AreAttached_AndInlineOnesStandBesideTheHtml()
    {
        using var http = server.Api("key-mg");
        using var form = new MultipartFormDataContent
        {
            { new StringContent("a@shop.example"), "from" }, { new StringContent("b@net.example"), "to" },
            { new StringContent("files"), "subject" },
            { new StringContent("<img src=cid:logo.png>"), "html" },
            { new ByteArrayContent([1, 2, 3]), "attachment", "보고서.pdf" },
            { new ByteArrayContent([4, 5]), "inline", "logo.png" },
        };
        var (status, _, id) = await AnswerAsync(await http.PostAsync(Messages, form, Cancel));
        Assert.Equal(HttpStatusCode.OK, status);
        var (_, content) = await server.MailAsync(id!);
        var message = await MimeKit.MimeMessage.LoadAsync(
            new MemoryStream(Encoding.UTF8.GetBytes(content)), Cancel);
        var mixed = Assert.IsType<MimeKit.Multipart>(message.Body);
        var related = Assert.IsType<MimeKit.MultipartRelated>(mixed[0]);
        Assert.Equal("logo.png", related[1].ContentId);
        var attached = Assert.Single(message.Attachments.OfType<MimeKit.MimePart>());
        Assert.Equal(
            ("보고서.pdf", "application/pdf"), (attached.FileName, attached.ContentType.MimeType));
        var octets = new MemoryStream();
        await attached.Content!.DecodeToAsync(octets, Cancel);
        Assert.Equal([1, 2, 3], octets.ToArray());
    }

    [Fact]
    public async Task Batch_IsAMessageForEach_UnderOneId()
    {
        var (status, _, id) = await SendAsync(
            "to=Bob Q <b1@net.example>", "cc=boss@net.example",
            "subject=hi %recipient_fname% %recipient.code%",
            "recipient-variables={\"b1@net.example\":{\"code\":\"42\"}}", "to=c1@net.example");
        Assert.Equal(HttpStatusCode.OK, status);
        var sent = await server.MailsAsync(id!);
        Assert.Equal(["b1@net.example boss@net.example", "c1@net.example"], sent.Select(
            one => string.Join(' ', one.Message.Recipients.Select(row => row.Address))));
        Assert.Contains("\r\nSubject: hi Bob 42\r\n", sent[0].Content);
        Assert.Contains("\r\nSubject: hi  %recipient.code%\r\n", sent[1].Content);
        Assert.Contains("\r\nTo: c1@net.example\r\n", sent[1].Content);
    }

    [Fact]
    public async Task Batch_WithQuotesAndLineEndsInItsValues_StaysOneMessageWithItsFields()
    {
        var (status, _, id) = await SendAsync(
            "to=q1@net.example", "subject=%recipient.x%", "h:X-A=%recipient.x%", "v:x=%recipient.x%",
            """recipient-variables={"q1@net.example":{"x":"a\"b\r\nBcc: e@net.example"}}""");
        Assert.Equal(HttpStatusCode.OK, status);
        var (_, content) = await server.MailAsync(id!);
        Assert.DoesNotContain("\r\nBcc", content);
        Assert.Contains("X-A: a\"b", content);
    }

    [Fact]
    public async Task Inline_WithASpaceInItsName_IsTaken()
    {
        using var http = server.Api("key-mg");
        using var form = new MultipartFormDataContent
        {
            { new StringContent("a@shop.example"), "from" }, { new StringContent("b@net.example"), "to" },
            { new StringContent("<img>"), "html" }, { new ByteArrayContent([4]), "inline", "my logo.png" },
        };
        var (status, _, id) = await AnswerAsync(await http.PostAsync(Messages, form, Cancel));
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("<my logo.png>", (await server.MailAsync(id!)).Content);
    }

    [Fact]
    public async Task Mime_GoesAsItIs_WithoutItsBcc()
    {
        const string mime = "From: q@shop.example\r\nTo: somebody@else.example\r\nBcc: x@net.example\r\n"
            + "Message-ID: <mine-1@shop.example>\r\nSubject: 8\r\n\r\n.dot\r\nlast";
        using var http = server.Api("key-mg");
        using var form = new MultipartFormDataContent
        {
            { new StringContent("z@net.example"), "to" },
            { new ByteArrayContent(Encoding.ASCII.GetBytes(mime)), "message", "message.eml" },
        };
        var (status, _, id) = await AnswerAsync(await http.PostAsync(Messages + ".mime", form, Cancel));
        Assert.Equal((HttpStatusCode.OK, "<mine-1@shop.example>"), (status, id));
        var (stored, content) = await server.MailAsync(id!);
        Assert.Equal("z@net.example", Assert.Single(stored.Recipients).Address.ToString());
        Assert.EndsWith(mime.Replace("Bcc: x@net.example\r\n", ""), content);
    }

    [Theory]
    [InlineData(
        "From: a@b.example\r\nFrom: c@d.example\r\n\r\nx", "message parameter has 2 From fields, not one")]
    [InlineData("To: a@b.example\r\n\r\nx", "message parameter has 0 From fields, not one")]
    [InlineData("From: a@b.example\r\nno field\r\nFrom: c@d.example\r\n\r\nx",
        "message parameter has a line in its header section that is no field")]
    [InlineData("From: nobody\r\n\r\nx", "message parameter has no address in its From field")]
    [InlineData("From: a@b.example\r\n\r\nbare\rreturn", "Message contains a bare <CR>")]
    public async Task Mime_ThatIsNoMessage_Is400(string mime, string expected)
    {
        using var http = server.Api("key-mg");
        using var form = new MultipartFormDataContent
        {
            { new StringContent("z@net.example"), "to" }, { new StringContent(mime), "message", "m" },
        };
        var (status, message, _) = await AnswerAsync(await http.PostAsync(Messages + ".mime", form, Cancel));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(expected, message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Time_Ahead_IsWaitedFor_AndQueueWhySaysSo()
    {
        var at = TimeProvider.System.GetUtcNow().AddDays(2);
        var (_, _, id) = await SendAsync($"o:deliverytime={at:R}");
        var (stored, _) = await server.MailAsync(id!);
        var row = Assert.Single(stored.Recipients);
        Assert.Equal(RecipientState.Deferred, row.State);
        Assert.InRange(row.DueAt, at - TimeSpan.FromSeconds(5), at + TimeSpan.FromSeconds(5));
        using var admin = server.Http("http", withToken: true);
        var why = await admin.GetStringAsync($"admin/v1/queue/{stored.Message.Id}/why", Cancel);
        Assert.Contains("its sender wants it sent at", why);
    }

    [Theory]
    [InlineData("from parameter is missing", "", "to=a@net.example", "text=x")]
    [InlineData("to parameter is missing", "", "from=a@b.example", "text=x")]
    [InlineData("to parameter is not a valid address. please check documentation", "to=nobody")]
    [InlineData("cc parameter is not a valid address. please check documentation", "cc=a@b@c")]
    [InlineData(
        "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified", "text=")]
    [InlineData("Header name must be pure ASCII: X A", "h:X A=1")]
    [InlineData("Header name must be pure ASCII: X:Y", "h:X:Y=1")]
    [InlineData("Header name must be pure ASCII: ?n?", "h:Ünï=1")]
    [InlineData("'tomorrow' is not an RFC-2822 compliant date", "o:deliverytime=tomorrow")]
    [InlineData("o:deliverytime may be 7 days ahead", "o:deliverytime=Fri, 31 Dec 9999 23:59:59 +0000")]
    [InlineData(
        "o:deliver-within 'soon' is no time like 1h30m between 5m and 24h", "o:deliver-within=soon")]
    [InlineData("'recipient-variables' parameter is not a valid JSON", "recipient-variables=[1]")]
    [InlineData("'h:X-Mailgun-Variables' parameter is not a valid JSON", "h:X-Mailgun-Variables=nope")]
    [InlineData(
        "'h:X-Mailgun-Variables' parameter is not a valid JSON", "h:X-Mailgun-Variables={\"a\":\"\\ud800\"}")]
    [InlineData("subject parameter holds a control character", "subject=a\r\nBcc: x@net.example")]
    [InlineData("from parameter holds a control character", "from=a\u2028 <a@b.example>")]
    [InlineData("h:X-A parameter holds a control character", "h:X-A=a\u000bb")]
    public async Task Form_ThatIsWrong_Is400(string expected, params string[] fields)
    {
        var (status, message, id) = await SendAsync(fields);
        Assert.Equal((HttpStatusCode.BadRequest, expected, null), (status, message, id));
    }

    [Fact]
    public async Task Recipient_NoRouteTakes_Is400_AndNothingIsStored()
    {
        var (status, message, _) = await SendAsync(
            "to=a@net.example, b@nowhere.example", "h:Message-Id=<n@r>");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("b@nowhere.example", message);
        Assert.Empty(await server.MailsAsync("<n@r>"));
    }

    [Theory]
    [InlineData("yes", true)]
    [InlineData("True", true)]
    [InlineData("no", false)]
    public async Task Tls_ThatIsAskedFor_GoesWithTheMessage(string said, bool isRequired)
    {
        var (mail, content) = await SentAsync($"o:require-tls={said}");
        Assert.Equal(isRequired, mail.Message.Options!.RequiresTls);
        // Where the next hop is Mailgun's relay, it reads it again.
        Assert.Equal(
            isRequired, content.Contains("\r\nX-Mailgun-Require-TLS: yes\r\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Window_OfDelivery_GoesWithTheMessage()
    {
        var (mail, content) = await SentAsync("o:deliver-within=1h30m");
        Assert.Equal(TimeSpan.FromMinutes(90), mail.Message.Options!.DeliverWithin);
        Assert.Contains("\r\nX-Mailgun-Deliver-Within: 1h30m\r\n", content);
    }

    [Fact]
    public async Task Name_WithALineEndInAnEncodedWord_StaysAName()
    {
        var (mail, content) = await SentAsync(
            "from==?utf-8?q?a=0D=0ABcc:_x@net.example?= <ann@shop.example>");
        Assert.Equal(["bob@net.example"], mail.To);
        Assert.DoesNotContain("\nBcc", content);
    }

    [Fact]
    public async Task Options_Over16KiB_Are400() =>
        Assert.Equal(
            "Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total",
            (await SendAsync("v:big=" + new string('x', 17_000))).Message);

    [Fact]
    public async Task Recipients_1001_Are400_AndRepeatedOnesCountOnce()
    {
        var many = string.Join(',', Enumerable.Range(0, 1001).Select(i => $"r{i}@net.example"));
        Assert.Equal("Too many recipients, max is 1000", (await SendAsync("to=" + many)).Message);
        var same = string.Join(',', Enumerable.Repeat("Same@net.example,same@NET.example", 600));
        Assert.Single((await SentAsync("to=" + same)).Mail.To);
    }

    [Theory]
    [InlineData("h:Received")]
    [InlineData("h:DKIM-Signature")]
    [InlineData("h:Authentication-Results")]
    [InlineData("h:ARC-Seal")]
    [InlineData("h:Bcc")]
    [InlineData("h:Return-Path")]
    [InlineData("h:content-type")]
    public async Task Field_ThatIsNotTheCallers_IsLeftOut(string field) =>
        Assert.DoesNotContain("forged", (await SentAsync(field + "=forged")).Content);

    [Fact]
    public async Task Letters_WhoseLowOctetsAreLineEnds_StayLetters()
    {
        var (_, content) = await SentAsync("subject=a\u760d\u760aBcc: x@net.example\u010d\u010a");
        Assert.DoesNotContain("\r\nBcc", content);
        var message = await MimeKit.MimeMessage.LoadAsync(
            new MemoryStream(Encoding.UTF8.GetBytes(content)), Cancel);
        Assert.Equal("a\u760d\u760aBcc: x@net.example\u010d\u010a", message.Subject);
    }

    [Fact]
    public async Task Link_ThatNobodyFills_GoesWithItsComma()
    {
        var (_, content) = await SentAsync(
            "h:List-Unsubscribe=<%tag_unsubscribe_email%>, <https://shop.example/u>");
        Assert.Contains("\r\nList-Unsubscribe: <https://shop.example/u>\r\n", content);
    }

    [Theory]
    [InlineData("v3/mg.example.org/messages", null)]
    [InlineData("v3/mg.example.org/messages", "wrong")]
    [InlineData("v3/mg.example.org/messages", "key-other")]
    [InlineData("v3/mg.example.org/events", "wrong")]
    public async Task Key_ThatDoesNotOpen_Is401AsMailgunSaysIt(string path, string? key)
    {
        using var http = server.Api(key);
        using var request = new HttpRequestMessage(
            path.EndsWith("events", StringComparison.Ordinal) ? HttpMethod.Get : HttpMethod.Post, path);
        using var response = await http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Forbidden", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("Basic realm=\"MG API\"", response.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task Domain_ThatIsNotOurs_Is404()
    {
        using var http = server.Api("key-mg");
        var (status, message, _) = await AnswerAsync(
            await http.PostAsync("v3/x.example/messages", null, Cancel));
        Assert.Equal((HttpStatusCode.NotFound, "Domain not found: x.example"), (status, message));
    }

    [Fact]
    public async Task Domain_InCapitals_IsTheSame()
    {
        using var http = server.Api("key-mg");
        var (status, _, _) = await AnswerAsync(
            await http.PostAsync("v3/MG.Example.ORG/messages", null, Cancel));
        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    [Fact]
    public async Task Listener_WithoutTheApi_Is404()
    {
        using var http = server.Http("only-metrics", withToken: false);
        Assert.Equal(HttpStatusCode.NotFound, (await http.PostAsync(Messages, null, Cancel)).StatusCode);
    }
}
