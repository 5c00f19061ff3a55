using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Simulation;

/// <summary>A store whose writer takes a step when it is told to, on the caller's thread.</summary>
/// <remarks>
/// Changes wait in the order of the calls until <see cref="Settle"/> commits the first of them as a group;
/// whoever waits goes on inside that call. <see cref="Crash"/> forgets the others. What is committed lies in
/// the store behind it. The ledger sees each change before it is committed.
/// </remarks>
sealed class SteppedStore(IMailStore inner, Ledger ledger) : IMailStore
{
    readonly LinkedList<(StoreChange Change, TaskCompletionSource? Waiter)> waiting = new();
    bool closed;
    bool failed;

    public long Epoch => inner.Epoch;
    public QueueId LastId => inner.LastId;

    public StoreHealth Health => failed ? StoreHealth.Failed
        : Room == DiskRoom.Enough ? StoreHealth.Accepting : StoreHealth.Full;

    public DiskRoom Room { get; set; }

    /// <summary>Changes that wait for the writer.</summary>
    public int WaitingCount => waiting.Count;

    public ValueTask CommitAsync(StoreChange change)
    {
        ledger.NoteThread();
        if (Refusal(change) is { } refusal)
            return ValueTask.FromException(refusal);
        var waiter = new TaskCompletionSource();
        waiting.AddLast((change, waiter));
        return new ValueTask(waiter.Task);
    }

    public void Post(StoreChange change)
    {
        ledger.NoteThread();
        if (closed || failed)
            return;
        waiting.AddLast((change, null));
    }

    /// <summary>The writer commits the first changes that wait, as one group.</summary>
    public void Settle(int count)
    {
        var group = waiting.Take(count).ToList();
        if (Room == DiskRoom.None)
        {
            // What nobody waits for is tried again when there is room.
            foreach (var one in group.Where(one => one.Waiter is not null))
                waiting.Remove(one);
            Refuse(group, StoreHealth.Full);
            return;
        }
        for (var i = 0; i < group.Count; i++)
            waiting.RemoveFirst();
        foreach (var (change, _) in group)
            Write(change);
        foreach (var (_, waiter) in group)
            waiter?.SetResult();
    }

    /// <summary>The flush of the first changes that wait fails, and nothing is stored any more.</summary>
    /// <param name="kept">How many of them are on the disk all the same.</param>
    public void Fail(int count, int kept)
    {
        failed = true;
        var group = waiting.Take(count).ToList();
        foreach (var (change, _) in group.Take(kept))
        {
            // The store in memory has dropped the file of a message that nobody was told of.
            if (!change.Messages.Exists(added => added.Message.ContentFile is not null))
                Write(change);
        }
        var all = waiting.ToList();
        waiting.Clear();
        Refuse(all, StoreHealth.Failed);
    }

    /// <summary>The process is gone; nobody that waits goes on.</summary>
    /// <param name="kept">How many of the changes that wait are on the disk.</param>
    public void Crash(int kept)
    {
        foreach (var (change, _) in waiting.Take(failed ? 0 : kept))
            Write(change);
        waiting.Clear();
        closed = true;
        Wait(inner.DisposeAsync());
    }

    void Write(StoreChange change)
    {
        ledger.Commit(change);
        Wait(inner.CommitAsync(change));
    }

    static void Refuse(
        List<(StoreChange Change, TaskCompletionSource? Waiter)> group, StoreHealth health)
    {
        foreach (var (_, waiter) in group)
            waiter?.SetException(new StoreException(health, "the disk does not take it"));
    }

    StoreException? Refusal(StoreChange change) =>
        closed || failed ? new StoreException(StoreHealth.Failed, "the store failed")
        : Room != DiskRoom.Enough && change.BringsMail
            ? new StoreException(StoreHealth.Full, "the disk is full")
        : null;

    // The store behind may answer from other threads: this one waits for it, so that nothing runs beside it.
    static void Wait(ValueTask task)
    {
        if (!task.IsCompletedSuccessfully)
            task.AsTask().GetAwaiter().GetResult();
    }

