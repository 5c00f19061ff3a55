using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using MimeKit;

namespace Postern.Interop;

/// <summary>Mailgun's own clients, pointed at Postern: they notice nothing, and their mail leaves.</summary>
/// <remarks>One server serves them all, each a domain of its own.</remarks>
public sealed class MailgunClientTests : IClassFixture<MailgunClientServer>
{
    const string Key = MailgunClientServer.Key;
    const string AccountKey = MailgunClientServer.AccountKey;
    const string Made = "made.postern.test";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    readonly PosternProcess postern;
    readonly SmtpSink sink;
    readonly string domain;

    public MailgunClientTests(MailgunClientServer server)
    {
        (postern, sink, domain) = (server.Postern, server.Sink, server.NextDomain());
        sink.Deliveries.Clear();
    }

    Task<JsonElement> RunAsync(string client) => RunAsync(client, Key, domain);

    /// <param name="arguments">Behind client and URL.</param>
    async Task<JsonElement> RunAsync(string client, params string[] arguments)
    {
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}");
        var run = await Command.RunAsync(
            Tool.Require("node", "nodejs"), [Tool.RequireNode("mailgun.js"), client, url, .. arguments]);
        using var document = JsonDocument.Parse(run.Succeeded().Output);
        return document.RootElement.Clone();
    }

    async Task<MimeMessage> ArrivedAsync(string recipient)
    {
        await Eventually.TrueAsync(
            () => sink.Deliveries.Any(delivery => delivery.Recipient == recipient), $"{recipient} gets it",
            evidence: () => postern.Said);
        using var content = new MemoryStream(
            sink.Deliveries.Single(delivery => delivery.Recipient == recipient).Content!);
        return await MimeMessage.LoadAsync(content, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("mailgun.js")]
    [InlineData("mailgun.js with formdata-node")]
    [InlineData("mailgun.js with FormData of Node")]
    [InlineData("mailgun.js-10")]
    [InlineData("mailgun-js")]
    public async Task Client_SendsFieldsAndMime_AndReadsEvents(string client)
    {
        var told = await RunAsync(client);
        await AssertSentAsync(client, told);
        Assert.Equal("Queued. Thank you.", told.GetProperty("mime").GetProperty("message").GetString());
        var message = await ArrivedAsync("m@rcpt.test");
        Assert.Equal($"{client} mime", message.Subject);
        Assert.False(message.Headers.Contains(HeaderId.Bcc));
        AssertTold(told.GetProperty("events").GetProperty("items"));
    }

    [Theory]
    [InlineData("mailgun.js")]
    [InlineData("mailgun.js-10")]
    [InlineData("mailgun-js")]
    public async Task Client_MakesADomainWithLogins_AndRemovesIt(string client)
    {
        var told = await RunAsync(client, AccountKey, Made, "domains");
        Assert.Equal(400, told.GetProperty("taken").GetProperty("status").GetInt32());
        Assert.Contains(
            "This domain name is already taken",
            told.GetProperty("taken").GetProperty("details").GetString());
        Assert.Contains(Made, Inner(told.GetProperty("listed"), "items").EnumerateArray().Select(
            one => one.GetProperty("name").GetString()));
        var record = told.GetProperty("shown").GetProperty("sending_dns_records")[0];
        Assert.Equal("v=spf1 a:postern.test ~all", record.GetProperty("value").GetString());
        Assert.Equal("htmlonly", Inner(told.GetProperty("tracking"), "tracking").GetProperty("click")
            .GetProperty("active").GetString());
        Assert.Equal(
            "Created 1 credentials pair(s)", told.GetProperty("login").GetProperty("message").GetString());
        Assert.Equal([$"ann@{Made}", $"bob@{Made}"], told.GetProperty("logins").GetProperty("items")
            .EnumerateArray().Select(one => one.GetProperty("login").GetString()));
        Assert.Equal("Password changed", told.GetProperty("changed").GetProperty("message").GetString());
        Assert.Equal($"ann@{Made}", told.GetProperty("removed").GetProperty("spec").GetString());
        Assert.Equal(
            "Domain has been deleted", told.GetProperty("destroyed").GetProperty("message").GetString());
        Assert.Equal(404, told.GetProperty("missing").GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("mailgun.js", "1 addresses have been added to the bounces table")]
    [InlineData("mailgun.js-10", "1 addresses have been added to the bounces table")]
    [InlineData("mailgun-js", "Address has been added to the bounces table")]
    public async Task Client_KeepsSuppressions_AndSeesWhatTheyKeepBack(string client, string added)
    {
        var told = await RunAsync(client, Key, domain, "suppressions");
        Assert.Equal(added, told.GetProperty("added").GetString());
        Assert.Equal(
            """[["b@rcpt.test","c@rcpt.test"],["gone+1@rcpt.test"]]""",
            told.GetProperty("pages").GetRawText());
        var got = told.GetProperty("got");
        Assert.Equal(
            ("gone+1@rcpt.test", "551", "no such user"),
            (got.GetProperty("address").GetString(), got.GetProperty("code").GetString(),
                got.GetProperty("error").GetString()));
        Assert.True(DateTimeOffset.TryParse(
            got.GetProperty("date").GetString()!.Replace("UTC", "GMT", StringComparison.Ordinal),
            CultureInfo.InvariantCulture, out _));
        Assert.Equal("""["news"]""", told.GetProperty("tags").GetRawText());
        Assert.Equal("x@rcpt.test", told.GetProperty("complaint").GetString());
        Assert.Equal("""["suppress-bounce"]""", told.GetProperty("reason").GetRawText());
        Assert.Equal("Bounced address has been removed", told.GetProperty("removed").GetString());
        Assert.Equal(404, told.GetProperty("missing").GetInt32());
        Assert.Empty(sink.Deliveries);
    }

    [Fact]
    public async Task Transport_OfNodemailer_Sends()
    {
        const string client = "nodemailer-mailgun-transport";
        await AssertSentAsync(client, await RunAsync(client));
    }

    [Theory]
    [InlineData("mailgun.js")]
    [InlineData("mailgun.js-10")]
    [InlineData("mailgun-js")]
    public async Task Client_KeepsTemplates_SendsWithThem_AndReadsTagsAndStats(string client)
    {
        var told = await RunAsync(client, Key, domain, "templates");
        Assert.Equal("greeting", told.GetProperty("created").GetProperty("name").GetString());
        Assert.Equal(
            "v1", told.GetProperty("created").GetProperty("version").GetProperty("tag").GetString());
        Assert.Equal("new version of the template has been stored", Message("version"));
        Assert.Equal(
            "<p>two {{name}}</p>",
            told.GetProperty("shown").GetProperty("version").GetProperty("template").GetString());
        Assert.Equal(1, told.GetProperty("listed").GetProperty("items").GetArrayLength());
        Assert.Equal(["v1", "v2"], told.GetProperty("versions").GetProperty("template")
            .GetProperty("versions").EnumerateArray().Select(one => one.GetProperty("tag").GetString()));
        var message = await ArrivedAsync("t@rcpt.test");
        Assert.Equal("<p>two 안녕 &lt;b&gt;</p>", message.HtmlBody!.Trim());
        Assert.Equal("From-Template", Assert.Single(
            told.GetProperty("tags").GetProperty("items").EnumerateArray()).GetProperty("tag").GetString());
        Assert.Equal("From-Template", told.GetProperty("tag").GetProperty("tag").GetString());
        Assert.Equal("Tag updated", Message("described"));
        // That one sends the words where a form should be.
        Assert.Equal(
            client == "mailgun.js-10" ? "" : "mail of templates",
            told.GetProperty("tagStats").GetProperty("description").GetString());
        Assert.Equal(1, AcceptedOf("tagStats"));
        Assert.Equal(1, AcceptedOf("stats"));
        Assert.Equal("Tag deleted", Message("untagged"));
        Assert.Equal("version has been deleted", Message("versionDeleted"));
        Assert.Equal("template has been deleted", Message("deleted"));
        Assert.Equal("templates have been deleted", Message("allDeleted"));
        Assert.Equal(404, told.GetProperty("missing").GetProperty("status").GetInt32());
        Assert.Contains("template not found", told.GetProperty("missing").GetProperty("details").GetString());

        string? Message(string name) => told.GetProperty(name).GetProperty("message").GetString();

        int AcceptedOf(string name) => told.GetProperty(name).GetProperty("stats").EnumerateArray().Sum(
            step => step.GetProperty("accepted").GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task Provider_OfStrapi_Sends()
    {
        await AssertSentAsync("strapi", await RunAsync("strapi"));
        Assert.Equal("c@rcpt.test", Assert.Single((await ArrivedAsync("c@rcpt.test")).Cc.Mailboxes).Address);
        Assert.False((await ArrivedAsync("h@rcpt.test")).Headers.Contains(HeaderId.Bcc));
    }

    /// <summary>FluentEmail.Mailgun: the fields in its order, each with a Content-Type of its own, a name in
    /// front of every address though it be empty, and disposition parameters without quotes.</summary>
    [Fact]
    public async Task HttpClient_AsFluentEmailUsesIt_Sends()
    {
        using var http = Api(Key);
        using var form = new MultipartFormDataContent
        {
            { new StringContent("Ann <ann@shop.example>"), "from" },
            { new StringContent(" <b1@rcpt.test>"), "to" },
            { new StringContent("Bob, Q <b2@rcpt.test>"), "to" },
            { new StringContent("C <c@rcpt.test>"), "cc" },
            { new StringContent(" <h@rcpt.test>"), "bcc" },
            { new StringContent(" <reply@shop.example>"), "h:Reply-To" },
            { new StringContent("FluentEmail says 안녕"), "subject" },
            { new StringContent("<b>html</b>"), "html" },
            { new StringContent("text"), "text" },
            { new StringContent("welcome"), "o:tag" },
            { new StringContent("new"), "o:tag" },
            { new StringContent("1"), "h:X-Priority" },
            { new ByteArrayContent("attached\n"u8.ToArray()), "attachment", "안녕.txt" },
        };
        using var answer = await http.PostAsync($"v3/{domain}/messages", form, Cancel);
        using var sent = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("Queued. Thank you.", sent.RootElement.GetProperty("message").GetString());
        await AssertArrivedAsync("FluentEmail", sent.RootElement);
        Assert.Equal("1", (await ArrivedAsync("c@rcpt.test")).Headers["X-Priority"]);
        Assert.False((await ArrivedAsync("h@rcpt.test")).Headers.Contains(HeaderId.Bcc));
        using var wrong = new MultipartFormDataContent { { new StringContent(" <>"), "to" } };
        using var refused = await http.PostAsync($"v3/{domain}/messages", wrong, Cancel);
        Assert.Equal(
            """{"message":"from parameter is missing"}""", await refused.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData("mailgun.js")]
    [InlineData("mailgun.js-10")]
    [InlineData("mailgun-js")]
    public async Task Client_KeepsWebhooksRoutesAndTheAllowlist_AndTurnsPagesOfEvents(string client)
    {
        var told = await RunAsync(client, AccountKey, domain, "rest");
        AssertRoutes(told.GetProperty("routes"));
        var webhooks = told.GetProperty("webhooks");
        const string both = """["http://127.0.0.1:8099/a","http://127.0.0.1:8099/b"]""";
        Assert.Equal("""["http://127.0.0.1:8099/a"]""", webhooks.GetProperty("made").GetRawText());
        Assert.Equal(both, webhooks.GetProperty("changed").GetRawText());
        Assert.Equal(both, webhooks.GetProperty("shown").GetRawText());
        Assert.Equal("""["clicked","opened"]""", webhooks.GetProperty("listed").GetRawText());
        Assert.Equal("clicked", webhooks.GetProperty("removed").GetString());
        Assert.Equal("""["opened"]""", webhooks.GetProperty("left").GetRawText());
        Assert.Equal(404, webhooks.GetProperty("missing").GetProperty("status").GetInt32());
        // The SDK puts the list's name in the place of the type.
        Assert.Equal(
            client == "mailgun-js" ? """[["domain","good.test"]]""" : """[["whitelists","good.test"]]""",
            told.GetProperty("allowed").GetRawText());
        Assert.Equal(0, told.GetProperty("left").GetInt32());
        Assert.Equal(
            """[["p0@rcpt.test","p1@rcpt.test"],["p2@rcpt.test"],[]]""",
            told.GetProperty("pages").GetRawText());
    }

    [Fact]
    public async Task Client_WithAnAccountKey_ReadsLogsMetricsAndTags()
    {
        var told = await RunAsync("mailgun.js", AccountKey, domain, "account");
        Assert.Equal(
            $$"""[[["accepted","{{domain}}","{}",true,true]],[["delivered","{{domain}}","{}",true,true]]]""",
            told.GetProperty("logs").GetRawText());
        Assert.True(told.GetProperty("span").GetBoolean());
        Assert.Equal(
            """[["page",{"accepted_count":1,"opened_rate":"0.0000"}]]""",
            told.GetProperty("metrics").GetRawText());
        Assert.Equal("""["page"]""", told.GetProperty("tags").GetRawText());
        Assert.Equal("Tag updated", told.GetProperty("described").GetString());
        Assert.InRange(told.GetProperty("limits").GetInt32(), 1, 100);
        Assert.Equal("Tag deleted", told.GetProperty("untagged").GetString());
        Assert.Equal(404, told.GetProperty("matched").GetInt32());
        Assert.Equal(0, told.GetProperty("subaccounts").GetInt32());
        Assert.Equal("[]", told.GetProperty("ips").GetRawText());
    }

    static void AssertRoutes(JsonElement told)
    {
        var created = told.GetProperty("created");
        var id = created.GetProperty("id").GetString();
        Assert.Equal("길", created.GetProperty("description").GetString());
        Assert.Equal(
            ["forward(\"https://app.example/in\")", "stop()"],
            created.GetProperty("actions").EnumerateArray().Select(action => action.GetString()));
        Assert.Equal("changed", told.GetProperty("updated").GetProperty("description").GetString());
        Assert.Equal(3, told.GetProperty("shown").GetProperty("priority").GetInt32());
        Assert.Equal(id, Assert.Single(
            told.GetProperty("listed").EnumerateArray()).GetProperty("id").GetString());
        Assert.Equal(
            "Route has been deleted", told.GetProperty("deleted").GetProperty("message").GetString());
        Assert.Equal(404, told.GetProperty("missing").GetProperty("status").GetInt32());
        Assert.Contains("Route not found", told.GetProperty("missing").GetProperty("details").GetString());
    }

    HttpClient Api(string key) => new()
    {
        BaseAddress = new Uri(string.Create(
            CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/")),
        DefaultRequestHeaders =
        {
            Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"api:{key}"))),
        },
    };

    /// <summary>Some clients unwrap what they got.</summary>
    static JsonElement Inner(JsonElement told, string name) =>
        told.ValueKind == JsonValueKind.Object && told.TryGetProperty(name, out var inner) ? inner : told;

    async Task AssertSentAsync(string client, JsonElement told)
    {
        Assert.Equal("Queued. Thank you.", told.GetProperty("sent").GetProperty("message").GetString());
        Assert.Equal(400, told.GetProperty("refused").GetProperty("status").GetInt32());
        Assert.Contains(
            "to parameter is not a valid address. please check documentation",
            told.GetProperty("refused").GetProperty("details").GetString());
        await AssertArrivedAsync(client, told.GetProperty("sent"));
    }

    /// <param name="sent">What the sending returned.</param>
    async Task AssertArrivedAsync(string client, JsonElement sent)
    {
        foreach (var recipient in (string[])["b1@rcpt.test", "b2@rcpt.test"])
        {
            var message = await ArrivedAsync(recipient);
            Assert.Equal(sent.GetProperty("id").GetString(), $"<{message.MessageId}>");
            Assert.Equal($"{client} says 안녕", message.Subject);
            Assert.Equal("ann@shop.example", Assert.Single(message.From.Mailboxes).Address);
            Assert.Equal("Bob, Q", message.To.Mailboxes.Single(to => to.Address == "b2@rcpt.test").Name);
            Assert.Equal("reply@shop.example", Assert.Single(message.ReplyTo.Mailboxes).Address);
            Assert.Equal("text", message.TextBody!.Trim());
            Assert.Equal("<b>html</b>", message.HtmlBody!.Trim());
            var attached = Assert.IsType<MimePart>(Assert.Single(message.Attachments), exactMatch: false);
            Assert.Equal("안녕.txt", attached.FileName);
        }
    }

    static void AssertTold(JsonElement items)
    {
        var events = items.EnumerateArray().ToArray();
        Assert.Equal(["b1@rcpt.test", "b2@rcpt.test"], events.Select(
            one => one.GetProperty("recipient").GetString()).Order());
        Assert.All(events, one =>
        {
            Assert.Equal("delivered", one.GetProperty("event").GetString());
            Assert.Equal(["welcome", "new"], one.GetProperty("tags").EnumerateArray().Select(
                tag => tag.GetString()));
            Assert.Equal("17", one.GetProperty("user-variables").GetProperty("order").GetString());
        });
    }
}

/// <summary>The real program, with domains for whoever comes next.</summary>
public sealed class MailgunClientServer : IAsyncLifetime
{
    public const string Key = "key-of-the-tests";
    public const string AccountKey = "key-of-the-account";
    const int DomainsMax = 50;

    int domains;

    internal SmtpSink Sink { get; } = new() { KeepsContent = true };
    internal PosternProcess Postern { get; } = new("");

    static string DomainOf(int number) => string.Create(
        CultureInfo.InvariantCulture, $"mg{number}.postern.test");

    public string NextDomain() => DomainOf(domains++ < DomainsMax ? domains
        : throw new InvalidOperationException("there are more tests than domains"));

    public async ValueTask InitializeAsync()
    {
        var key = Postern.Directory.WriteSecret("api.key", Key);
        Postern.Settings = $"""
            [api]
            keys = ["file:{Postern.Directory.WriteSecret("account.key", AccountKey)}"]

            [webhooks]
            networks = ["127.0.0.1"]

            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:{Sink.Port}"
            tls = "none"

            [[routes]]
            name = "everything"
            via = ["relay"]

            """ + string.Join('\n', Enumerable.Range(1, DomainsMax).Select(
                number => $"[domains.\"{DomainOf(number)}\"]\napi-keys = [\"file:{key}\"]"));
        await Postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Postern.DisposeAsync();
        await Sink.DisposeAsync();
    }
}
