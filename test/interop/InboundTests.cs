using System.Globalization;
using System.Text;

namespace Postern.Interop;

/// <summary>Mail from outside ends in a script and in Pub/Sub.</summary>
public sealed class InboundTests
{
    const string Topic = "projects/postern/topics/mail";

    const string ToTopic = $"""
        [transports.topic]
        kind = "pubsub"
        topic = "{Topic}"
        format = "raw"

        [[routes]]
        name = "inbound"
        to = ["*@in.test"]
        accepts = "mx"
        via = ["topic"]
        """;

    [Fact]
    public async Task Swaks_ToTheMx_ReachesTheScriptAndOthersAreRefused()
    {
        var swaks = Tool.Require("swaks");
        await using var postern = new PosternProcess("");
        postern.Settings = ToScript(postern.Directory, WriteScript(postern.Directory));
        await postern.StartAsync();

        (await SwaksAsync("box+tag@in.test")).Succeeded();
        var stored = await StoredAsync(postern);
        Assert.Contains("Subject: inbound", stored);
        Assert.StartsWith("arguments: a@sender.test box+tag@in.test\n", stored);

        var unknown = await SwaksAsync("nobody@in.test");
        Assert.Matches(@"RCPT TO:<nobody@in\.test>\s+<\*\* 550 5\.1\.1", unknown.Output);
        var relaying = await SwaksAsync("someone@elsewhere.test");
        Assert.Matches(@"RCPT TO:<someone@elsewhere\.test>\s+<\*\* 550 5\.7\.1", relaying.Output);

        Task<Command> SwaksAsync(string to) => Command.RunAsync(
            swaks, "--server", "127.0.0.1", "--port", postern.Port("mx")
                .ToString(CultureInfo.InvariantCulture),
            "--from", "a@sender.test", "--to", to, "--helo", "client.test", "--header", "Subject: inbound");
    }

