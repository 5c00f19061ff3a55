using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Postern.Mta.Transports.PubSub;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Postern.Mta.Transports.Brokers;

/// <summary>An exchange of RabbitMQ, or a queue by way of the default one: published is what the broker
/// confirmed.</summary>
/// <remarks>
/// Persistent and mandatory: what no queue gets comes back and holds the mail under an alarm. Each publish
/// has a channel of its own from a pool, since the broker closes a channel to refuse one message and would
/// blame those beside it. The body is the document, the headers are the attributes; the routing key is the
/// operator's whole, so that the recipient stands in <c>rcpt</c> alone. The library's recovery is off; it
/// buffers no more than the messages of attempts under way.
/// </remarks>
sealed class RabbitmqLink : BrokerLink
{
    /// <summary>Of a name that travels as a short string of AMQP.</summary>
    internal const int NameOctetsMax = 255;

    const int Port = 5672;
    const int TlsPort = 5671;

    /// <summary>Of one server's connection, and of each step of its greeting.</summary>
    static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    /// <summary>A broker that says nothing for twice as long is gone.</summary>
    static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(20);

    readonly string exchange;
    readonly string routingKey;
    readonly SharedConnection<Session> connection;

    public RabbitmqLink(TransportOptions options)
    {
        exchange = options.Exchange ?? "";
        routingKey = options.RoutingKey ?? "";
        if (exchange.Length + routingKey.Length == 0)
            throw new ArgumentException("there is no exchange and no queue", nameof(options));
        var settings = SettingsOf(options);
        var servers = ServersOf(options);
        connection = new SharedConnection<Session>(
            cancel => OpenAsync(settings, servers, cancel), static session => session.DisposeAsync());
    }

    public override string Target => TargetOf(exchange, routingKey);

    public override async Task<PublishOutcome> PublishAsync(BrokerMessage message, CancellationToken cancel)
    {
        var properties = new BasicProperties
        {
            DeliveryMode = DeliveryModes.Persistent,
            MessageId = message.Id,
            ContentType = "application/json",
            AppId = "postern",
            Headers = message.Attributes.ToDictionary(
                static pair => pair.Key, static pair => (object?)pair.Value, StringComparer.Ordinal),
        };
        var failure = await WithChannelAsync(
            channel => channel.BasicPublishAsync(
                exchange, routingKey, mandatory: true, properties, message.Document, cancel).AsTask(),
            cancel).ConfigureAwait(false);
        return failure is null ? new PublishOutcome.Published(message.Id) : OutcomeOf(failure);
    }

    public override async Task<PublishOutcome?> CheckAsync(CancellationToken cancel)
    {
        // Passive: it asks whether there is one, and makes none.
        var failure = await WithChannelAsync(
            channel => exchange.Length == 0
                ? channel.QueueDeclarePassiveAsync(routingKey, cancel)
                : channel.ExchangeDeclarePassiveAsync(exchange, cancel),
            cancel).ConfigureAwait(false);
        return failure is null ? null : OutcomeOf(failure);
    }

    public override ValueTask DisposeAsync() => connection.DisposeAsync();

    /// <summary>What an error means for mail. Internal for its tests.</summary>
    internal static PublishOutcome OutcomeOf(Exception error, string exchange, string routingKey)
    {
        var target = TargetOf(exchange, routingKey);
        foreach (var one in AllOf(error))
        {
            switch (one)
            {
                case PossibleAuthenticationFailureException:
                    return LoginRefused(one.Message);
                case PublishReturnException returned:
                    return Missing($"no queue got it: {returned.ReplyCode} {returned.ReplyText}", target);
                case PublishException { IsReturn: true }:
                    return Missing("no queue got it", target);
                case PublishException:
                    return Unavailable($"{target} refused it: a full queue, or trouble of the broker's");
                case BrokerUnreachableException { InnerException: OperationCanceledException }:
                    // A virtual host that is not there ends the library's greeting without its reason.
                    return Unavailable(
                        "no answer while greeting: a slow server, or a virtual host that is not the user's");
                case OperationInterruptedException { ShutdownReason: { } reason }:
                    return OutcomeOf(reason.ReplyCode, reason.ReplyText, target);
                default:
                    break;
            }
        }
        return Unavailable(error.GetBaseException().Message);
    }

    PublishOutcome OutcomeOf(Exception error) => OutcomeOf(error, exchange, routingKey);

    /// <summary>By the reply codes of AMQP 0-9-1.</summary>
    static PublishOutcome OutcomeOf(int code, string text, string target) => code switch
    {
        311 => TooLarge(text),
        406 when text.Contains("larger than", StringComparison.Ordinal) => TooLarge(text),
        403 => Wrong(text, $"let the user write to {target}"),
        404 => Missing(text, target),
        530 => Wrong(text, "see the transport's virtual-host, and the user's permissions there"),
        _ => Unavailable($"{code} {text}"),
    };

    static PublishOutcome Missing(string text, string target) =>
        Wrong(text, $"see that there is the {target}, and that a queue gets what comes there");

