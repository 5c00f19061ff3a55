using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary>Every setting of Postern. A default stands on its property and nowhere else.</summary>
public sealed record PosternOptions
{
    /// <summary>The name in greetings, <c>Received:</c> fields and reports. Default: the machine's name.</summary>
    public string Hostname { get; init; } = "localhost";

    /// <summary>The data directory: store, large contents, keys, sockets.</summary>
    public string Data { get; init; } = "/var/lib/postern";

    public IReadOnlyList<ListenOptions> Listen { get; init; } = [];
    public TlsOptions Tls { get; init; } = new();
    public SubmissionOptions Submission { get; init; } = new();
    public AliasOptions Aliases { get; init; } = new();
    public InboundOptions Inbound { get; init; } = new();
    public QueueOptions Queue { get; init; } = new();
    public LimitsOptions Limits { get; init; } = new();
    public LogOptions Log { get; init; } = new();

    /// <summary>Accounts by name; the name is the SMTP user name.</summary>
    public IReadOnlyDictionary<string, AccountOptions> Accounts { get; init; } = new Dictionary<string, AccountOptions>();

    /// <summary>Sending domains of the HTTP API, by name.</summary>
    public IReadOnlyDictionary<string, DomainOptions> Domains { get; init; } = new Dictionary<string, DomainOptions>();

    public IReadOnlyDictionary<string, TransportOptions> Transports { get; init; } = new Dictionary<string, TransportOptions>();

    /// <summary>In file order; the first match wins.</summary>
    public IReadOnlyList<RouteOptions> Routes { get; init; } = [];
}

/// <summary><c>[[listen]]</c>.</summary>
public sealed record ListenOptions
{
    /// <summary>How routes and logs call it. Default: what it is for, with the port.</summary>
    public string? Name { get; init; }

    /// <summary>Address and port; port 0 takes a free one.</summary>
    public string On { get; init; } = "";

    public ListenFor For { get; init; }
    public ListenTls Tls { get; init; } = ListenTls.Starttls;

    /// <summary>Networks that may submit here without AUTH; null means <c>[submission] trusted</c>, on loopback only.</summary>
    public IReadOnlyList<string>? Trusted { get; init; }

    /// <summary>What an http listener serves; null means everything, on loopback only.</summary>
    public IReadOnlyList<HttpFace>? Serves { get; init; }

    /// <summary>Networks whose connections begin with a PROXY protocol v2 header.</summary>
    public IReadOnlyList<string> ProxyProtocol { get; init; } = [];

    /// <summary>Networks of the proxy in front of a plain http listener off loopback.</summary>
    public IReadOnlyList<string> BehindProxy { get; init; } = [];
}

public enum ListenFor { Mx, Submission, Http }

public enum ListenTls { None, Starttls, Immediate }

public enum HttpFace { Api, Hooks, Tracking, Dashboard, Admin, Metrics }

/// <summary><c>[tls]</c>. Neither given: a self-signed certificate is made and kept in the data directory.</summary>
public sealed record TlsOptions
{
    public string? Certificate { get; init; }
    public string? Key { get; init; }
}

/// <summary><c>[submission]</c>.</summary>
public sealed record SubmissionOptions
{
    /// <summary>May submit without AUTH, like Postfix's mynetworks; needs a loopback local address too.</summary>
    public IReadOnlyList<string> Trusted { get; init; } = ["127.0.0.0/8", "::1"];

    /// <summary>The domain that completes a lone local part. Null: the hostname.</summary>
    public string? Origin { get; init; }
}

/// <summary><c>[aliases]</c>: Postfix's virtual_alias_maps.</summary>
public sealed record AliasOptions
{
    /// <summary>Files in the format of virtual(5), read in order after <see cref="Table"/>.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary><c>user@domain</c>, <c>user</c> or <c>@domain</c> to one or more targets.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Table { get; init; } = new Dictionary<string, IReadOnlyList<string>>();
}

/// <summary><c>[inbound]</c>.</summary>
public sealed record InboundOptions
{
    /// <summary>Between user and extension. Empty: none.</summary>
    public string Delimiter { get; init; } = "+";

    /// <summary>Where postmaster's mail of every mx domain goes. Null: held and shown.</summary>
    public string? Postmaster { get; init; }

    /// <summary>How long dead letters are kept.</summary>
    public TimeSpan KeepFailed { get; init; } = TimeSpan.FromDays(30);
}

/// <summary><c>[queue]</c>.</summary>
public sealed record QueueOptions
{
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(5);
    public TimeSpan BounceLifetime { get; init; } = TimeSpan.FromDays(5);

    /// <summary>Free space, in octets, below which new mail gets 452. Null: the smaller of 5 % and 1 GiB.</summary>
    public long? Reserve { get; init; }

    /// <summary>How long content stays after the last recipient is done.</summary>
    public TimeSpan KeepContent { get; init; } = TimeSpan.Zero;

    /// <summary>How long an attempt with an unknown outcome waits.</summary>
    public TimeSpan UncertainWait { get; init; } = TimeSpan.FromMinutes(15);
}

