using System.Text;
using Postern.Mta.Transports.Brokers;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    void CheckBroker(string path, TransportOptions transport)
    {
        if (at.Has($"{path}.servers") && transport.Servers.Count == 0 && !HasItems($"{path}.servers"))
            at.Error($"{path}.servers", "names no server; write servers = [\"broker.example.net\"]");
        var servers = new List<BrokerServer>();
        for (var i = 0; i < transport.Servers.Count; i++)
        {
            if (BrokerServer.TryParse(transport.Servers[i], 0, out var server))
                servers.Add(server);
            else
                at.Error(Reading.Item($"{path}.servers", i),
                    $"\"{transport.Servers[i]}\" is no server; write \"broker.example.net\", "
                    + "\"broker.example.net:1234\" or \"[2001:db8::1]:1234\"");
        }
        CheckAuthority(path, transport);
        CheckBrokerLogin(path, transport, servers.TrueForAll(static server => server.IsLoopback));
    }

    void CheckBrokerTarget(string path, TransportOptions transport)
    {
        if (transport is { Kind: TransportKind.Nats, Subject: { } subject } && !NatsLink.IsSubject(subject))
            at.Error(
                $"{path}.subject",
                $"\"{subject}\" is no subject to publish to; write \"mail.in\", without * and >");
        if (transport is { Kind: TransportKind.Kafka, Topic: { } topic } && !KafkaLink.IsTopic(topic))
            at.Error(
                $"{path}.topic",
                $"\"{topic}\" is no topic; its name has 1 to {KafkaLink.TopicLettersMax} letters, digits, "
                + "dots, hyphens or underscores");
        if (transport.Kind != TransportKind.Rabbitmq)
            return;
        if (transport.Exchange is null && transport.RoutingKey is null)
            at.Error($"{path}.routing-key", "is missing; without exchange it is the name of a queue");
        CheckAmqpName($"{path}.exchange", transport.Exchange);
        CheckAmqpName($"{path}.routing-key", transport.RoutingKey);
        CheckAmqpName($"{path}.virtual-host", transport.VirtualHost);
    }

    void CheckAmqpName(string path, string? name)
    {
        if (name is not null && Encoding.UTF8.GetByteCount(name) > RabbitmqLink.NameOctetsMax)
            at.Error(path, $"has more than {RabbitmqLink.NameOctetsMax} octets");
    }

    void CheckBrokerLogin(string path, TransportOptions transport, bool isLoopback)
    {
        if (transport.Tls is TransportTls.Opportunistic)
            at.Error($"{path}.tls", "a broker's is \"none\", \"required\" or \"immediate\"");
        if (transport.Login is not { Value: var login })
            return;
        if (login.IndexOf(':', StringComparison.Ordinal) < 1 || login.Any(char.IsControl))
            at.Error($"{path}.login", "must hold one line, user:password");
        if (transport.Tls is TransportTls.None && !isLoopback)
            at.Error(
                $"{path}.tls",
                "a login off loopback needs tls = \"required\" or \"immediate\"; the password would be "
                + "readable on the way");
    }
}
