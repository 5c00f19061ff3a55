using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Transports.Brokers;

/// <summary>A topic of Kafka: published is what all replicas in sync have.</summary>
/// <remarks>
/// <c>acks=all</c> and an idempotent producer; topics are never made. The value is the document, the headers
/// are the attributes, the key is the recipient's address, so that mail of one recipient stays in order in
/// one partition. Every message is a batch of its own: a broker refuses a batch that is too large as a whole
/// and would blame what lies beside the large one. What the library buffers is bounded, and is thrown away
/// with the producer when anything fails but one message: a producer goes on refusing a topic that was
/// missing once. Its log goes nowhere; what it has to say comes with the outcome.
/// </remarks>
sealed class KafkaLink : BrokerLink
{
    internal const int TopicLettersMax = 249;

    const int Port = 9092;

    /// <summary>Octets. Over any document of ours, so that the broker's own limit decides.</summary>
    const int MessageOctetsMax = 10_000_000;

    /// <summary>Messages, those given up included, that wait for their time to run out.</summary>
    const int BufferedMax = 4 * BrokerTransport.AttemptsMax;

    /// <summary>KiB. 3 MiB for each attempt under way.</summary>
    const int BufferedKibibytesMax = BrokerTransport.AttemptsMax * 3 * 1024;

    /// <summary>ms. Until a message has its acknowledgement, with what the library repeats.</summary>
    const int AnswerMsMax = 20_000;

    /// <summary>ms. Of one connection; and until a topic that nobody knows counts as missing.</summary>
    const int ConnectMsMax = 10_000;
    const int UnknownTopicMsMax = 2_000;

    readonly string topic;
    readonly ProducerConfig settings;
    readonly SharedConnection<Session> connection;

    /// <summary>The safest first; what brokers do not know is passed over.</summary>
    SaslMechanism mechanism = SaslMechanism.ScramSha512;

    public KafkaLink(TransportOptions options)
    {
        topic = options.Topic ?? throw new ArgumentException("there is no topic", nameof(options));
        settings = SettingsOf(options);
        connection = new SharedConnection<Session>(
            _ => Task.FromResult(Open()), static session => session.DisposeAsync());
    }

    public override string Target => $"topic {topic}";

    public static bool IsTopic(string text) => text.Length is > 0 and <= TopicLettersMax
        && text is not ("." or "..")
        && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    public override async Task<PublishOutcome> PublishAsync(BrokerMessage message, CancellationToken cancel)
    {
        var headers = new Headers();
        foreach (var (name, value) in message.Attributes)
            headers.Add(name, Encoding.UTF8.GetBytes(value));
        var record = new Message<string, byte[]>
        {
            Key = message.Key,
            Value = message.Document.ToArray(),
            Headers = headers,
        };
        var (report, failure) = await AskAsync(
            (session, cancel) => session.Producer.ProduceAsync(topic, record, cancel), cancel)
            .ConfigureAwait(false);
        return failure ?? (report is { Status: PersistenceStatus.Persisted }
            ? new PublishOutcome.Published(string.Create(
                CultureInfo.InvariantCulture, $"{report.Partition.Value}:{report.Offset.Value}"))
            : Unavailable("no acknowledgement"));
    }

    public override async Task<PublishOutcome?> CheckAsync(CancellationToken cancel)
    {
        var (metadata, failure) = await AskAsync(
            (session, cancel) => Task.Run(() => session.Describe(topic), cancel).WaitAsync(cancel), cancel)
            .ConfigureAwait(false);
        return metadata?.Topics.FirstOrDefault(known => known.Topic == topic) switch
        {
            null => failure ?? Unavailable("no answer"),
            { Error: { IsError: true } error } => OutcomeOf(error, topic),
            _ => null,
        };
    }

    public override ValueTask DisposeAsync() => connection.DisposeAsync();

    /// <summary>What an error means for mail. Internal for its tests.</summary>
    internal static PublishOutcome OutcomeOf(Error error, string topic)
    {
        var text = error.Reason;
        return error.Code switch
        {
            // The same code also stands for a broker that knows another mechanism.
            ErrorCode.SaslAuthenticationFailed => LoginRefused(text),
            ErrorCode.Local_Authentication when NextMechanism(error, SaslMechanism.ScramSha512) is null =>
                LoginRefused(text),
            ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition
                or ErrorCode.TopicException =>
                Wrong($"the topic {topic} does not exist: {text}", $"create {topic}"),
            ErrorCode.TopicAuthorizationFailed => Wrong(text, $"let the user write to {topic}"),
            ErrorCode.ClusterAuthorizationFailed =>
                Wrong(text, "let the user write idempotently: IdempotentWrite on the cluster"),
            ErrorCode.PolicyViolation or ErrorCode.InvalidConfig or ErrorCode.InvalidRecord =>
                Wrong(text, $"see the settings of {topic}"),
            ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge => TooLarge(text),
            _ => Unavailable(text),
        };
    }