    static string TargetOf(string exchange, string routingKey) => (exchange, routingKey) switch
    {
        ("", _) => $"queue {routingKey}",
        (_, "") => $"exchange {exchange}",
        _ => $"exchange {exchange} by {routingKey}",
    };

    /// <summary>Null: it is done, and the channel is there for the next one. What fails is told instead of
    /// thrown, except that the caller gave up.</summary>
    async Task<Exception?> WithChannelAsync(Func<IChannel, Task> use, CancellationToken cancel)
    {
        Session? session = null;
        IChannel? channel = null;
        try
        {
            session = await connection.GetAsync(cancel).ConfigureAwait(false);
            if (session.Blocked is { } why)
                return new IOException($"the broker takes nothing at this time: {why}");
            channel = await session.TakeAsync(cancel).ConfigureAwait(false);
            await use(channel).ConfigureAwait(false);
            session.Give(channel);
            channel = null;
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            // What a library throws is no error of ours, whatever its type.
            if (session is { Connection.IsOpen: false })
                await connection.DropAsync(session).ConfigureAwait(false);
            return e;
        }
        finally
        {
            // Closing one asks the broker, which may be the one that does not answer.
            if (channel is not null)
                _ = channel.DisposeAsync().AsTask();
        }
    }

    async Task<Session> OpenAsync(
        ConnectionFactory settings, IReadOnlyList<AmqpTcpEndpoint> servers, CancellationToken cancel)
    {
        var open = await settings.CreateConnectionAsync(servers, cancel).ConfigureAwait(false);
        var session = new Session(open);
        open.ConnectionShutdownAsync += (_, _) =>
        {
            // Its end may wait for who tells of it.
            _ = connection.DropAsync(session).AsTask();
            return Task.CompletedTask;
        };
        return session;
    }

    static ConnectionFactory SettingsOf(TransportOptions options)
    {
        var settings = new ConnectionFactory
        {
            ClientProvidedName = "postern",
            VirtualHost = options.VirtualHost,
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedConnectionTimeout = ConnectLimit,
            HandshakeContinuationTimeout = ConnectLimit,
            ContinuationTimeout = ConnectLimit,
            RequestedHeartbeat = Heartbeat,
        };
        if (BrokerServer.LoginOf(options) is var (user, password))
            (settings.UserName, settings.Password) = (user, password);
        return settings;
    }

    static IReadOnlyList<AmqpTcpEndpoint> ServersOf(TransportOptions options)
    {
        var usesTls = BrokerServer.UsesTls(options);
        return [.. BrokerServer.AllOf(options, usesTls ? TlsPort : Port).Select(server =>
        {
            var ours = BrokerServer.AuthenticationOf(options, server.Host);
            return new AmqpTcpEndpoint(server.Host, server.Port, new SslOption(server.Host, "", usesTls)
            {
                Version = ours.EnabledSslProtocols,
                CertificateValidationCallback = (_, certificate, _, errors) =>
                    IsTrusted(certificate, errors, ours.CertificateChainPolicy!),
            });
        })];
    }

    /// <summary>The library knows no policy of ours: it checks the name, and we check the chain
    /// again.</summary>
    static bool IsTrusted(X509Certificate? shown, SslPolicyErrors errors, X509ChainPolicy policy)
    {
        if (shown is not X509Certificate2 certificate
            || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
            return false;
        using var chain = new X509Chain { ChainPolicy = policy.Clone() };
        return chain.Build(certificate);
    }

    /// <summary>An error with all that lies inside: with several servers there is one of each.</summary>
    static IEnumerable<Exception> AllOf(Exception error) => error switch
    {
        AggregateException many => many.InnerExceptions.SelectMany(AllOf),
        { InnerException: { } inner } => AllOf(inner).Prepend(error),
        _ => [error],
    };

    /// <summary>A connection with channels that nobody uses at this time.</summary>
    sealed class Session : IAsyncDisposable
    {
        static readonly CreateChannelOptions Confirmed = new(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

        readonly ConcurrentBag<IChannel> idle = [];

        public Session(IConnection connection)
        {
            Connection = connection;
            connection.ConnectionBlockedAsync += OnBlockedAsync;
            connection.ConnectionUnblockedAsync += OnUnblockedAsync;
        }

        public IConnection Connection { get; }

        /// <summary>Why the broker reads nothing from publishers. Null: it does.</summary>
        public string? Blocked { get; private set; }

        /// <summary>As many as there are attempts under way, at the most.</summary>
        public async ValueTask<IChannel> TakeAsync(CancellationToken cancel)
        {
            while (idle.TryTake(out var channel))
            {
                if (channel.IsOpen)
                    return channel;
                await channel.DisposeAsync().ConfigureAwait(false);
            }
            return await Connection.CreateChannelAsync(Confirmed, cancel).ConfigureAwait(false);
        }

        public void Give(IChannel channel) => idle.Add(channel);

        public ValueTask DisposeAsync() => Connection.DisposeAsync();

        Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs told)
        {
            Blocked = told.Reason;
            return Task.CompletedTask;
        }

        Task OnUnblockedAsync(object sender, AsyncEventArgs told)
        {
            Blocked = null;
            return Task.CompletedTask;
        }
    }
}
