using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Mail that comes in at the mx listener goes where routes of the API send it, and what they store
/// is there for who asks.</summary>
public sealed class MailgunInboundTests : IAsyncLifetime
{
    readonly RunningServer server = new();
    readonly FormReceiver receiver = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await server.InitializeAsync();
        await receiver.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await receiver.DisposeAsync();
    }

    async Task<string> AddAsync(int priority, string expression, params string[] actions)
    {
        using var http = server.Api("key-account");
        using var form = new FormUrlEncodedContent([
            new("priority", $"{priority}"), new("expression", expression),
            .. actions.Select(action => new KeyValuePair<string, string>("action", action)),
        ]);
        using var response = await http.PostAsync("v3/routes", form, Cancel);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal("Route has been created", (string?)answer["message"]);
        return (string)answer["route"]!["id"]!;
    }

    const string Letter = """
        From: Bob <bob@elsewhere.example>
        To: support@mg.example.org
        Subject: help
        Message-ID: <MARK@elsewhere.example>
        X-Mailgun-Drop-Message: yes

        please
        .
        """;

    /// <summary>As another server hands it in.</summary>
    /// <returns>Codes, plain and enhanced, of the replies to each RCPT, and to the dot if it came so
    /// far.</returns>
    async Task<List<string>> HandInAsync(string letter, params string[] recipients)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.AddressOf("mx"), Cancel);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        async Task<string> SayAsync(string? line)
        {
            if (line is not null)
                await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), Cancel);
            string reply;
            do
                reply = (await reader.ReadLineAsync(Cancel))!;
            while (reply[3] == '-');
            return string.Join(' ', reply.Split(' ')[..2]);
        }
        foreach (var line in (string?[])[null, "EHLO elsewhere.example", "MAIL FROM:<bob@elsewhere.example>"])
            await SayAsync(line);
        var replies = new List<string>();
        foreach (var recipient in recipients)
            replies.Add(await SayAsync($"RCPT TO:<{recipient}>"));
        if (replies.Any(reply => reply.StartsWith("250", StringComparison.Ordinal)))
        {
            await SayAsync("DATA");
            replies.Add(await SayAsync(letter.ReplaceLineEndings("\r\n")));
        }
        return replies;
    }

    static string Marked(string mark) => Letter.Replace("MARK", mark, StringComparison.Ordinal);

    async Task<List<JsonNode>> EventsAsync(string key, string domain, string query)
    {
        using var http = server.Api(key);
        var page = JsonNode.Parse(await http.GetStringAsync($"v3/{domain}/events?{query}", Cancel))!;
        return [.. page["items"]!.AsArray().Select(item => item!)];
    }

    async Task<string> StoredUrlAsync(string mark) => (string)Assert.Single(
        await EventsAsync("key-mg", "mg.example.org", $"event=stored&message-id={mark}@elsewhere.example"))
            ["storage"]!["url"]!;

    [Fact]
    public async Task Mail_IsPostedToTheUrl_Signed()
    {
        await AddAsync(1, "match_recipient('(.*)@mg')", $"forward('{receiver.Url}/in/\\1')");
        Assert.Equal(["250 2.1.5", "250 2.0.0"], await HandInAsync(Marked("post"), "support@mg.example.org"));
        var form = await receiver.TakeAsync();
        Assert.Equal("/in/support", form.Path);
        Assert.Equal("support@mg.example.org", form.Fields["recipient"]);
        Assert.Equal("bob@elsewhere.example", form.Fields["sender"]);
        Assert.Equal("please\r\n", form.Fields["body-plain"]);
        var signature = new MailgunSignature(
            form.Fields["timestamp"], form.Fields["token"], form.Fields["signature"]);
        Assert.Equal(50, signature.Token.Length);
        Assert.True(signature.IsValid(await server.SigningKeyAsync(), TimeProvider.System.GetUtcNow()));
    }

    [Fact]
    public async Task Mail_OfAHostThatIsDown_WaitsOverRestart_AndOutlivesItsRoute()
    {
        receiver.Answer(503);
        var id = await AddAsync(1, "catch_all()", $"forward('{receiver.Url}/in')");
        await HandInAsync(Marked("down"), "support@mg.example.org");
        var first = await receiver.TakeAsync();
        using (var http = server.Api("key-account"))
            (await http.DeleteAsync($"v3/routes/{id}", Cancel)).Dispose();
        await server.RestartAsync();
        var second = await receiver.TakeAsync();
        Assert.Equal("<down@elsewhere.example>", second.Fields["Message-Id"]);
        Assert.NotEqual(first.Fields["token"], second.Fields["token"]);
        Assert.Equal(["550 5.7.1"], await HandInAsync(Marked("gone"), "support@mg.example.org"));
    }

    [Fact]
    public async Task Recipient_ThatNoRouteMayTake_IsRefusedAtRcpt_AndOneByItsHeaderAtTheDot()
    {
        Assert.Equal(["550 5.7.1"], await HandInAsync("", "support@mg.example.org"));
        await AddAsync(1, "match_recipient('a@') and match_header('subject','urgent')", "store()");
        Assert.Equal(["550 5.1.1"], await HandInAsync("", "b@mg.example.org"));
        Assert.Equal(["550 5.7.1"], await HandInAsync("", "a@not-ours.example"));
        Assert.Equal(["250 2.1.5", "550 5.1.1"], await HandInAsync(Marked("no"), "a@mg.example.org"));
        var urgent = Marked("yes").Replace("help", "=?utf-8?q?very_urgent?=", StringComparison.Ordinal);
        Assert.Equal(["250 2.1.5", "250 2.0.0"], await HandInAsync(urgent, "a@mg.example.org"));
        // A route of the file comes first.
        await AddAsync(2, "catch_all()", "store()");
        Assert.Equal(["250 2.1.5", "250 2.0.0"], await HandInAsync(Marked("file"), "me@in.example"));
        Assert.Empty(await EventsAsync("key-account", "mg.example.org", "message-id=file@elsewhere.example"));
    }

    [Fact]
    public async Task Recipients_WhoseFateMayDiffer_ComeByThemselves()
    {
        await AddAsync(1, "match_recipient('sure')", "store()");
        await AddAsync(2, "match_recipient('may') and match_header('subject','help')", "store()");
        Assert.Equal(
            ["250 2.1.5", "250 2.1.5", "452 4.5.3", "452 4.5.3", "452 4.5.3", "250 2.0.0"],
            await HandInAsync(Marked("many"), "sure1@mg.example.org", "sure2@mg.example.org",
                "may@mg.example.org", "sure@other.example.org", "me@in.example"));
        Assert.Equal(
            ["250 2.1.5", "452 4.5.3", "250 2.0.0"],
            await HandInAsync(Marked("may"), "may@mg.example.org", "sure@mg.example.org"));
    }

    [Fact]
    public async Task Forward_ToAnAddress_GoesAsSubmittedMailDoes()
    {
        await AddAsync(1, "match_recipient('support')", "forward('ann@shop.example')", "stop()");
        await AddAsync(2, "catch_all()", "store()");
        await HandInAsync(Marked("on"), "support@mg.example.org");
        var (message, content) = await server.MailAsync("<on@elsewhere.example>");
        Assert.Equal(
            ["support@mg.example.org Done ", "ann@shop.example own"],
            message.Recipients.Select(row => row.Parent is null ? $"{row.Address} {row.State} {row.Route}"
                : $"{row.Address} {row.Route}"));
        Assert.Contains("\r\n\r\nplease\r\n", content, StringComparison.Ordinal);
        var accepted = Assert.Single(await EventsAsync(
            "key-mg", "mg.example.org", "event=accepted&message-id=on@elsewhere.example"));
        Assert.Equal("support@mg.example.org", (string?)accepted["recipient"]);
    }

    [Fact]
    public async Task Notice_SaysWhereTheMessageLies()
    {
        await AddAsync(1, "catch_all()", $"store(notify='{receiver.Url}/notice')");
        await HandInAsync(Marked("told"), "support@mg.example.org");
        var notice = await receiver.TakeAsync();
        var url = new Uri(await StoredUrlAsync("told"));
        Assert.Equal(
            ("/notice", "mg.example.org", "https://mx.example.org" + url.AbsolutePath),
            (notice.Path, notice.Fields["domain"], notice.Fields["message-url"]));
    }

    [Fact]
    public async Task StoredMessage_IsShown_ToItsDomainAlone_AndDeleted()
    {
        await AddAsync(1, "catch_all()", "store()");
        await HandInAsync(Marked("kept"), "support@mg.example.org");
        var url = await StoredUrlAsync("kept");
        var key = url[(url.LastIndexOf('/') + 1)..];
        using var http = server.Api("key-mg");
        var json = JsonNode.Parse(await http.GetStringAsync(url, Cancel))!;
        Assert.Contains("by mx.example.org", (string?)json["Received"], StringComparison.Ordinal);
        json.AsObject().Remove("Received");
        json["message-headers"]!.AsArray().RemoveAt(0);
        Assert.Equal(JsonNode.Parse("""
            {"sender":"bob@elsewhere.example","recipients":"support@mg.example.org",
             "from":"Bob <bob@elsewhere.example>","subject":"help","body-plain":"please\r\n",
             "stripped-text":"please","stripped-signature":"","attachments":[],"content-id-map":{},
             "message-headers":[["From","Bob <bob@elsewhere.example>"],["To","support@mg.example.org"],
              ["Subject","help"],["Message-ID","<kept@elsewhere.example>"],["X-Mailgun-Drop-Message","yes"]],
             "From":"Bob <bob@elsewhere.example>","To":"support@mg.example.org","Subject":"help",
             "Message-Id":"<kept@elsewhere.example>","X-Mailgun-Drop-Message":"yes"}
            """)!.ToJsonString(), json.ToJsonString());
        using var other = server.Api("key-other");
        foreach (var path in (string[])[
            $"v3/domains/other.example.org/messages/{key}", "v3/domains/other.example.org/messages/x"])
            Assert.Equal(NotFound, await AnswerAsync(other.GetAsync(path, Cancel)));
        Assert.Equal("401 Forbidden", await AnswerAsync(other.GetAsync(url, Cancel)));
        Assert.Equal(
            """200 {"message":"Message has been deleted"}""",
            await AnswerAsync(http.DeleteAsync(url, Cancel)));
        Assert.Equal(NotFound, await AnswerAsync(http.GetAsync(url, Cancel)));
        Assert.Equal(NotFound, await AnswerAsync(http.DeleteAsync(url, Cancel)));
    }

    const string NotFound = """404 {"message":"Message not found"}""";

    static async Task<string> AnswerAsync(Task<HttpResponseMessage> asked)
    {
        using var response = await asked;
        return $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(Cancel)}";
    }

    const string WithFile = """
        From: Bob <bob@elsewhere.example>
        Message-ID: <MARK@elsewhere.example>
        Content-Type: multipart/mixed; boundary=m

        --m
        Content-Type: text/html

        <script>alert(1)</script>
        --m
        Content-Type: text/html
        Content-ID: <p>
        Content-Disposition: attachment; filename="page.html"

        <b>x</b>
        --m--
        .
        """;

    [Fact]
    public async Task StoredMessage_GivesItsFiles_AndItsMime_AlsoAfterARestart()
    {
        await AddAsync(1, "catch_all()", "store()");
        await HandInAsync(WithFile.Replace("MARK", "file", StringComparison.Ordinal), "a@mg.example.org");
        await server.RestartAsync();
        var url = await StoredUrlAsync("file");
        using var http = server.Api("key-mg");
        var json = JsonNode.Parse(await http.GetStringAsync(url, Cancel))!;
        Assert.Equal($$"""
            [{"url":"{{url}}/attachments/1","content-type":"text/html","name":"page.html","size":8}]
            """, json["attachments"]!.ToJsonString());
        using var file = await http.GetAsync($"{url}/attachments/1", Cancel);
        Assert.Equal("<b>x</b>", await file.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(
            ("text/html", "attachment; filename=page.html; filename*=UTF-8''page.html", "nosniff"),
            (file.Content.Headers.ContentType!.ToString(),
                file.Content.Headers.ContentDisposition!.ToString(),
                Assert.Single(file.Headers.GetValues("X-Content-Type-Options"))));
        Assert.Equal("404 {\"message\":\"Attachment not found\"}",
            await AnswerAsync(http.GetAsync($"{url}/attachments/2", Cancel)));
        http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("message/rfc2822"));
        json = JsonNode.Parse(await http.GetStringAsync(url, Cancel))!;
        Assert.Equal(
            ["sender", "recipients", "from", "subject", "body-mime"],
            json.AsObject().Select(member => member.Key));
        Assert.Contains("\r\n--m\r\nContent-Type: text/html\r\n", (string)json["body-mime"]!,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resend_GoesThroughTheDoorOfTheApi()
    {
        await AddAsync(1, "catch_all()", "store()");
        await HandInAsync(Marked("again"), "support@mg.example.org");
        var url = await StoredUrlAsync("again");
        using var http = server.Api("key-mg");
        Task<HttpResponseMessage> PostAsync(params KeyValuePair<string, string>[] fields) =>
            http.PostAsync(url, new FormUrlEncodedContent(fields), Cancel);
        Assert.Equal("400 {\"message\":\"to parameter is missing\"}", await AnswerAsync(PostAsync()));
        Assert.Equal(
            "400 {\"message\":\"to parameter is not a valid address. please check documentation\"}",
            await AnswerAsync(PostAsync(new KeyValuePair<string, string>("to", "nobody"))));
        Assert.Equal(
            "200 {\"id\":\"<again@elsewhere.example>\",\"message\":\"Queued. Thank you.\"}",
            await AnswerAsync(PostAsync(new KeyValuePair<string, string>("to", "r@net.example"))));
        var (sent, content) = (await server.MailsAsync("<again@elsewhere.example>"))[1];
        Assert.Equal("r@net.example", Assert.Single(sent.Recipients).Address.ToString());
        // What a stranger asks for in his fields does not count.
        Assert.NotEqual(Postern.Mta.Queue.RecipientState.Done, sent.Recipients[0].State);
        Assert.Contains("X-Mailgun-Drop-Message: yes\r\n", content, StringComparison.Ordinal);
        // It waits: so it is here, and stays.
        var waiting = $"v3/domains/mg.example.org/messages/{sent.Message.Id}";
        using var shown = await http.GetAsync(waiting, Cancel);
        Assert.Equal(HttpStatusCode.OK, shown.StatusCode);
        Assert.Equal("409 {\"message\":\"the message still waits for its delivery\"}",
            await AnswerAsync(http.DeleteAsync(waiting, Cancel)));
    }
}
