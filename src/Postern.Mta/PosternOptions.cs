using System.Net;
using Postern.Mta.Configuration;
using Postern.Mta.Routing;

namespace Postern.Mta;

/// <summary>Every setting of Postern. A default stands on its property and nowhere else.</summary>
public sealed record PosternOptions
{
    /// <summary>
    /// The name in greetings, <c>Received:</c> fields and reports. Default: the machine's name.
    /// </summary>
    public string Hostname { get; init; } = MachineName;

    /// <summary>The data directory: store, large contents, keys, sockets.</summary>
    public string Data { get; init; } = "/var/lib/postern";

    public IReadOnlyList<ListenOptions> Listen { get; init; } = [];
    public TlsOptions Tls { get; init; } = new();
    public SubmissionOptions Submission { get; init; } = new();
    public AliasOptions Aliases { get; init; } = new();
    public InboundOptions Inbound { get; init; } = new();
    public ForwardOptions Forward { get; init; } = new();
    public DnsOptions Dns { get; init; } = new();
    public QueueOptions Queue { get; init; } = new();
    public LimitsOptions Limits { get; init; } = new();
    public LogOptions Log { get; init; } = new();
    public TelemetryOptions Telemetry { get; init; } = new();

    /// <summary>Accounts by name; the name is the SMTP user name.</summary>
    public IReadOnlyDictionary<string, AccountOptions> Accounts { get; init; } =
        new Dictionary<string, AccountOptions>();

    /// <summary>Sending domains of the HTTP API, by name.</summary>
    public IReadOnlyDictionary<string, DomainOptions> Domains { get; init; } =
        new Dictionary<string, DomainOptions>();

    public ApiOptions Api { get; init; } = new();
    public WebhookOptions Webhooks { get; init; } = new();
    public TrackingOptions Tracking { get; init; } = new();
    public DashboardOptions Dashboard { get; init; } = new();

    /// <summary>Where the API is reached from outside, without a slash at its end: for links.</summary>
    public string ApiUrl => Api.Url?.TrimEnd('/') ?? $"https://{Hostname}";

    public IReadOnlyDictionary<string, TransportOptions> Transports { get; init; } =
        new Dictionary<string, TransportOptions>();

    /// <summary>In file order; the first match wins.</summary>
    public IReadOnlyList<RouteOptions> Routes { get; init; } = [];

