using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Client;

namespace Postern.Tests.Transports;

/// <summary>DESIGN §5, row by row, against a scripted relay on a socket.</summary>
public sealed class SmtpTransportTests
{
    static readonly Secret Login = new("file:login", "user:pass:word");
    static readonly Secret Ca = new("file:ca", TestCertificates.Shared.Authorities[0].ExportCertificatePem());

    [Fact]
    public async Task Accepted_TellsReplyIdAndFacts()
    {
        var script = new PoliteRelay();
        var (report, port) = await AttemptOnceAsync(script, Plain);
        var relayed = Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal(("250 2.0.0 Ok: queued as Q1", "Q1"), (relayed.Text, relayed.RemoteId));
        Assert.Equal($"127.0.0.1[127.0.0.1]:{port}", report.Facts.Relay);
        Assert.Equal((1, null), (report.Facts.ConnectionUse, report.Facts.Tls));
        Assert.Equal(Relays.Content, Assert.Single(script.Contents));
    }

    [Fact]
    public async Task LoginAndTls_AsTheMailgunRecipe_IsRelayedEncrypted()
    {
        var script = new PoliteRelay { Extensions = ["AUTH PLAIN LOGIN", "PIPELINING", "STARTTLS"] };
        var (report, _) = await AttemptOnceAsync(
            script, port => new TransportOptions { Host = $"localhost:{port}", Login = Login, Ca = Ca });
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.StartsWith("TLSv1.", report.Facts.Tls, StringComparison.Ordinal);
        Assert.Contains("AUTH PLAIN AHVzZXIAcGFzczp3b3Jk", script.Commands);
    }

    [Theory]
    [InlineData("421 4.7.0 busy", NextHopTrouble.Refusing, "4.7.0")] // CLI-20
    [InlineData("554 no", NextHopTrouble.Refusing, "4.0.0")]
    [InlineData("450 later", NextHopTrouble.Refusing, "4.0.0")]
    [InlineData("25x junk", NextHopTrouble.Unreachable, "4.4.2")] // CLI-11
    public async Task Greeting_Refusal_BlamesTheNextHop(
        string greeting, NextHopTrouble trouble, string status)
    {
        var down = await AttemptDownAsync(
            new PoliteRelay { Says = At("greeting", greeting) }, Plain);
        Assert.Equal((trouble, status, null), (down.Trouble, down.Status.ToString(), down.Alarm));
    }

