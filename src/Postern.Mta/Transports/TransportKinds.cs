using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Inbound;
using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.Forward;
using Postern.Mta.Transports.Mailgun;
using Postern.Mta.Transports.PubSub;
using Postern.Mta.Webhooks;

namespace Postern.Mta.Transports;

/// <summary>Makes the transport that a kind in the configuration stands for.</summary>
/// <param name="options">Hostname, delimiter, data directory and the networks of webhooks are taken from it;
/// all four need a restart to change.</param>
public sealed class TransportKinds(
    PosternOptions options, string version, IResolver resolver, Metrics metrics, TimeProvider clock)
{
    readonly WebTargets targets = new(resolver, () => options);

    /// <summary>Of files that documents link to; whoever opens the store opens them.</summary>
    public ClaimLinks ClaimLinks { get; } = new(clock);

    InboundSource Source => field ??=
        new InboundSource(options.Hostname, version, options.Inbound.Delimiter, options.Data)
        {
            Claims = new ClaimParts(clock, ClaimLinks, HandlerFor),
        };

    public ITransport Build(string name, TransportOptions transport) => transport.Kind switch
    {
        TransportKind.Smtp => new SmtpTransport(
            name, transport, options.Hostname, resolver,
            AddressPolicy.ForThisMachine(
                transport.Private ? PrivateAddresses.Allowed : PrivateAddresses.Refused), clock),
        TransportKind.Pipe => new PipeTransport(name, transport, Source, clock),
        TransportKind.Pubsub => new PubSubTransport(name, transport, Source, metrics, clock),
        TransportKind.Maildir => new MaildirTransport(
            name, transport, options.Hostname, options.Inbound.Delimiter, clock),
        TransportKind.Lmtp => new LmtpTransport(
            name, transport, options.Hostname, options.Inbound.Delimiter, resolver, clock),
        TransportKind.Webhook => new WebhookTransport(name, transport, Source, targets, clock),
        TransportKind.Redis => Broker(name, transport, new RedisLink(transport)),
        TransportKind.Nats => Broker(name, transport, new NatsLink(transport)),
        TransportKind.Rabbitmq => Broker(name, transport, new RabbitmqLink(transport)),
        TransportKind.Kafka => Broker(name, transport, new KafkaLink(transport)),
        TransportKind.Mailgun => new MailgunTransport(name, transport, clock),
        _ => throw new UnreachableException(),
    };

    SocketsHttpHandler HandlerFor(Uri endpoint) =>
        PubSubEndpoint.IsLoopback(endpoint) ? targets.MakeLoopbackHandler() : targets.MakeHandler();

    BrokerTransport Broker(string name, TransportOptions transport, BrokerLink link) =>
        new(name, transport, Source, link, clock);
}
