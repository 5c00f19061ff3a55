using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Postern.Tests.Api;
using Postern.Tests.Api.Mailgun;
using Postern.Tests.Doubles;

namespace Postern.Tests.Lists;

/// <summary>Mail to mailing lists from the door to a relay, and what comes back.</summary>
public sealed class MailToListsTests : IAsyncLifetime
{
    readonly Channel<string> left = Channel.CreateUnbounded<string>();
    ScriptedRelay relay = null!;
    RunningServer server = null!;
    HttpClient http = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        PoliteRelay script = null!;
        script = new PoliteRelay
        {
            Says = line =>
            {
                if (line == "." && script.Contents.TryDequeue(out var content))
                    left.Writer.TryWrite(content);
                if (line.StartsWith("MAIL", StringComparison.Ordinal)
                    || line.StartsWith("RCPT", StringComparison.Ordinal))
                    left.Writer.TryWrite(line);
                return line.Contains("gone@", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null;
            },
        };
        relay = ScriptedRelay.Start(script.PlayAsync);
        server = new RunningServer { RelayPort = relay.Port };
        await server.InitializeAsync();
        http = server.Api("key-account");
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
        await relay.DisposeAsync();
    }

    async Task CreateAsync(string list, string fields, params string[] members)
    {
        Assert.StartsWith("200 ", await http.AskAsync(
            "POST", "v3/lists", [$"address={list}", .. fields.Split(' ')]), StringComparison.Ordinal);
        foreach (var member in members)
            Assert.StartsWith("200 ", await http.AskAsync(
                "POST", $"v3/lists/{list}/members", $"address={member}"), StringComparison.Ordinal);
    }

    /// <summary>What the relay heard up to the next content.</summary>
    async Task<(string Commands, string Content)> TakeAsync()
    {
        var commands = new List<string>();
        while (true)
        {
            var next = await left.Reader.ReadAsync(Cancel);
            if (next.StartsWith("MAIL FROM", StringComparison.Ordinal)
                || next.StartsWith("RCPT TO", StringComparison.Ordinal))
                commands.Add(next);
            else
                return (string.Join('\n', commands), next);
        }
    }

