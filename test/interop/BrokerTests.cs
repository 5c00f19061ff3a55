namespace Postern.Interop;

/// <summary>Mail from outside ends in a message broker, whatever becomes of the broker meanwhile.</summary>
public sealed class BrokerTests
{
    [Fact]
    public async Task Redis_GetsEveryMessageWithItsAttributes()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await redis.CreateStreamAsync("mail");
        await BrokerCase.ArrivesAsync(redis, Redis(redis, "mail"));
    }

    [Fact]
    public async Task Redis_StoppedWhileMailComes_GetsItAllAfterwards()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await redis.CreateStreamAsync("mail");
        await BrokerCase.OutlivesAsync(redis, Redis(redis, "mail"));
    }

    [Fact]
    public async Task Redis_WithAWrongLogin_RaisesAnAlarmAndLosesNothing()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await redis.CreateStreamAsync("mail");
        await BrokerCase.LoginMendedAsync(redis, Redis(redis, "mail"));
    }

    [Fact]
    public async Task Redis_WithoutTheStream_RaisesAnAlarmAndLosesNothing()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await BrokerCase.TargetMendedAsync(
            redis, Redis(redis, "mail"), () => redis.CreateStreamAsync("mail"));
    }

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

    static string Redis(RedisPeer redis, string stream) => $"""
        kind = "redis"
        servers = ["127.0.0.1:{redis.Port}"]
        stream = "{stream}"
        """;

    static string Nats(NatsPeer nats) => $"""
        kind = "nats"
        servers = ["127.0.0.1:{nats.Port}"]
        subject = "{NatsPeer.Subject}"
        """;
}
