namespace Postern.Interop;

/// <summary>Mail from outside ends in queues of RabbitMQ; one server for all tests, since it is slow to
/// start, and a queue for each.</summary>
public sealed class RabbitmqTests(RabbitmqTests.Server server) : IClassFixture<RabbitmqTests.Server>
{
    [Fact]
    public async Task Rabbitmq_GetsEveryMessageWithItsAttributes()
    {
        var rabbitmq = await server.OfQueueAsync("arrives");
        await rabbitmq.CreateQueueAsync("arrives");
        await BrokerCase.ArrivesAsync(rabbitmq, Queue(rabbitmq));
    }

    [Fact]
    public async Task Rabbitmq_StoppedWhileMailComes_GetsItAllAfterwards()
    {
        var rabbitmq = await server.OfQueueAsync("outlives");
        await rabbitmq.CreateQueueAsync("outlives");
        await BrokerCase.OutlivesAsync(rabbitmq, Queue(rabbitmq));
    }

    [Fact]
    public async Task Rabbitmq_WithAWrongLogin_RaisesAnAlarmAndLosesNothing()
    {
        var rabbitmq = await server.OfQueueAsync("login");
        await rabbitmq.CreateQueueAsync("login");
        await BrokerCase.LoginMendedAsync(rabbitmq, Queue(rabbitmq));
    }

    [Fact]
    public async Task Rabbitmq_WithoutTheQueue_RaisesAnAlarmAndLosesNothing()
    {
        var rabbitmq = await server.OfQueueAsync("missing");
        await BrokerCase.TargetMendedAsync(
            rabbitmq, Queue(rabbitmq), () => rabbitmq.CreateQueueAsync("missing"));
    }

    [Fact]
    public async Task Rabbitmq_WithAnExchangeThatLeadsNowhere_RaisesAnAlarmAndLosesNothing()
    {
        var rabbitmq = await server.OfQueueAsync("bound");
        await rabbitmq.CreateQueueAsync("bound");
        await rabbitmq.CreateExchangeAsync("mail");
        await BrokerCase.TargetMendedAsync(
            rabbitmq, Transport(rabbitmq, "exchange = \"mail\"\nrouting-key = \"in\""),
            () => rabbitmq.BindAsync("mail", "bound", "in"));
    }

    static string Queue(RabbitmqPeer rabbitmq) =>
        Transport(rabbitmq, $"routing-key = \"{rabbitmq.Queue}\"");

    static string Transport(RabbitmqPeer rabbitmq, string target) => $"""
        kind = "rabbitmq"
        servers = ["127.0.0.1:{rabbitmq.Port}"]
        {target}
        """;

    /// <summary>Started by the first test, so that a missing package skips it.</summary>
    public sealed class Server : IAsyncDisposable
    {
        RabbitmqPeer? peer;

        internal async Task<RabbitmqPeer> OfQueueAsync(string queue)
        {
            peer ??= await RabbitmqPeer.StartNewAsync();
            peer.Queue = queue;
            return peer;
        }

        public ValueTask DisposeAsync() => peer?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
