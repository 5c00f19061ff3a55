using System.Buffers;
using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Intake;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;

namespace Postern.Tests.Security;

/// <summary>The real door, queue and SMTP transport in memory: local.example is ours, and everything goes
/// out to relays that scripts play.</summary>
sealed class SecurityHouse : IAsyncDisposable
{
    public const string User = "user@local.example";
    public const string Password = "correct horse";
    public const string Sender = "a@sender.example";

    static readonly Dictionary<string, AccountOptions> Accounts = new()
    {
        [User] = Account(Password, User),
        ["forms@local.example"] = Account("\u00e9\uac00 horse"),
        ["long@local.example"] = Account(new string('p', 1024)),
        ["space@local.example"] = Account(" horse"),
    };

    readonly EventLog log;
    readonly MemoryStream written = new();
    readonly List<Task> scripts = [];
    readonly List<ITransport> transports = [];

    /// <param name="relay">How mail goes out.</param>
    /// <param name="disk">What an earlier life left.</param>
    /// <param name="format">Of the log, for <see cref="ReadLogAsync"/>.</param>
    /// <param name="checks">The DNS by which mail of every client is checked. Null: none is.</param>
    /// <param name="verdict">What becomes of checked mail. Null: it is taken.</param>
    public SecurityHouse(
        ListenFor kind, TransportOptions? relay = null, IResolver? dns = null, MemoryDisk? disk = null,
        FakeTimeProvider? clock = null, LogFormat format = LogFormat.Console, IResolver? checks = null,
        VerdictOptions? verdict = null)
    {
        clock ??= new FakeTimeProvider(MailHall.Start);
        Options = MailHall.OptionsOf(
            MailHall.Route("in", to:
            [
                "known@local.example", User, "r*@local.example",
            ]) with
            { Accepts = MailDoors.Mx },
            MailHall.Route("out")) with
        {
            Hostname = "mx.local.example",
            Accounts = Accounts,
            Inbound = checks is null ? new InboundOptions()
                : new InboundOptions { Unchecked = [], Verdicts = verdict is null ? [] : [verdict] },
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = relay ?? new() { Host = "[192.0.2.25]:25", Tls = TransportTls.None },
            },
        };
        Hall = new MailHall(Options, disk, clock, (name, options) =>
        {
            var transport = new WatchedTransport(new SmtpTransport(
                name, options, "postern.example", dns ?? new FakeResolver(),
                new AddressPolicy(new HashSet<IPAddress>(), PrivateAddresses.Refused), clock, DialAsync),
                Reports);
            transports.Add(transport);
            return transport;
        });
        log = new EventLog(
            new EventLogSettings { Hostname = Options.Hostname, Format = format }, clock, () => written,
            Stream.Null);
        var settings =
            new DoorSettings(Options, AccountDirectory.Load(Options, []), AliasTable.Load(Options, []));
        Door = new WatchedDoor(new SmtpDoor(
            new ListenOptions { On = "127.0.0.1:25", For = kind, Trusted = [Network.Parse("127.0.0.0/8")] },
            new MailIntake(Hall.Store, Hall.Queue, Memory, clock), Hall.Queue,
            new Postern.Mta.Routing.InboundRoutes(Hall.Store), new AccountLimits(clock),
            new LoginThrottle(clock), new HandshakeThrottle(clock), Hall.Health,
            log.Sessions, new Metrics(), () => settings)
        {
            Checker = checks is null ? null : new MailChecker(checks, clock),
        });
    }

    public PosternOptions Options { get; }
    public MailHall Hall { get; }
    public WatchedDoor Door { get; }
    public MemoryBudget Memory { get; } = new(MemoryBudget.ReceivingOctets);

    /// <summary>What each attempt proved, in order.</summary>
    public List<AttemptReport> Reports { get; } = [];

    /// <summary>Plays every connection that has no script of its own.</summary>
    public PoliteRelay Polite { get; init; } = new() { Extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8"] };

    /// <summary>Scripts of the first connections, in order.</summary>
    public Queue<Func<RelayConversation, Task>> Scripts { get; } = new();

    public List<RelayConversation> Conversations { get; } = [];

    /// <summary>The way out by itself.</summary>
    public ITransport Transport => transports[0];

    public static SessionFacts Facts => new()
    {
        Listener = "test",
        Kind = ListenerKind.Submission,
        Remote = new IPEndPoint(IPAddress.Loopback, 40000),
        Local = new IPEndPoint(IPAddress.Loopback, 587),
        StartedAt = MailHall.Start,
        Helo = "c.example.net",
        IsTrusted = true,
    };

    /// <summary>Takes a message as a submission that was told of no trouble.</summary>
    public async Task SubmitAsync(string content, params string[] recipients)
    {
        var transaction = new MailTransaction(
            new ReversePath(MailHall.Mailbox(Sender)), MailParameters.None);
        foreach (var text in recipients)
        {
            var to = new EnvelopeRecipient(new ForwardPath(MailHall.Mailbox(text)), RcptParameters.None);
            Assert.Null(await Door.RcptAsync(Facts, transaction, to, CancellationToken.None));
            transaction.Add(to);
        }
        await using var sink = await Door.OpenContentAsync(Facts, transaction, CancellationToken.None);
        await sink.WriteAsync(
            new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), CancellationToken.None);
        Assert.Equal(250, (await Door.AcceptAsync(Facts, transaction, sink, CancellationToken.None)).Code);
    }

    /// <summary>What is stored, oldest first, with the octets as they came.</summary>
    public async Task<IReadOnlyList<KeptMail>> KeptAsync()
    {
        var kept = new List<KeptMail>();
        var page = await Hall.Store.ListAsync(
            QueueFilter.All, default, int.MaxValue, CancellationToken.None);
        foreach (var stored in page.Messages)
        {
            using var content = await Hall.Store.OpenContentAsync(stored.Message, CancellationToken.None);
            using var octets = new MemoryStream();
            await content!.OpenReader().CopyToAsync(octets);
            kept.Add(new KeptMail(
                stored.Message.Sender.ToString(), [.. stored.Recipients.Select(r => r.Address.ToString())],
                Encoding.Latin1.GetString(octets.ToArray()), stored.Message.Checks is not null));
        }
        return kept;
    }

    /// <summary>The log of all sessions and events so far; it is closed by this.</summary>
    public async Task<string> ReadLogAsync()
    {
        var events = Hall.Store.Events.Select((fact, i) => new StoredEvent(i + 1, fact)).ToAsyncEnumerable();
        await log.RunAsync(events, static (_, _) => new([]), CancellationToken.None);
        await log.DisposeAsync();
        return Encoding.UTF8.GetString(written.ToArray());
    }

    /// <summary>Closes what is kept open; every script must have come to its end.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var transport in transports)
            await transport.DisposeAsync();
        await Task.WhenAll(scripts).WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
        await Hall.DisposeAsync();
        await log.DisposeAsync();
    }

    ValueTask<Stream> DialAsync(IPAddress address, int port, CancellationToken cancel)
    {
        var script = Scripts.TryDequeue(out var next) ? next : Polite.PlayAsync;
        var (client, played) = ScriptedRelay.PlayInMemory(conversation =>
        {
            Conversations.Add(conversation);
            return script(conversation);
        });
        scripts.Add(played);
        return new(client);
    }

    static AccountOptions Account(string password, params string[] senders) => new()
    {
        Password = new Secret("env:SECRET", password),
        Senders = [.. senders.Select(Postern.Mta.Routing.AddressPattern.Parse)],
    };

    sealed class WatchedTransport(SmtpTransport way, List<AttemptReport> reports) : ITransport
    {
        public string Name => way.Name;

        public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
        {
            var report = await way.AttemptAsync(attempt, cancel);
            reports.Add(report);
            return report;
        }

        public ValueTask DisposeAsync() => way.DisposeAsync();
    }
}

/// <summary>A stored message.</summary>
/// <param name="Content">Each character one octet.</param>
sealed record KeptMail(string Sender, string[] Recipients, string Content, bool IsChecked);
