using System.Text;

namespace Postern.Interop;

/// <summary>Mail ends in a mailbox, and those who read mailboxes find it there.</summary>
public sealed class MailboxTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Maildir_IsReadByAMailProgram_AndByDovecot()
    {
        var reader = Tool.Require("s-nail");
        await using var dovecot = await DovecotPeer.StartAsync("box");
        await using var postern = new PosternProcess("");
        postern.Directory.MakeDirectory("mail/box");
        postern.Settings = $$"""
            [transports.boxes]
            kind = "maildir"
            directory = "{{postern.Directory.PathOf("mail")}}/${user}"

            {{Route("boxes")}}
            """;
        await postern.StartAsync();
        await SendAsync(postern.Port("mx"), 3, "box@in.test", "Box+tag@in.test");
        var folder = postern.Directory.PathOf("mail/box");
        await Eventually.TrueAsync(
            () => Directory.Exists(folder + "/new") && Directory.GetFiles(folder + "/new").Length == 6,
            "six files are there", evidence: () => postern.Said);

        var read = (await Command.RunAsync(
            reader, ["-n", "-R", "-f", folder], "headers\nprint 1-6\nxit\n"u8.ToArray())).Succeeded();
        Assert.Contains("6 messages 6 new", read.Output);
        for (var i = 0; i < 3; i++)
            Assert.Contains($"number {i}", read.Output);
        Assert.Contains("Delivered-To: Box+tag@in.test", read.Output);
        Assert.Contains("Return-Path: <a@sender.test>", read.Output);
        Assert.Empty(Directory.GetFiles(folder + "/tmp"));

        // Dovecot reads as the user whose mail it is.
        (await Command.RunAsync("/bin/chown", "-R", "nobody", postern.Directory.PathOf("mail"))).Succeeded();
        var fetched = await dovecot.FetchAsync("box", folder);
        for (var i = 0; i < 3; i++)
            Assert.Equal(2, fetched.Split($"\nnumber {i}").Length - 1);
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("unix")]
    public async Task Dovecot_TakesMailByLmtpAndRefusesWhomItDoesNotKnow(string way)
    {
        await using var dovecot = await DovecotPeer.StartAsync("box", "eve");
        await using var postern = new PosternProcess(ToDovecot(dovecot, way));
        await postern.StartAsync();
        await SendAsync(postern.Port("mx"), 2, "box@in.test", "nobody@in.test", "eve@in.test");
        await ArrivedAsync(dovecot, postern, "box", 2);
        await ArrivedAsync(dovecot, postern, "eve", 2);
        Assert.Contains("Return-Path: <a@sender.test>", await dovecot.FetchAsync("box"));
        Assert.Contains("Subject: 안녕", await dovecot.FetchAsync("eve"));
        await Eventually.TrueAsync(
            () => postern.Said.Contains("User doesn't exist: nobody@in.test", StringComparison.Ordinal),
            "the refusal is told", evidence: () => postern.Said);
    }

    [Fact]
    public async Task Dovecot_ThatIsDown_GetsItsMailWhenItIsBack()
    {
        await using var dovecot = await DovecotPeer.StartAsync("box");
        await dovecot.StopAsync();
        await using var postern = new PosternProcess(ToDovecot(dovecot, "unix"));
        await postern.StartAsync();
        await SendAsync(postern.Port("mx"), 2, "box@in.test");
        await Eventually.TrueAsync(
            () => postern.Said.Contains("deferred", StringComparison.OrdinalIgnoreCase)
                || postern.Said.Contains("attempted", StringComparison.Ordinal),
            "an attempt fails", evidence: () => postern.Said);
        await dovecot.BeginAsync();
        await ArrivedAsync(dovecot, postern, "box", 2);
    }

    static Task ArrivedAsync(DovecotPeer dovecot, PosternProcess postern, string user, int count) =>
        Eventually.TrueAsync(
            async () => (await dovecot.FetchAsync(user)).Split("\nnumber ").Length - 1 == count,
            $"{count} messages are there for {user}", evidence: () => postern.Said + dovecot.Log);

    static string ToDovecot(DovecotPeer dovecot, string way) => $"""
        [transports.dovecot]
        kind = "lmtp"
        host = "{(way == "unix" ? $"unix:{dovecot.Socket}" : $"127.0.0.1:{dovecot.Port}")}"

        {Route("dovecot")}
        """;

    static string Route(string transport) => $"""
        [[routes]]
        name = "inbound"
        to = ["*@in.test"]
        accepts = "mx"
        via = ["{transport}"]
        """;

    static async Task SendAsync(int port, int count, params string[] recipients)
    {
        await using var wire = await SmtpWire.ConnectAsync(port, Cancel);
        for (var i = 0; i < count; i++)
        {
            foreach (var recipient in recipients)
            {
                var content = Encoding.UTF8.GetBytes(
                    $"From: <a@sender.test>\r\nSubject: 안녕\r\nMessage-ID: <{i}@sender.test>\r\n\r\n"
                    + $"number {i}\r\n");
                Assert.StartsWith("250", await wire.SendAsync(
                    new Letter("a@sender.test", recipient, content, " BODY=8BITMIME"), Cancel));
            }
        }
    }
}
