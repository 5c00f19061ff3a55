using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Transports.Brokers;

/// <summary>A subject of NATS that a stream of JetStream takes: published is what the stream
/// acknowledged.</summary>
/// <remarks>
/// <c>Nats-Msg-Id</c> is the message's id, by which the stream drops a repeat within its duplicate window.
/// The payload is the document, the headers are the attributes; the subject is the operator's whole, so that
/// the recipient stands in <c>rcpt</c> alone. The library's own repeats are off, its write buffer is 64 KiB
/// and holds the writer back, and a connection that broke is left behind instead of healed.
/// </remarks>
sealed class NatsLink : BrokerLink
{
    const int Port = 4222;

    /// <summary>Of one server's connection and greeting; half of it is a slow TLS handshake.</summary>
    static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    /// <summary>Of one acknowledgement; a stream of three replicas on slow disks answers later than the
    /// library's 5 s.</summary>
    static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);

    readonly string subject;
    readonly SharedConnection<Session> connection;

    public NatsLink(TransportOptions options)
    {
        subject = options.Subject ?? throw new ArgumentException("there is no subject", nameof(options));
        var settings = SettingsOf(options);
        connection = new SharedConnection<Session>(
            cancel => OpenAsync(settings, cancel), static session => session.DisposeAsync());
    }

    public override string Target => $"subject {subject}";

    /// <summary>Names without an empty part, a wildcard or white space.</summary>
    public static bool IsSubject(string text) =>
        text.Length > 0 && text.Split('.').All(static part => part.Length > 0
            && !part.Any(static c => c is '*' or '>' || char.IsWhiteSpace(c) || char.IsControl(c)));

    public override async Task<PublishOutcome> PublishAsync(BrokerMessage message, CancellationToken cancel)
    {
        var headers = new NatsHeaders();
        foreach (var (name, value) in message.Attributes)
            headers[name] = value;
        var options = new NatsJSPubOpts { MsgId = message.Id, RetryAttempts = 1 };
        var octets = message.Document.Length + HeaderOctetsOf(message);
        var (answer, failure) = await AskAsync(
            async (session, cancel) =>
            {
                if (session.PayloadOctetsMax is > 0 and var max && octets > max)
                    throw new NatsPayloadTooLargeException($"{octets} octets; the server takes {max}");
                return await session.Context.PublishAsync(
                    subject, message.Document, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, options,
                    headers, cancel).ConfigureAwait(false);
            },
            cancel).ConfigureAwait(false);
        return (answer, failure) switch
        {
            (_, NatsNoRespondersException or NatsJSPublishNoResponseException) =>
                await WhyNobodyAsync(failure, cancel).ConfigureAwait(false),
            (_, not null) => OutcomeOf(failure, subject),
            ({ Error: { } error }, _) => OutcomeOf(new NatsJSApiException(error), subject),
            ({ Stream.Length: > 0 }, _) =>
                new PublishOutcome.Published(OneLine($"{answer.Stream}:{answer.Seq}")),
            _ => Unavailable("an answer that is no acknowledgement"),
        };
    }

    public override async Task<PublishOutcome?> CheckAsync(CancellationToken cancel)
    {
        var (streams, failure) = await AskAsync(FindStreamsAsync, cancel).ConfigureAwait(false);
        return failure switch
        {
            null when streams is { Count: 0 } => Missing(subject),
            null => null,
            NatsNoRespondersException => Wrong("JetStream is not on", "turn JetStream on at the server"),
            // Asking takes a permission that a publisher may lack: its refusal proves nothing.
            NatsException and not NatsJSApiException when !IsOfLogin(failure) => Unavailable(failure.Message),
            _ => OutcomeOf(failure, subject),
        };
    }

    public override ValueTask DisposeAsync() => connection.DisposeAsync();

    /// <summary>What an error means for mail. Internal for its tests.</summary>
    internal static PublishOutcome OutcomeOf(Exception error, string subject) => error switch
    {
        _ when IsOfLogin(error) => LoginRefused(error.GetBaseException().Message),
        PermissionException => Wrong(
            error.Message, $"let the user publish on {subject} and subscribe to _INBOX.>"),
        NatsPayloadTooLargeException => TooLarge(error.Message),
        NatsJSApiException { Error: { } answer } => OutcomeOf(answer, subject),
        NatsNoRespondersException => Missing(subject),
        NatsNoReplyException or NatsJSPublishNoResponseException => Unavailable("no acknowledgement in time"),
        OperationCanceledException => Unavailable("the connection ended before the acknowledgement came"),
        _ => Unavailable(error.GetBaseException().Message),
    };

    /// <summary>By the numbers of the server's errors.json.</summary>
    static PublishOutcome OutcomeOf(ApiError error, string subject)
    {
        var text = $"{error.ErrCode} {error.Description}";
        return error.ErrCode switch
        {
            // Message size exceeds maximum allowed; header size exceeds maximum allowed.
            10054 or 10097 => TooLarge(text),
            // Not enabled, not for this account, no such stream.
            10035 or 10039 or 10059 or 10076 =>
                Wrong(text, $"turn JetStream on and make a stream that takes {subject}"),
            // Resources of the account, of the server, of memory, of storage; a stream that is full.
            10002 or 10023 or 10028 or 10047 or 10077 =>
                Wrong(text, "see the stream's limits and the server's disk"),
            10109 => Wrong(text, $"the stream is sealed: let another take {subject}"),
            _ => Unavailable(text),
        };
    }

    static PublishOutcome Missing(string subject) => Wrong(
        $"no stream takes {subject}", $"create one: nats stream add mail --subjects {subject}");

    /// <summary>Nobody listens on the subject: no stream takes it, or its stream has no leader at this
    /// time.</summary>
    async Task<PublishOutcome> WhyNobodyAsync(Exception failure, CancellationToken cancel) =>
        await CheckAsync(cancel).ConfigureAwait(false) switch
        {
            null => Unavailable($"the stream that takes {subject} has no leader"),
            PublishOutcome.Misconfigured wrong => wrong,
            _ => OutcomeOf(failure, subject),
        };

    async ValueTask<IReadOnlyList<string>> FindStreamsAsync(Session session, CancellationToken cancel)
    {
        // One is enough: streams of one account never share a subject.
        await foreach (var name in session.Context.ListStreamNamesAsync(subject, cancel)
            .ConfigureAwait(false))
            return [name];
        return [];
    }

    /// <summary>One question; what fails is told instead of thrown, except that the caller gave up.</summary>
    async ValueTask<(T? Answer, Exception? Failure)> AskAsync<T>(
        Func<Session, CancellationToken, ValueTask<T>> ask, CancellationToken cancel) where T : class
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
            // What a library throws is no error of ours, whatever its type. An answer proves the connection.
            if (session is not null && e is not (NatsJSApiException or NatsNoRespondersException
                or NatsPayloadTooLargeException))
                await connection.DropAsync(session).ConfigureAwait(false);
            return (null, session?.Refusal is { } text ? new PermissionException(text) : e);
        }
    }

    async Task<Session> OpenAsync(NatsOpts settings, CancellationToken cancel)
    {
        var session = new Session(new NatsConnection(settings));
        session.Connection.ConnectionDisconnected += (_, _) =>
        {
            // Its end may wait for who tells of it.
            _ = connection.DropAsync(session).AsTask();
            return ValueTask.CompletedTask;
        };
        try
        {
            await session.Connection.ConnectAsync().AsTask().WaitAsync(cancel).ConfigureAwait(false);
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        return session;
    }

    static NatsOpts SettingsOf(TransportOptions options)
    {
        var login = BrokerServer.LoginOf(options);
        return NatsOpts.Default with
        {
            Name = "postern",
            Url = string.Join(
                ',', BrokerServer.AllOf(options, Port).Select(static server => $"nats://{server}")),
            ConnectTimeout = ConnectLimit,
            RequestTimeout = AnswerLimit,
            CommandTimeout = AnswerLimit,
            // Addresses may be UTF-8; a message's header is read by nobody but its consumer.
            HeaderEncoding = Encoding.UTF8,
            AuthOpts = login is var (user, password)
                ? NatsAuthOpts.Default with { Username = user, Password = password }
                : NatsAuthOpts.Default,
            TlsOpts = NatsTlsOpts.Default with
            {
                Mode = !BrokerServer.UsesTls(options) ? TlsMode.Disable
                    : options.Tls is TransportTls.Immediate ? TlsMode.Implicit : TlsMode.Require,
                ConfigureClientAuthentication = tls =>
                {
                    var ours = BrokerServer.AuthenticationOf(options, tls.TargetHost);
                    tls.CertificateChainPolicy = ours.CertificateChainPolicy;
                    tls.EnabledSslProtocols = ours.EnabledSslProtocols;
                    tls.RemoteCertificateValidationCallback = null;
                    return ValueTask.CompletedTask;
                },
            },
        };
    }

    /// <summary>As the header is written: a line for each, the version before and an empty line behind.
    /// The server's limit holds for header and payload together.</summary>
    static int HeaderOctetsOf(BrokerMessage message)
    {
        const int around = 64;
        return around + message.Id.Length + message.Attributes.Sum(static pair =>
            Encoding.UTF8.GetByteCount(pair.Key) + Encoding.UTF8.GetByteCount(pair.Value) + 4);
    }

    static bool IsOfLogin(Exception error)
    {
        for (var inner = error; inner is not null; inner = inner.InnerException)
            if (inner is NatsServerException { IsAuthError: true })
                return true;
        return false;
    }

    /// <summary>The server refused the user a subject.</summary>
    internal sealed class PermissionException(string text) : Exception(text);

    /// <summary>A connection, and what the server refused on it: it says so beside the question, which would
    /// wait for its answer in vain.</summary>
    sealed class Session : IAsyncDisposable
    {
        readonly CancellationTokenSource ended = new();

        public Session(NatsConnection connection)
        {
            Connection = connection;
            Context = new NatsJSContext(connection);
            connection.ServerError += async (_, told) =>
            {
                // The right to ask for streams is not needed to publish.
                if (told.Kind != NatsServerErrorKind.PermissionsViolation
                    || told.Error.Contains("$JS.API", StringComparison.OrdinalIgnoreCase))
                    return;
                Refusal = told.Error;
                await ended.CancelAsync().ConfigureAwait(false);
            };
        }

        public NatsConnection Connection { get; }
        public NatsJSContext Context { get; }
        public int PayloadOctetsMax => Connection.ServerInfo?.MaxPayload ?? 0;
        public CancellationToken Ended => ended.Token;

        /// <summary>Null: nothing was refused.</summary>
        public string? Refusal { get; private set; }

        /// <summary>Who waits for an answer on it is told, since the library would let them wait.</summary>
        public async ValueTask DisposeAsync()
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await Connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