    internal static readonly SettingTable<PosternOptions> Settings = new("Every setting of Postern.")
    {
        new ValueSetting<PosternOptions, string>("hostname", Kinds.Text,
            "The name in greetings, `Received:` fields and reports.",
            o => o.Hostname, (o, v) => o with { Hostname = v }) { DefaultDoc = "the machine's name" },
        new ValueSetting<PosternOptions, string>("data", Kinds.FilePath,
            "The data directory, mode 0700: store, large contents, keys, sockets.",
            o => o.Data, (o, v) => o with { Data = v }),
        new TableListSetting<PosternOptions, ListenOptions>("listen", ListenOptions.Settings,
            o => o.Listen, (o, v) => o with { Listen = v }),
        new TableSetting<PosternOptions, TlsOptions>("tls", TlsOptions.Settings,
            o => o.Tls, (o, v) => o with { Tls = v }),
        new TableSetting<PosternOptions, SubmissionOptions>("submission", SubmissionOptions.Settings,
            o => o.Submission, (o, v) => o with { Submission = v }),
        new TableSetting<PosternOptions, AliasOptions>("aliases", AliasOptions.Settings,
            o => o.Aliases, (o, v) => o with { Aliases = v }),
        new TableSetting<PosternOptions, InboundOptions>("inbound", InboundOptions.Settings,
            o => o.Inbound, (o, v) => o with { Inbound = v }),
        new TableSetting<PosternOptions, ForwardOptions>("forward", ForwardOptions.Settings,
            o => o.Forward, (o, v) => o with { Forward = v }),
        new TableSetting<PosternOptions, DnsOptions>("dns", DnsOptions.Settings,
            o => o.Dns, (o, v) => o with { Dns = v }),
        new TableSetting<PosternOptions, QueueOptions>("queue", QueueOptions.Settings,
            o => o.Queue, (o, v) => o with { Queue = v }),
        new TableSetting<PosternOptions, LimitsOptions>("limits", LimitsOptions.Settings,
            o => o.Limits, (o, v) => o with { Limits = v }),
        new TableSetting<PosternOptions, LogOptions>("log", LogOptions.Settings,
            o => o.Log, (o, v) => o with { Log = v }),
        new TableSetting<PosternOptions, TelemetryOptions>("telemetry", TelemetryOptions.Settings,
            o => o.Telemetry, (o, v) => o with { Telemetry = v }),
        new NamedTablesSetting<PosternOptions, AccountOptions>("accounts", AccountOptions.Settings,
            o => o.Accounts, (o, v) => o with { Accounts = v }),
        new TableSetting<PosternOptions, ApiOptions>("api", ApiOptions.Settings,
            o => o.Api, (o, v) => o with { Api = v }),
        new TableSetting<PosternOptions, WebhookOptions>("webhooks", WebhookOptions.Settings,
            o => o.Webhooks, (o, v) => o with { Webhooks = v }),
        new TableSetting<PosternOptions, TrackingOptions>("tracking", TrackingOptions.Settings,
            o => o.Tracking, (o, v) => o with { Tracking = v }),
        new TableSetting<PosternOptions, DashboardOptions>("dashboard", DashboardOptions.Settings,
            o => o.Dashboard, (o, v) => o with { Dashboard = v }),
        new NamedTablesSetting<PosternOptions, DomainOptions>("domains", DomainOptions.Settings,
            o => o.Domains, (o, v) => o with { Domains = v }),
        new NamedTablesSetting<PosternOptions, TransportOptions>("transports", TransportOptions.Settings,
            o => o.Transports, (o, v) => o with { Transports = v }),
        new TableListSetting<PosternOptions, RouteOptions>("routes", RouteOptions.Settings,
            o => o.Routes, (o, v) => o with { Routes = v }),
    };

    static string MachineName =>
        HostName.IsValid(Environment.MachineName) ? Environment.MachineName.ToLowerInvariant() : "localhost";
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

    /// <summary>
    /// Networks that may submit here without AUTH; null means <c>[submission] trusted</c>, on loopback only.
    /// </summary>
    public IReadOnlyList<Network>? Trusted { get; init; }

    /// <summary>What an http listener serves; null means everything, on loopback only.</summary>
    public IReadOnlyList<HttpFace>? Serves { get; init; }

    /// <summary>Networks whose connections begin with a PROXY protocol v2 header.</summary>
    public IReadOnlyList<Network> ProxyProtocol { get; init; } = [];

    /// <summary>Networks of the proxy in front of a plain http listener off loopback.</summary>
    public IReadOnlyList<Network> BehindProxy { get; init; } = [];

    /// <summary>The name it has in logs and routes, given or made.</summary>
    public string DisplayName =>
        Name ?? $"{For.ToString().ToLowerInvariant()}-{On[(On.LastIndexOf(':') + 1)..]}";

