using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Smtp;
using Postern.Tests.Api;
using Postern.Tests.Doubles;

namespace Postern.Tests.Reports;

/// <summary>Mail leaves with a return path of ours, and what comes back to it is joined and passed
/// on.</summary>
public sealed class ReturnPathTests(RunningServer server) : IClassFixture<RunningServer>
{
    static readonly ReturnPaths Paths = new(new byte[32]);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Token_IsFoundInWhateverCase_AndNoOtherIs()
    {
        var id = new QueueId(123_456_789);
        var made = Paths.Of(id, "return.example");
        Assert.Matches("^bounces\\+[0-9A-Z]{13}-[0-9a-f]{16}@return\\.example$", made.ToString());
        Assert.Equal(id, Paths.Find(made));
        Assert.Equal(id, Paths.Find(Of(made.ToString().ToLowerInvariant())));
        Assert.Null(Paths.Find(Of(made.ToString().Replace(id.ToString(), new QueueId(1).ToString(),
            StringComparison.Ordinal))));
        Assert.Null(new ReturnPaths([1]).Find(made));
        foreach (var other in (string[])["bounces+@x.y", "bounces@x.y", "bounces+a-b@x.y", "bounces+a-b-c@x"])
            Assert.Null(Paths.Find(Of(other)));
    }

    [Fact]
    public void Token_OfAList_IsAnotherOne()
    {
        var id = new QueueId(123_456_789);
        var made = Paths.OfList(id, "mg.example");
        Assert.Matches("^bounces\\+[0-9A-Z]{13}\\.L-[0-9a-f]{16}@mg\\.example$", made.ToString());
        foreach (var text in (string[])[made.ToString(), made.ToString().ToLowerInvariant()])
            Assert.Equal((id, true), (Paths.Find(Of(text))!.Value, ReturnPaths.IsOfList(Of(text))));
        // One cannot be made of the other.
        Assert.Null(Paths.Find(Of(made.ToString().Replace(".L-", "-", StringComparison.Ordinal))));
        var plain = Paths.Of(id, "mg.example");
        Assert.False(ReturnPaths.IsOfList(plain));
        Assert.Null(Paths.Find(Of(plain.ToString().Replace("-", ".L-", StringComparison.Ordinal))));
    }

    static Mailbox Of(string text) => MailHall.Mailbox(text);

