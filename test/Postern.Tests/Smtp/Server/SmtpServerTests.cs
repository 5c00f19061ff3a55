using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Postern.Smtp.Sasl;
using Postern.Smtp.Server;
using Postern.Tests.Security;

namespace Postern.Tests.Smtp.Server;

public sealed class SmtpServerTests
{
    static readonly X509Certificate2 Certificate = CreateCertificate();

    static SmtpServerOptions TlsOptions(TlsMode mode) => TestPeer.Defaults with
    {
        Tls = mode,
        Auth = AuthOffer.UnderTls,
        TlsOptions = () => new SslServerAuthenticationOptions { ServerCertificate = Certificate },
    };

    [Fact]
    public async Task Silence_ForTheCommandTimeout_Replies421AndEnds()
    {
        var clock = new WatchedClock();
        await using var peer = new TestPeer { Clock = clock }.Start();
        Assert.StartsWith("220", await peer.ReplyAsync());
        await peer.SendToIdleAsync("NO");
        await peer.IdleAsync();
        clock.Advance(TimeSpan.FromSeconds(200));
        await peer.SendToIdleAsync("OP");
        await peer.IdleAsync();
        clock.Advance(TimeSpan.FromSeconds(99));
        Assert.False(peer.EndAsync().IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("421 4.4.2 mx.local.example Error: timeout exceeded", await peer.ReplyAsync());
        Assert.Equal(SessionEnd.TimedOut, await peer.EndAsync());
    }

    [Fact]
    public async Task Content_OneOctetEveryNineSeconds_IsCutOff()
    {
        var clock = new WatchedClock();
        await using var peer = new TestPeer { Clock = clock }.Start();
        Assert.StartsWith("220", await peer.ReplyAsync());
        foreach (var line in new[] { "EHLO a", "MAIL FROM:<>", "RCPT TO:<known@local.example>", "DATA" })
        {
            await peer.SendToIdleAsync(line + "\r\n");
            Assert.Matches("^(250|354)", await peer.ReplyAsync());
        }
        var sent = 0;
        for (; sent < 100 && !peer.EndAsync().IsCompleted; sent++)
        {
            await peer.SendToIdleAsync("a");
            await peer.IdleAsync();
            clock.Advance(TimeSpan.FromSeconds(9));
        }
        Assert.InRange(sent, 33, 35);
        Assert.StartsWith("421 4.4.2", await peer.ReplyAsync());
        Assert.Equal(SessionEnd.TimedOut, await peer.EndAsync());
        Assert.Empty(peer.Policy.Stored);
    }

    [Fact]
    public async Task Stopping_WhileIdle_Replies421()
    {
        await using var peer = await new TestPeer().HelloAsync();
        peer.Stop();
        Assert.StartsWith("421 4.3.2", await peer.ReplyAsync());
        Assert.Equal(SessionEnd.Stopping, await peer.EndAsync());
    }

    [Fact]
    public async Task Stopping_WhileContentIsCommitted_GivesTheReplyFirst()
    {
        var gate = new TaskCompletionSource();
        await using var peer = await new TestPeer(policy: new ScriptedPolicy { AcceptGate = gate })
            .EnvelopeAsync();
        Assert.StartsWith("354", await peer.AskAsync("DATA\r\n"));
        await peer.SendAsync("x\r\n.\r\n");
        await peer.Policy.AcceptStarted.Task;
        peer.Stop();
        gate.SetResult();
        Assert.StartsWith("250 2.0.0 Ok: queued as", await peer.ReplyAsync());
        Assert.StartsWith("421 4.3.2", await peer.ReplyAsync());
        Assert.Single(peer.Policy.Stored);
    }

    [Fact]
    public async Task Stopping_InsideContent_StoresNothing()
    {
        await using var peer = await new TestPeer().EnvelopeAsync();
        Assert.StartsWith("354", await peer.AskAsync("DATA\r\n"));
        await peer.SendAsync("half");
        peer.Stop();
        Assert.StartsWith("421 4.3.2", await peer.ReplyAsync());
        Assert.Empty(peer.Policy.Stored);
        Assert.Equal(0, peer.Policy.SinksOpen);
    }

    [Fact]
    public async Task Connect_Refused_SaysSoInsteadOfTheGreeting()
    {
        var policy = new ScriptedPolicy { ConnectReply = Replies.TooManyConnections("mx.local.example") };
        await using var peer = new TestPeer(policy: policy).Start();
        Assert.StartsWith("421 4.7.0", await peer.ReplyAsync());
        Assert.Equal(SessionEnd.Refused, await peer.EndAsync());
        Assert.Equal([SessionEnd.Refused], policy.Ends);
    }

    [Fact]
    public async Task Policy_Throws_Replies421AndThrowsOn()
    {
        await using var peer = await new TestPeer(policy: new ScriptedPolicy { IsBroken = true })
            .HelloAsync();
        Assert.StartsWith("421 4.3.0", await peer.AskAsync("MAIL FROM:<a@b.example>\r\n"));
        await Assert.ThrowsAsync<InvalidOperationException>(peer.EndAsync);
        Assert.Equal([SessionEnd.Failed], peer.Policy.Ends);
    }

    [Fact]
    public async Task Sink_RefusedBeforeContent_RepliesInsteadOf354()
    {
        var policy = new ScriptedPolicy { OpenReply = Replies.InsufficientStorage };
        await using var peer = await new TestPeer(policy: policy).EnvelopeAsync();
        Assert.StartsWith("452 4.3.1", await peer.AskAsync("DATA\r\n"));
        Assert.StartsWith("250", await peer.AskAsync("NOOP\r\n"));
        Assert.Equal(0, policy.SinksOpen);
    }

    [Fact]
    public async Task Login_Failed_WaitsAsLongAsThePolicySays()
    {
        var clock = new WatchedClock();
        var options = TestPeer.Defaults with { Auth = AuthOffer.Anywhere };
        await using var peer = await new TestPeer(
            options, ListenerKind.Submission, new ScriptedPolicy { LoginDelay = TimeSpan.FromSeconds(3) })
        { Clock = clock }.HelloAsync();
        await peer.SendAsync("AUTH PLAIN AHUAcA==\r\n");
        var reply = peer.ReplyAsync();
        await clock.TimerAsync(TimeSpan.FromSeconds(3));
        await clock.AdvanceAsync(TimeSpan.FromSeconds(2.9));
        Assert.False(reply.IsCompleted);
        await clock.AdvanceAsync(TimeSpan.FromSeconds(0.2));
        Assert.StartsWith("535 5.7.8", await reply);
    }

    [Fact]
    public async Task Errors_AfterTheSoftLimit_AreSlowed()
    {
        var clock = new WatchedClock();
        var options = TestPeer.Defaults with { ErrorsBeforeDelay = 1, ErrorDelay = TimeSpan.FromSeconds(1) };
        await using var peer = await new TestPeer(options) { Clock = clock }.HelloAsync();
        Assert.StartsWith("500", await peer.AskAsync("X\r\n"));
        await peer.SendAsync("X\r\n");
        var reply = peer.ReplyAsync();
        await clock.TimerAsync(TimeSpan.FromSeconds(1));
        await clock.AdvanceAsync(TimeSpan.FromSeconds(0.9));
        Assert.False(reply.IsCompleted);
        await clock.AdvanceAsync(TimeSpan.FromSeconds(0.2));
        Assert.StartsWith("500", await reply);
    }

    [Fact]
    public async Task Scram_RightPassword_ProvesBothSides()
    {
        var options = TestPeer.Defaults with { Auth = AuthOffer.Anywhere };
        await using var peer = await new TestPeer(options, ListenerKind.Submission).HelloAsync();
        var client =
            new ScramClientExchange(ScriptedPolicy.User, ScriptedPolicy.Password, ScramSha256.CreateNonce());
        var first = await peer
            .AskAsync($"AUTH SCRAM-SHA-256 {Convert.ToBase64String(client.ClientFirst)}\r\n");
        Assert.True(client.TryReadServerFirst(Convert.FromBase64String(first[4..]), out var final));
        var proof = await peer.AskAsync(Convert.ToBase64String(final) + "\r\n");
        Assert.True(client.IsServerProved(Convert.FromBase64String(proof[4..])));
        Assert.Equal("235 2.7.0 Authentication successful", await peer.AskAsync("\r\n"));
        Assert.Equal((ScriptedPolicy.User, "SCRAM-SHA-256"), (peer.Facts.UserName, peer.Facts.Mechanism));
    }

    [Fact]
    public async Task Auth_BeforeTls_IsNeitherOfferedNorChecked()
    {
        await using var peer = new TestPeer(TlsOptions(TlsMode.StartTls), ListenerKind.Submission).Start();
        Assert.StartsWith("220", await peer.ReplyAsync());
        var offers = await peer.AskAsync("EHLO a\r\n");
        Assert.Contains("STARTTLS", offers);
        Assert.DoesNotContain("AUTH", offers);
        Assert.StartsWith(
            "538", await peer.AskAsync("AUTH PLAIN AHVzZXJAbG9jYWwuZXhhbXBsZQBjb3JyZWN0IGhvcnNl\r\n"));
        Assert.Empty(peer.Policy.Lookups);
        Assert.All(peer.Policy.Refusals, r => Assert.DoesNotContain("AHVz", r.Argument));
    }

    [Fact]
    public async Task StartTls_ThenEhlo_ForgetsWhatWasSaidAndOffersAuth()
    {
        await using var peer = await new TestPeer(TlsOptions(TlsMode.StartTls), ListenerKind.Submission)
            .HelloAsync();
        Assert.StartsWith("220 2.0.0", await peer.AskAsync("STARTTLS\r\n"));
        await using var tls = await HandshakeAsync(peer);
        Assert.StartsWith("503 5.5.1 Error: send HELO", await AskAsync(tls, "MAIL FROM:<a@b.example>\r\n"));
        var offers = await AskAsync(tls, "EHLO a\r\n");
        Assert.Contains("AUTH PLAIN", offers);
        Assert.DoesNotContain("STARTTLS", offers);
        Assert.StartsWith("503", await AskAsync(tls, "STARTTLS\r\n"));
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes("\0user@local.example\0correct horse"));
        Assert.StartsWith("235", await AskAsync(tls, $"AUTH PLAIN {login}\r\n"));
        Assert.Equal("ESMTPSA", peer.Facts.ProtocolName(smtpUtf8: false));
        Assert.StartsWith("221", await AskAsync(tls, "QUIT\r\n"));
        Assert.Equal(SessionEnd.Quit, await peer.EndAsync());
    }

