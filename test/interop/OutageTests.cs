using System.Text;

namespace Postern.Interop;

/// <summary>Trouble that is nobody's mail's fault holds mail and never bounces it.</summary>
public sealed class OutageTests
{
    static readonly byte[] Content = Encoding.ASCII
        .GetBytes("From: <a@sender.test>\r\nSubject: outage\r\n\r\nhello\r\n");

    [Fact]
    public async Task NextHop_DeadThenBack_GetsEverythingThatWaited()
    {
        var port = PosternProcess.FreePort();
        await using var postern = await PosternProcess.StartAsync($"""
            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:{port}"
            tls = "none"

            [[routes]]
            name = "everything"
            via = ["relay"]
            """);
        await SendAsync(postern, 200);
        await Eventually.TrueAsync(
            () => Logged(postern, "refused"), "the refused connection is seen", evidence: () => postern.Said);
        var retried = (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
        Assert.Equal("retry: 0 recipients, 1 probes of closed lanes\n", retried.Output);
        await using var sink = new SmtpSink(port);
        await AllArriveAsync(postern, sink, 200);
        Assert.Equal(200, sink.Deliveries.Count); // each once, and no bounce among them
    }

    [Fact]
    public async Task Login_WrongThenReloaded_RaisesAlarmAndDeliversAfterwards()
    {
        await using var postfix = await PostfixPeer.NextHopAsync(("relay", "right"));
        await using var postern = new PosternProcess("");
        var login = postern.Directory.WriteSecret("login", "relay@relay.test:wrong");
        postern.Settings = NextHopTests.Relay(postfix.Port, login, postfix.CertificateFile);
        await postern.StartAsync();
        await SendAsync(postern, 5);
        await postern.AlarmAsync();
        Assert.Equal(0, postfix.ArrivedCount);
        postern.Directory.WriteSecret("login", "relay@relay.test:right");
        await postern.ReloadAsync(postern.Settings);
        await Eventually.TrueAsync(
            () => postfix.ArrivedCount == 5, "all five arrive", evidence: () => postern.Said + postfix.Log);
        await Eventually.TrueAsync(
            async () => !await postern.HasAlarmAsync(), "the alarm is cleared", evidence: () => postern.Said);
    }

    [Fact]
    public async Task Auth_NotOffered_IsNeverSentWithoutLogin()
    {
        await using var postfix = await PostfixPeer.NextHopAsync(login: null);
        await using var postern = new PosternProcess("");
        var login = postern.Directory.WriteSecret("login", "relay@relay.test:right");
        postern.Settings = NextHopTests.Relay(postfix.Port, login, postfix.CertificateFile);
        await postern.StartAsync();
        await SendAsync(postern, 5);
        await postern.AlarmAsync("login");
        Assert.Equal(0, postfix.ArrivedCount);
        Assert.DoesNotContain("from=<a@sender.test>", postfix.Log);
    }

    [Fact]
    public async Task Script_WithATypoInItsPath_KeepsMailUntilTheMend()
    {
        await using var postern = new PosternProcess("");
        var script = postern.Directory.WriteScript("on-mail", $"""
            #!/bin/sh
            /bin/cat > {postern.Directory.PathOf("got")}
            """);
        postern.Settings = Pipe(script + "-typo");
        await postern.StartAsync();
        await using (
            var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), TestContext.Current.CancellationToken))
        {
            var letter = new Letter("a@sender.test", "box@in.test", Content);
            Assert.StartsWith("250", await wire.SendAsync(letter, TestContext.Current.CancellationToken));
        }
        await postern.AlarmAsync();
        await postern.ReloadAsync(Pipe(script));
        await Eventually.TrueAsync(
            () => File.Exists(postern.Directory.PathOf("got")), "the script gets it", evidence: () =>
                postern.Said);

        string Pipe(string program) => $$"""
            [transports.script]
            kind = "pipe"
            argv = ["{{program}}"]
            {{InboundTests.RunAs(postern.Directory)}}

            [[routes]]
            name = "inbound"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["script"]
            """;
    }

    static async Task SendAsync(PosternProcess postern, int count)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
        for (var i = 0; i < count; i++)
            Assert.StartsWith(
                "250", await wire.SendAsync(new Letter("a@sender.test", $"r{i}@sink.test", Content), cancel));
    }

    static Task AllArriveAsync(PosternProcess postern, SmtpSink sink, int count) => Eventually.TrueAsync(
        () => sink.Deliveries.Select(delivery => delivery.Recipient).Distinct().Count() == count,
        $"all {count} arrive", 60, () => $"{sink.Deliveries.Count} deliveries\n{postern.Said}");

    static bool Logged(PosternProcess postern, string word) =>
        File.Exists(postern.LogFile)
        && File.ReadAllText(postern.LogFile).Contains(word, StringComparison.OrdinalIgnoreCase);
}
