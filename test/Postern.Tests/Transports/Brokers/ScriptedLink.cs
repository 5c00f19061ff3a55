using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.PubSub;

namespace Postern.Tests.Transports.Brokers;

/// <summary>A broker that answers as it is told and keeps what it took.</summary>
sealed class ScriptedLink : BrokerLink
{
    public List<BrokerMessage> Published { get; } = [];
    public Func<BrokerMessage, CancellationToken, Task<PublishOutcome>>? Answer { get; set; }
    public PublishOutcome? Finding { get; set; }
    public bool IsDisposed { get; private set; }
    public override string Target => "the script";

    public override async Task<PublishOutcome> PublishAsync(BrokerMessage message, CancellationToken cancel)
    {
        var outcome = Answer is { } answer ? await answer(message, cancel)
            : new PublishOutcome.Published($"{Published.Count + 1}");
        if (outcome is PublishOutcome.Published)
            Published.Add(message);
        return outcome;
    }

    public override Task<PublishOutcome?> CheckAsync(CancellationToken cancel) => Task.FromResult(Finding);

    public override ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }
}
