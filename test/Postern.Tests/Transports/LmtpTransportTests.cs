using System.Net.Sockets;
using Postern.Mta;
using Postern.Mta.Reports;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Transports;

/// <summary>RFC 2033 against a scripted server, over TCP and over a unix socket.</summary>
public sealed class LmtpTransportTests : IDisposable
{
    const string Mail = "Subject: hi\r\n\r\n.line\r\n";

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("lmtp");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Mail_ForOne_IsDeliveredWithItsFieldsInFront()
    {
        var script = new Server();
        var report = await AttemptAsync(script, AttemptOf.Text(Mail, "bob+x@b.example"));
        var relayed = Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal(
            ("250 2.0.0 <bob+x@b.example> saved", HandOver.Final), (relayed.Text, relayed.HandedOver));
        Assert.Equal(
            "Return-Path: <sender@from.example>\r\nX-Original-To: bob+x@b.example\r\n"
            + "Delivered-To: bob+x@b.example\r\nSubject: hi\r\n\r\n..line\r\n",
            Assert.Single(script.Contents));
        Assert.Equal("LHLO mx.example.org", script.Commands[0]);
    }

    [Fact]
    public async Task Replies_BehindTheContent_AreEachRecipientsOwn()
    {
        var script = new Server
        {
            Rcpt = to => to == "no@b.example" ? "550 5.1.1 unknown" : "250 2.1.5 ok",
            Final = to => to switch
            {
                "full@b.example" => "552 5.2.2 Quota exceeded (mailbox for user is full)",
                "busy@b.example" => "451 4.2.0 locked",
                _ => $"250 2.0.0 <{to}> saved",
            },
        };
        var report = await AttemptAsync(script, AttemptOf.Text(
            Mail, "a@b.example", "no@b.example", "full@b.example", "busy@b.example", "z@b.example"));
        Assert.Equal(
            ["Relayed", "Failed", "Failed", "Deferred", "Relayed"],
            report.Results.Select(result => result.GetType().Name));
        Assert.Equal("5.2.2", report.Results[2].Status.ToString());
        Assert.Equal(Blame.Recipient, Assert.IsType<AttemptResult.Deferred>(report.Results[3]).Blame);
        Assert.EndsWith(
            "(in reply to end of DATA command)", report.Results[3].Text, StringComparison.Ordinal);
        Assert.Contains("<z@b.example>", report.Results[4].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connection_LostBehindTheContent_IsUncertainForThoseWithoutAReplyAlone()
    {
        var script = new Server
        {
            Rcpt = to => to == "no@b.example" ? "550 5.1.1 unknown" : "250 2.1.5 ok",
            Final = to => to == "c@b.example" ? null : $"250 2.0.0 <{to}> saved",
        };
        var report = await AttemptAsync(
            script, AttemptOf.Text(Mail, "a@b.example", "no@b.example", "c@b.example", "d@b.example"));
        Assert.Equal(
            ["Relayed", "Failed", "Uncertain", "Uncertain"],
            report.Results.Select(result => result.GetType().Name));
        Assert.Contains("sending end of data", report.Results[2].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reply421_BehindTheContent_HoldsForThoseBehindIt()
    {
        var script = new Server
        {
            Final = to => to == "b@b.example" ? "421 4.3.2 shutting down" : $"250 2.0.0 <{to}> saved",
        };
        var report = await AttemptAsync(
            script, AttemptOf.Text(Mail, "a@b.example", "b@b.example", "c@b.example"));
        Assert.Equal(
            ["Relayed", "NextHopDown", "NextHopDown"],
            report.Results.Select(result => result.GetType().Name));
        Assert.Equal(
            NextHopTrouble.Refusing, Assert.IsType<AttemptResult.NextHopDown>(report.Results[2]).Trouble);
    }

    [Fact]
    public async Task Reply_ThatIsNone_IsUncertain()
    {
        var report = await AttemptAsync(
            new Server { Final = _ => "354 more?" }, AttemptOf.Text(Mail, "a@b.example", "b@b.example"));
        Assert.All(report.Results, result => Assert.IsType<AttemptResult.Uncertain>(result));
    }

    [Fact]
    public async Task Recipients_AllRefused_SendNoContent()
    {
        var script = new Server { Rcpt = _ => "550 5.1.1 unknown" };
        var report = await AttemptAsync(script, AttemptOf.Text(Mail, "a@b.example", "b@b.example"));
        Assert.All(report.Results, result => Assert.IsType<AttemptResult.Failed>(result));
        Assert.Empty(script.Contents);
    }

    [Theory]
    [InlineData("550 5.7.1 no", "Failed")]
    [InlineData("450 4.3.0 later", "Deferred")]
    public async Task Refusal_OfMail_IsTheMessages(string reply, string kind)
    {
        var report = await AttemptAsync(new Server { MailFrom = reply }, AttemptOf.Text(Mail, "a@b.example"));
        Assert.Equal(kind, Assert.Single(report.Results).GetType().Name);
    }

    [Fact]
    public async Task Connection_IsKeptForTheNextMessage()
    {
        var script = new Server();
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        await using var transport = Over($"127.0.0.1:{relay.Port}");
        for (var i = 0; i < 3; i++)
            Assert.IsType<AttemptResult.Relayed>(
                (await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "b@b.example"), Cancel))
                .Results[1]);
        Assert.Equal((1, 3), (relay.Connections, script.Contents.Count));
        Assert.Empty(relay.Failures);
    }

    [Fact]
    public async Task Server_ThatSpeaksSmtp_IsTheNextHopsTrouble()
    {
        var report = await AttemptAsync(
            new Server { Lhlo = ["500 5.5.1 command unknown"] }, AttemptOf.Text(Mail, "a@b.example"));
        Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results));
    }