    [Fact]
    public async Task Api_ToAList_ReachesItsSubscribedMembers_WithFieldsOfTheList()
    {
        await CreateAsync("dev@mg.example.org", "access_level=members", "a@net.example", "b@net.example");
        await http.AskAsync("POST", "v3/lists/dev@mg.example.org/members", "address=off@net.example",
            "subscribed=no");
        await http.AskAsync("POST", "v3/mg.example.org/unsubscribes", "address=gone@net.example");
        await http.AskAsync("POST", "v3/lists/dev@mg.example.org/members", "address=gone@net.example");
        await server.RestartAsync();
        http.Dispose();
        http = server.Api("key-mg");
        var answer = await http.AskAsync("POST", "v3/mg.example.org/messages", "from=Ann <ann@shop.example>",
            "to=Dev@mg.example.org", "subject=hello", "text=hi", "h:Reply-To=ann@shop.example");
        Assert.EndsWith("\"message\":\"Queued. Thank you.\"}", answer, StringComparison.Ordinal);
        var (commands, content) = await TakeAsync();
        Assert.Matches(
            "^MAIL FROM:<bounces\\+[0-9A-Z]{13}\\.L-[0-9a-f]{16}@mg\\.example\\.org>[^\n]*\n"
            + "RCPT TO:<a@net\\.example>\nRCPT TO:<b@net\\.example>$", commands);
        Assert.StartsWith(
            "List-Id: <dev.mg.example.org>\r\nList-Post: <mailto:dev@mg.example.org>\r\nPrecedence: list\r\n"
            + "Reply-To: dev@mg.example.org\r\nReceived: by ", content, StringComparison.Ordinal);
        Assert.DoesNotContain("Reply-To: ann", content, StringComparison.Ordinal);
        Assert.Contains("\r\nFrom: Ann <ann@shop.example>\r\n", content, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nhi\r\n", content, StringComparison.Ordinal);
        // What the attempt proved is written when the server has stopped.
        await server.RestartAsync();
        http.Dispose();
        http = server.Api("key-mg");
        var events = JsonNode.Parse(await http.GetStringAsync(
            "v3/mg.example.org/events?list=dev@mg.example.org&ascending=yes", Cancel))!["items"]!.AsArray();
        Assert.Equal(
            ["delivered a@net.example", "delivered b@net.example", "failed gone@net.example"],
            events.Select(item => $"{item!["event"]} {item["recipient"]}").Order());
        Assert.Equal(
            """{"address":"dev@mg.example.org","list-id":"dev.mg.example.org"}""",
            events[0]!["mailing-list"]!.ToJsonString());
    }

    [Fact]
    public async Task Api_OfAnotherDomain_PostsWhereAnybodyMay()
    {
        await CreateAsync("news@mg.example.org", "access_level=readonly", "a@net.example");
        await CreateAsync("dev@mg.example.org", "access_level=members", "a@net.example");
        await CreateAsync("all@mg.example.org", "access_level=everyone", "a@net.example");
        http.Dispose();
        http = server.Api("key-other");
        foreach (var list in (string[])["news@mg.example.org", "dev@mg.example.org"])
            Assert.Equal(
                $$"""400 {"message":"<{{list}}>: This sender may not post to the mailing list"}""",
                await http.AskAsync("POST", "v3/other.example.org/messages", "from=a@net.example",
                    $"to={list}", "text=x"));
        Assert.StartsWith("200 ", await http.AskAsync("POST", "v3/other.example.org/messages",
            "from=a@net.example", "to=all@mg.example.org", "text=x"), StringComparison.Ordinal);
        Assert.Contains("List-Id: <all.", (await TakeAsync()).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MemberWhoLeftOneDomainsMail_StillGetsThatOfAnotherDomainsList()
    {
        await CreateAsync("dev@mg.example.org", "access_level=everyone", "m@net.example", "x@net.example");
        await CreateAsync("all@other.example.org", "access_level=everyone", "m@net.example", "x@net.example");
        await http.AskAsync("POST", "v3/mg.example.org/unsubscribes", "address=m@net.example");
        Assert.StartsWith("200 ", await http.AskAsync("POST", "v3/mg.example.org/messages",
            "from=ann@shop.example", "to=dev@mg.example.org,all@other.example.org", "text=x"),
            StringComparison.Ordinal);
        string[] heard = [(await TakeAsync()).Commands, (await TakeAsync()).Commands];
        Assert.Equal(
            ["RCPT TO:<m@net.example>", "RCPT TO:<x@net.example>"],
            heard.SelectMany(one => one.Split('\n'))
                .Where(line => line.StartsWith("RCPT", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task Mx_TakesFromWhoMayPost_AndRefusesOthers()
    {
        await CreateAsync("news@mg.example.org", "access_level=readonly", "m@shop.example");
        await CreateAsync("dev@mg.example.org", "access_level=members", "m@shop.example");
        await CreateAsync(
            "all@mg.example.org", "access_level=everyone reply_preference=sender", "m@shop.example");
        foreach (var (sender, list, reply) in ((string, string, string)[])[
            ("m@shop.example", "news@mg.example.org", "550 5.7.1"),
            ("x@elsewhere.example", "dev@mg.example.org", "550 5.7.1"),
            ("", "all@mg.example.org", "550 5.7.1"),
            ("x@elsewhere.example", "none@mg.example.org", "550 5.1.1"),
            ("M@shop.example", "Dev@mg.example.org", "250 2.0.0")])
            Assert.Equal(reply, await HandInAsync(sender, list, "Subject: x"));
        var (commands, content) = await TakeAsync();
        Assert.EndsWith("RCPT TO:<m@shop.example>", commands, StringComparison.Ordinal);
        Assert.Contains("Reply-To: dev@mg.example.org\r\n", content, StringComparison.Ordinal);
        Assert.Equal(
            "250 2.0.0", await HandInAsync("x@elsewhere.example", "all@mg.example.org", "Subject: x"));
        (commands, content) = await TakeAsync();
        Assert.DoesNotContain("x@elsewhere.example", commands, StringComparison.Ordinal);
        Assert.Contains("List-Id: <all.mg.example.org>\r\n", content, StringComparison.Ordinal);
        Assert.DoesNotContain("Reply-To", content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MemberThatIsRefused_IsSuppressed_AndItsPosterHearsNothing()
    {
        const string poster = "poster@shop.example";
        await CreateAsync(
            "all@mg.example.org", "access_level=everyone", "gone@shop.example", "m@shop.example");
        Assert.Equal("250 2.0.0", await HandInAsync(poster, "all@mg.example.org", "Subject: x"));
        var (commands, _) = await TakeAsync();
        await server.RestartAsync();
        Assert.Contains("gone@shop.example", commands, StringComparison.Ordinal);
        http.Dispose();
        http = server.Api("key-mg");
        Assert.Contains("\"code\":\"550\"", await http.AskAsync(
            "GET", "v3/mg.example.org/bounces/gone@shop.example"), StringComparison.Ordinal);
        // A second mail, and what comes back to the list's own return path.
        Assert.Equal("250 2.0.0", await HandInAsync(poster, "all@mg.example.org", "Subject: y"));
        (commands, _) = await TakeAsync();
        Assert.DoesNotContain("gone@", commands, StringComparison.Ordinal);
        var path = commands[(commands.IndexOf('<', StringComparison.Ordinal) + 1)..commands.IndexOf(
            '>', StringComparison.Ordinal)];
        const string report = """
            Content-Type: multipart/report; report-type=delivery-status; boundary=b

            --b
            Content-Type: message/delivery-status

            Reporting-MTA: dns; far.example

            Final-Recipient: rfc822; m@shop.example
            Action: failed
            Status: 5.1.1
            Diagnostic-Code: smtp; 550 5.1.1 no such user

            --b--
            """;
        Assert.Equal(
            "550 5.1.1", await HandInAsync("", path.Replace("-", "-0", StringComparison.Ordinal), report));
        Assert.Equal("250 2.0.0", await HandInAsync("", path, report));
        await server.StopAsync();
        Assert.False(left.Reader.TryRead(out var more), more);
        await server.InitializeAsync();
        http.Dispose();
        http = server.Api("key-mg");
        Assert.StartsWith("200 ", await http.AskAsync(
            "GET", "v3/mg.example.org/bounces/m@shop.example"), StringComparison.Ordinal);
    }

    /// <summary>As another server hands it in.</summary>
    /// <returns>Codes, plain and enhanced, of the last reply.</returns>
    async Task<string> HandInAsync(string sender, string recipient, string letter)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.AddressOf("mx"), Cancel);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        var last = "";
        foreach (var line in (string?[])[
            null, "EHLO elsewhere.example", $"MAIL FROM:<{sender}>", $"RCPT TO:<{recipient}>", "DATA",
            letter.ReplaceLineEndings("\r\n") + "\r\n."])
        {
            if (line is not null)
                await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), Cancel);
            do
                last = (await reader.ReadLineAsync(Cancel))!;
            while (last[3] == '-');
            if (last[0] == '5')
                break;
        }
        return string.Join(' ', last.Split(' ')[..2]);
    }
}