    [Theory]
    [InlineData("sender@example.org", "bounces@return.example", "bounces+*@return.example")]
    [InlineData("", "bounces@return.example", "<>")]
    [InlineData("sender@example.org", "keep", "sender@example.org")]
    public async Task Message_LeavesWithTheReturnPathOfItsTransport(
        string sender, string returnPath, string expected)
    {
        await using var hall = new MailHall(MailHall.OptionsOf(MailHall.Route("all", via: ["relay"])) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new()
                {
                    Kind = TransportKind.Smtp,
                    Host = "[192.0.2.1]",
                    ReturnPath = returnPath,
                },
            },
        });
        hall.Queue.ReturnPaths = Paths;
        var id = await hall.AcceptAsync(hall.Letter(sender), "a@example.net");
        await hall.RunAsync();
        var left = Assert.Single(hall.Relay.Attempts).Sender;
        if (expected.Contains('*', StringComparison.Ordinal))
            Assert.Equal(Paths.Of(id, "return.example"), left.Mailbox);
        else
            Assert.Equal(expected, left.Mailbox?.ToString() ?? "<>");
    }

    [Fact]
    public async Task Report_IsJoinedOnce_AndPassedOnToTheSender()
    {
        var (messageId, path) = await SendAsync("bob@net.example");
        var report = Report("bob@net.example", "550 5.1.1 no such user", "5.1.1");
        Assert.Equal([250, 354, 250], await HandInAsync(path, report));
        Assert.Equal([250, 354, 250], await HandInAsync(path, report));
        var told = Assert.Single(await ToldAsync(messageId));
        Assert.Equal("failed", (string)told["event"]!);
        Assert.Equal("permanent", (string)told["severity"]!);
        Assert.Equal("bounce", (string)told["reason"]!);
        Assert.Equal("bob@net.example", (string)told["recipient"]!);
        Assert.Equal(550, (int)told["delivery-status"]!["code"]!);
        Assert.Equal("hard", (string)told["delivery-status"]!["bounce-type"]!);
        Assert.Equal("report", (string)told["postern"]!["told-by"]!);
        var passedOn = await server.MailsAsync("<report-on-bob.net.example@elsewhere.example>");
        Assert.Equal(2, passedOn.Count);
        Assert.Equal(["a@shop.example"], passedOn[0].Message.Recipients
            .Where(row => row.State != RecipientState.Done).Select(row => row.Address.ToString()));
    }

    [Fact]
    public async Task Report_OverTheSizeKeptInMemory_IsReadToo()
    {
        var (messageId, path) = await SendAsync("large@net.example");
        var returned = string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 5000));
        Assert.Equal([250, 354, 250], await HandInAsync(
            path, Report("large@net.example", "452 4.2.2 full", "4.2.2", returned)));
        Assert.Equal("failed", (string)Assert.Single(await ToldAsync(messageId))["event"]!);
    }

    [Fact]
    public async Task Report_AboutSomebodyElse_TellsNothing()
    {
        var (messageId, path) = await SendAsync("carol@net.example,dan@net.example");
        Assert.Equal([250, 354, 250], await HandInAsync(path, Report("eve@net.example", "550 no", "5.1.1")));
        Assert.Empty(await ToldAsync(messageId));
    }

    [Fact]
    public async Task Path_ThatWeDidNotMake_Is550()
    {
        var (_, path) = await SendAsync("dave@net.example");
        var forged = path.Replace("-", "-0", StringComparison.Ordinal);
        Assert.Equal([550], await HandInAsync(forged, ""));
        var elsewhere = path.Replace("return.", "other.", StringComparison.Ordinal);
        Assert.Equal([550], await HandInAsync(elsewhere, ""));
        Assert.Equal([550], await HandInAsync("bounces@return.example", ""));
    }

    async Task<(string MessageId, string Path)> SendAsync(string recipient)
    {
        using var http = server.Api("key-mg");
        using var form = new FormUrlEncodedContent(
            [new("from", "a@shop.example"), new("to", recipient), new("text", "x")]);
        using var response = await http.PostAsync(
            new Uri("v3/mg.example.org/messages", UriKind.Relative), form, Cancel);
        var messageId = (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["id"]!;
        var (message, _) = await server.MailAsync(messageId);
        return (messageId, server.ReturnPathOf(message.Message.Id, "return.example"));
    }

    async Task<List<JsonNode>> ToldAsync(string messageId)
    {
        using var http = server.Api("key-mg");
        var page = JsonNode.Parse(await http.GetStringAsync(new Uri(
            $"v3/mg.example.org/events?message-id={messageId.Trim('<', '>')}", UriKind.Relative), Cancel))!;
        return [.. page["items"]!.AsArray().Where(item => item!["postern"]!["told-by"] is not null)
            .Select(item => item!)];
    }

    /// <summary>As another server hands it in.</summary>
    /// <returns>Codes of the replies to RCPT, DATA and the dot, as far as it came.</returns>
    async Task<List<int>> HandInAsync(string path, string content)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.AddressOf("mx"), Cancel);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        var codes = new List<int>();
        async Task<int> SayAsync(string? line)
        {
            if (line is not null)
                await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), Cancel);
            string reply;
            do
                reply = (await reader.ReadLineAsync(Cancel))!;
            while (reply[3] == '-');
            return int.Parse(reply.AsSpan(0, 3), null);
        }
        foreach (var line in (string?[])[null, "EHLO elsewhere.example", "MAIL FROM:<>"])
            await SayAsync(line);
        foreach (var line in (string[])[$"RCPT TO:<{path}>", "DATA", content + "."])
        {
            codes.Add(await SayAsync(line));
            if (codes[^1] >= 400)
                break;
        }
        return codes;
    }

    static string Report(string recipient, string reply, string status, string returned = "x\r\n") => $"""
        From: MAILER-DAEMON@elsewhere.example
        To: somebody@return.example
        Message-ID: <report-on-{recipient.Replace('@', '.')}@elsewhere.example>
        Subject: Undelivered Mail Returned to Sender
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary=b

        --b
        Content-Type: text/plain

        It failed.
        --b
        Content-Type: message/delivery-status

        Reporting-MTA: dns; elsewhere.example

        Final-Recipient: rfc822; {recipient}
        Action: failed
        Status: {status}
        Diagnostic-Code: smtp; {reply}

        --b
        Content-Type: message/rfc822

        Subject: hello

        {returned}--b--

        """.ReplaceLineEndings("\r\n");
}
