using System.Buffers;
using System.Net;
using System.Text;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Intake;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Server;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Intake;

/// <summary>What strangers meet at the door: the wait for the greeting, rates, the greylist.</summary>
public sealed class SmtpDoorGuardedTests : IAsyncLifetime
{
    const string Client = "192.0.2.1";
    static readonly TimeSpan Wait = TimeSpan.FromMinutes(5);
    static readonly CancellationToken None = CancellationToken.None;

    static readonly InboundOptions Greylisting = new()
    {
        Checks = [],
        Greylist = new GreylistOptions { Wait = Wait },
    };

    readonly ZoneResolver dns = new ZoneResolver()
        .Add("good.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
        .Add("bad.example", "TXT", "v=spf1 -all")
        .Silent("silent.example");

    IResolver? resolver;
    MailHall hall = null!;
    EventLog log = null!;
    SmtpDoor door = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await log.DisposeAsync();
        await hall.DisposeAsync();
    }

    void Open(InboundOptions inbound)
    {
        var options = OptionsOf(Route("in", to: ["*@in.example"]) with { Accepts = MailDoors.Mx }) with
        {
            Hostname = "mx.example",
            Inbound = inbound,
            Forward = new ForwardOptions { ReturnPath = "bounces@return.example" },
        };
        hall = new MailHall(options);
        hall.Queue.ReturnPaths = new ReturnPaths(new byte[32]);
        log = new EventLog(
            new EventLogSettings { Hostname = "mx.example" }, hall.Clock, () => Stream.Null, Stream.Null);
        var settings =
            new DoorSettings(options, AccountDirectory.Load(options, []), AliasTable.Load(options, []));
        door = new SmtpDoor(
            new ListenOptions { On = "127.0.0.1:25", For = ListenFor.Mx },
            new MailIntake(hall.Store, hall.Queue, new MemoryBudget(1 << 20), hall.Clock), hall.Queue,
            new InboundRoutes(hall.Store), new AccountLimits(hall.Clock), new LoginThrottle(hall.Clock),
            new HandshakeThrottle(hall.Clock), hall.Health, log.Sessions, new Metrics(), () => settings)
        {
            Checker = new MailChecker(resolver ?? dns, hall.Clock),
            Rates = new ClientRates(hall.Clock),
            Greylist = new Greylist(() => hall.Queue.Time.Now),
        };
    }

    static SessionFacts SessionOf(string client, ListenerKind kind = ListenerKind.Mx) => new()
    {
        Listener = "mx",
        Kind = kind,
        Remote = new IPEndPoint(IPAddress.Parse(client), 4321),
        Local = new IPEndPoint(IPAddress.Parse("198.51.100.1"), 25),
        StartedAt = Start,
        Helo = "out.good.example",
        IsExtended = true,
    };

    static EnvelopeRecipient To(string address) =>
        new(new ForwardPath(Mailbox(address)), RcptParameters.None);

    static string Text(Reply? reply) => reply is null ? "Ok" : $"{reply.Code} {reply.Status}";

