using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.Mailgun;
using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Transports;

/// <summary>Makes the transport that a kind in the configuration stands for.</summary>
/// <param name="options">Hostname, delimiter and data directory are taken from it; all three need a restart
/// to change.</param>
public sealed class TransportKinds(
    PosternOptions options, string version, IResolver resolver, Metrics metrics, TimeProvider clock)
{
    public ITransport Build(string name, TransportOptions transport) => transport.Kind switch
    {
        TransportKind.Smtp => new SmtpTransport(
            name, transport, options.Hostname, resolver,
            AddressPolicy.ForThisMachine(
                transport.Private ? PrivateAddresses.Allowed : PrivateAddresses.Refused), clock),
        TransportKind.Pipe => new PipeTransport(name, transport, options.Inbound.Delimiter, clock),
        TransportKind.Pubsub => new PubSubTransport(
            name, transport, Source, metrics, clock),
        TransportKind.Redis => new BrokerTransport(
            name, transport, Source, new RedisLink(transport), clock),
        TransportKind.Mailgun => new MailgunTransport(name, transport, clock),
        _ => throw new UnreachableException(),
    };

    PubSubSource Source => new(options.Hostname, version, options.Inbound.Delimiter, options.Data);
}