    internal static readonly SettingTable<ListenOptions> Settings = new(
        "An address Postern listens on. A change needs a restart.")
    {
        new ValueSetting<ListenOptions, string>("on", Kinds.Text,
            "Address and port, `\"0.0.0.0:587\"` or `\"[::]:587\"`; port 0 takes a free one.",
            o => o.On, (o, v) => o with { On = v }) { IsRequired = true },
        new ValueSetting<ListenOptions, ListenFor>("for", Kinds.Word<ListenFor>(),
            "Who is expected: other servers, our own users, or HTTP.",
            o => o.For, (o, v) => o with { For = v }) { IsRequired = true },
        new ValueSetting<ListenOptions, string?>("name", Kinds.Text.OrNull(),
            "How routes and logs call it.",
            o => o.Name, (o, v) => o with { Name = v })
        {
            DefaultDoc = "`for` and the port, `submission-587`",
        },
        new ValueSetting<ListenOptions, ListenTls>("tls", Kinds.Word<ListenTls>(),
            "Whether TLS is offered, or begins with the connection; for http `immediate` is HTTPS and "
            + "anything else plain.",
            o => o.Tls, (o, v) => o with { Tls = v }),
        new ValueSetting<ListenOptions, IReadOnlyList<Network>?>(
            "trusted", Kinds.List(Kinds.Network).OrNull(),
            "Networks that may submit here without AUTH, whatever the local address is.",
            o => o.Trusted, (o, v) => o with { Trusted = v })
        {
            When = o => o.For == ListenFor.Submission, Where = "for = \"submission\"",
            DefaultDoc = "`submission.trusted`, on loopback only",
        },
        new ValueSetting<ListenOptions, IReadOnlyList<Network>>("proxy-protocol", Kinds.List(Kinds.Network),
            "Networks whose connections begin with a PROXY protocol v2 header.",
            o => o.ProxyProtocol, (o, v) => o with { ProxyProtocol = v })
        {
            When = o => o.For != ListenFor.Http, Where = "for = \"mx\" or \"submission\"",
        },
        new ValueSetting<ListenOptions, IReadOnlyList<HttpFace>?>(
            "serves", Kinds.List(Kinds.Word<HttpFace>()).OrNull(),
            "What is served here; off loopback it must be said.",
            o => o.Serves, (o, v) => o with { Serves = v })
        {
            When = o => o.For == ListenFor.Http, Where = "for = \"http\"",
            DefaultDoc = "everything, on loopback only",
        },
        new ValueSetting<ListenOptions, IReadOnlyList<Network>>("behind-proxy", Kinds.List(Kinds.Network),
            "Networks of the proxy in front of a plain http listener off loopback.",
            o => o.BehindProxy, (o, v) => o with { BehindProxy = v })
        {
            When = o => o.For == ListenFor.Http, Where = "for = \"http\"",
        },
    };
}

public enum ListenFor { Mx, Submission, Http }

public enum ListenTls { None, Starttls, Immediate }

public enum HttpFace { Api, Hooks, Tracking, Dashboard, Admin, Metrics, Claims }

/// <summary>
/// <c>[tls]</c>. Neither given: a self-signed certificate is made and kept in the data directory.
/// </summary>
public sealed record TlsOptions
{
    public string? Certificate { get; init; }
    public string? Key { get; init; }

    internal static readonly SettingTable<TlsOptions> Settings = new(
        "The certificate of all listeners; neither key given: a self-signed one is made and kept in the "
        + "data directory.")
    {
        new ValueSetting<TlsOptions, string?>("certificate", Kinds.FilePath.OrNull(),
            "The chain, PEM, our own certificate first.",
            o => o.Certificate, (o, v) => o with { Certificate = v }),
        new ValueSetting<TlsOptions, string?>("key", Kinds.FilePath.OrNull(),
            "Its private key, PEM, readable by Postern alone.",
            o => o.Key, (o, v) => o with { Key = v }),
    };
}

/// <summary><c>[submission]</c>.</summary>
public sealed record SubmissionOptions
{
    /// <summary>
    /// May submit without AUTH, like Postfix's mynetworks; needs a loopback local address too.
    /// </summary>
    public IReadOnlyList<Network> Trusted { get; init; } =
        [Network.Parse("127.0.0.0/8"), Network.Parse("::1")];

    /// <summary>The domain that completes a lone local part. Null: the hostname.</summary>
    public string? Origin { get; init; }

    internal static readonly SettingTable<SubmissionOptions> Settings =
        new("Mail from our own users and programs.")
    {
        new ValueSetting<SubmissionOptions, IReadOnlyList<Network>>("trusted", Kinds.List(Kinds.Network),
            "Networks that may submit without AUTH over loopback, like Postfix's mynetworks.",
            o => o.Trusted, (o, v) => o with { Trusted = v }),
        new ValueSetting<SubmissionOptions, string?>("origin", Kinds.Text.OrNull(),
            "The domain that completes a lone local part.",
            o => o.Origin, (o, v) => o with { Origin = v }) { DefaultDoc = "the hostname" },
    };
}

/// <summary><c>[aliases]</c>: Postfix's virtual_alias_maps.</summary>
public sealed record AliasOptions
{
    /// <summary>Files in the format of virtual(5), read in order after <see cref="Table"/>.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary><c>user@domain</c>, <c>user</c> or <c>@domain</c> to one or more targets.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Table { get; init; } =
        new Dictionary<string, IReadOnlyList<string>>();

