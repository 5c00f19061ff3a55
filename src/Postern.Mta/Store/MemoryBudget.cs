namespace Postern.Mta.Store;

/// <summary>A number of octets that many share; who gets none waits in turn (DESIGN §9.3).</summary>
public sealed class MemoryBudget
{
    /// <summary>For content that is being received.</summary>
    public const long ReceivingOctets = 64L << 20;

    readonly Lock gate = new();
    readonly LinkedList<Waiter> waiters = new();
    readonly long octets;
    long free;

    /// <param name="octets">How many there are.</param>
    public MemoryBudget(long octets) => free = this.octets = octets;

    /// <summary>What is left. Below zero after <see cref="TakeRegardless"/>.</summary>
    public long FreeOctets => Volatile.Read(ref free);

    /// <summary>Takes octets now, unless too few are left or others wait already.</summary>
    public bool TryTake(long wanted)
    {
        lock (gate)
        {
            if (waiters.Count > 0 || free < wanted)
                return false;
            free -= wanted;
            return true;
        }
    }

    /// <summary>Takes octets as soon as they are there, first come, first served.</summary>
    public ValueTask TakeAsync(long wanted, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wanted, octets);
        lock (gate)
        {
            if (waiters.Count == 0 && free >= wanted)
            {
                free -= wanted;
                return ValueTask.CompletedTask;
            }
            var waiter = new Waiter(wanted);
            var node = waiters.AddLast(waiter);
            return new ValueTask(WaitAsync(node, cancel));
        }
    }

    /// <summary>Takes octets even when there are none, for what must not wait.</summary>
    public void TakeRegardless(long wanted)
    {
        lock (gate)
            free -= wanted;
    }

    public void Return(long returned)
    {
        lock (gate)
        {
            free += returned;
            Grant();
        }
    }

    async Task WaitAsync(LinkedListNode<Waiter> node, CancellationToken cancel)
    {
        await using var registration = cancel.UnsafeRegister(_ =>
            Leave(node, cancel), null).ConfigureAwait(false);
        await node.Value.Granted.Task.ConfigureAwait(false);
    }

    void Leave(LinkedListNode<Waiter> node, CancellationToken cancel)
    {
        lock (gate)
        {
            if (node.List is null)
                return;
            waiters.Remove(node);
            // The one behind may want less.
            Grant();
        }
        node.Value.Granted.TrySetCanceled(cancel);
    }

    void Grant()
    {
        while (waiters.First is { } first && free >= first.Value.Wanted)
        {
            free -= first.Value.Wanted;
            waiters.RemoveFirst();
            first.Value.Granted.TrySetResult();
        }
    }

    sealed class Waiter(long wanted)
    {
        public long Wanted => wanted;
        public TaskCompletionSource Granted { get; } = new(
            TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