    [Fact]
    public async Task Content_OfEightBits_GoesToWhoOffersNothing()
    {
        var script = new Server { Lhlo = ["250 box"] };
        var report = await AttemptAsync(
            script, AttemptOf.Text("Subject: 안녕\r\n\r\n안녕\r\n", "a@b.example"));
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal("MAIL FROM:<sender@from.example>", script.Commands[1]);
    }

    [Fact]
    public async Task UnixSocket_IsSpokenToAndNamedInTheLog()
    {
        var path = Path.Combine(folder.FullName, "lmtp");
        var script = new Server();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var serving = ServeOneAsync();
        AttemptReport report;
        await using (var transport = Over($"unix:{path}"))
        {
            report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
            Assert.IsType<TransportFinding.Well>(await transport.CheckAsync(Cancel));
        }
        await serving;
        Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        Assert.Equal($"localhost[{path}]", report.Facts.Relay);

        async Task ServeOneAsync()
        {
            var socket = await listener.AcceptAsync(Cancel);
            await using var conversation =
                new RelayConversation(new NetworkStream(socket, ownsSocket: true), Cancel);
            await script.PlayAsync(conversation);
        }
    }

    [Fact]
    public async Task UnixSocket_ThatIsMissing_IsAnOutage()
    {
        await using var transport = Over($"unix:{folder.FullName}/none");
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Null(Assert.IsType<AttemptResult.NextHopDown>(Assert.Single(report.Results)).Alarm);
        Assert.Equal(TransportFinding.Nothing, await transport.CheckAsync(Cancel));
    }

    [Theory]
    [InlineData("127.0.0.1:24", true)]
    [InlineData("[::1]:24", true)]
    [InlineData("localhost:2424", true)]
    [InlineData("192.0.2.7:24", false)]
    [InlineData("[dovecot.internal]:24", false)]
    [InlineData("dovecot.internal:24", false)]
    [InlineData("unix:/run/dovecot/lmtp", true)]
    public void Host_IsRead(string text, bool isHere)
    {
        Assert.True(LmtpHost.TryParse(text, out var host, out _));
        Assert.Equal(isHere, host.IsHere);
    }

    [Theory]
    [InlineData("127.0.0.1:25", "never spoken on port 25")]
    [InlineData("127.0.0.1", "names no port")]
    [InlineData("::1:24", "is no host or address")]
    [InlineData("a b:24", "is no host or address")]
    [InlineData("127.0.0.1:0", "names no port")]
    [InlineData("unix:lmtp", "is no whole path")]
    [InlineData(null, "is missing")]
    public void Host_ThatIsNone_IsTold(string? text, string part)
    {
        Assert.False(LmtpHost.TryParse(text, out _, out var problem));
        Assert.Contains(part, problem, StringComparison.Ordinal);
    }

    static LmtpTransport Over(string host) => new(
        "box", new TransportOptions { Kind = TransportKind.Lmtp, Host = host }, "mx.example.org", "+",
        new FakeResolver(), TimeProvider.System);

    static async Task<AttemptReport> AttemptAsync(Server script, Attempt attempt)
    {
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        AttemptReport report;
        await using (var transport = Over($"127.0.0.1:{relay.Port}"))
            report = await transport.AttemptAsync(attempt, Cancel);
        Assert.Empty(relay.Failures);
        return report;
    }

    /// <summary>A server of mailboxes: each recipient gets its answer.</summary>
    sealed class Server
    {
        public string[] Lhlo { get; init; } =
            ["250-box", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250 PIPELINING"];

        public string MailFrom { get; init; } = "250 2.1.0 ok";
        public Func<string, string> Rcpt { get; init; } = _ => "250 2.1.5 ok";

        /// <summary>Null: the connection is closed instead.</summary>
        public Func<string, string?> Final { get; init; } = to => $"250 2.0.0 <{to}> saved";

        public List<string> Commands { get; } = [];
        public List<string> Contents { get; } = [];

        public async Task PlayAsync(RelayConversation peer)
        {
            await peer.SayAsync("220 box LMTP ready");
            var accepted = new List<string>();
            while (await peer.ReadLineAsync() is { } line)
            {
                Commands.Add(line);
                switch (line.Split(' ', ':')[0])
                {
                    case "LHLO":
                        await peer.SayAsync(Lhlo);
                        break;
                    case "MAIL":
                        accepted.Clear();
                        await peer.SayAsync(MailFrom);
                        break;
                    case "RCPT":
                        var to = line.Split('<', '>')[1];
                        var reply = Rcpt(to);
                        if (reply[0] == '2')
                            accepted.Add(to);
                        await peer.SayAsync(reply);
                        break;
                    case "DATA" when accepted.Count == 0 || MailFrom[0] != '2':
                        await peer.SayAsync("503 5.5.1 no recipients");
                        break;
                    case "DATA":
                        await peer.SayAsync("354 go");
                        Contents.Add(await peer.ReadDataAsync() ?? "(closed)");
                        foreach (var recipient in accepted)
                        {
                            if (Final(recipient) is not { } said)
                                return;
                            await peer.SayAsync(said);
                        }
                        break;
                    case "QUIT":
                        await peer.SayAsync("221 2.0.0 bye");
                        return;
                    default:
                        await peer.SayAsync("250 2.0.0 ok");
                        break;
                }
            }
        }
    }
}