    internal static readonly SettingTable<AliasOptions> Settings = new(
        "Addresses that stand for others, as Postfix's virtual_alias_maps.")
    {
        new ValueSetting<AliasOptions, IReadOnlyList<string>>("files", Kinds.List(Kinds.FilePath),
            "Files in the format of virtual(5), read in order after `table`.",
            o => o.Files, (o, v) => o with { Files = v }),
        new ValueSetting<AliasOptions, IReadOnlyDictionary<string, IReadOnlyList<string>>>(
            "table", Kinds.TextTable,
            "`user@domain`, `user` or `@domain`, each with one or more targets.",
            o => o.Table, (o, v) => o with { Table = v }),
    };
}

/// <summary><c>[inbound]</c>.</summary>
public sealed record InboundOptions
{
    /// <summary>Between user and extension. Empty: none.</summary>
    public string Delimiter { get; init; } = "+";

    /// <summary>Where postmaster's mail of every mx domain goes, and mail about alarms. Null: the first is
    /// held and shown, the other not made.</summary>
    public string? Postmaster { get; init; }

    /// <summary>How long dead letters are kept.</summary>
    public TimeSpan KeepFailed { get; init; } = TimeSpan.FromDays(30);

    /// <summary>What mail from other servers is checked for.</summary>
    public IReadOnlyList<MailCheck> Checks { get; init; } =
        [MailCheck.Spf, MailCheck.Dkim, MailCheck.Dmarc, MailCheck.Arc, MailCheck.Iprev];

    /// <summary>Clients whose mail is not checked, and meets no verdict.</summary>
    public IReadOnlyList<Network> Unchecked { get; init; } =
        [Network.Parse("127.0.0.0/8"), Network.Parse("::1")];

    /// <summary>Zones that name clients nobody wants mail from (RFC 5782).</summary>
    public IReadOnlyList<string> BlockLists { get; init; } = [];

    /// <summary>Zones that name clients no block list is asked about.</summary>
    public IReadOnlyList<string> AllowLists { get; init; } = [];

    /// <summary>How long a client waits for the greeting; one that speaks before it is refused. Zero: it is
    /// only looked whether it has spoken already.</summary>
    public TimeSpan GreetWait { get; init; } = TimeSpan.Zero;

    public ClientRateOptions Rates { get; init; } = new();
    public GreylistOptions Greylist { get; init; } = new();
    public ClamavOptions Clamav { get; init; } = new();
    public RspamdOptions Rspamd { get; init; } = new();

    /// <summary>In file order, which is that of asking.</summary>
    public IReadOnlyList<MilterOptions> Milters { get; init; } = [];

    /// <summary>In file order; the first match wins.</summary>
    public IReadOnlyList<VerdictOptions> Verdicts { get; init; } = [];