    /// <summary>What a login is tried with when a broker does not know the last one. Null: that was not the
    /// trouble.</summary>
    internal static SaslMechanism? NextMechanism(Error error, SaslMechanism last)
    {
        if (!error.Reason.Contains("unsupported SASL mechanism", StringComparison.OrdinalIgnoreCase))
            return null;
        return last switch
        {
            SaslMechanism.ScramSha512 => SaslMechanism.ScramSha256,
            SaslMechanism.ScramSha256 => SaslMechanism.Plain,
            _ => SaslMechanism.ScramSha512,
        };
    }

    /// <summary>One question; what fails is told instead of thrown, except that the caller gave up.</summary>
    async Task<(T? Answer, PublishOutcome? Failure)> AskAsync<T>(
        Func<Session, CancellationToken, Task<T>> ask, CancellationToken cancel) where T : class
    {
        Session? session = null;
        try
        {
            session = await connection.GetAsync(cancel).ConfigureAwait(false);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, session.Ended);
            return (await ask(session, either.Token).ConfigureAwait(false), null);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            // What a library throws is no error of ours, whatever its type.
            var error = session?.End ?? (e as KafkaException)?.Error
                ?? new Error(ErrorCode.Unknown, e.Message);
            var outcome = OutcomeOf(session?.Explain(error) ?? error, topic);
            if (session is not null && outcome is not PublishOutcome.Refused)
                await connection.DropAsync(session).ConfigureAwait(false);
            return (null, outcome);
        }
    }

    Session Open()
    {
        var ours = new ProducerConfig(settings);
        if (ours.SaslUsername is not null)
            ours.SaslMechanism = mechanism;
        return new Session(ours, (session, error) =>
        {
            mechanism = NextMechanism(error, mechanism) ?? mechanism;
            _ = connection.DropAsync(session).AsTask();
        });
    }

    static ProducerConfig SettingsOf(TransportOptions options)
    {
        var usesTls = BrokerServer.UsesTls(options);
        var settings = new ProducerConfig
        {
            BootstrapServers = string.Join(',', BrokerServer.AllOf(options, Port)),
            ClientId = "postern",
            Acks = Acks.All,
            EnableIdempotence = true,
            AllowAutoCreateTopics = false,
            TopicMetadataPropagationMaxMs = UnknownTopicMsMax,
            MessageTimeoutMs = AnswerMsMax,
            SocketConnectionSetupTimeoutMs = ConnectMsMax,
            SocketNagleDisable = true,
            MessageMaxBytes = MessageOctetsMax,
            BatchNumMessages = 1,
            LingerMs = 0,
            QueueBufferingMaxMessages = BufferedMax,
            QueueBufferingMaxKbytes = BufferedKibibytesMax,
            SslCaPem = options.Ca?.Value,
        };
        var login = BrokerServer.LoginOf(options);
        if (login is var (user, password))
            (settings.SaslUsername, settings.SaslPassword) = (user, password);
        settings.SecurityProtocol = (usesTls, login) switch
        {
            (true, null) => SecurityProtocol.Ssl,
            (true, _) => SecurityProtocol.SaslSsl,
            (false, null) => SecurityProtocol.Plaintext,
            _ => SecurityProtocol.SaslPlaintext,
        };
        return settings;
    }

    /// <summary>A producer, until brokers refuse the login, none of them answers, or it cannot go
    /// on.</summary>
    sealed class Session : IAsyncDisposable
    {
        readonly CancellationTokenSource ended = new();
        readonly Action<Session, Error> onEnd;
        Error? last;

        public Session(ProducerConfig settings, Action<Session, Error> onEnd)
        {
            this.onEnd = onEnd;
            Producer = new ProducerBuilder<string, byte[]>(settings)
                .SetErrorHandler((_, error) => Hear(error))
                .SetLogHandler(static (_, _) => { })
                .Build();
        }

        public IProducer<string, byte[]> Producer { get; }
        public CancellationToken Ended => ended.Token;

        /// <summary>Null: it goes on.</summary>
        public Error? End { get; private set; }

        /// <summary>Blocks. It makes no topic, by the producer's settings.</summary>
        public Metadata Describe(string topic)
        {
            using var admin = new DependentAdminClientBuilder(Producer.Handle).Build();
            return admin.GetMetadata(topic, TimeSpan.FromMilliseconds(AnswerMsMax));
        }

        /// <summary>A message whose time ran out, with what was heard meanwhile.</summary>
        public Error Explain(Error error) => last is { } why && why.Reason != error.Reason
            && error.Code is ErrorCode.Local_MsgTimedOut or ErrorCode.Local_TimedOut
                or ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Transport
            ? new Error(error.Code, $"{error.Reason}: {why.Reason}") : error;

        /// <summary>Who waits for an acknowledgement is told, since the library would not. Its end waits for
        /// its threads.</summary>
        public async ValueTask DisposeAsync()
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await Task.Run(Producer.Dispose).ConfigureAwait(false);
        }

        void Hear(Error error)
        {
            if (error.IsFatal || error.Code is ErrorCode.Local_Authentication
                or ErrorCode.SaslAuthenticationFailed or ErrorCode.Local_AllBrokersDown)
            {
                End ??= error;
                ended.Cancel();
                onEnd(this, error);
            }
            else
                last = error;
        }
    }
}
