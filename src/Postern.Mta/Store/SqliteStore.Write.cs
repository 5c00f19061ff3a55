using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    /// <summary>A posted change waits so long at most for a commit to ride along with.</summary>
    const int PostedWaitMs = 100;

    /// <summary>After a full disk, the next try of what was only posted.</summary>
    const int StalledWaitMs = 1000;

    const int BatchChangesMax = 512;
    const long BatchContentOctetsMax = 4L << 20;
    const int StalledMax = 50_000;

    readonly object gate = new();
    readonly Queue<WriteRequest> waiting = new();
    readonly List<WriteRequest> batch = [];
    readonly List<WriteRequest> stalled = [];
    int urgent;
    bool sleepsLong;
    int lastBatch;

    /// <summary>The transaction at hand is the store's own and can do without a flush: done again after a
    /// crash, it comes to the same. Set by its work.</summary>
    bool flushesLater;

    volatile bool stopping;

    /// <inheritdoc/>
    public ValueTask CommitAsync(StoreChange change)
    {
        var health = Health;
        if (health == StoreHealth.Failed || (health == StoreHealth.Full && change.BringsMail))
            return ValueTask.FromException(Refusal(health));
        var request = Rent();
        request.Wait(change);
        return Enqueue(request) ? request.Completed : ValueTask.FromException(Closed());
    }

    /// <inheritdoc/>
    public void Post(StoreChange change)
    {
        if (failed)
            return;
        var request = Rent();
        request.Post(change);
        Enqueue(request);
    }

    WriteRequest Rent() => idle.TryDequeue(out var request) ? request : new WriteRequest(idle);

    /// <summary>Runs a step of the store's own between commits; completes after its commit.</summary>
    ValueTask RunAsync(Action work)
    {
        if (failed)
            return ValueTask.FromException(Refusal(StoreHealth.Failed));
        var request = Rent();
        request.Wait(work);
        return Enqueue(request) ? request.Completed : ValueTask.FromException(Closed());
    }

    bool Enqueue(WriteRequest request)
    {
        lock (gate)
        {
            if (stopping)
                return false;
            waiting.Enqueue(request);
            if (request.IsWaited)
                urgent++;
            // A writer that looks again soon by itself is not woken for what was only posted.
            if (request.IsWaited || sleepsLong)
                Monitor.Pulse(gate);
            return true;
        }
    }

    void StopWriting()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.Pulse(gate);
        }
    }

    void WriteLoop()
    {
        while (TakeBatch())
        {
            if (batch.Count > 0)
                CommitBatch(batch);
            batch.Clear();
            IndexSomeEvents();
            WaitForCheckpoint();
        }
    }

    /// <summary>
    /// Waits for something to write and takes what one commit can carry. False: it is over.
    /// </summary>
    bool TakeBatch()
    {
        lock (gate)
            AwaitWork();
        if (lastBatch > 1)
            LetOthersAdd();
        lock (gate)
        {
            batch.AddRange(stalled);
            stalled.Clear();
            long octets = 0;
            while (batch.Count < BatchChangesMax && octets < BatchContentOctetsMax
                && waiting.TryPeek(out var next))
            {
                if (next.Work is not null && batch.Count > 0)
                    break;
                waiting.Dequeue();
                if (next.IsWaited)
                    urgent--;
                octets += next.ContentOctets;
                batch.Add(next);
                if (next.Work is not null)
                    break;
            }
            lastBatch = batch.Count;
            return batch.Count > 0 || !stopping;
        }
    }

    /// <summary>A flush costs the same for one change as for many: as long as others add theirs meanwhile,
    /// the processor is theirs. Where nobody else wants it this takes a microsecond.</summary>
    void LetOthersAdd()
    {
        for (var seen = -1; seen < waiting.Count && waiting.Count < BatchChangesMax;)
        {
            seen = waiting.Count;
            Thread.Yield();
        }
    }

    void AwaitWork()
    {
        var isCalm = false;
        while (urgent == 0 && !stopping)
        {
            var patience = waiting.Count > 0 || !isCalm ? PostedWaitMs
                : stalled.Count > 0 ? StalledWaitMs
                : IsIndexBehind ? IndexWaitMs
                : Timeout.Infinite;
            sleepsLong = patience != PostedWaitMs;
            if (!Monitor.Wait(gate, patience) && (isCalm || waiting.Count > 0))
                break;
            isCalm = true;
        }
        sleepsLong = false;
    }

    void CommitBatch(List<WriteRequest> requests)
    {
        if (failed)
        {
            End(requests, Refusal(StoreHealth.Failed));
            return;
        }
        var seqBefore = lastSeq;
        try
        {
            writer.Use("BEGIN IMMEDIATE").Run();
            foreach (var request in requests)
                Apply(request);
            Commit();
        }
        catch (Exception error) when (
            error is SqliteFailure or ObjectDisposedException or InvalidOperationException)
        {
            lastSeq = seqBefore;
            RollBack();
            Mend(requests, error);
            return;
        }
        Publish(requests, seqBefore);
    }

    void Commit()
    {
        try
        {
            LogFile.FlushesLater = flushesLater;
            writer.Use("COMMIT").Run();
        }
        finally
        {
            LogFile.FlushesLater = flushesLater = false;
        }
    }

    void RollBack()
    {
        flushesLater = false;
        try
        {
            writer.RollBack();
        }
        catch (SqliteFailure error)
        {
            Fail(error.Message);
        }
    }

    /// <summary>What is left to do for a commit that failed: nobody in it has been acknowledged.</summary>
    void Mend(List<WriteRequest> requests, Exception error)
    {
        if (error is SqliteFailure { IsFatal: true } || failed)
        {
            Fail(error.Message);
            End(requests, Refusal(StoreHealth.Failed, error));
        }
        else if (error is SqliteFailure { IsFull: true })
        {
            MendFull(requests, error);
        }
        else if (requests.Count == 1)
        {
            LogRefused(error.Message);
            End(requests, new StoreException(
                Health, $"the change was not stored: {error.Message}", error));
        }
        else
        {
            // One of them is wrong: each for itself, so that the others do not pay for it.
            foreach (var request in requests.ToArray())
                CommitBatch([request]);
        }
    }

    /// <summary>
    /// New mail goes first, then everything that somebody waits for; what was posted is tried again.
    /// </summary>
    void MendFull(List<WriteRequest> requests, Exception error)
    {
        if (!diskFull)
            LogFull(error.Message);
        diskFull = true;
        var refusal = Refusal(StoreHealth.Full, error);
        var rest = requests.FindAll(static request => request.Change?.Messages.Count is null or 0);
        End(requests.FindAll(static request => request.Change?.Messages.Count > 0), refusal);
        if (rest.Count > 0 && rest.Count < requests.Count)
        {
            CommitBatch(rest);
            return;
        }
        var ended = new List<WriteRequest>();
        foreach (var request in rest)
        {
            var isKept = !request.IsWaited && !stopping && stalled.Count < StalledMax;
            (isKept ? stalled : ended).Add(request);
        }
        End(ended, refusal);
    }

    void Publish(List<WriteRequest> requests, long seqBefore)
    {
        var seq = seqBefore;
        foreach (var request in requests)
        {
            if (request.Change is { } change)
            {
                foreach (var message in change.Messages)
                    Remember(message);
                RememberDone(change.Recipients);
                seq = committed.Add(change.Events, seq);
            }
        }
        End(requests, null);
        committed.Signal(lastSeq);
    }

    /// <summary>
    /// Lets those go on who wait, one after the other on one thread of the pool: to wake a thread for each of
    /// them would cost more than what they do.
    /// </summary>
    static void End(List<WriteRequest> requests, StoreException? error)
    {
        if (requests.Count > 0)
            ThreadPool.UnsafeQueueUserWorkItem(new Ending([.. requests], error), preferLocal: false);
    }

    sealed class Ending(WriteRequest[] requests, StoreException? error) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            foreach (var request in requests)
                request.End(error);
        }
    }

    void Remember(NewMessage message)
    {
        if (message.Message.Id.Value > Interlocked.Read(ref lastId))
            Interlocked.Exchange(ref lastId, message.Message.Id.Value);
        if (message.Message.ContentFile is { } file)
            files.TryRemove(file, out _);
    }

    /// <summary>The end of writing: from here on nothing is acknowledged (DESIGN §1.1 law 9).</summary>
    void Fail(string error)
    {
        if (failed)
            return;
        failed = true;
        LogFailed(error);
    }

    static StoreException Refusal(StoreHealth health, Exception? inner = null) => health == StoreHealth.Full
        ? new StoreException(health, "the disk is full", inner)
        : new StoreException(health, "the store failed; nothing is stored any more", inner);

    static StoreException Closed() => new(StoreHealth.Failed, "the store is closed");

    void Apply(WriteRequest request)
    {
        if (request.Work is { } work)
            work();
        else
            ApplyChange(request, request.Change!);
    }

    void ApplyChange(WriteRequest request, StoreChange change)
    {
        var part = 0;
        foreach (var message in change.Messages)
            Insert(message, request.Part(part++));
        foreach (var recipient in change.Recipients)
        {
            var facts = request.Part(part++);
            Put(recipient, facts, request.Part(part++), IsFresh(change, recipient.Message));
        }
        foreach (var fact in change.Events)
            Insert(fact, request.Part(part++));
        if (change.Rewritten.Count > 0)
            Rewrite(request, change.Rewritten, part);
        foreach (var thing in change.Objects)
            Put(thing);
    }

    static bool IsFresh(StoreChange change, QueueId id)
    {
        foreach (var message in change.Messages)
        {
            if (message.Message.Id == id)
                return true;
        }
        return false;
    }
}