    [Fact]
    public async Task Postfix_ToTheMx_ReachesTheScript()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var postern = new PosternProcess("");
        postern.Settings = ToScript(postern.Directory, WriteScript(postern.Directory));
        await postern.StartAsync();
        await using var postfix = await PostfixPeer
            .SubmitterAsync($"relayhost = [127.0.0.1]:{postern.Port("mx")}");
        await SendAsync(postfix.Port, 1, "box@in.test", cancel);
        Assert.Contains("number 0", await StoredAsync(postern));
    }

    [Fact]
    public async Task GooglesEmulator_GetsEveryMessageOnce()
    {
        await using var pubsub = await PubSubEmulator.GoogleAsync();
        await PublishAsync(pubsub, 50);
    }

    [Fact]
    public async Task Pstest_ThatFailsAndLosesAnswers_GetsEveryMessage()
    {
        await using var pubsub = await PubSubEmulator.PstestAsync(failPercent: 20, lostPercent: 5);
        await PublishAsync(pubsub, 50);
    }

    [Fact]
    public async Task PubSub_ThatIsDownWhile5000Come_GetsThemAllInOrderOnceItIsBack()
    {
        const int sessions = 20, each = 250;
        var cancel = TestContext.Current.CancellationToken;
        var port = PosternProcess.FreePort();
        await using var postern = new PosternProcess(ToTopic.Replace(
            "format", "ordering = \"recipient\"\nformat", StringComparison.Ordinal));
        postern.Environment["PUBSUB_EMULATOR_HOST"] = $"127.0.0.1:{port}";
        await postern.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, sessions).Select(session => SendAsync(
            postern.Port("mx"), each, $"box{session}@in.test", cancel)));

        await using var pubsub = await PubSubEmulator.GoogleAsync(port);
        await pubsub.CreateAsync("mail", "reader");
        (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
        var pulled = await pubsub.PullAsync("reader", sessions * each);
        Assert.All(pulled, message => Assert.Matches("^[0-9a-f]{16}$", message.OrderingKey));
        var boxes = pulled.DistinctBy(message => message.Attributes["ce-id"])
            .GroupBy(message => message.Attributes["rcpt"], NumberOf).ToList();
        Assert.Equal(sessions, boxes.Count);
        Assert.All(boxes, box => Assert.Equal(Enumerable.Range(0, each), box));
        var ended = (await postern.CommandAsync("queue", "list", "--json")).Succeeded().Output;
        Assert.DoesNotContain("\"failed\"", ended);
        Assert.DoesNotContain("\"ready\"", ended);
        Assert.DoesNotContain("bounced", postern.Said);
    }

    [Fact]
    public async Task Postfix_ThatPipesToDeliver_KeepsMailWhilePosternIsDown()
    {
        var cancel = TestContext.Current.CancellationToken;
        Tool.RequireRoot("a Postfix of our own");
        await using var pubsub = await PubSubEmulator.GoogleAsync();
        await pubsub.CreateAsync("mail", "reader");
        // pipe(8) refuses root, so both sides run as the user that may use deliver.sock.
        await using var postern = new PosternProcess(ToTopic)
        {
            Wrapper = [Tool.Require(
                "setpriv", "util-linux"), "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"],
        };
        postern.Environment["PUBSUB_EMULATOR_HOST"] = pubsub.Host;
        await postern.StartAsync();
        await using var postfix = await PostfixPeer.SubmitterAsync(
            "transport_maps = inline:{ in.test=postern }\nrelay_domains = in.test",
            "postern unix - n n - - pipe user=nobody argv=" + PosternProcess.Program + " deliver --config "
            + postern.ConfigurationFile + " --sender ${sender} --recipient ${recipient}");

        await SendAsync(postfix.Port, 1, "box@in.test", cancel);
        Assert.Single(await pubsub.PullAsync("reader", 1));

        await postern.StopAsync();
        await SendAsync(postfix.Port, 1, "box@in.test", cancel);
        await Eventually.TrueAsync(
            () => postfix.Log.Contains("status=deferred", StringComparison.Ordinal), "Postfix keeps it",
            evidence: () => postfix.Log);
        await postern.StartAsync();
        await postfix.FlushAsync();
        Assert.Single(await pubsub.PullAsync("reader", 1));
        Assert.DoesNotContain("status=bounced", postfix.Log);
    }

    static async Task PublishAsync(PubSubEmulator pubsub, int count)
    {
        await pubsub.CreateAsync("mail", "reader");
        await using var postern = new PosternProcess(ToTopic);
        postern.Environment["PUBSUB_EMULATOR_HOST"] = pubsub.Host;
        await postern.StartAsync();
        await SendAsync(postern.Port("mx"), count, "box@in.test", TestContext.Current.CancellationToken);
        var pulled = await pubsub.PullAsync("reader", count);
        var bodies = pulled.Select(message => Encoding.UTF8.GetString(message.Data))
            .Select(text => text[text.IndexOf("From: <a@sender.test>", StringComparison.Ordinal)..])
                .ToHashSet();
        Assert.True(
            bodies.SetEquals(
                Enumerable.Range(0, count).Select(Content)), $"{bodies.Count} of {count}:\n{postern.Said}");
    }

    static int NumberOf(PulledMessage message) => int.Parse(
        Encoding.UTF8.GetString(message.Data).Split("number ")[^1], CultureInfo.InvariantCulture);

    static string Content(int number) =>
        "From: <a@sender.test>\r\nSubject: 안녕\r\n"
        + $"Message-ID: <{number}@sender.test>\r\n\r\nnumber {number}\r\n";

    static async Task SendAsync(int port, int count, string recipient, CancellationToken cancel)
    {
        await using var wire = await SmtpWire.ConnectAsync(port, cancel);
        for (var i = 0; i < count; i++)
        {
            var letter =
                new Letter("a@sender.test", recipient, Encoding.UTF8.GetBytes(Content(i)), " BODY=8BITMIME");
            Assert.StartsWith("250", await wire.SendAsync(letter, cancel));
        }
    }

    /// <summary>Keeps what it got; a file under its final name is whole.</summary>
    static string WriteScript(TemporaryDirectory directory) => directory.WriteScript("on-mail", $"""
        #!/bin/sh
        new={directory.PathOf("got.new")}
        echo "arguments: $1 $2" > "$new" && /bin/cat >> "$new" && /bin/mv "$new" {directory.PathOf("got")}
        """);

    static string ToScript(TemporaryDirectory directory, string script) => $$"""
        [transports.script]
        kind = "pipe"
        argv = ["{{script}}", "${sender}", "${recipient}"]
        {{RunAs(directory)}}

        [[routes]]
        name = "inbound"
        to = ["box@in.test"]
        accepts = "mx"
        via = ["script"]
        """;

    /// <summary>Root may not run scripts as itself: it hands the directory to nobody and runs them as
    /// that.</summary>
    internal static string RunAs(TemporaryDirectory directory)
    {
        if (!Environment.IsPrivilegedProcess)
            return "same-user = true";
        File.SetUnixFileMode(directory.FullPath, (UnixFileMode)0b111_111_111);
        return "user = \"nobody\"";
    }

    static async Task<string> StoredAsync(PosternProcess postern)
    {
        var got = postern.Directory.PathOf("got");
        await Eventually
            .TrueAsync(() => File.Exists(got), "the script gets it", evidence: () => postern.Said);
        return await File.ReadAllTextAsync(got, TestContext.Current.CancellationToken);
    }
}