    internal static readonly SettingTable<InboundOptions> Settings = new("Mail from other servers.")
    {
        new ValueSetting<InboundOptions, string>("delimiter", Kinds.AnyText,
            "Between user and extension, as in `user+tag`; empty: none.",
            o => o.Delimiter, (o, v) => o with { Delimiter = v }),
        new ValueSetting<InboundOptions, string?>("postmaster", Kinds.Text.OrNull(),
            "Where postmaster's mail of every mx domain goes, and mail about alarms.",
            o => o.Postmaster, (o, v) => o with { Postmaster = v })
        {
            DefaultDoc = "held and shown; no mail about alarms",
        },
        new ValueSetting<InboundOptions, TimeSpan>("keep-failed", Kinds.Duration,
            "How long dead letters are kept.",
            o => o.KeepFailed, (o, v) => o with { KeepFailed = v }),
        new ValueSetting<InboundOptions, IReadOnlyList<MailCheck>>(
            "checks", Kinds.List(Kinds.Word<MailCheck>()),
            "What mail from other servers is checked for; empty: nothing.",
            o => o.Checks, (o, v) => o with { Checks = v }),
        new ValueSetting<InboundOptions, IReadOnlyList<Network>>("unchecked", Kinds.List(Kinds.Network),
            "Clients whose mail is not checked, and meets no verdict, no `greet-wait`, no rate and no "
            + "greylist.",
            o => o.Unchecked, (o, v) => o with { Unchecked = v }),
        new ValueSetting<InboundOptions, IReadOnlyList<string>>("block-lists", Kinds.List(Kinds.Text),
            "DNS zones that name clients nobody wants mail from, as `zen.spamhaus.org`; what becomes of "
            + "their mail is for `[[inbound.verdicts]]` to say.",
            o => o.BlockLists, (o, v) => o with { BlockLists = v }),
        new ValueSetting<InboundOptions, IReadOnlyList<string>>("allow-lists", Kinds.List(Kinds.Text),
            "DNS zones that name clients no block list is asked about.",
            o => o.AllowLists, (o, v) => o with { AllowLists = v }),
        new ValueSetting<InboundOptions, TimeSpan>("greet-wait", Kinds.Duration,
            "How long a client waits for the greeting, `\"6s\"`; one that speaks before it gets 554. "
            + "`\"0s\"`: only one that has spoken at once.",
            o => o.GreetWait, (o, v) => o with { GreetWait = v }),
        new TableSetting<InboundOptions, ClientRateOptions>("rates", ClientRateOptions.Settings,
            o => o.Rates, (o, v) => o with { Rates = v }),
        new TableSetting<InboundOptions, GreylistOptions>("greylist", GreylistOptions.Settings,
            o => o.Greylist, (o, v) => o with { Greylist = v }),
        new TableSetting<InboundOptions, ClamavOptions>("clamav", ClamavOptions.Settings,
            o => o.Clamav, (o, v) => o with { Clamav = v }),
        new TableSetting<InboundOptions, RspamdOptions>("rspamd", RspamdOptions.Settings,
            o => o.Rspamd, (o, v) => o with { Rspamd = v }),
        new TableListSetting<InboundOptions, MilterOptions>("milters", MilterOptions.Settings,
            o => o.Milters, (o, v) => o with { Milters = v }),
        new TableListSetting<InboundOptions, VerdictOptions>("verdicts", VerdictOptions.Settings,
            o => o.Verdicts, (o, v) => o with { Verdicts = v }),
    };
}

public enum MailCheck
{
    Spf,
    Dkim,

    /// <summary>It needs SPF or DKIM to find anything right.</summary>
    Dmarc,
    Arc,

    /// <summary>The client's address has a name that leads back to it (RFC 8601 §3).</summary>
    Iprev,

    /// <summary>The name in HELO is one, is not ours, and leads to the client.</summary>
    Helo,
}

/// <summary><c>[dns]</c>.</summary>
public sealed record DnsOptions
{
    /// <summary>Empty: those of this machine.</summary>
    public IReadOnlyList<IPEndPoint> Servers { get; init; } = [];

    internal static readonly SettingTable<DnsOptions> Settings = new("Names and addresses of others.")
    {
        new ValueSetting<DnsOptions, IReadOnlyList<IPEndPoint>>("servers", Kinds.List(Kinds.Endpoint),
            "Name servers, as `127.0.0.1:53`.",
            o => o.Servers, (o, v) => o with { Servers = v }) { DefaultDoc = "those of this machine" },
    };
}

/// <summary><c>[queue]</c>.</summary>
public sealed record QueueOptions
{
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(5);
    public TimeSpan BounceLifetime { get; init; } = TimeSpan.FromDays(5);

    /// <summary>
    /// Free space, in octets, below which new mail gets 452. Null: the smaller of 5 % and 1 GiB.
    /// </summary>
    public long? Reserve { get; init; }

    /// <summary>How long content stays after the last recipient is done.</summary>
    public TimeSpan KeepContent { get; init; } = TimeSpan.Zero;

    /// <summary>How long an attempt with an unknown outcome waits.</summary>
    public TimeSpan UncertainWait { get; init; } = TimeSpan.FromMinutes(15);

