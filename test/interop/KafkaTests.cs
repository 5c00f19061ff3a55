namespace Postern.Interop;

/// <summary>Mail from outside ends in a topic of Kafka.</summary>
public sealed class KafkaTests
{
    [Fact]
    public async Task Kafka_GetsEveryMessageWithItsAttributes()
    {
        await using var kafka = new KafkaPeer();
        kafka.CreateTopic();
        await BrokerCase.ArrivesAsync(kafka, Kafka(kafka));
    }

    [Fact]
    public async Task Kafka_StoppedWhileMailComes_GetsItAllAfterwards()
    {
        await using var kafka = new KafkaPeer();
        kafka.CreateTopic();
        await BrokerCase.OutlivesAsync(kafka, Kafka(kafka));
    }

    [Fact]
    public async Task Kafka_WithoutTheTopic_RaisesAnAlarmAndLosesNothing()
    {
        await using var kafka = new KafkaPeer();
        await BrokerCase.TargetMendedAsync(kafka, Kafka(kafka), () =>
        {
            kafka.CreateTopic();
            return Task.CompletedTask;
        });
    }

    static string Kafka(KafkaPeer kafka) => $"""
        kind = "kafka"
        servers = ["{kafka.Server}"]
        topic = "{KafkaPeer.Topic}"
        """;
}
