using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[transports.NAME]</c>; which keys count depends on <see cref="Kind"/>.</summary>
public sealed record TransportOptions
{
    public TransportKind Kind { get; init; }

    /// <summary>
    /// smtp: next hops as in Postfix's relayhost. Null: the recipient's MX. mailgun: who answers in Mailgun's
    /// place. Null: Mailgun in the region. lmtp: who keeps the mailboxes.
    /// </summary>
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

    /// <summary>
    /// smtp: ports tried in order at a host that names none, also one that an MX record names. Null: 25, or
    /// 465 where TLS is immediate.
    /// </summary>
    public IReadOnlyList<int>? Ports { get; init; }

    /// <summary>Messages in a time. Null: no limit.</summary>
    public Rate? Rate { get; init; }

    public int RecipientsPerMessage { get; init; } = 50;

    /// <summary>
    /// Limit of one whole attempt, for pipe the time limit. Null: the sum of the protocol's own.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary><c>keep</c>, or the address whose domain takes bounces.</summary>
    public string ReturnPath { get; init; } = "keep";

    /// <summary>The domain of return paths of ours. Null: messages keep theirs.</summary>
    public string? ReturnDomain =>
        ReturnPath == "keep" ? null : ReturnPath[(ReturnPath.LastIndexOf('@') + 1)..];

    /// <summary>Addresses from DNS may be private ones.</summary>
    public bool Private { get; init; }

    /// <summary>pipe: program and arguments, run without a shell.</summary>
    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary>pipe: the user it runs as. Null: ours (see DESIGN §9.6).</summary>
    public string? User { get; init; }

    public bool SameUser { get; init; }

    /// <summary>pipe: the working directory. maildir: where mail goes, with macros of the
    /// recipient.</summary>
    public string? Directory { get; init; }

    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(1000);
    public PipeExitCodes ExitCodes { get; init; } = PipeExitCodes.Safe;
    public PipePer Per { get; init; } = PipePer.Message;

    /// <summary>pipe: the document of the message lies in a file while the script runs.</summary>
    public bool Json { get; init; }

    /// <summary>pubsub, pipe: how much the document tells.</summary>
    public InboundParse Parse { get; init; } = InboundParse.Parts;

    /// <summary>pubsub: <c>projects/P/topics/T</c>. kafka: its name.</summary>
    public string? Topic { get; init; }

    public PubSubFormat Format { get; init; } = PubSubFormat.Json;

    /// <summary>
    /// pubsub: where messages over the limit are put. Null: <c>claims</c> in the data directory.
    /// </summary>
    public string? ClaimDirectory { get; init; }

    /// <summary>In its place a bucket, <c>gs://bucket/prefix</c> or <c>s3://bucket/prefix</c>.</summary>
    public string? ClaimBucket { get; init; }

    /// <summary>Who keeps the bucket. Null: Google or Amazon.</summary>
    public string? ClaimEndpoint { get; init; }

    /// <summary>s3: <c>access key:secret</c>, split at the first colon.</summary>
    public Secret? ClaimLogin { get; init; }

    public string ClaimRegion { get; init; } = "us-east-1";

    /// <summary>What signed links to files of the directory begin with. Null: the document names the
    /// file.</summary>
    public string? ClaimUrl { get; init; }

    /// <summary>How long such a link is good.</summary>
    public TimeSpan ClaimExpires { get; init; } = TimeSpan.FromDays(7);

    /// <summary>When a file that nobody removed goes. Null: never.</summary>
    public TimeSpan? ClaimKeep { get; init; }

    /// <summary>Large messages are put aside as files of this machine.</summary>
    public bool HasClaimDirectory => HasClaims(this) && ClaimBucket is null;

    /// <summary>Octets of content that stand in what is published. Null: the most that its kind
    /// takes.</summary>
    public long? InlineMax { get; init; }

    /// <summary>pubsub, brokers: what is published in the order in which it came.</summary>
    public TransportOrdering Ordering { get; init; }

    /// <summary>Message brokers: <c>host</c>, <c>host:port</c>, <c>[address]:port</c>; one that is there is
    /// enough.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [];

    /// <summary>redis: the key of the stream.</summary>
    public string? Stream { get; init; }