    internal static readonly SettingTable<QueueOptions> Settings =
        new("How long mail waits, and what is left of it.")
    {
        new ValueSetting<QueueOptions, TimeSpan>("lifetime", Kinds.Duration,
            "The age at which mail that could not be delivered ends.",
            o => o.Lifetime, (o, v) => o with { Lifetime = v }),
        new ValueSetting<QueueOptions, TimeSpan>("bounce-lifetime", Kinds.Duration,
            "The same for reports to senders.",
            o => o.BounceLifetime, (o, v) => o with { BounceLifetime = v }),
        new ValueSetting<QueueOptions, long?>("reserve", Kinds.Size.OrNone(),
            "Free space on disk below which new mail gets 452.",
            o => o.Reserve, (o, v) => o with { Reserve = v }) { DefaultDoc = "the smaller of 5 % and 1 GiB" },
        new ValueSetting<QueueOptions, TimeSpan>("keep-content", Kinds.Duration,
            "How long content stays after its last recipient is done.",
            o => o.KeepContent, (o, v) => o with { KeepContent = v }),
        new ValueSetting<QueueOptions, TimeSpan>("uncertain-wait", Kinds.Duration,
            "How long an attempt waits whose answer was lost.",
            o => o.UncertainWait, (o, v) => o with { UncertainWait = v }),
    };
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

    /// <summary>Of mx listeners: what five clients that are at their limit have.</summary>
    public int ConnectionsPerNetwork { get; init; } = 250;

    /// <summary>Bits of an IPv4 address that make a network: what a site is commonly given.</summary>
    public int NetworkIPv4 { get; init; } = 24;

    /// <summary>Of an IPv6 address; the same.</summary>
    public int NetworkIPv6 { get; init; } = 56;

    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Octets of memory for content that is being received.</summary>
    public long Memory { get; init; } = 64L << 20;

    internal static readonly SettingTable<LimitsOptions> Settings =
        new("What one peer, and all of them, may take.")
    {
        new ValueSetting<LimitsOptions, long>("message-size", Kinds.Size,
            "The greatest message; what SIZE announces.",
            o => o.MessageSize, (o, v) => o with { MessageSize = v }),
        new ValueSetting<LimitsOptions, int>("recipients", Kinds.Whole(100, 100_000),
            "Recipients of one message; RFC 5321 §4.5.3.1.8 wants 100 at least.",
            o => o.Recipients, (o, v) => o with { Recipients = v }),
        new ValueSetting<LimitsOptions, int?>("connections", Kinds.Whole(1, 1_000_000).OrNone(),
            "Open SMTP connections; above it 421.",
            o => o.Connections, (o, v) => o with { Connections = v })
        {
            DefaultDoc = "what the file descriptor limit allows",
        },
        new ValueSetting<LimitsOptions, int>("connections-per-client", Kinds.Whole(1, 1_000_000),
            "Of one address; trusted networks on submission listeners are exempt.",
            o => o.ConnectionsPerClient, (o, v) => o with { ConnectionsPerClient = v }),
        new ValueSetting<LimitsOptions, int>("connections-per-network", Kinds.Whole(1, 1_000_000),
            "Of one network at mx listeners; `inbound.unchecked` ones are exempt.",
            o => o.ConnectionsPerNetwork, (o, v) => o with { ConnectionsPerNetwork = v }),
        new ValueSetting<LimitsOptions, int>("network-ipv4", Kinds.Whole(8, 32),
            "Bits of an IPv4 address that make a network, here and in `[inbound.rates]`.",
            o => o.NetworkIPv4, (o, v) => o with { NetworkIPv4 = v }),
        new ValueSetting<LimitsOptions, int>("network-ipv6", Kinds.Whole(16, 64),
            "The same of an IPv6 address.",
            o => o.NetworkIPv6, (o, v) => o with { NetworkIPv6 = v }),
        new ValueSetting<LimitsOptions, TimeSpan>("command-timeout", Kinds.Duration,
            "How long a peer may stay silent; RFC 5321 §4.5.3.2.7 wants 5 minutes.",
            o => o.CommandTimeout, (o, v) => o with { CommandTimeout = v }),
        new ValueSetting<LimitsOptions, long>("memory", Kinds.Size,
            "Memory for content that is being received.",
            o => o.Memory, (o, v) => o with { Memory = v }),
    };
}

/// <summary><c>[log]</c>.</summary>
public sealed record LogOptions
{
    public LogFormat Format { get; init; } = LogFormat.Console;

    /// <summary>Null: standard output.</summary>
    public string? File { get; init; }

    /// <summary>How long events are kept in the store.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Which attempts' events tell what was said to the next hop.</summary>
    public KeptConversations Conversation { get; init; } = KeptConversations.Troubled;