    static ValueTask<T> Wait<T>(ValueTask<T> task) =>
        task.IsCompletedSuccessfully ? task : new(task.AsTask().GetAwaiter().GetResult());

    public ValueTask<DueWindow> FetchDueAsync(
        string lane, DateTimeOffset now, int limit, CancellationToken cancel) =>
        Wait(inner.FetchDueAsync(lane, now, limit, cancel));

    public ValueTask<DueWindow> SearchDueAsync(
        string lane, DateTimeOffset now, DueKey after, int limit, CancellationToken cancel) =>
        Wait(inner.SearchDueAsync(lane, now, after, limit, cancel));

    public ValueTask<IReadOnlyList<LaneTotal>> ReadLanesAsync(
        DateTimeOffset now, CancellationToken cancel) => Wait(inner.ReadLanesAsync(now, cancel));

    public ValueTask<IReadOnlyList<int>> CountHeldAsync(DateTimeOffset now, CancellationToken cancel) =>
        Wait(inner.CountHeldAsync(now, cancel));

    public ValueTask<IReadOnlyList<Recipient>> ReadAbandonedAsync(
        long epoch, RecipientKey after, int limit, CancellationToken cancel) =>
        Wait(inner.ReadAbandonedAsync(epoch, after, limit, cancel));

    public ValueTask<StoredMessage?> ReadMessageAsync(QueueId id, CancellationToken cancel) =>
        Wait(inner.ReadMessageAsync(id, cancel));

    public ValueTask<MessagePage> ListAsync(
        QueueFilter filter, QueueId after, int limit, CancellationToken cancel) =>
        Wait(inner.ListAsync(filter, after, limit, cancel));

    public ValueTask<MessagePage> ListBackAsync(
        QueueFilter filter, QueueId before, int limit, CancellationToken cancel) =>
        Wait(inner.ListBackAsync(filter, before, limit, cancel));

    public ValueTask<StoredContent?> OpenContentAsync(QueuedMessage message, CancellationToken cancel) =>
        Wait(inner.OpenContentAsync(message, cancel));

    public ContentFileWriter CreateContentFile(QueueId id) => inner.CreateContentFile(id);

    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(
        long seq, int limit, CancellationToken cancel) =>
        Wait(inner.ReadEventsAfterAsync(seq, limit, cancel));

    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsOfAsync(
        QueueId message, CancellationToken cancel) => Wait(inner.ReadEventsOfAsync(message, cancel));

    public ValueTask<StoredEvent?> ReadFirstEventOfAsync(QueueId message, CancellationToken cancel) =>
        Wait(inner.ReadFirstEventOfAsync(message, cancel));

    public ValueTask<IReadOnlyList<StoredObject>> ReadObjectsAsync(string kind, CancellationToken cancel) =>
        Wait(inner.ReadObjectsAsync(kind, cancel));

    public ValueTask<IReadOnlyList<StoredEvent>> FindEventsAsync(
        string text, int limit, CancellationToken cancel) =>
        Wait(inner.FindEventsAsync(text, limit, cancel));

    public ValueTask<IReadOnlyList<StoredObject>> ListObjectsAsync(
        ObjectRange range, CancellationToken cancel) => Wait(inner.ListObjectsAsync(range, cancel));

    public ValueTask<StoredObject?> FindObjectAsync(string kind, string name, CancellationToken cancel) =>
        Wait(inner.FindObjectAsync(kind, name, cancel));

    public ValueTask<int> SweepAsync(
        DateTimeOffset now, DateTimeOffset eventsBefore, CancellationToken cancel) =>
        failed ? ValueTask.FromException<int>(new StoreException(StoreHealth.Failed, "the store failed"))
            : Wait(inner.SweepAsync(now, eventsBefore, cancel));

    public IAsyncEnumerable<StoredEvent> ReadCommittedAsync(CancellationToken cancel) =>
        inner.ReadCommittedAsync(cancel);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}

/// <summary>What is left on the disk.</summary>
enum DiskRoom
{
    Enough,

    /// <summary>The reserve alone: no new mail, all else is stored.</summary>
    Reserve,

    /// <summary>Nothing: every commit fails, and may succeed later.</summary>
    None,
}
