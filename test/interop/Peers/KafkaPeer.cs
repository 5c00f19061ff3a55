using System.Text;
using Postern.Tests.Doubles;

namespace Postern.Interop.Peers;

/// <summary>A broker of Kafka's protocol in this process; Debian has no other.</summary>
sealed class KafkaPeer : Broker
{
    public const string Topic = "mail";

    readonly KafkaMock kafka = new();

    public string Server => kafka.Server;
    public override string Said => "";
    public override bool HasLogins => false;

    public void CreateTopic() => kafka.CreateTopic(Topic);

    public override Task StartAsync()
    {
        kafka.SetUp();
        return Task.CompletedTask;
    }

    public override Task StopAsync()
    {
        kafka.SetDown();
        return Task.CompletedTask;
    }

    public override Task<IReadOnlyList<PulledMessage>> ReadAsync() =>
        Task.Run<IReadOnlyList<PulledMessage>>(() => [.. kafka.ReadAll(Topic).Select(read =>
        {
            Assert.Equal("box+tag@in.test", read.Message.Key);
            return new PulledMessage(read.Message.Value, read.Message.Headers.ToDictionary(
                header => header.Key, header => Encoding.UTF8.GetString(header.GetValueBytes())));
        })]);

    public override ValueTask DisposeAsync()
    {
        kafka.Dispose();
        return ValueTask.CompletedTask;
    }
}
