using System.Text;
using System.Text.Json;
using MimeKit;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Mail that is made of templates.</summary>
public sealed class MailgunTemplateSendTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Messages = "v3/mg.example.org/messages";
    const string Templates = "v3/mg.example.org/templates";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task AddAsync(string name, string template, string headers = "{}")
    {
        using var http = server.Api("key-mg");
        Assert.StartsWith("200 ", await http.AskAsync(
            "POST", Templates, "name=" + name, "template=" + template, "headers=" + headers));
    }

    async Task<string> SendAsync(params string[] fields)
    {
        using var http = server.Api("key-mg");
        return await http.AskAsync("POST", Messages, fields);
    }

    async Task<IReadOnlyList<MimeMessage>> SentAsync(params string[] fields)
    {
        var answer = await SendAsync(fields);
        Assert.StartsWith("200 ", answer);
        using var json = JsonDocument.Parse(answer[4..]);
        Assert.Equal("Queued. Thank you.", json.RootElement.GetProperty("message").GetString());
        var messages = new List<MimeMessage>();
        foreach (var (_, content) in await server.MailsAsync(json.RootElement.GetProperty("id").GetString()!))
            messages.Add(await MimeMessage.LoadAsync(
                new MemoryStream(Encoding.UTF8.GetBytes(content)), Cancel));
        return messages;
    }

    [Fact]
    public async Task Template_MakesHtmlAndFields_OfItsVariables()
    {
        await AddAsync("full",
            "<p>{{greeting}} {{user.name}}: {{#each items}}{{this}};{{/each}}</p>",
            """
            {"From":"Shop <shop@shop.example>","Subject":"for {{user.name}} & co","Reply-To":"{{reply}}"}
            """);
        var message = Assert.Single(await SentAsync(
            "to=b@net.example", "template=FULL",
            """t:variables={"user":{"name":"A<b>"},"items":[1,"two"]}""",
            "v:greeting=hello", "v:user=beaten",
            """h:X-Mailgun-Variables={"greeting":"beaten","reply":"r@shop.example"}"""));
        Assert.Equal("<p>hello A&lt;b&gt;: 1;two;</p>", message.HtmlBody!.Trim());
        Assert.Null(message.TextBody);
        Assert.Equal("for A<b> & co", message.Subject);
        Assert.Equal("\"Shop\" <shop@shop.example>", Assert.Single(message.From.Mailboxes).ToString());
        Assert.Equal("r@shop.example", Assert.Single(message.ReplyTo.Mailboxes).Address);
    }

    [Fact]
    public async Task Request_ThatSaysItItself_IsHeard()
    {
        await AddAsync("own", "<p>x</p>",
            """{"From":"no@shop.example","Subject":"no","Reply-To":"no@shop.example"}""");
        var message = Assert.Single(await SentAsync(
            "from=ann@shop.example", "to=b@net.example", "subject=mine", "h:reply-to=me@shop.example",
            "text=", "template=own"));
        Assert.Equal("ann@shop.example", Assert.Single(message.From.Mailboxes).Address);
        Assert.Equal("mine", message.Subject);
        Assert.Equal("me@shop.example", Assert.Single(message.ReplyTo.Mailboxes).Address);
    }

    [Fact]
    public async Task Text_IsMadeWhereItIsAskedFor()
    {
        await AddAsync("text", "<p>a &amp; {{x}}</p><p>b</p>");
        var message = Assert.Single(await SentAsync(
            "from=ann@shop.example", "to=b@net.example", "template=text", "t:text=yes", "v:x=c"));
        Assert.Equal("a & c\n\nb", message.TextBody!.ReplaceLineEndings("\n").Trim());
        var own = Assert.Single(await SentAsync(
            "from=ann@shop.example", "to=b@net.example", "template=text", "t:text=yes", "text=mine"));
        Assert.Equal("mine", own.TextBody!.Trim());
    }

    [Fact]
    public async Task Version_IsTheActiveOne_OrTheOneAskedFor()
    {
        await AddAsync("versions", "first");
        using var http = server.Api("key-mg");
        await http.AskAsync("POST", Templates + "/versions/versions", "tag=V2", "template=second");
        string[] usual = ["from=ann@shop.example", "to=b@net.example", "template=versions"];
        Assert.Equal("first", Assert.Single(await SentAsync(usual)).HtmlBody!.Trim());
        Assert.Equal("second", Assert.Single(await SentAsync([.. usual, "t:version=v2"])).HtmlBody!.Trim());
        await http.AskAsync("PUT", Templates + "/versions/versions/v2", "active=yes");
        Assert.Equal("second", Assert.Single(await SentAsync(usual)).HtmlBody!.Trim());
        await http.AskAsync("DELETE", Templates + "/versions/versions/v2");
        Assert.Equal("""404 {"message":"template version not found"}""", await SendAsync(usual));
    }

    [Fact]
    public async Task Batch_FillsVariablesOfEach_Escaped()
    {
        await AddAsync("batch", "<p>{{who}} %recipient.code% {{{raw}}}</p>", """{"Subject":"to {{who}}"}""");
        var messages = await SentAsync(
            "from=ann@shop.example", "to=b1@net.example", "to=b2@net.example", "template=batch",
            """t:variables={"who":"%recipient.name%","raw":"%recipient.name%"}""",
            """
            recipient-variables={"b1@net.example":{"name":"<i>%recipient.code%","code":1},
            "b2@net.example":{"name":"Two","code":2}}
            """);
        Assert.Equal(
            ["<p>&lt;i&gt;%recipient.code% 1 <i>%recipient.code%</p>", "<p>Two 2 Two</p>"],
            messages.Select(message => message.HtmlBody!.Trim()));
        Assert.Equal(
            ["to <i>%recipient.code%", "to Two"], messages.Select(message => message.Subject));
    }

    [Fact]
    public async Task LineEnds_OfVariables_BeginNoField()
    {
        await AddAsync("lines", "x", """{"Subject":"{{x}}","Reply-To":"{{x}}"}""");
        var message = Assert.Single(await SentAsync(
            "from=ann@shop.example", "to=b@net.example", "template=lines",
            """t:variables={"x":"a\r\nBcc: e@net.example"}"""));
        Assert.Equal("a  Bcc: e@net.example", message.Subject);
        Assert.False(message.Headers.Contains(HeaderId.Bcc));
    }

    [Theory]
    [InlineData("400", "Only one parameters 'html' or 'template' is allowed", "html=x", "template=refused")]
    [InlineData("400", "from parameter is missing", "template=refused", "from=")]
    [InlineData("400", "from parameter is not a valid address. please check documentation",
        "template=badfrom", "from=")]
    [InlineData("400", "'t:variables' parameter is not a valid JSON", "template=refused", "t:variables=[1]")]
    [InlineData("400", "'t:variables' parameter is not a valid JSON", "template=refused",
        "t:variables={\"a\":\"\\ud800\"}")]
    [InlineData("404", "template not found", "template=nobody")]
    [InlineData("404", "template not found", "template=a/b")]
    [InlineData("404", "template version not found", "template=refused", "t:version=9")]
    [InlineData("400", "the template makes more than limits.message-size, or takes too many steps",
        "template=endless", "t:variables={\"x\":[1,2,3,4,5,6,7,8,9]}")]
    public async Task Request_ThatIsWrong_IsRefused(string status, string expected, params string[] fields)
    {
        using var http = server.Api("key-mg");
        await http.AskAsync("POST", Templates, "name=refused", "template=x");
        await http.AskAsync(
            "POST", Templates, "name=badfrom", "template=x", "headers={\"From\":\"nobody\"}");
        var (open, close) = (Enumerable.Repeat("{{#each @root.x}}", 6), Enumerable.Repeat("{{/each}}", 6));
        await http.AskAsync(
            "POST", Templates, "name=endless",
            "template=" + string.Concat(open) + "x" + string.Concat(close));
        string[] usual = ["from=ann@shop.example", "to=b@net.example"];
        string[] all = [.. usual.Where(
            field => !fields.Any(own => own.Split('=')[0] == field.Split('=')[0])), .. fields];
        Assert.Equal($$"""{{status}} {"message":"{{expected}}"}""", await SendAsync(all));
    }

    [Fact]
    public async Task Options_OfTemplates_CountAmongThe16KiB() => Assert.Equal(
        "400 {\"message\":\"Send options (parameters starting with o:, h:, v:, or t:) "
            + "are limited to 16KB total\"}",
        await SendAsync(
            "from=ann@shop.example", "to=b@net.example", "template=x",
            "t:variables={\"x\":\"" + new string('x', 17_000) + "\"}"));
}