    /// <summary>How the written log shows addresses; the store has them whole.</summary>
    public ShownAddresses Addresses { get; init; } = ShownAddresses.Whole;

    /// <summary>Events of accepted mail have its subject.</summary>
    public bool Subject { get; init; } = true;

    internal static readonly SettingTable<LogOptions> Settings =
        new("The log, and the events kept in the store.")
    {
        new ValueSetting<LogOptions, LogFormat>("format", Kinds.Word<LogFormat>(),
            "For people, for machines, or line by line as Postfix writes it.",
            o => o.Format, (o, v) => o with { Format = v }),
        new ValueSetting<LogOptions, string?>("file", Kinds.FilePath.OrNull(),
            "Where it is written.",
            o => o.File, (o, v) => o with { File = v }) { DefaultDoc = "standard output" },
        new ValueSetting<LogOptions, TimeSpan>("keep", Kinds.Duration,
            "How long events are kept in the store.",
            o => o.Keep, (o, v) => o with { Keep = v }),
        new ValueSetting<LogOptions, KeptConversations>("conversation", Kinds.Word<KeptConversations>(),
            "What was said to the next hop is kept with an attempt's event, at most 4 KiB and never a login: "
            + "when the attempt was not taken, always, or never.",
            o => o.Conversation, (o, v) => o with { Conversation = v }),
        new ValueSetting<LogOptions, ShownAddresses>("addresses", Kinds.Word<ShownAddresses>(),
            "How the written log shows addresses, what peers say included: whole, or masked, as in "
            + "k***@example.org. The events kept in the store have them whole.",
            o => o.Addresses, (o, v) => o with { Addresses = v }),
        new ValueSetting<LogOptions, bool>("subject", Kinds.Flag,
            "Whether events of accepted mail have its subject, by which it is found later. Without, no log, "
            + "no event and no index ever holds it.",
            o => o.Subject, (o, v) => o with { Subject = v }),
    };
}

public enum LogFormat { Console, Json, Postfix }

/// <summary>How the written log shows addresses.</summary>
public enum ShownAddresses
{
    Whole,

    /// <summary>Of a local part only its first letter.</summary>
    Masked,
}

/// <summary>Attempts whose events tell what was said.</summary>
public enum KeptConversations
{
    /// <summary>Those that proved nothing, failed, or ended unknown.</summary>
    Troubled,
    All,
    None,
}

/// <summary><c>[accounts.NAME]</c>.</summary>
public sealed record AccountOptions
{
    public Secret? Password { get; init; }

    /// <summary>Address patterns it may send as. Empty: any.</summary>
    public IReadOnlyList<AddressPattern> Senders { get; init; } = [];

    /// <summary>The most recipients in a time. Null: no limit.</summary>
    public Rate? Rate { get; init; }

    /// <summary>The most recipients on one day of UTC. Null: no limit.</summary>
    public Rate? Quota { get; init; }

    internal static readonly SettingTable<AccountOptions> Settings = new(
        "An account; the name is the SMTP user name. Accounts made by command live in the store, and one "
        + "here wins.")
    {
        new ValueSetting<AccountOptions, Secret?>("password", Kinds.Secret.OrNull(),
            "By reference: `file:/path` or `env:NAME`.",
            o => o.Password, (o, v) => o with { Password = v }) { IsRequired = true },
        new ValueSetting<AccountOptions, IReadOnlyList<AddressPattern>>("senders", Kinds.List(Kinds.Pattern),
            "Whom it may send as; empty: any sender.",
            o => o.Senders, (o, v) => o with { Senders = v }),
        new ValueSetting<AccountOptions, Rate?>("rate", Kinds.Rate.OrNone(),
            "The most recipients in a time, `\"100/min\"`; above it RCPT gets 450.",
            o => o.Rate, (o, v) => o with { Rate = v }) { DefaultDoc = "no limit" },
        new ValueSetting<AccountOptions, Rate?>("quota", Kinds.Quota.OrNone(),
            "The most recipients on one day of UTC, `\"5000/day\"`; above it RCPT gets 452 until midnight. "
            + "A restart gives nothing back.",
            o => o.Quota, (o, v) => o with { Quota = v }) { DefaultDoc = "no limit" },
    };
}

