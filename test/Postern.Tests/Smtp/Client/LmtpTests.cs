using Postern.Smtp.Client;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Client;

/// <summary>RFC 2033 on the client's side, in memory.</summary>
public sealed class LmtpTests
{
    static readonly SmtpClientOptions Lmtp = Relays.Plain with { Protocol = ClientProtocol.Lmtp };

    [Fact]
    public async Task Send_WithPipelining_IsOneFlightAndTakesOneReplyForEach()
    {
        var result = await SendAsync(async peer =>
        {
            await GreetAsync(peer, "PIPELINING", "CHUNKING");
            await peer.ReadLineAsync();
            Assert.Equal("RCPT TO:<b@d.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", peer.Unread);
            for (var i = 0; i < 3; i++)
                await peer.ReadLineAsync();
            await peer.SayRawAsync("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
            Assert.Equal(Relays.Content, await peer.ReadDataAsync());
            await peer.SayAsync("250 2.0.0 first", "452 4.2.2 second");
            await peer.ExpectEndAsync();
        }, "b@d.example", "c@d.example");
        var delivered = Assert.IsType<TransactionResult.Delivered>(result);
        Assert.Equal([250, 452], delivered.FinalReplies.Select(reply => reply!.Code));
        Assert.False(delivered.IsOver);
    }

    [Fact]
    public async Task Send_RecipientRefused_HasNoReplyBehindTheContent()
    {
        var result = await SendAsync(async peer =>
        {
            await GreetAsync(peer);
            await peer.ExpectAsync("MAIL", "250 ok");
            await peer.ExpectAsync("RCPT", "550 no");
            await peer.ExpectAsync("RCPT", "250 ok");
            await peer.ExpectAsync("DATA", "354 go");
            await peer.ReadDataAsync();
            await peer.SayAsync("250 done");
            await peer.ExpectEndAsync();
        }, "b@d.example", "c@d.example");
        var delivered = Assert.IsType<TransactionResult.Delivered>(result);
        Assert.Null(delivered.FinalReplies[0]);
        Assert.Equal(250, delivered.FinalReplies[1]!.Code);
    }

    [Fact]
    public async Task Send_ClosedBetweenTheReplies_KnowsWhichAreMissing()
    {
        var result = await SendAsync(async peer =>
        {
            await GreetAsync(peer);
            await peer.ExpectAsync("MAIL", "250 ok");
            await peer.ExpectAsync("RCPT", "250 ok");
            await peer.ExpectAsync("RCPT", "250 ok");
            await peer.ExpectAsync("DATA", "354 go");
            await peer.ReadDataAsync();
            await peer.SayAsync("250 done");
        }, "b@d.example", "c@d.example");
        var delivered = Assert.IsType<TransactionResult.Delivered>(result);
        Assert.Equal(250, delivered.FinalReplies[0]!.Code);
        Assert.Null(delivered.FinalReplies[1]);
        Assert.Equal(LossCause.PeerClosed, delivered.Missing?.Cause);
        Assert.True(delivered.IsOver);
    }

    [Fact]
    public async Task Send_NobodyAcceptedAnd354AllTheSame_EndsWithTheRefusals()
    {
        var result = await SendAsync(async peer =>
        {
            await GreetAsync(peer, "PIPELINING");
            for (var i = 0; i < 3; i++)
                await peer.ReadLineAsync();
            await peer.SayRawAsync("250 ok\r\n550 no\r\n354 go\r\n");
            Assert.Equal("", await peer.ReadDataAsync());
            await peer.ExpectEndAsync();
        }, "b@d.example");
        Assert.IsType<TransactionResult.NoRecipientAccepted>(result);
    }

    [Fact]
    public async Task Open_LhloRefused_TriesNoHelo()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async peer =>
        {
            await peer.SayAsync("220 smtp ready");
            await peer.ExpectAsync("LHLO postern.example", "500 unknown");
            await peer.ExpectEndAsync();
        });
        var opened = await SmtpClientConnection.OpenAsync(
            stream, Lmtp, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(500, Assert.IsType<OpenResult.Refused>(opened).Reply.Code);
        await script;
    }

    static async Task GreetAsync(RelayConversation peer, params string[] extensions)
    {
        await peer.SayAsync("220 lmtp ready");
        string[] lines = ["box", .. extensions];
        await peer.ExpectAsync(
            "LHLO ", [.. lines.Select((line, i) => $"250{(i == lines.Length - 1 ? ' ' : '-')}{line}")]);
    }

    static async Task<TransactionResult> SendAsync(
        Func<RelayConversation, Task> script, params string[] recipients)
    {
        var (stream, played) = ScriptedRelay.PlayInMemory(script);
        TransactionResult result;
        await using (var connection = await Relays.OpenAsync(stream, Lmtp))
            result = await connection.SendAsync(Relays.To(recipients), new BytesContent(Relays.Content));
        await played;
        return result;
    }
}
