namespace Postern.Interop;

/// <summary>Mail goes out through a real MTA that wants STARTTLS and a login, and arrives as it
/// was.</summary>
public sealed class NextHopTests
{
    const string Password = "secret:with colon";

    /// <summary>The way to a next hop on 127.0.0.1, encrypted, verified and with a login, as to a
    /// provider.</summary>
    internal static string Relay(int port, string loginFile, string authority) => $"""
        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        login = "file:{loginFile}"
        tls = "required"
        ca = "file:{authority}"

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;

    [Fact]
    public async Task Postfix_WithStartTlsAndLogin_GetsEveryContentByteForByte()
    {
        await using var postfix = await PostfixPeer.NextHopAsync(("relay", Password));
        await EveryContentAsync(
            postfix.Port, postfix.CertificateFile, "relay@relay.test", postfix.Maildir, () => postfix.Log);
    }

    [Fact]
    public async Task Exim_WithStartTlsAndLogin_GetsEveryContentByteForByte()
    {
        await using var exim = await EximPeer.NextHopAsync("relay", "secret");
        await EveryContentAsync(
            exim.Port, exim.CertificateFile, "relay", exim.Maildir, () => exim.Log, "secret");
    }

    /// <summary>Without CHUNKING: the next message's commands go out with the final dot of the one
    /// before.</summary>
    [Fact]
    public async Task Postfix_OverOneConnection_GetsABacklogByteForByte()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var postfix = await PostfixPeer.NextHopAsync(
            ("relay", Password), "smtpd_discard_ehlo_keywords = chunking");
        await postfix.StopAsync();
        await using var postern = new PosternProcess("");
        var login = postern.Directory.WriteSecret("login", $"relay@relay.test:{Password}");
        postern.Settings = Relay(postfix.Port, login, postfix.CertificateFile)
            .Replace("tls = ", "max-connections = 1\ntls = ", StringComparison.Ordinal);
        await postern.StartAsync();
        string[] names = [.. ContentCase.Names.Where(name => name is not "twenty-megabytes")];
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
        for (var round = 0; round < 5; round++)
        {
            foreach (var name in names)
                Assert.StartsWith("250 2.0.0", await wire.SendAsync(ContentCase.Letter(name), cancel));
        }
        await postfix.StartAsync();
        (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
        await Eventually.TrueAsync(
            () => postfix.ArrivedCount == 5 * names.Length, "all arrive", 60,
            () => postern.Said + "\n" + postfix.Log);
        foreach (var name in names)
        {
            foreach (var arrived in ContentCase.AllArrived(postfix.Maildir, name))
                ContentCase.AssertSame(ContentCase.Letter(name).Content, arrived);
        }
        await postern.StopAsync();
        var all = 5 * names.Length;
        await Eventually.TrueAsync(
            () => postfix.Log.Contains(
                $"auth=1 mail={all} rcpt={all} data={all} ", StringComparison.Ordinal),
            "all came over one connection", evidence: () => postern.Said + "\n" + postfix.Log);
    }

    static async Task EveryContentAsync(
        int port, string authority, string user, string maildir, Func<string> peerLog,
        string password = Password)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var postern = new PosternProcess("");
        postern.Settings =
            Relay(port, postern.Directory.WriteSecret("login", $"{user}:{password}"), authority);
        await postern.StartAsync();
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
        foreach (var name in ContentCase.Names)
        {
            var letter = ContentCase.Letter(name);
            Assert.StartsWith("250 2.0.0", await wire.SendAsync(letter, cancel));
            var arrived = await ContentCase
                .ArrivedAsync(maildir, name, () => postern.Said + "\n" + peerLog());
            ContentCase.AssertSame(letter.Content, arrived);
        }
    }
}
