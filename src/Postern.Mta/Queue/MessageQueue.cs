using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>The only thing that changes a message's state.</summary>
public sealed partial class MessageQueue
{
    /// <summary>Ready, Active and Deferred recipients become Held.</summary>
    /// <returns>How many recipients changed; an attempt that is being made ends first and is not counted.</returns>
    public ValueTask<int> HoldAsync(QueueSelection which, string actor, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>Held recipients become Ready.</summary>
    public ValueTask<int> ReleaseAsync(QueueSelection which, string actor, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>Deferred recipients become Ready, and their lanes are probed now.</summary>
    public ValueTask<int> RetryAsync(QueueSelection which, string actor, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>Recipients that are not done become Done (cancelled), without a report.</summary>
    public ValueTask<int> CancelAsync(QueueSelection which, string actor, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>Recipients that are not done become Done (expired), with a report where the route bounces.</summary>
    public ValueTask<int> ExpireAsync(QueueSelection which, string actor, CancellationToken cancel) => throw new NotImplementedException();
}

/// <summary>What an operator's command means: one message or all that fit a filter.</summary>
public abstract record QueueSelection
{
    public sealed record One(QueueId Id) : QueueSelection;

    public sealed record Matching(QueueFilter Filter) : QueueSelection;
}