/// <summary><c>[api]</c>.</summary>
public sealed record ApiOptions
{
    public IReadOnlyList<Secret> Keys { get; init; } = [];

    /// <summary>Null: https and the hostname.</summary>
    public string? Url { get; init; }

    internal static readonly SettingTable<ApiOptions> Settings = new("The HTTP API that speaks Mailgun's.")
    {
        new ValueSetting<ApiOptions, IReadOnlyList<Secret>>("keys", Kinds.List(Kinds.Secret),
            "Account keys, by reference: they open every sending domain, and what belongs to none.",
            o => o.Keys, (o, v) => o with { Keys = v }),
        new ValueSetting<ApiOptions, string?>("url", Kinds.Text.OrNull(),
            "Where the API is reached from outside, `\"https://mail.example.org\"`: links in what Postern "
            + "posts begin so.",
            o => o.Url, (o, v) => o with { Url = v }) { DefaultDoc = "`https://` and the hostname" },
    };
}

/// <summary><c>[webhooks]</c>.</summary>
public sealed record WebhookOptions
{
    /// <summary>Null: one is made and kept in the store.</summary>
    public Secret? SigningKey { get; init; }

    /// <summary>They may go to any public address.</summary>
    public bool Public { get; init; } = true;

    public IReadOnlyList<Network> Networks { get; init; } = [];

    internal static readonly SettingTable<WebhookOptions> Settings = new(
        "Webhooks that the HTTP API sets and Postern sends, and what routes of the API post.")
    {
        new ValueSetting<WebhookOptions, Secret?>("signing-key", Kinds.Secret.OrNull(),
            "What they are signed with, by reference; Mailgun calls it the HTTP webhook signing key.",
            o => o.SigningKey, (o, v) => o with { SigningKey = v })
        {
            DefaultDoc = "one is made; the API tells it",
        },
        new ValueSetting<WebhookOptions, bool>("public", Kinds.Flag,
            "Whether they may go to any public address.",
            o => o.Public, (o, v) => o with { Public = v }),
        new ValueSetting<WebhookOptions, IReadOnlyList<Network>>("networks", Kinds.List(Kinds.Network),
            "Networks they may go to besides, `\"127.0.0.1\"` or `\"10.0.0.0/8\"`: whoever may set "
            + "webhooks or routes reaches what listens there.",
            o => o.Networks, (o, v) => o with { Networks = v }),
    };
}

/// <summary><c>[tracking]</c>.</summary>
public sealed record TrackingOptions
{
    /// <summary>Where links of ours in mail lead. Null: mail has none.</summary>
    public string? Url { get; init; }

    /// <summary>They lead to the domain's own <c>web_prefix</c> instead, which leads here.</summary>
    public bool OwnNames { get; init; }

    internal static readonly SettingTable<TrackingOptions> Settings = new(
        "Links in mail of the HTTP API that tell of openings and clicks, and unsubscribe. They are served "
        + "by http listeners that serve `tracking`.")
    {
        new ValueSetting<TrackingOptions, string?>("url", Kinds.Text.OrNull(),
            "Where such a listener is reached from outside, `\"https://links.example.org\"`: the links "
            + "begin so.",
            o => o.Url, (o, v) => o with { Url = v }) { DefaultDoc = "mail has no such links" },
        new ValueSetting<TrackingOptions, bool>("own-names", Kinds.Flag,
            "Whether they begin with the `web_scheme`, `web_prefix` and name of the sending domain instead. "
            + "That name must lead to the host of `url`, and be in its certificate.",
            o => o.OwnNames, (o, v) => o with { OwnNames = v }),
    };
}

/// <summary><c>[domains."NAME"]</c>.</summary>
public sealed record DomainOptions
{
    public IReadOnlyList<Secret> ApiKeys { get; init; } = [];

    internal static readonly SettingTable<DomainOptions> Settings = new("A sending domain of the HTTP API.")
    {
        new ValueSetting<DomainOptions, IReadOnlyList<Secret>>("api-keys", Kinds.List(Kinds.Secret),
            "Keys that may send as this domain, by reference.",
            o => o.ApiKeys, (o, v) => o with { ApiKeys = v }),
    };
}