/// <summary><c>[limits]</c>.</summary>
public sealed record LimitsOptions
{
    /// <summary>Octets of content.</summary>
    public long MessageSize { get; init; } = 50L << 20;

    public int Recipients { get; init; } = 1000;

    /// <summary>Open SMTP connections. Null: what the file descriptor limit allows (DESIGN §9.4).</summary>
    public int? Connections { get; init; }

    public int ConnectionsPerClient { get; init; } = 50;
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Octets of memory for content that is being received.</summary>
    public long Memory { get; init; } = 64L << 20;
}

/// <summary><c>[log]</c>.</summary>
public sealed record LogOptions
{
    public LogFormat Format { get; init; } = LogFormat.Console;

    /// <summary>Null: standard output.</summary>
    public string? File { get; init; }

    /// <summary>How long events are kept in the store.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(90);
}

public enum LogFormat { Console, Json, Postfix }

/// <summary><c>[accounts.NAME]</c>.</summary>
public sealed record AccountOptions
{
    public Secret? Password { get; init; }

    /// <summary>Address patterns it may send as. Empty: any.</summary>
    public IReadOnlyList<string> Senders { get; init; } = [];
}

/// <summary><c>[domains."NAME"]</c>.</summary>
public sealed record DomainOptions
{
    public IReadOnlyList<Secret> ApiKeys { get; init; } = [];
}

public enum TransportKind { Smtp, Mailgun, Pubsub, Pipe }

public enum TransportTls { None, Opportunistic, Required, Immediate }

public enum PipeExitCodes { Safe, Postfix }

public enum PipePer { Message, Recipient }

public enum PubSubFormat { Json, Raw }

/// <summary><c>[transports.NAME]</c>; which keys count depends on <see cref="Kind"/>.</summary>
public sealed record TransportOptions
{
    public TransportKind Kind { get; init; }

    /// <summary>smtp: next hops as in Postfix's relayhost. Null: the recipient's MX on port 25.</summary>
    public string? Host { get; init; }

    /// <summary>Null: required where there is a login, else opportunistic.</summary>
    public TransportTls? Tls { get; init; }

    /// <summary>A private certificate authority, PEM.</summary>
    public Secret? Ca { get; init; }

    /// <summary><c>user:password</c>, split at the first colon.</summary>
    public Secret? Login { get; init; }

    public int MaxConnections { get; init; } = 200;

    /// <summary>Messages over one connection. Null: no limit of ours.</summary>
    public int? MessagesPerConnection { get; init; }

    public int RecipientsPerMessage { get; init; } = 50;

    /// <summary>Limit of one whole attempt, for pipe the time limit. Null: the sum of the protocol's own.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary><c>keep</c>, or the address whose domain takes bounces.</summary>
    public string ReturnPath { get; init; } = "keep";

    /// <summary>Addresses from DNS may be private ones.</summary>
    public bool Private { get; init; }

    /// <summary>pipe: program and arguments, run without a shell.</summary>
    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary>pipe: the user it runs as. Null: ours (see DESIGN §9.6).</summary>
    public string? User { get; init; }

    public bool SameUser { get; init; }
    public string? Directory { get; init; }
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(1000);
    public PipeExitCodes ExitCodes { get; init; } = PipeExitCodes.Safe;
    public PipePer Per { get; init; } = PipePer.Message;

    /// <summary>pubsub: <c>projects/P/topics/T</c>.</summary>
    public string? Topic { get; init; }

    public PubSubFormat Format { get; init; } = PubSubFormat.Json;

    /// <summary>pubsub: where messages over the limit are put. Null: <c>claims</c> in the data directory.</summary>
    public string? ClaimDirectory { get; init; }

    /// <summary>mailgun: the sending domain, region and key.</summary>
    public string? Domain { get; init; }

    public string Region { get; init; } = "us";
    public Secret? Key { get; init; }
}

[Flags]
public enum MailDoors { Mx = 1, Submission = 2, Api = 4 }

/// <summary><c>[[routes]]</c>.</summary>
public sealed record RouteOptions
{
    public string Name { get; init; } = "";

    /// <summary>Patterns of the reverse-path; <c>"&lt;&gt;"</c> is the null sender. Null: any.</summary>
    public IReadOnlyList<string>? From { get; init; }

    public IReadOnlyList<string>? To { get; init; }
    public IReadOnlyList<string>? Account { get; init; }
    public IReadOnlyList<string>? Listener { get; init; }
    public MailDoors Accepts { get; init; } = MailDoors.Submission | MailDoors.Api;

    /// <summary>Transports in order; the first open one is taken.</summary>
    public IReadOnlyList<string> Via { get; init; } = [];

    /// <summary>Every transport of <see cref="Via"/> gets a copy.</summary>
    public bool All { get; init; }

    /// <summary>Waits between attempts for Recipient and Message blame. Null: Postfix's curve.</summary>
    public IReadOnlyList<TimeSpan>? Retry { get; init; }

    /// <summary>Age at which an undelivered recipient ends. Null: the queue's lifetime.</summary>
    public TimeSpan? GiveUp { get; init; }

    /// <summary>Null: true for submission and api, false for mx.</summary>
    public bool? Bounce { get; init; }
}
