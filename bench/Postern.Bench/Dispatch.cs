using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Bench;

/// <summary>The mail half without its doors: a message is accepted, committed and handed to its way
/// out.</summary>
/// <remarks>Results of attempts ride along with later commits, as they do in the program, and are not waited
/// for.</remarks>
[MemoryDiagnoser]
public class Dispatch
{
    const int Messages = 20;

    static readonly PosternOptions Options = new()
    {
        Hostname = "mx.example.org",
        Routes = [new RouteOptions { Name = "all", Via = ["relay"] }],
        Transports = new Dictionary<string, TransportOptions>
        {
            ["relay"] = new() { Kind = TransportKind.Pipe },
        },
    };

    static readonly NewRecipient[] Recipients =
        [new(new EnvelopeRecipient(new ForwardPath(Letter.Recipient), RcptParameters.None), [], Held: false)];

    readonly SemaphoreSlim relayed = new(0);
    readonly Metrics metrics = new();
    ScratchStore scratch = null!;
    MessageQueue queue = null!;

    /// <summary>How many hand in messages at once.</summary>
    [Params(1, Messages)]
    public int Callers { get; set; }

    [GlobalSetup]
    public async Task StartAsync()
    {
        var clock = TimeProvider.System;
        scratch = new ScratchStore();
        var transports = new TransportTable(
            Options, (name, _) => new WillingTransport(name, () => relayed.Release()));
        queue = new MessageQueue(
            Options, scratch.Store, new RelayHealth(clock), transports, new AlarmBoard(clock), metrics, clock,
            new Random(1), NullLogger.Instance);
        await queue.Dispatcher.StartAsync(CancellationToken.None);
    }

    /// <summary>One message; it is over when the transport has the last one.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    public async Task MessageAsync()
    {
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => CallAsync()));
        for (var left = Messages; left > 0; left--)
            await relayed.WaitAsync();
    }

    [GlobalCleanup]
    public async Task StopAsync()
    {
        await queue.Dispatcher.StopAsync(TimeSpan.FromSeconds(10));
        await scratch.DisposeAsync();
        queue.Dispose();
        metrics.Dispose();
        relayed.Dispose();
    }

    async Task CallAsync()
    {
        for (var left = Messages / Callers; left > 0; left--)
        {
            var message = Letter.MessageOf(queue.NextId(), TimeProvider.System.GetUtcNow());
            await queue.AcceptAsync(new NewMail(message, Letter.NewContent(), Recipients));
        }
    }
}
