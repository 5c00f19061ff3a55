namespace Postern.Interop;

/// <summary>Mail from outside ends in a stream of NATS.</summary>
public sealed class NatsTests
{
    [Fact]
    public async Task Nats_GetsEveryMessageWithItsAttributes()
    {
        await using var nats = await NatsPeer.StartNewAsync();
        await nats.CreateStreamAsync();
        await BrokerCase.ArrivesAsync(nats, Nats(nats));
    }

    [Fact]
    public async Task Nats_StoppedWhileMailComes_GetsItAllAfterwards()
    {
        await using var nats = await NatsPeer.StartNewAsync();
        await nats.CreateStreamAsync();
        await BrokerCase.OutlivesAsync(nats, Nats(nats));
    }

    [Fact]
    public async Task Nats_WithAWrongLogin_RaisesAnAlarmAndLosesNothing()
    {
        await using var nats = await NatsPeer.StartNewAsync();
        await nats.CreateStreamAsync();
        await BrokerCase.LoginMendedAsync(nats, Nats(nats));
    }

    [Fact]
    public async Task Nats_WithoutTheStream_RaisesAnAlarmAndLosesNothing()
    {
        await using var nats = await NatsPeer.StartNewAsync();
        await BrokerCase.TargetMendedAsync(nats, Nats(nats), nats.CreateStreamAsync);
    }

    [Fact]
    public async Task Nats_WhereTheUserMayNotPublish_RaisesAnAlarmAndLosesNothing()
    {
        await using var nats = await NatsPeer.StartNewAsync();
        await nats.CreateStreamAsync();
        await BrokerCase.MendedAsync(
            nats, Nats(nats), "topic", "reader:right", () => Task.CompletedTask);
    }

    static string Nats(NatsPeer nats) => $"""
        kind = "nats"
        servers = ["127.0.0.1:{nats.Port}"]
        subject = "{NatsPeer.Subject}"
        """;
}