    /// <summary>nats: what is published to; a stream takes it.</summary>
    public string? Subject { get; init; }

    /// <summary>rabbitmq: null is the default exchange, whose keys are the names of queues.</summary>
    public string? Exchange { get; init; }

    /// <summary>rabbitmq: null is the empty one.</summary>
    public string? RoutingKey { get; init; }

    public string VirtualHost { get; init; } = "/";

    /// <summary>webhook: where mail is posted.</summary>
    public string? Url { get; init; }

    public WebhookForm Form { get; init; } = WebhookForm.Json;

    /// <summary>mailgun: the sending domain, region and key. webhook: the key that signs.</summary>
    public string? Domain { get; init; }

    public string Region { get; init; } = "us";
    public Secret? Key { get; init; }

    /// <summary>mailgun: how often its events are asked for. Null: never.</summary>
    public TimeSpan? PollEvents { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A relay that is Mailgun: what its webhooks are signed with. Null: none are taken.</summary>
    public Secret? SigningKey { get; init; }

    /// <summary>The path part behind <c>/hooks/NAME/</c> that its webhooks must have. Null: none.</summary>
    public Secret? HookSecret { get; init; }

    /// <summary>The provider tells what became of mail: that it took it does not count as
    /// delivered.</summary>
    public bool HasEventSource => SigningKey is not null || (IsMailgun(this) && PollEvents is not null);

    /// <summary>Mail leaves this machine encrypted or not at all.</summary>
    public bool RequiresTls => Kind == TransportKind.Lmtp
        ? Transports.LmtpHost.TryParse(Host, out var host, out _) && host.IsHere
        : Kind != TransportKind.Smtp
        || Tls is TransportTls.Required or TransportTls.Immediate || (Tls is null && Login is not null);

    const string SmtpOnly = "kind = \"smtp\"";
    const string RelayOnly = "kind = \"smtp\" or \"mailgun\"";
    const string PipeOnly = "kind = \"pipe\"";
    const string HostOnly = "kind = \"smtp\", \"mailgun\" or \"lmtp\"";
    const string SpeaksSmtpOnly = "kind = \"smtp\" or \"lmtp\"";
    const string DirectoryOnly = "kind = \"pipe\" or \"maildir\"";
    const string PubSubOnly = "kind = \"pubsub\"";
    const string DescribedOnly = "kind = \"pubsub\", \"webhook\", \"pipe\" or a broker's";
    const string PublisherOnly = "kind = \"pubsub\" or a broker's";
    const string ClaimsOnly = "kind = \"pubsub\", \"webhook\" or a broker's";
    const string KeyOnly = "kind = \"mailgun\" or \"webhook\"";
    const string WebhookOnly = "kind = \"webhook\"";
    const string TopicOnly = "kind = \"pubsub\" or \"kafka\"";
    const string BrokerOnly = "kind = \"redis\", \"nats\", \"rabbitmq\" or \"kafka\"";
    const string NatsOnly = "kind = \"nats\"";
    const string RabbitmqOnly = "kind = \"rabbitmq\"";
    const string RedisOnly = "kind = \"redis\"";
    const string MailgunOnly = "kind = \"mailgun\"";

    internal static readonly SettingTable<TransportOptions> Settings = new("A way out with a name.")
    {
        new ValueSetting<TransportOptions, TransportKind>("kind", Kinds.Word<TransportKind>(),
            "What it is; the other keys hang on it.",
            o => o.Kind, (o, v) => o with { Kind = v })
        {
            IsRequired = true,
        },
        new ValueSetting<TransportOptions, string?>("host", Kinds.Text.OrNull(),
            "Next hops as in Postfix's relayhost, `\"[smtp.example.net]:587\"`; brackets mean no MX lookup. "
            + "mailgun: the one host that answers in Mailgun's place, by HTTPS; port 443 where none stands. "
            + "lmtp: where mailboxes are kept, `\"127.0.0.1:24\"` or `\"unix:/run/dovecot/lmtp\"`; it is "
            + "spoken in the clear, so that another machine belongs into a network of yours.",
            o => o.Host, (o, v) => o with { Host = v })
        {
            When = HasHost, Where = HostOnly,
            DefaultDoc = "the recipient's MX; mailgun: that of the region; lmtp: required",
        },
        new ValueSetting<TransportOptions, TransportTls?>("tls", Kinds.Word<TransportTls>().OrNone(),
            "Whether TLS is used and the name verified.",
            o => o.Tls, (o, v) => o with { Tls = v })
        {
            When = o => IsSmtp(o) || IsBroker(o), Where = SmtpOnly + " or a broker's",
            DefaultDoc = "`required` with a login, else `opportunistic`; brokers: `none` where all servers "
                + "are on loopback, else `required`",
        },
        new ValueSetting<TransportOptions, Secret?>("ca", Kinds.Reference.OrNull(),
            "A private certificate authority, PEM, by reference.",
            o => o.Ca, (o, v) => o with { Ca = v })
        {
            When = o => IsRelay(o) || IsBroker(o), Where = RelayOnly + " or a broker's",
        },
        new ValueSetting<TransportOptions, Secret?>("login", Kinds.Secret.OrNull(),
            "`user:password`, by reference, split at the first colon.",
            o => o.Login, (o, v) => o with { Login = v })
        {
            When = o => IsSmtp(o) || IsBroker(o), Where = SmtpOnly + " or a broker's",
        },
        new ValueSetting<TransportOptions, IReadOnlyList<int>?>(
            "ports", Kinds.List(Kinds.Whole(1, 65535)).OrNull(),
            "Ports tried in order at a host that names none, also at each MX host.",
            o => o.Ports, (o, v) => o with { Ports = v })
        {
            When = IsSmtp, Where = SmtpOnly, DefaultDoc = "`[25]`; `[465]` where `tls = \"immediate\"`",
        },
        new ValueSetting<TransportOptions, bool>("private", Kinds.Flag,
            "Whether addresses from DNS may be private ones.",
            o => o.Private, (o, v) => o with { Private = v })
        {
            When = IsSmtp, Where = SmtpOnly,
        },
        new ValueSetting<TransportOptions, int?>(
            "messages-per-connection", Kinds.Whole(1, 1_000_000).OrNone(),
            "Messages over one connection.",
            o => o.MessagesPerConnection, (o, v) => o with { MessagesPerConnection = v })
        {
            When = SpeaksSmtp, Where = SpeaksSmtpOnly, DefaultDoc = "no limit of ours",
        },
        new ValueSetting<TransportOptions, string>("return-path", Kinds.Text,
            "The envelope sender: `keep`, or an address such as `bounces@example.org`: mail then leaves "
            + "with `bounces+QUEUEID-MAC` of its domain, and the mx listener takes what comes back to it, "
            + "joins it to the message and passes it on to the sender. The domain's MX must be this server.",
            o => o.ReturnPath, (o, v) => o with { ReturnPath = v })
        {
            When = IsSmtp, Where = SmtpOnly,
        },
        new ValueSetting<TransportOptions, int>("max-connections", Kinds.Whole(1, 10_000),
            "Attempts at the same time.",
            o => o.MaxConnections, (o, v) => o with { MaxConnections = v }),
        new ValueSetting<TransportOptions, int>("recipients-per-message", Kinds.Whole(1, 1_000),
            "Recipients of one message in one attempt.",
            o => o.RecipientsPerMessage, (o, v) => o with { RecipientsPerMessage = v }),
        new ValueSetting<TransportOptions, Rate?>("rate", Kinds.Rate.OrNone(),
            "The most attempts in a time, `\"100/s\"` or `\"5000/day\"`; the allowance of one time may be "
            + "used at once. What is spent of an hour or a day stays spent over a restart.",
            o => o.Rate, (o, v) => o with { Rate = v })
        {
            DefaultDoc = "no limit",
        },
        new ValueSetting<TransportOptions, TimeSpan?>("timeout", Kinds.Duration.OrNone(),
            "Limit of one whole attempt.",
            o => o.Timeout, (o, v) => o with { Timeout = v })
        {
            DefaultDoc = "the sum of the protocol's own; mailgun: `10m`; brokers: `1m`",
        },
        new ValueSetting<TransportOptions, IReadOnlyList<string>>("argv", Kinds.List(Kinds.AnyText),
            "Program and arguments, run without a shell; macros as in pipe(8).",
            o => o.Argv, (o, v) => o with { Argv = v })
        {
            When = IsPipe, Where = PipeOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, string?>("user", Kinds.Text.OrNull(),
            "The user it runs as.",
            o => o.User, (o, v) => o with { User = v })
        {
            When = IsPipe, Where = PipeOnly, DefaultDoc = "ours, see `same-user`",
        },
        new ValueSetting<TransportOptions, bool>("same-user", Kinds.Flag,
            "Whether it may run as the user Postern runs as.",
            o => o.SameUser, (o, v) => o with { SameUser = v })
        {
            When = IsPipe, Where = PipeOnly,
        },
        new ValueSetting<TransportOptions, string?>("directory", Kinds.FilePath.OrNull(),
            "The script's working directory. maildir: where the mail of a recipient goes, "
            + "`\"/var/mail/${domain}/${user}\"`, with those macros of pipe(8) that name the recipient, in "
            + "lower case. `tmp`, `new` and `cur` are made; the directory itself only where its last part "
            + "holds no macro and what it lies in is there. All of it belongs to the user Postern runs as.",
            o => o.Directory, (o, v) => o with { Directory = v })
        {
            When = HasDirectory, Where = DirectoryOnly, DefaultDoc = "pipe: `/`; maildir: required",
        },
        new ValueSetting<TransportOptions, TimeSpan>("time-limit", Kinds.Duration,
            "How long it may run before its group is killed.",
            o => o.TimeLimit, (o, v) => o with { TimeLimit = v })
        {
            When = IsPipe, Where = PipeOnly,
        },
        new ValueSetting<TransportOptions, PipeExitCodes>("exit-codes", Kinds.Word<PipeExitCodes>(),
            "What exit codes mean: `safe` defers what is unknown, `postfix` bounces it.",
            o => o.ExitCodes, (o, v) => o with { ExitCodes = v })
        {
            When = IsPipe, Where = PipeOnly,
        },
        new ValueSetting<TransportOptions, PipePer>("per", Kinds.Word<PipePer>(),
            "Whether it runs once for all recipients or once for each.",
            o => o.Per, (o, v) => o with { Per = v })
        {
            When = IsPipe, Where = PipeOnly,
        },
        new ValueSetting<TransportOptions, bool>("json", Kinds.Flag,
            "Whether the document `postern.inbound.v1` (see inbound.md) lies in a file of its own while the "
            + "script runs; its path is `POSTERN_JSON`.",
            o => o.Json, (o, v) => o with { Json = v })
        {
            When = IsPipe, Where = PipeOnly,
        },
        new ValueSetting<TransportOptions, InboundParse>("parse", Kinds.Word<InboundParse>(),
            "How much the document tells: `parts` of header and attachments, `bodies` of the texts too, each "
            + "up to 256 KiB.",
            o => o.Parse, (o, v) => o with { Parse = v })
        {
            When = IsDescribed, Where = DescribedOnly,
        },
        new ValueSetting<TransportOptions, string?>("topic", Kinds.Text.OrNull(),
            "The topic, `projects/P/topics/T`. kafka: its name; it must exist, and `min.insync.replicas` "
            + "says how safe it is. A message's key is the recipient's address: mail of one recipient stays "
            + "in one partition, in order. A login needs `Write` and `Describe` on it, and is by SCRAM where "
            + "the brokers know it, else by PLAIN.",
            o => o.Topic, (o, v) => o with { Topic = v })
        {
            When = o => IsPubSub(o) || IsKafka(o), Where = TopicOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, PubSubFormat>("format", Kinds.Word<PubSubFormat>(),
            "What is published: a document with the facts, or the message alone.",
            o => o.Format, (o, v) => o with { Format = v })
        {
            When = IsPubSub, Where = PubSubOnly,
        },
        new ValueSetting<TransportOptions, TransportOrdering>("ordering", Kinds.Word<TransportOrdering>(),
            "`recipient`: the mail of one recipient is published in the order in which it came, also after "
            + "an outage, and with an ordering key where the service has one. Recipients share 64 lanes; a "
            + "lane has one attempt at a time, one message in a round trip. It goes before "
            + "`priority` of routes. Order ends where mail goes another way (more than one transport in a "
            + "route's `via`) or an operator holds it.",
            o => o.Ordering, (o, v) => o with { Ordering = v })
        {
            When = IsPublisher, Where = PublisherOnly,
        },
        new ValueSetting<TransportOptions, string?>("claim-directory", Kinds.FilePath.OrNull(),
            "Where messages over `inline-max` are put, as files; whoever consumes them removes them, or "
            + "`claim-keep` does.",
            o => o.ClaimDirectory, (o, v) => o with { ClaimDirectory = v })
        {
            When = HasClaims, Where = ClaimsOnly, DefaultDoc = "`claims` in the data directory",
        },
        new ValueSetting<TransportOptions, string?>("claim-bucket", Kinds.Text.OrNull(),
            "A bucket to put them into instead: `\"gs://bucket/prefix\"` of Google Cloud Storage, with the "
            + "credentials that Pub/Sub has (roles storage.objectCreator and storage.objectViewer), or "
            + "`\"s3://bucket/prefix\"` of Amazon or any store that speaks S3. Nothing there is replaced or "
            + "removed: give the bucket a rule for old objects, longer than `queue.lifetime`.",
            o => o.ClaimBucket, (o, v) => o with { ClaimBucket = v })
        {
            When = HasClaims, Where = ClaimsOnly, DefaultDoc = "files in `claim-directory`",
        },
        new ValueSetting<TransportOptions, string?>("claim-endpoint", Kinds.Text.OrNull(),
            "Who keeps the bucket, `\"https://minio.example.net:9000\"`; the bucket then stands in the path. "
            + "http on loopback alone. Other private addresses must stand in `webhooks.networks`.",
            o => o.ClaimEndpoint, (o, v) => o with { ClaimEndpoint = v })
        {
            When = HasClaims, Where = ClaimsOnly, DefaultDoc = "Google, or Amazon in the region",
        },
        new ValueSetting<TransportOptions, Secret?>("claim-login", Kinds.Secret.OrNull(),
            "`access key:secret` of an `s3` bucket, by reference; it needs `s3:PutObject` and `s3:GetObject` "
            + "on the objects.",
            o => o.ClaimLogin, (o, v) => o with { ClaimLogin = v })
        {
            When = HasClaims, Where = ClaimsOnly,
        },
        new ValueSetting<TransportOptions, string>("claim-region", Kinds.Text,
            "The region of an `s3` bucket; stores of others want `us-east-1` or `auto`.",
            o => o.ClaimRegion, (o, v) => o with { ClaimRegion = v })
        {
            When = HasClaims, Where = ClaimsOnly,
        },
        new ValueSetting<TransportOptions, string?>("claim-url", Kinds.Text.OrNull(),
            "What links to files of `claim-directory` begin with, `\"https://mx.example.org/claims\"`: the "
            + "document then has a signed link in the place of `file:`, which an http listener that serves "
            + "`claims` answers at `/claims/`.",
            o => o.ClaimUrl, (o, v) => o with { ClaimUrl = v })
        {
            When = HasClaims, Where = ClaimsOnly, DefaultDoc = "the document names the file",
        },
        new ValueSetting<TransportOptions, TimeSpan>("claim-expires", Kinds.Duration,
            "How long such a link is good, from the attempt that published it.",
            o => o.ClaimExpires, (o, v) => o with { ClaimExpires = v })
        {
            When = HasClaims, Where = ClaimsOnly,
        },
        new ValueSetting<TransportOptions, TimeSpan?>("claim-keep", Kinds.Duration.OrTheWordNone(),
            "How long a file lies in `claim-directory` before Postern removes it, fetched or not; one of a "
            + "message that is still queued stays. Of two transports with one directory the longer time "
            + "counts.",
            o => o.ClaimKeep, (o, v) => o with { ClaimKeep = v })
        {
            When = HasClaims, Where = ClaimsOnly,
        },
        new ValueSetting<TransportOptions, long?>("inline-max", Kinds.Size.OrNone(),
            "Content up to this size stands in what is published; more is put aside, as is what does not fit "
            + "into a message of Pub/Sub or the broker with all that is told of it.",
            o => o.InlineMax, (o, v) => o with { InlineMax = v })
        {
            When = HasClaims, Where = ClaimsOnly,
            DefaultDoc = "`1MiB`; pubsub with `format = \"raw\"`: `9.3MB`; webhook: `10MiB`",
        },
        new ValueSetting<TransportOptions, string?>("url", Kinds.Text.OrNull(),
            "Where each recipient's mail is posted, `\"https://app.example.org/mail\"`; http on loopback "
            + "alone. Other private addresses must stand in `webhooks.networks`. 2xx takes the mail, 406 "
            + "refuses it, any other 4xx holds it under an alarm.",
            o => o.Url, (o, v) => o with { Url = v })
        {
            When = IsWebhook, Where = WebhookOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, WebhookForm>("form", Kinds.Word<WebhookForm>(),
            "What is posted: the document `postern.inbound.v1`, or the form of Mailgun's routes, parsed or "
            + "with the message as it is.",
            o => o.Form, (o, v) => o with { Form = v })
        {
            When = IsWebhook, Where = WebhookOnly,
        },
        new ValueSetting<TransportOptions, IReadOnlyList<string>>("servers", Kinds.List(Kinds.Text),
            "The broker's servers, `\"redis.example.net:6379\"`; an address of IPv6 stands in brackets. One "
            + "that answers is enough, and it names the others. No URL: what logs in is `login`.",
            o => o.Servers, (o, v) => o with { Servers = v })
        {
            When = IsBroker, Where = BrokerOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, string?>("stream", Kinds.Text.OrNull(),
            "The key of the stream that entries are added to. It must exist (`XGROUP CREATE mail readers $ "
            + "MKSTREAM`); a login needs `+@connection +xadd +type` on it. Nothing here shortens it: Redis "
            + "holds what it got until a consumer trims it. "
            + "An entry is as safe as the server's `appendfsync` makes it.",
            o => o.Stream, (o, v) => o with { Stream = v })
        {
            When = IsRedis, Where = RedisOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, string?>("subject", Kinds.Text.OrNull(),
            "The subject that is published to. A stream of JetStream must take it (`nats stream add mail "
            + "--subjects mail.in`), and its acknowledgement is what counts; repeats of one message within "
            + "the stream's duplicate window are dropped there. A login needs to publish on the subject "
            + "and, for the look at the start, on `$JS.API.STREAM.NAMES`, and to subscribe to `_INBOX.>`.",
            o => o.Subject, (o, v) => o with { Subject = v })
        {
            When = IsNats, Where = NatsOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, string?>("exchange", Kinds.Text.OrNull(),
            "The exchange that is published to. It must exist, and must lead every message to a queue: what "
            + "no queue gets is held under an alarm. Messages are persistent; a login needs `write` on it.",
            o => o.Exchange, (o, v) => o with { Exchange = v })
        {
            When = IsRabbitmq, Where = RabbitmqOnly,
            DefaultDoc = "the default exchange; `routing-key` is then a queue's name",
        },
        new ValueSetting<TransportOptions, string?>("routing-key", Kinds.Text.OrNull(),
            "The routing key of every message. The attributes are headers, by which an exchange can sort.",
            o => o.RoutingKey, (o, v) => o with { RoutingKey = v })
        {
            When = IsRabbitmq, Where = RabbitmqOnly, DefaultDoc = "none; required without `exchange`",
        },
        new ValueSetting<TransportOptions, string>("virtual-host", Kinds.Text,
            "The virtual host of RabbitMQ.",
            o => o.VirtualHost, (o, v) => o with { VirtualHost = v })
        {
            When = IsRabbitmq, Where = RabbitmqOnly,
        },
        new ValueSetting<TransportOptions, string?>("domain", Kinds.Text.OrNull(),
            "The sending domain, as Mailgun knows it.",
            o => o.Domain, (o, v) => o with { Domain = v })
        {
            When = IsMailgun, Where = MailgunOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, string>("region", Kinds.Text,
            "`us` or `eu`.",
            o => o.Region, (o, v) => o with { Region = v })
        {
            When = IsMailgun, Where = MailgunOnly,
        },
        new ValueSetting<TransportOptions, Secret?>("key", Kinds.Secret.OrNull(),
            "The API key, by reference. A sending key of the domain will do; one that may read events too "
            + "keeps a message from being sent twice after a lost answer. webhook: what posts are signed "
            + "with, by `webhook-signature` of Standard Webhooks (`whsec_` and base64, or plain text), or in "
            + "the form as Mailgun does it.",
            o => o.Key, (o, v) => o with { Key = v })
        {
            When = HasKey, Where = KeyOnly, IsRequired = true,
        },
        new ValueSetting<TransportOptions, TimeSpan?>("poll-events", Kinds.Duration.OrTheWordNone(),
            "How often Mailgun is asked what became of mail; it fills the gaps that lost webhooks leave. The "
            + "key must be one that may read events. Without this and without `signing-key` mail counts as "
            + "delivered when Mailgun has taken it.",
            o => o.PollEvents, (o, v) => o with { PollEvents = v })
        {
            When = IsMailgun, Where = MailgunOnly,
        },
        new ValueSetting<TransportOptions, Secret?>("signing-key", Kinds.Secret.OrNull(),
            "Mailgun's HTTP webhook signing key, by reference: its webhooks are then taken at "
            + "`/hooks/NAME`.",
            o => o.SigningKey, (o, v) => o with { SigningKey = v })
        {
            When = IsRelay, Where = RelayOnly, DefaultDoc = "no webhooks are taken",
        },
        new ValueSetting<TransportOptions, Secret?>("hook-secret", Kinds.Secret.OrNull(),
            "A path part that only the provider knows, by reference: webhooks are then taken at "
            + "`/hooks/NAME/SECRET` alone. Recommended, since Mailgun does not sign what a webhook says.",
            o => o.HookSecret, (o, v) => o with { HookSecret = v })
        {
            When = IsRelay, Where = RelayOnly,
        },
    };

    static bool IsSmtp(TransportOptions options) => options.Kind == TransportKind.Smtp;

    static bool SpeaksSmtp(TransportOptions options) =>
        options.Kind is TransportKind.Smtp or TransportKind.Lmtp;

    static bool HasHost(TransportOptions options) => SpeaksSmtp(options) || IsMailgun(options);

    static bool IsRelay(TransportOptions options) => IsSmtp(options) || IsMailgun(options);

    static bool IsPipe(TransportOptions options) => options.Kind == TransportKind.Pipe;

    static bool HasDirectory(TransportOptions options) =>
        options.Kind is TransportKind.Pipe or TransportKind.Maildir;

    static bool IsPubSub(TransportOptions options) => options.Kind == TransportKind.Pubsub;

    static bool IsDescribed(TransportOptions options) =>
        IsPubSub(options) || IsWebhook(options) || IsPipe(options) || IsBroker(options);

    static bool IsPublisher(TransportOptions options) => IsPubSub(options) || IsBroker(options);

    static bool HasClaims(TransportOptions options) =>
        IsPubSub(options) || IsWebhook(options) || IsBroker(options);

    static bool HasKey(TransportOptions options) => IsMailgun(options) || IsWebhook(options);

    static bool IsWebhook(TransportOptions options) => options.Kind == TransportKind.Webhook;

    static bool IsBroker(TransportOptions options) =>
        IsRedis(options) || IsNats(options) || IsRabbitmq(options) || IsKafka(options);

    static bool IsRedis(TransportOptions options) => options.Kind == TransportKind.Redis;

    static bool IsNats(TransportOptions options) => options.Kind == TransportKind.Nats;

    static bool IsRabbitmq(TransportOptions options) => options.Kind == TransportKind.Rabbitmq;

    static bool IsKafka(TransportOptions options) => options.Kind == TransportKind.Kafka;

    static bool IsMailgun(TransportOptions options) => options.Kind == TransportKind.Mailgun;
}

public enum TransportKind
{
    Smtp,
    Mailgun,
    Pubsub,
    Pipe,
    Maildir,
    Lmtp,
    Webhook,
    Redis,
    Nats,
    Rabbitmq,
    Kafka,
}

public enum TransportTls { None, Opportunistic, Required, Immediate }

public enum PipeExitCodes { Safe, Postfix }

public enum PipePer { Message, Recipient }

public enum PubSubFormat { Json, Raw }

public enum InboundParse { Parts, Bodies }

public enum TransportOrdering { None, Recipient }

public enum WebhookForm { Json, Mailgun, MailgunMime }