    [Fact]
    public async Task Connect_Refused_BlamesTheNextHop()
    {
        var relay = ScriptedRelay.Start(_ => Task.CompletedTask);
        var port = relay.Port;
        await relay.DisposeAsync();
        await using var transport = Make(Plain(port));
        var report = await transport.AttemptAsync(Attempt(), TestContext.Current.CancellationToken);
        var down = Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results));
        Assert.StartsWith($"connect to 127.0.0.1[127.0.0.1]:{port}: ", down.Text, StringComparison.Ordinal);
        Assert.Equal(NextHopTrouble.Unreachable, down.Trouble);
    }

    [Theory]
    [InlineData("535 5.7.8 wrong password")]
    [InlineData("550 5.7.1 no")]
    public async Task Auth_RefusedFor5xx_BlamesTheNextHopWithAlarm(string reply)
    {
        var down = await AttemptDownAsync(
            new PoliteRelay { Extensions = ["STARTTLS", "AUTH PLAIN"], Says = At("AUTH", reply) },
            WithLogin);
        Assert.Equal(
            (NextHopTrouble.Refusing, "login", 4), (down.Trouble, down.Alarm?.Kind, down.Status.Class));
        Assert.Contains("SASL authentication failed; server ", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Auth_RefusedFor4xx_BlamesTheNextHopWithoutAlarm()
    {
        var down = await AttemptDownAsync(
            new PoliteRelay { Extensions = ["STARTTLS", "AUTH PLAIN"], Says = At("AUTH", "454 4.7.0 later") },
            WithLogin);
        Assert.Equal((NextHopTrouble.Refusing, null), (down.Trouble, down.Alarm));
    }

    [Fact]
    public async Task Auth_NotOffered_IsNeverSentWithoutLogin()
    {
        var script = new PoliteRelay { Extensions = ["STARTTLS", "AUTH PLAIN"], ExtensionsInTls = ["SIZE"] };
        var down = await AttemptDownAsync(script, WithLogin);
        Assert.Equal("login", down.Alarm?.Kind);
        Assert.DoesNotContain(script.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Auth_NoCommonMechanism_RaisesTheAlarm()
    {
        var down = await AttemptDownAsync(
            new PoliteRelay { Extensions = ["STARTTLS", "AUTH GSSAPI"] }, WithLogin);
        Assert.Equal("login", down.Alarm?.Kind);
    }

    [Fact] // CLI-01
    public async Task Tls_NotOffered_IsNeverSentInTheClear()
    {
        var script = new PoliteRelay { Extensions = ["AUTH PLAIN"] };
        var down = await AttemptDownAsync(script, WithLogin);
        Assert.Equal("login", down.Alarm?.Kind);
        Assert.DoesNotContain(script.Commands, c => c.StartsWith("AUTH", StringComparison.Ordinal));
    }

    [Fact] // CLI-05
    public async Task Tls_NameNotVerified_BlamesTheNextHop()
    {
        var down = await AttemptDownAsync(
            new PoliteRelay
            {
                Extensions = ["STARTTLS", "AUTH PLAIN"],
                Certificate = TestCertificates.Shared.OtherName,
            },
            WithLogin);
        Assert.Equal((NextHopTrouble.Unreachable, null), (down.Trouble, down.Alarm));
        Assert.Contains("not for the name localhost", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_OpportunisticHandshakeFails_GoesOnInTheClear()
    {
        var script = new PoliteRelay { Extensions = ["STARTTLS"], Leaves = l => l == "STARTTLS" };
        var (report, _) = await AttemptOnceAsync(
            script, port => Plain(port) with { Tls = TransportTls.Opportunistic });
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Null(report.Facts.Tls);
    }

    [Theory]
    [InlineData(TransportTls.None)]
    [InlineData(TransportTls.Opportunistic)]
    public async Task Tls_TheMessageRequires_IsMissedBeforeMailAndOthersGoOn(TransportTls tls)
    {
        var script = new PoliteRelay();
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        await using var transport = Make(Plain(relay.Port) with { Tls = tls });
        var secret = Secret(Attempt("secret\r\n"));
        var first = Attempt("first\r\n") with { TakeNext = () => new ValueTask<Attempt?>(secret) };
        foreach (var attempt in (Attempt[])[first, Attempt("last\r\n")])
            Assert.IsType<AttemptResult.Relayed>(Assert.Single(
                (await transport.AttemptAsync(attempt, TestContext.Current.CancellationToken)).Results));
        var report = await transport.AttemptAsync(secret, TestContext.Current.CancellationToken);
        var lacks = Assert.IsType<AttemptResult.Unsupported>(Assert.Single(report.Results));
        Assert.Equal("5.7.10", lacks.Status.ToString());
        Assert.Equal(["first\r\n", "last\r\n"], script.Contents);
    }

    [Fact]
    public async Task Tls_TheMessageRequires_IsThere()
    {
        var script = new PoliteRelay { Extensions = ["STARTTLS"] };
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        await using var transport = Make(Plain(relay.Port) with { Tls = TransportTls.Opportunistic });
        var report = await transport.AttemptAsync(Secret(Attempt()), TestContext.Current.CancellationToken);
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.StartsWith("TLSv1.", report.Facts.Tls, StringComparison.Ordinal);
    }

    static Attempt Secret(Attempt attempt) => attempt with
    {
        Message = attempt.Message with { Options = new MailOptions { Domain = "x", RequiresTls = true } },
    };

    [Theory]
    [InlineData("RCPT", "550 5.7.1 Relaying denied")]
    [InlineData("MAIL", "530 5.7.0 Authentication required")]
    [InlineData("DATA", "554 Message rejected: Email address is not verified")]
    [InlineData(".", "554 5.7.1 Account suspended")]
    public async Task Account_RefusedAtAnyStage_BlamesTheNextHopWithAlarm(string at, string reply)
    {
        var down = await AttemptDownAsync(
            new PoliteRelay { Says = At(at, reply) }, Plain);
        Assert.Equal(NextHopTrouble.Refusing, down.Trouble);
        Assert.NotNull(down.Alarm);
        Assert.Equal(4, down.Status.Class);
    }

    [Theory] // CLI-20
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    [InlineData(".")]
    public async Task Closing421_AtAnyStage_BlamesTheNextHop(string at)
    {
        var down = await AttemptDownAsync(
            new PoliteRelay { Extensions = ["8BITMIME"], Says = At(at, "421 4.3.2 closing") },
            Plain);
        Assert.Equal(
            (NextHopTrouble.Refusing, "4.3.2", null), (down.Trouble, down.Status.ToString(), down.Alarm));
    }

    [Theory]
    [InlineData("MAIL", "450 4.1.8 later", Blame.Message)]
    [InlineData("DATA", "451 4.3.0 later", Blame.Message)]
    [InlineData(".", "451 4.3.0 later", Blame.Message)]
    [InlineData("RCPT", "450 4.7.1 greylisted", Blame.Recipient)]
    public async Task Transient_Reply_IsDeferred(string at, string reply, Blame blame)
    {
        var (report, _) = await AttemptOnceAsync(
            new PoliteRelay { Says = At(at, reply) }, Plain);
        var deferred = Assert.IsType<AttemptResult.Deferred>(Assert.Single(report.Results));
        Assert.Equal((blame, false), (deferred.Blame, deferred.SlowDown));
    }

    [Fact]
    public async Task Transient_RateText_AsksForALowerPace()
    {
        var (report, _) = await AttemptOnceAsync(
            new PoliteRelay { Says = At("RCPT", "452 4.7.28 Too many messages") }, Plain);
        Assert.True(Assert.IsType<AttemptResult.Deferred>(Assert.Single(report.Results)).SlowDown);
    }

    [Theory]
    [InlineData("MAIL", "550 5.1.8 no", "MAIL FROM command")]
    [InlineData("RCPT", "550 5.1.1 no such user", "RCPT TO command")]
    [InlineData(".", "554 5.6.0 bad content", "end of DATA command")]
    public async Task Permanent_Reply_FailsInPostfixsWords(string at, string reply, string stage)
    {
        var (report, _) = await AttemptOnceAsync(
            new PoliteRelay { Says = At(at, reply) }, Plain);
        var failed = Assert.IsType<AttemptResult.Failed>(Assert.Single(report.Results));
        Assert.Equal($"host 127.0.0.1[127.0.0.1] said: {reply} (in reply to {stage})", failed.Text);
    }

    [Fact] // CLI-19
    public async Task Rcpt_MixedReplies_AreResultsPerRecipient()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay
        {
            Says = l => At("RCPT TO:<no@", "550 5.1.1 no")(l) ?? At("RCPT TO:<later@", "450 4.2.0 later")(l),
        }.PlayAsync);
        await using var transport = Make(Plain(relay.Port));
        var report = await transport.AttemptAsync(
            Attempt(Relays.Content, "b@d.example", "no@d.example", "later@d.example"),
            TestContext.Current.CancellationToken);
        Assert.Collection(
            report.Results,
            r => Assert.IsType<AttemptResult.Relayed>(r),
            r => Assert.IsType<AttemptResult.Failed>(r),
            r => Assert.IsType<AttemptResult.Deferred>(r));
    }

    [Fact] // CLI-16
    public async Task FinalReply_Lost_IsUncertain()
    {
        await using var relay = ScriptedRelay.Start(async peer =>
        {
            await peer.GreetAsync();
            await peer.ExpectAsync("MAIL", "250 ok");
            await peer.ExpectAsync("RCPT", "250 ok");
            await peer.ExpectAsync("DATA", "354 go");
            await peer.ReadDataAsync();
        });
        await using var transport = Make(Plain(relay.Port));
        var report = await transport.AttemptAsync(Attempt(), TestContext.Current.CancellationToken);
        var result = Assert.IsType<AttemptResult.Uncertain>(Assert.Single(report.Results));
        Assert.Equal(
            "lost connection with 127.0.0.1[127.0.0.1] while sending end of data"
            + " -- message may be sent more than once",
            result.Text);
    }

    [Theory]
    [InlineData("SIZE 10", "5.3.4", typeof(AttemptResult.Failed))] // CLI-23
    [InlineData("SMTPUTF8", "5.6.3", typeof(AttemptResult.Unsupported))] // CLI-24
    [InlineData("8BITMIME", "5.6.7", typeof(AttemptResult.Unsupported))] // CLI-25
    public async Task Obstacle_AtTheOnlyHost_IsTold(string offered, string status, Type kind)
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay { Extensions = [offered] }.PlayAsync);
        await using var transport = Make(Plain(relay.Port));
        var content = status == "5.6.7"
            ? "Subject: \xc3\xa9\r\n\r\nx\r\n"
            : "Subject: x\r\n\r\n\xc3\xa9 and more\r\n";
        var report = await transport.AttemptAsync(Attempt(content), TestContext.Current.CancellationToken);
        var result = Assert.Single(report.Results);
        Assert.Equal((kind, status), (result.GetType(), result.Status.ToString()));
    }

    [Fact]
    public async Task Hops_FirstOneDown_TheNextTakesIt()
    {
        await using var bad = ScriptedRelay.Start(
            new PoliteRelay { Says = At("greeting", "554 no") }.PlayAsync);
        await using var good = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var transport = Make(
            new TransportOptions { Host = $"[127.0.0.1]:{bad.Port}, [127.0.0.1]:{good.Port}" });
        var report = await transport.AttemptAsync(Attempt(), TestContext.Current.CancellationToken);
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
    }

    [Fact]
    public async Task Connection_Kept_IsUsedAgain()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var transport = Make(Plain(relay.Port) with { MessagesPerConnection = 2 });
        var uses = new List<int>();
        for (var i = 0; i < 3; i++)
            uses.Add((await transport.AttemptAsync(
                Attempt(), TestContext.Current.CancellationToken)).Facts.ConnectionUse);
        Assert.Equal([1, 2, 1], uses);
        Assert.Equal(2, relay.Connections);
    }

    [Fact] // CLI-33
    public async Task Connection_ClosedByThePeerWhileIdle_IsReplacedWithinTheAttempt()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay { Leaves = l => l == "." }.PlayAsync);
        await using var transport = Make(Plain(relay.Port));
        for (var i = 0; i < 3; i++)
        {
            var report = await transport.AttemptAsync(Attempt(), TestContext.Current.CancellationToken);
            Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        }
        Assert.Equal(3, relay.Connections);
    }

    [Fact]
    public async Task Next_IsBegunOnTheSameConnection()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var transport = Make(Plain(relay.Port));
        var next = Attempt("Next\r\n");
        var first = await transport.AttemptAsync(Before(next), TestContext.Current.CancellationToken);
        var second = await transport.AttemptAsync(next, TestContext.Current.CancellationToken);
        Assert.All([.. first.Results, .. second.Results], one => Assert.IsType<AttemptResult.Relayed>(one));
        Assert.Equal((1, 2), (first.Facts.ConnectionUse, second.Facts.ConnectionUse));
        Assert.Null(next.TakeBegun());
        Assert.Equal(1, relay.Connections);
    }

    [Fact]
    public async Task Next_WhenItsConnectionIsLost_GoesOverAFreshOne()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay { Leaves = l => l == "." }.PlayAsync);
        await using var transport = Make(Plain(relay.Port));
        var next = Attempt("Next\r\n");
        await transport.AttemptAsync(Before(next), TestContext.Current.CancellationToken);
        var report = await transport.AttemptAsync(next, TestContext.Current.CancellationToken);
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal((1, 2), (report.Facts.ConnectionUse, relay.Connections));
    }

    [Fact]
    public async Task Next_BeyondMessagesPerConnection_IsNotAskedFor()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var transport = Make(Plain(relay.Port) with { MessagesPerConnection = 1 });
        var report = await transport.AttemptAsync(
            Attempt() with { TakeNext = () => throw new InvalidOperationException("asked") },
            TestContext.Current.CancellationToken);
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
    }

    [Fact]
    public async Task Next_BegunUnderSettingsThatWereReplaced_IsBegunAnew()
    {
        await using var old = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var fresh = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var before = Make(Plain(old.Port));
        await using var after = Make(Plain(fresh.Port));
        var next = Attempt("Next\r\n");
        await before.AttemptAsync(Before(next), TestContext.Current.CancellationToken);
        var report = await after.AttemptAsync(next, TestContext.Current.CancellationToken);
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.EndsWith($":{fresh.Port}", report.Facts.Relay);
    }

    static Attempt Before(Attempt next) =>
        Attempt() with { TakeNext = () => new ValueTask<Attempt?>(next) };

    [Fact]
    public async Task Cancelled_BeforeAnAnswer_IsNoResult()
    {
        using var stop = new CancellationTokenSource();
        await using var relay = ScriptedRelay.Start(async _ => await stop.CancelAsync());
        await using var transport = Make(Plain(relay.Port));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await transport.AttemptAsync(Attempt(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Ports_OfAHostThatNamesNone_AreTriedInOrder()
    {
        var closed = ScriptedRelay.Start(_ => Task.CompletedTask);
        await closed.DisposeAsync();
        var (report, port) = await AttemptOnceAsync(new PoliteRelay(), open => new TransportOptions
        {
            Host = "[127.0.0.1]",
            Ports = [closed.Port, open],
            Tls = TransportTls.None,
        });
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal($"127.0.0.1[127.0.0.1]:{port}", report.Facts.Relay);
    }

    [Theory]
    [InlineData(null, new[] { 2525, 587 }, new[] { 2525, 587 })]
    [InlineData(null, null, new[] { 25 })]
    [InlineData(TransportTls.Immediate, null, new[] { 465 })]
    public async Task Ports_WithoutAHost_AreThoseOfTheRecipientsMx(
        TransportTls? tls, int[]? ports, int[] expected)
    {
        await using var transport = Make(new TransportOptions { Tls = tls, Ports = ports });
        Assert.Equal(expected, Assert.Single(transport.HopsFor("d.example")).Ports);
    }

    static Func<string, string?> At(string line, string reply) =>
        l => l.StartsWith(line, StringComparison.Ordinal) ? reply : null;

    static TransportOptions Plain(int port) =>
        new() { Host = $"[127.0.0.1]:{port}", Tls = TransportTls.None };

    static TransportOptions WithLogin(int port) =>
        new() { Host = $"localhost:{port}", Login = Login, Ca = Ca };

    static async Task<(AttemptReport Report, int Port)> AttemptOnceAsync(
        PoliteRelay script, Func<int, TransportOptions> options)
    {
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        await using var transport = Make(options(relay.Port));
        return (await transport.AttemptAsync(Attempt(), TestContext.Current.CancellationToken), relay.Port);
    }

    static async Task<AttemptResult.NextHopDown> AttemptDownAsync(
        PoliteRelay script, Func<int, TransportOptions> options) =>
        Assert.IsType<AttemptResult.NextHopDown>(
            Assert.Single((await AttemptOnceAsync(script, options)).Report.Results));

    static SmtpTransport Make(TransportOptions options) => new(
        "relay", options, "postern.example", new FakeResolver(
            ), AddressPolicy.ForThisMachine(PrivateAddresses.Refused), TimeProvider.System);

    static Attempt Attempt(string content = Relays.Content, params string[] recipients)
    {
        var id = new QueueId(1);
        var sender = new ReversePath(Relays.Address("a@sender.example"));
        var message = new QueuedMessage
        {
            Id = id,
            ArrivedAt = DateTimeOffset.UnixEpoch,
            Door = MailDoors.Submission,
            Sender = sender,
            Client = new ClientFacts(),
            ContentOctets = content.Length,
        };
        if (recipients.Length == 0)
            recipients = ["b@d.example"];
        return new Attempt(
            message,
            [.. recipients.Select((r, i) => new Recipient
            {
                Message = id, Number = i + 1, Address = Relays.Address(r), State = RecipientState.Active,
            })],
            sender,
            new BytesContent(content),
            "relay");
    }
}
