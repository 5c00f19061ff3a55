using System.Buffers;
using System.Net;
using System.Text;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Security;

/// <summary>The mx door with every check and DNS of a test; in.example is ours.</summary>
sealed class CheckedHouse : IAsyncDisposable
{
    public const string Host = "mx.local.example";
    public const string Client = "192.0.2.1";
    public const string Helo = "out.sender.example";
    public const string Letter = "From: ann@sender.example\r\nSubject: x\r\n\r\nbody\r\n";

    readonly EventLog log;
    readonly MemoryStream written = new();
    readonly SmtpDoor door;

    /// <param name="clock">Of the checks. Null: the hall's, which stands still.</param>
    public CheckedHouse(IResolver dns, TimeProvider? clock, params VerdictOptions[] verdicts)
    {
        var options = OptionsOf(Route("in", to: ["*@in.example"]) with { Accepts = MailDoors.Mx }) with
        {
            Hostname = Host,
            Inbound = new InboundOptions { Verdicts = verdicts },
        };
        Hall = new MailHall(options);
        log = new EventLog(
            new EventLogSettings { Hostname = Host, Format = LogFormat.Json }, Hall.Clock, () => written,
            Stream.Null);
        var settings =
            new DoorSettings(options, AccountDirectory.Load(options, []), AliasTable.Load(options, []));
        door = new SmtpDoor(
            new ListenOptions { On = "127.0.0.1:25", For = ListenFor.Mx },
            new MailIntake(Hall.Store, Hall.Queue, new MemoryBudget(64 << 20), Hall.Clock), Hall.Queue,
            new InboundRoutes(Hall.Store), new AccountLimits(Hall.Clock), new LoginThrottle(Hall.Clock),
            new HandshakeThrottle(Hall.Clock), Hall.Health, log.Sessions, new Metrics(), () => settings)
        {
            Checker = new MailChecker(dns, clock ?? Hall.Clock),
        };
    }

    public MailHall Hall { get; }

    /// <summary>What was taken last.</summary>
    public QueuedMessage Stored => Hall.Relay.Attempts[^1].Message;

    public MailChecks Checks => Stored.Checks!;

    /// <summary>What stands before the content that came.</summary>
    public string Prefix => Encoding.UTF8.GetString(Stored.Edits.Prefix.Span);

    public Task<Reply> SendAsync(Mailbox? sender, string content = Letter, string helo = Helo) =>
        SendAsync(sender, Encoding.Latin1.GetBytes(content), helo);

    /// <summary>A connection with one message; what is said to its last dot.</summary>
    public async Task<Reply> SendAsync(Mailbox? sender, byte[] content, string helo)
    {
        var cancel = TestContext.Current.CancellationToken;
        var session = new SessionFacts
        {
            Listener = "mx",
            Kind = ListenerKind.Mx,
            Remote = new IPEndPoint(IPAddress.Parse(Client), 4321),
            Local = new IPEndPoint(IPAddress.Parse("198.51.100.1"), 25),
            StartedAt = Start,
            Helo = helo,
            IsExtended = true,
        };
        Assert.Null(await door.ConnectAsync(session, cancel));
        var path = new ReversePath(sender);
        var transaction = new MailTransaction(path, MailParameters.None);
        Assert.Null(await door.MailAsync(session, path, MailParameters.None, cancel));
        var recipient = new EnvelopeRecipient(new ForwardPath(Mailbox("b@in.example")), RcptParameters.None);
        Assert.Null(await door.RcptAsync(session, transaction, recipient, cancel));
        await using var sink = await door.OpenContentAsync(session, transaction, cancel);
        await sink.WriteAsync(new ReadOnlySequence<byte>(content), cancel);
        var reply = await door.AcceptAsync(session, transaction, sink, cancel);
        await Hall.RunAsync();
        return reply;
    }

    public async ValueTask DisposeAsync()
    {
        await log.DisposeAsync();
        await Hall.DisposeAsync();
        await written.DisposeAsync();
    }
}
