using System.Buffers;
using System.Net;
using System.Security.Cryptography;
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
using Postern.Smtp;
using Postern.Smtp.Server;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Doubles;

/// <summary>An mx door whose aliases lead out through <c>relay</c>; in.example is ours, and goes inside
/// through <c>inner</c>.</summary>
sealed class ForwardingHouse : IAsyncDisposable
{
    public const string Client = "192.0.2.1";
    public const string Letter =
        "From: ann@good.example\r\nTo: sales@in.example\r\nSubject: x\r\n\r\nbody\r\n";

    static readonly CancellationToken None = CancellationToken.None;
    static readonly RSA Key = RSA.Create(2048);

    readonly EventLog log;
    readonly SmtpDoor door;

    public ForwardingHouse(Func<PosternOptions, PosternOptions>? change = null, ZoneResolver? dns = null)
    {
        Dns = dns ?? Dns;
        var options = new PosternOptions
        {
            Hostname = "mx.in.example",
            Routes =
            [
                Route("in", to: ["*@in.example"], via: ["inner"]) with { Accepts = MailDoors.Mx },
                Route("out", via: ["relay"]),
            ],
            Transports = new Dictionary<string, TransportOptions>
            {
                ["inner"] = new() { Kind = TransportKind.Smtp, Host = "[192.0.2.8]" },
                ["relay"] = new() { Kind = TransportKind.Smtp, Host = "[192.0.2.9]" },
            },
            Aliases = new AliasOptions
            {
                Table = new Dictionary<string, IReadOnlyList<string>>
                {
                    ["sales@in.example"] = ["x@gmail.example"],
                    ["desk@in.example"] = ["y@gmail.example"],
                    ["both@in.example"] = ["both@in.example", "z@gmail.example"],
                },
            },
            Forward = new ForwardOptions
            {
                ReturnPath = "bounces@return.example",
                ArcDomain = "in.example",
                ArcSelector = "arc",
                ArcKey = new Secret("file:arc.key", Key.ExportPkcs8PrivateKeyPem()),
            },
        };
        options = change?.Invoke(options) ?? options;
        Hall = new MailHall(options);
        Hall.Queue.ReturnPaths = new ReturnPaths(new byte[32]);
        log = new EventLog(
            new EventLogSettings { Hostname = "mx.in.example" }, Hall.Clock, () => Stream.Null, Stream.Null);
        var settings =
            new DoorSettings(options, AccountDirectory.Load(options, []), AliasTable.Load(options, []));
        door = new SmtpDoor(
            new ListenOptions { On = "127.0.0.1:25", For = ListenFor.Mx },
            new MailIntake(Hall.Store, Hall.Queue, new MemoryBudget(64 << 20), Hall.Clock), Hall.Queue,
            new InboundRoutes(Hall.Store), new AccountLimits(Hall.Clock), new LoginThrottle(Hall.Clock),
            new HandshakeThrottle(Hall.Clock), Hall.Health, log.Sessions, new Metrics(), () => settings)
        {
            Checker = new MailChecker(Dns, Hall.Clock),
        };
    }

    public MailHall Hall { get; }

    public ZoneResolver Dns { get; } = new ZoneResolver()
        .Add("good.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
        .Add("bad.example", "TXT", "v=spf1 -all")
        .Add("arc._domainkey.in.example", "TXT",
            $"v=DKIM1; k=rsa; p={Convert.ToBase64String(Key.ExportSubjectPublicKeyInfo())}");

    /// <summary>The way inside.</summary>
    public ScriptedTransport Inner => Hall.Ways["inner"];

    /// <summary>The sender that mail left with through <c>relay</c> the last time; empty for the null
    /// one.</summary>
    public string SenderOut => Hall.Relay.Attempts[^1].Sender.Mailbox?.ToString() ?? "";

    /// <summary>A connection with one message.</summary>
    /// <returns>What refused it, or what was said to its last dot.</returns>
    public async Task<string> SendAsync(
        string sender, string[] recipients, string content = Letter, string client = Client)
    {
        var session = new SessionFacts
        {
            Listener = "mx",
            Kind = ListenerKind.Mx,
            Remote = new IPEndPoint(IPAddress.Parse(client), 4321),
            Local = new IPEndPoint(IPAddress.Parse("198.51.100.1"), 25),
            StartedAt = Start,
            Helo = "out.good.example",
            IsExtended = true,
        };
        Assert.Null(await door.ConnectAsync(session, None));
        var path = new ReversePath(sender.Length == 0 ? null : Mailbox(sender));
        var transaction = new MailTransaction(path, MailParameters.None);
        Assert.Null(await door.MailAsync(session, path, MailParameters.None, None));
        foreach (var recipient in recipients)
        {
            var to = new EnvelopeRecipient(new ForwardPath(Mailbox(recipient)), RcptParameters.None);
            if (await door.RcptAsync(session, transaction, to, None) is { } refusal)
                return TextOf(refusal);
        }
        await using var sink = await door.OpenContentAsync(session, transaction, None);
        await sink.WriteAsync(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), None);
        var reply = await door.AcceptAsync(session, transaction, sink, None);
        await Hall.RunAsync();
        return TextOf(reply);
    }

    /// <summary>What a receiver finds of the chain of a mail as it left.</summary>
    public async Task<ArcVerdict> CheckChainAsync(string content)
    {
        using var signed = new SignedContent();
        signed.Append(Encoding.Latin1.GetBytes(content));
        signed.Complete();
        return await new ArcCheck(Dns, Hall.Clock).CheckAsync(signed, None);
    }

    public async ValueTask DisposeAsync()
    {
        await log.DisposeAsync();
        await Hall.DisposeAsync();
    }

    static string TextOf(Reply reply) => $"{reply.Code} {reply.Status} {reply.Lines[0]}";
}
