using Postern.Mta.Events;

namespace Postern.Mta.Store;

/// <summary>
/// Hands committed events to one reader; what it has no room for, the reader takes from the table.
/// </summary>
/// <param name="lastSeq">The last event before the store was opened.</param>
sealed class CommittedEvents(long lastSeq)
{
    const int KeptMax = 4096;

    readonly Lock gate = new();
    TaskCompletionSource? signal;
    List<StoredEvent> kept = [];
    long published = lastSeq;
    bool ended;

    /// <summary>The last event before the first one to hand over.</summary>
    public long Start { get; } = lastSeq;

    /// <summary>Takes the events of a change that was committed. The seq of the last one.</summary>
    public long Add(List<MailEvent> events, long seq)
    {
        if (events.Count == 0)
            return seq;
        lock (gate)
        {
            foreach (var fact in events)
            {
                seq++;
                if (kept.Count < KeptMax)
                    kept.Add(new StoredEvent(seq, fact));
            }
        }
        return seq;
    }

    /// <summary>Everything up to <paramref name="seq"/> is committed.</summary>
    public void Signal(long seq)
    {
        lock (gate)
        {
            if (published == seq)
                return;
            published = seq;
            Wake();
        }
    }

    public void End()
    {
        lock (gate)
        {
            ended = true;
            Wake();
        }
    }

    /// <summary>What is kept, and how far commits have come. Null: nothing more will come.</summary>
    public async ValueTask<(List<StoredEvent> Events, long Published)?> TakeAsync(
        long seen, CancellationToken cancel)
    {
        while (true)
        {
            Task more;
            lock (gate)
            {
                if (published > seen)
                {
                    var taken = kept;
                    kept = [];
                    return (taken, published);
                }
                if (ended)
                    return null;
                signal ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                more = signal.Task;
            }
            await more.WaitAsync(cancel).ConfigureAwait(false);
        }
    }

    void Wake()
    {
        signal?.TrySetResult();
        signal = null;
    }
}