    /// <summary>One message, up to the first refusal or to its end.</summary>
    async Task<string> SendAsync(
        string sender = "ann@good.example", string client = Client, string recipient = "b@in.example")
    {
        var session = SessionOf(client);
        if (await door.ConnectAsync(session, None) is { } atConnect)
            return $"connect {Text(atConnect)}";
        var path = new ReversePath(sender.Length == 0 ? null : Mailbox(sender));
        var transaction = new MailTransaction(path, MailParameters.None);
        if (await door.MailAsync(session, path, MailParameters.None, None) is { } atMail)
            return $"mail {Text(atMail)}";
        foreach (var one in recipient.Split(','))
        {
            if (await door.RcptAsync(session, transaction, To(one), None) is { } atRcpt)
                return $"rcpt {Text(atRcpt)}";
        }
        await using var sink = await door.OpenContentAsync(session, transaction, None);
        if (sink.Refusal is { } atData)
            return $"data {Text(atData)}";
        await sink.WriteAsync(
            new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes("Subject: x\r\n\r\nbody\r\n")), None);
        return Text(await door.AcceptAsync(session, transaction, sink, None));
    }

    [Fact]
    public async Task Stranger_IsGreylistedAtRcpt_AndTakenWhenItComesAgain()
    {
        Open(Greylisting);
        Assert.Equal("rcpt 451 4.7.1", await SendAsync());
        Assert.Equal("rcpt 451 4.7.1", await SendAsync());
        Assert.Empty(hall.Store.Recipients);
        hall.Clock.Advance(Wait);
        Assert.Equal("250 2.0.0", await SendAsync());
        Assert.Equal("250 2.0.0", await SendAsync("other@sender.example", "192.0.2.99", "c@in.example"));
        Assert.Equal("rcpt 451 4.7.1", await SendAsync(client: "192.0.3.1"));
    }

    [Fact]
    public async Task Greylisting_SaysHowLong_AndCostsNoCommit()
    {
        Open(Greylisting);
        var session = SessionOf(Client);
        await door.ConnectAsync(session, None);
        var path = new ReversePath(Mailbox("ann@good.example"));
        var transaction = new MailTransaction(path, MailParameters.None);
        await door.MailAsync(session, path, MailParameters.None, None);
        var reply = await door.RcptAsync(session, transaction, To("b@in.example"), None);
        Assert.Equal(
            "<b@in.example>: Recipient address rejected: greylisted, try again in 300 s",
            Assert.Single(reply!.Lines));
        Assert.Equal(0, hall.Commits);
    }

    [Fact]
    public async Task WhoPassed_IsInTheStore_BeforeItsMailIsAcknowledged()
    {
        Open(Greylisting);
        await SendAsync();
        hall.Clock.Advance(Wait);
        Assert.Equal("250 2.0.0", await SendAsync());
        var stored = Assert.Single(await hall.Store.ReadObjectsAsync(Greylist.ObjectKind, None));
        Assert.Equal("192.0.2.0/24", stored.Name);
    }

    [Fact]
    public async Task Message_IsTakenForTheRecipientsThatAreKnown_OfSeveral()
    {
        Open(Greylisting with { Greylist = Greylisting.Greylist with { AllowAfter = 9 } });
        await SendAsync();
        hall.Clock.Advance(Wait);
        var session = SessionOf(Client);
        await door.ConnectAsync(session, None);
        var path = new ReversePath(Mailbox("ann@good.example"));
        var transaction = new MailTransaction(path, MailParameters.None);
        await door.MailAsync(session, path, MailParameters.None, None);
        Assert.Equal("451 4.7.1", Text(await door.RcptAsync(session, transaction, To("c@in.example"), None)));
        Assert.Null(await door.RcptAsync(session, transaction, To("b@in.example"), None));
        await using var sink = await door.OpenContentAsync(session, transaction, None);
        await sink.WriteAsync(new ReadOnlySequence<byte>("Subject: x\r\n\r\n"u8.ToArray()), None);
        Assert.Equal("250 2.0.0", Text(await door.AcceptAsync(session, transaction, sink, None)));
        Assert.Equal("b@in.example", hall.Only.Address.ToString());
    }

    [Fact]
    public async Task UnknownRecipient_IsRefusedForGood_AndRemembersNobody()
    {
        Open(Greylisting);
        Assert.Equal("rcpt 550 5.7.1", await SendAsync(recipient: "b@elsewhere.example"));
        Assert.Equal(0, door.Greylist!.Count);
    }

    [Fact]
    public async Task NullSender_IsToldAtData_SoThatWhoAsksForAnAddressHearsOfIt()
    {
        Open(Greylisting);
        Assert.Equal("data 451 4.7.1", await SendAsync(""));
        hall.Clock.Advance(Wait);
        Assert.Equal("250 2.0.0", await SendAsync(""));
    }

    [Fact]
    public async Task ReturnPathOfOurs_OpensTheDoorForItselfAlone()
    {
        Open(Greylisting);
        var id = await hall.AcceptAsync("x@elsewhere.example");
        var path = hall.Queue.ReturnPaths!.Of(id, "return.example").ToString();
        Assert.Equal("250 2.0.0", await SendAsync("", recipient: path));
        Assert.Equal("data 451 4.7.1", await SendAsync("", recipient: $"{path},b@in.example"));
        Assert.Equal("rcpt 451 4.7.1", await SendAsync(recipient: $"{path},b@in.example"));
    }

    [Theory]
    [InlineData("ann@good.example", "250 2.0.0")]
    [InlineData("ann@silent.example", "250 2.0.0")]
    [InlineData("ann@bad.example", "rcpt 451 4.7.1")]
    [InlineData("ann@nothing.example", "rcpt 451 4.7.1")]
    public async Task SenderWhoseSpfPasses_OrCannotBeKnown_IsTakenAtOnce(string sender, string expected)
    {
        Open(Greylisting with { Checks = [MailCheck.Spf] });
        Assert.Equal(expected, await SendAsync(sender));
    }

    [Fact]
    public async Task SenderWhoseSpfPasses_ComesAgain_WhereThatIsWanted()
    {
        Open(new InboundOptions
        {
            Checks = [MailCheck.Spf],
            Greylist = new GreylistOptions { Wait = Wait, SkipSpf = false },
        });
        Assert.Equal("rcpt 451 4.7.1", await SendAsync());
    }

    [Fact]
    public async Task DnsThatNeverAnswers_DelaysNoMailByTheGreylist()
    {
        resolver = new SilentResolver();
        Open(Greylisting with { Checks = [MailCheck.Spf], AllowLists = ["list.example"] });
        var sending = SendAsync("ann@nothing.example");
        for (var seconds = 0; !sending.IsCompleted && seconds < 120; seconds++)
        {
            hall.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        Assert.Equal("250 2.0.0", await sending);
    }

    [Fact]
    public async Task ClientOfAnAllowList_IsTakenAtOnce()
    {
        dns.Add("1.2.0.192.list.example", "A", "127.0.5.1");
        Open(Greylisting with { AllowLists = ["list.example"] });
        Assert.Equal("250 2.0.0", await SendAsync());
        Assert.Equal("rcpt 451 4.7.1", await SendAsync(client: "192.0.2.2"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("203.0.113.9")]
    public async Task ClientThatIsUncheckedOrAllowed_MeetsNoGreylist(string client)
    {
        var allowed = Greylisting.Greylist with { Allow = [Network.Parse("203.0.113.0/24")] };
        Open(Greylisting with { Greylist = allowed });
        Assert.Equal("250 2.0.0", await SendAsync(client: client));
        Assert.Equal(0, door.Greylist!.Count);
    }

    [Fact]
    public async Task ClientOverItsRates_IsToldToComeAgain_AtEachStep()
    {
        var one = new Rate(1, TimeSpan.FromMinutes(1));
        Open(new InboundOptions { Checks = [], Rates = new ClientRateOptions { Recipients = one } });
        Assert.Equal("250 2.0.0", await SendAsync());
        Assert.Equal("rcpt 450 4.7.1", await SendAsync());
        Assert.Equal("250 2.0.0", await SendAsync(client: "127.0.0.1"));
        Assert.Equal("250 2.0.0", await SendAsync(client: "127.0.0.1"));
        hall.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("250 2.0.0", await SendAsync());
    }

    [Fact]
    public async Task ClientOverItsRateOfMessages_IsRefusedAtMail()
    {
        var one = new Rate(1, TimeSpan.FromMinutes(1));
        Open(new InboundOptions { Checks = [], Rates = new ClientRateOptions { NetworkMessages = one } });
        Assert.Equal("250 2.0.0", await SendAsync());
        Assert.Equal("mail 450 4.7.1", await SendAsync(client: "192.0.2.2"));
    }

    [Fact]
    public async Task ClientOverItsRateOfConnections_IsTurnedAway_BeforeAnythingIsAskedOfDns()
    {
        var rates = new ClientRateOptions { Connections = new Rate(1, TimeSpan.FromMinutes(1)) };
        Open(new InboundOptions { Rates = rates });
        await SendAsync();
        dns.Asked.Clear();
        Assert.Equal("connect 421 4.7.0", await SendAsync());
        Assert.Empty(dns.Asked);
    }

    [Theory]
    [InlineData(Client, ListenerKind.Mx, 6)]
    [InlineData("127.0.0.1", ListenerKind.Mx, 0)]
    [InlineData(Client, ListenerKind.Submission, 0)]
    public async Task GreetWait_IsForStrangersAlone(string client, ListenerKind kind, int seconds)
    {
        Open(new InboundOptions { Checks = [], GreetWait = TimeSpan.FromSeconds(6) });
        var session = SessionOf(client, kind);
        await door.ConnectAsync(session, None);
        Assert.Equal(TimeSpan.FromSeconds(seconds), session.GreetingDelay);
    }

    [Fact]
    public async Task SessionOverThePipe_IsGreylisted_AndGoesOn()
    {
        Open(Greylisting with { Unchecked = [] });
        await using var peer = await new TestPeer(door: door).HelloAsync();
        Assert.StartsWith("250 ", await peer.AskAsync("MAIL FROM:<a@sender.example>\r\n"));
        Assert.StartsWith("451 4.7.1 <b@in.example>", await peer.AskAsync("RCPT TO:<b@in.example>\r\n"));
        Assert.StartsWith("554 5.5.1", await peer.AskAsync("DATA\r\n"));
        Assert.StartsWith("250 ", await peer.AskAsync("RSET\r\n"));
        hall.Clock.Advance(Wait);
        Assert.StartsWith("250 ", await peer.AskAsync("MAIL FROM:<a@sender.example>\r\n"));
        Assert.StartsWith("250 ", await peer.AskAsync("RCPT TO:<b@in.example>\r\n"));
        Assert.StartsWith("354 ", await peer.AskAsync("DATA\r\n"));
        Assert.StartsWith("250 ", await peer.AskAsync("Subject: x\r\n\r\nbody\r\n.\r\n"));
    }

    [Fact]
    public async Task NullSenderOverThePipe_IsRefusedBefore354_AndAChunkIsReadAway()
    {
        Open(Greylisting with { Unchecked = [] });
        await using var peer = await new TestPeer(door: door).HelloAsync();
        await peer.AskAsync("MAIL FROM:<>\r\n");
        Assert.StartsWith("250 ", await peer.AskAsync("RCPT TO:<b@in.example>\r\n"));
        Assert.StartsWith("451 4.7.1", await peer.AskAsync("DATA\r\n"));
        await peer.AskAsync("MAIL FROM:<>\r\n");
        Assert.StartsWith("250 ", await peer.AskAsync("RCPT TO:<b@in.example>\r\n"));
        Assert.StartsWith("451 4.7.1", await peer.AskAsync("BDAT 6 LAST\r\nQUIT\r\n"));
        Assert.StartsWith("250 ", await peer.AskAsync("NOOP\r\n"));
    }
}
