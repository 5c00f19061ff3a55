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

    static string Redis(RedisPeer redis, string stream) => $"""
        kind = "redis"
        servers = ["127.0.0.1:{redis.Port}"]
        stream = "{stream}"
        """;
}