    [Theory]
    [InlineData("STARTTLS\r\nEHLO x\r\n")]
    [InlineData("STARTTLS\r\nRSET\r\nAUTH PLAIN AHUAcA==\r\n")]
    public async Task StartTls_WithCommandsBehindIt_Replies554AndCloses(string octets)
    {
        await using var peer = await new TestPeer(TlsOptions(TlsMode.StartTls), ListenerKind.Submission)
            .HelloAsync();
        Assert.StartsWith("554 5.5.0", await peer.AskAsync(octets));
        Assert.Equal("<closed>", await peer.ReplyAsync());
        Assert.Empty(peer.Policy.Lookups);
    }

    [Theory]
    [InlineData("160301000401000000")]
    [InlineData("16030100050100000100")]
    [InlineData("1603010006010000020303")]
    [InlineData("16030100260100002203030000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("454845484f20610d0a")]
    public async Task StartTls_PoorHandshakeBeforeTheFlushOf220Returns_IsTakenAsTheHandshake(string hex)
    {
        await using var peer = await new TestPeer(TlsOptions(TlsMode.StartTls), ListenerKind.Submission)
            .HelloAsync();
        peer.AtNextFlush = Convert.FromHexString(hex);
        Assert.StartsWith("220 2.0.0", await peer.AskAsync("STARTTLS\r\n"));
        Assert.Equal(SessionEnd.TlsFailed, await peer.EndAsync());
    }

    // TLS-11
    [Theory]
    [InlineData(TlsMode.StartTls)]
    [InlineData(TlsMode.Immediate)]
    public async Task Handshake_ThatNeverComes_EndsAfter30Seconds(TlsMode mode)
    {
        var clock = new WatchedClock();
        await using var peer = new TestPeer(TlsOptions(mode), ListenerKind.Submission) { Clock = clock };
        if (mode == TlsMode.StartTls)
        {
            await peer.HelloAsync();
            Assert.StartsWith("220", await peer.AskAsync("STARTTLS\r\n"));
        }
        else
        {
            peer.Start();
        }
        await peer.SendAsync("\x16");
        await clock.TimerAsync(TimeSpan.FromSeconds(30));
        await clock.AdvanceAsync(TimeSpan.FromSeconds(29));
        Assert.False(peer.EndAsync().IsCompleted);
        await clock.AdvanceAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(SessionEnd.TlsFailed, await peer.EndAsync());
        Assert.Equal("<closed>", await peer.ReplyAsync());
    }

    // TLS-21
    [Fact]
    public async Task TooManyHandshakes_StartTlsGets454_ImmediateTlsIsClosed()
    {
        var policy = new ScriptedPolicy { AllowsHandshakes = false };
        await using (var peer = await new TestPeer(
            TlsOptions(TlsMode.StartTls), ListenerKind.Submission, policy).HelloAsync())
        {
            Assert.StartsWith("454 4.7.0 TLS not available", await peer.AskAsync("STARTTLS\r\n"));
            Assert.StartsWith("250", await peer.AskAsync("NOOP\r\n"));
        }
        await using var immediate =
            new TestPeer(TlsOptions(TlsMode.Immediate), ListenerKind.Submission, policy).Start();
        await immediate.SendAsync(new ClientHello().ToArray());
        Assert.Equal(SessionEnd.TlsFailed, await immediate.EndAsync());
        Assert.Equal("<closed>", await immediate.LineAsync());
    }

    [Fact]
    public async Task ImmediateTls_MoreThanOneSegmentAtOnce_IsReadWhole()
    {
        await using var peer = new TestPeer(TlsOptions(TlsMode.Immediate), ListenerKind.Submission).Start();
        await peer.HandshakeAsync();
        Assert.StartsWith("220", await peer.ReplyAsync());
        Assert.StartsWith("500", await peer.AskAsync($"NOOP {new string('x', 13_000)}\r\n"));
        Assert.StartsWith("250", await peer.AskAsync("NOOP\r\n"));
    }

    [Fact]
    public async Task EarlyTalker_WithinTheGreetingDelay_IsRefused()
    {
        var policy = new ScriptedPolicy { GreetingDelay = TimeSpan.FromSeconds(6) };
        await using var peer = new TestPeer(policy: policy) { Clock = new WatchedClock() }.Start();
        await peer.IdleAsync();
        Assert.StartsWith("554 5.5.0", await peer.AskAsync("EHLO spam\r\n"));
        Assert.Equal(SessionEnd.EarlyTalker, await peer.EndAsync());
        Assert.Equal(554, Assert.Single(policy.Refusals).Reply.Code);
    }

    [Fact]
    public async Task PatientClient_IsGreetedAfterTheGreetingDelay_AndNotBefore()
    {
        var (clock, delay) = (new WatchedClock(), TimeSpan.FromSeconds(6));
        await using var peer = new TestPeer(policy: new ScriptedPolicy { GreetingDelay = delay })
        {
            Clock = clock,
        }.Start();
        await clock.TimerAsync(delay);
        var greeting = peer.ReplyAsync();
        await clock.AdvanceAsync(delay - TimeSpan.FromMilliseconds(1));
        Assert.False(greeting.IsCompleted);
        await clock.AdvanceAsync(TimeSpan.FromMilliseconds(1));
        Assert.StartsWith("220 ", await greeting);
        Assert.StartsWith("250", await peer.AskAsync("EHLO c.example.net\r\n"));
    }

    [Fact]
    public async Task Submission_IsGreetedAtOnce_WhateverTheGreetingDelayIs()
    {
        var policy = new ScriptedPolicy { GreetingDelay = TimeSpan.FromSeconds(6) };
        await using var peer = new TestPeer(kind: ListenerKind.Submission, policy: policy)
        {
            Clock = new WatchedClock(),
        }.Start();
        Assert.StartsWith("220 ", await peer.ReplyAsync());
    }

    [Fact]
    public async Task ClientThatLeavesWithinTheGreetingDelay_HasClosed_AndIsNoEarlyTalker()
    {
        var (clock, delay) = (new WatchedClock(), TimeSpan.FromSeconds(6));
        await using var peer = new TestPeer(policy: new ScriptedPolicy { GreetingDelay = delay })
        {
            Clock = clock,
        }.Start();
        await clock.TimerAsync(delay);
        peer.Close();
        Assert.Equal(SessionEnd.PeerClosed, await peer.EndAsync());
    }

    [Theory]
    [InlineData("HELO c\r\n", "MAIL FROM:<a@sender.example>\r\nRCPT TO:<known@local.example>\r\n")]
    [InlineData("EHLO c\r\n", "EHLO d\r\nMAIL FROM:<a@sender.example>\r\n")]
    [InlineData("EHLO c\r\n", "HELO d\r\nMAIL FROM:<a@sender.example>\r\n")]
    [InlineData("EHLO c\r\n",
        "MAIL FROM:<a@sender.example>\r\nRCPT TO:<known@local.example>\r\nDATA\r\nSubject: x\r\n")]
    public async Task MxPeer_ThatPipelinesWhereItMustWait_IsOutOfSync(string hello, string octets)
    {
        await using var peer = new TestPeer().Start();
        await peer.ReplyAsync();
        Assert.StartsWith("250", await peer.AskAsync(hello));
        await peer.SendAsync(octets);
        string reply;
        do
            reply = await peer.ReplyAsync();
        while (reply.StartsWith("250", StringComparison.Ordinal));
        Assert.StartsWith("554 5.5.0", reply);
        Assert.Equal(SessionEnd.EarlyTalker, await peer.EndAsync());
        Assert.Empty(peer.Policy.Stored);
    }

    [Fact]
    public async Task SubmittingPeer_ThatPipelinesAfterHelo_IsServed()
    {
        await using var peer = new TestPeer(kind: ListenerKind.Submission).Start();
        await peer.ReplyAsync();
        Assert.StartsWith("250", await peer.AskAsync("HELO c\r\n"));
        await peer.SendAsync("NOOP\r\nNOOP\r\n");
        Assert.StartsWith("250", await peer.ReplyAsync());
        Assert.StartsWith("250", await peer.ReplyAsync());
    }

    static async Task<SslStream> HandshakeAsync(TestPeer peer)
    {
        var tls = new SslStream(new DuplexPipeStream(peer.ClientSide), leaveInnerStreamOpen: true);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "mx.local.example",
            RemoteCertificateValidationCallback = static (_, shown, _, _) => Certificate.Equals(shown),
        };
        await tls.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken);
        return tls;
    }

    static async Task<string> AskAsync(SslStream tls, string text)
    {
        await tls.WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);
        return await ReplyAsync(tls);
    }

    static async Task<string> ReplyAsync(SslStream tls)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (true)
        {
            var read = await tls.ReadAsync(buffer, TestContext.Current.CancellationToken);
            text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            var last = text.ToString().TrimEnd().Split('\n')[^1];
            if (read == 0 || (text[^1] == '\n' && last.Length > 3 && last[3] == ' '))
                return text.ToString();
        }
    }

    static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mx.local.example", key, HashAlgorithmName.SHA256);
        return request
            .CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
