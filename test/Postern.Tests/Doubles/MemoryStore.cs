using System.Buffers;
using System.Runtime.CompilerServices;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Doubles;

/// <summary>
/// The store in memory, deterministic: changes are applied on the caller's thread, in the order of the calls.
/// </summary>
/// <remarks>
/// With <see cref="Holds"/> changes wait for <see cref="Settle"/>, as for a slow disk. <see cref="Crash"/>
/// forgets what waits. <see cref="FailNext"/> and <see cref="Health"/> play the failing and the full disk.
/// </remarks>
public sealed class MemoryStore : IMailStore
{
    readonly MemoryDisk disk;
    readonly Lock gate = new();
    readonly Queue<(StoreChange Change, TaskCompletionSource? Waiter)> held = new();
    readonly List<StoredEvent> committed = [];
    readonly HashSet<QueueId> lost = [];
    TaskCompletionSource? more;
    StoreHealth? failNext;
    int eventReads;
    bool closed;

    public MemoryStore(MemoryDisk? disk = null)
    {
        this.disk = disk ?? new MemoryDisk();
        if (this.disk.Owner is not null)
            throw new StoreException(
                StoreHealth.Failed, "the data directory belongs to another running Postern");
        this.disk.Owner = this;
        Epoch = ++this.disk.Epoch;
    }

    public long Epoch { get; }

    public QueueId LastId => new(disk.LastId);

    /// <summary>Failed refuses everything for good; Full refuses new messages until set back.</summary>
    public StoreHealth Health { get; set; }

    /// <summary>Which changes wait for <see cref="Settle"/>.</summary>
    public HeldChanges Holds { get; set; }

    /// <summary>Content files are made, and then there is no room for an octet in them.</summary>
    public bool FilesAreFull { get; set; }

    /// <summary>Called after each change that was applied, on the thread that applied it.</summary>
    public Action? Applied { get; set; }

    /// <summary>Recipients that searches have read.</summary>
    public int SearchedCount { get; private set; }

    /// <summary>Pages of events by their place that may be read; the next one fails.</summary>
    public int EventReadsMax { get; set; } = int.MaxValue;

    /// <summary>The content of this message is not there any more when it is asked for.</summary>
    public void LoseContent(QueueId id) => lost.Add(id);

    public void RestoreContent(QueueId id) => lost.Remove(id);

    /// <summary>Every recipient, Done ones too, by key.</summary>
    public IReadOnlyList<Recipient> Recipients
    {
        get
        {
            lock (gate)
                return [.. disk.Recipients.Values];
        }
    }

    /// <summary>Every event, in the order of the commits.</summary>
    public IReadOnlyList<MailEvent> Events
    {
        get
        {
            lock (gate)
                return [.. disk.Events.Select(stored => stored.Event)];
        }
    }

    /// <summary>Changes that wait.</summary>
    public int HeldCount => held.Count;

    /// <summary>
    /// The next change that is applied fails so. <see cref="StoreHealth.Failed"/> is for good.
    /// </summary>
    public void FailNext(StoreHealth health) => failNext = health;

    /// <summary>Applies the first changes that wait, all of them by default.</summary>
    public void Settle(int count = int.MaxValue)
    {
        for (; count > 0; count--)
        {
            (StoreChange Change, TaskCompletionSource? Waiter) next;
            lock (gate)
            {
                if (!held.TryDequeue(out next))
                    return;
            }
            var error = Apply(next.Change);
            if (error is null)
                next.Waiter?.SetResult();
            else
                next.Waiter?.SetException(error);
        }
    }

    /// <summary>The process is gone: what waits is lost, the disk is free for another store.</summary>
    public void Crash()
    {
        lock (gate)
        {
            held.Clear();
            closed = true;
            disk.Owner = null;
        }
    }

    public ValueTask CommitAsync(StoreChange change)
    {
        if (Refusal(change) is { } refusal)
            return ValueTask.FromException(refusal);
        if (Holds == HeldChanges.All)
        {
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (gate)
                held.Enqueue((change, waiter));
            return new ValueTask(waiter.Task);
        }
        // What was posted before goes with it.
        Settle();
        return Apply(change) is { } error ? ValueTask.FromException(error) : ValueTask.CompletedTask;
    }

    public void Post(StoreChange change)
    {
        if (closed || Health == StoreHealth.Failed)
            return;
        lock (gate)
            held.Enqueue((change, null));
        if (Holds == HeldChanges.None)
            Settle();
    }

    public async IAsyncEnumerable<StoredEvent> ReadCommittedAsync(
        [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var i = 0; ; i++)
        {
            while (true)
            {
                Task wait;
                lock (gate)
                {
                    if (i < committed.Count)
                        break;
                    if (closed)
                        yield break;
                    more ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    wait = more.Task;
                }
                await wait.WaitAsync(cancel);
            }
            yield return committed[i];
        }
    }

    public ValueTask<DueWindow> FetchDueAsync(
        string lane, DateTimeOffset now, int limit, CancellationToken cancel)
    {
        lock (gate)
        {
            var waiting = disk.LaneOf(lane);
            var due = waiting.Deferred.TakeWhile(key => key.DueAt <= now).Take(limit).Count();
            var share = Math.Min(due, Math.Max(limit / 2, limit - waiting.Ready.Count));
            var rest = Math.Min(waiting.Ready.Count, limit - share);
            return ValueTask.FromResult(new DueWindow(
                [.. waiting.Ready.Take(rest).Concat(waiting.Deferred.Take(share)).Select(WithMessage)],
                share < waiting.Deferred.Count ? waiting.Deferred.ElementAt(share).DueAt : null));
        }
    }

    public ValueTask<DueWindow> SearchDueAsync(
        string lane, DateTimeOffset now, DueKey after, int limit, CancellationToken cancel)
    {
        lock (gate)
        {
            var waiting = disk.LaneOf(lane);
            var due = Behind(waiting.Ready, after)
                .Concat(Behind(waiting.Deferred, after).TakeWhile(key => key.DueAt <= now))
                .Take(limit).ToList();
            SearchedCount += due.Count;
            var last = due.Count > 0 ? due[^1] : after;
            var next = Behind(waiting.Deferred, last).Cast<DueKey?>().FirstOrDefault();
            return ValueTask.FromResult(new DueWindow([.. due.Select(WithMessage)], next?.DueAt));
        }
    }

    static IEnumerable<DueKey> Behind(SortedSet<DueKey> keys, DueKey after) => keys.Count == 0
        || DueOrder.Instance.Compare(keys.Max, after) <= 0 ? []
        : keys.GetViewBetween(after, keys.Max).SkipWhile(key => key == after);

    DueRecipient WithMessage(DueKey key) => new(
        disk.Messages[key.Message.Value], disk.Recipients[(key.Message.Value, key.Number)]);

    public ValueTask<IReadOnlyList<LaneTotal>> ReadLanesAsync(
        DateTimeOffset now, CancellationToken cancel)
    {
        var columns = new AgeColumns(now);
        lock (gate)
        {
            return List(disk.Lanes.Where(pair => pair.Value.Count > 0).Select(pair => new LaneTotal(
                pair.Key, pair.Value.Count,
                pair.Value.Ready.Count > 0 ? pair.Value.Ready.Min.DueAt : null,
                pair.Value.Deferred.Count > 0 ? pair.Value.Deferred.Max.DueAt : null)
            {
                Oldest = pair.Value.Ready.Concat(pair.Value.Deferred).Min(key => key.Message),
                ByAge = Count(
                    columns, pair.Value.Ready.Concat(pair.Value.Deferred).Select(key => key.Message)),
            }));
        }
    }

    public ValueTask<IReadOnlyList<int>> CountHeldAsync(DateTimeOffset now, CancellationToken cancel)
    {
        lock (gate)
        {
            return ValueTask.FromResult<IReadOnlyList<int>>(Count(
                new AgeColumns(now),
                disk.Recipients.Values.Where(row => row.State == RecipientState.Held)
                    .Select(row => row.Message)));
        }
    }

    static int[] Count(AgeColumns columns, IEnumerable<QueueId> messages)
    {
        var ages = new int[AgeColumns.Count];
        foreach (var message in messages)
            ages[columns.ColumnOf(message.Value)]++;
        return ages;
    }

    public ValueTask<IReadOnlyList<Recipient>> ReadAbandonedAsync(
        long epoch, RecipientKey after, int limit, CancellationToken cancel)
    {
        lock (gate)
        {
            return List(disk.Recipients
                .Where(pair => pair.Key.CompareTo((after.Message.Value, after.Number)) > 0)
                .Select(pair => pair.Value)
                .Where(r => r.State == RecipientState.Active && r.Lease < epoch).Take(limit));
        }
    }

    public ValueTask<StoredMessage?> ReadMessageAsync(QueueId id, CancellationToken cancel)
    {
        lock (gate)
        {
            return ValueTask.FromResult(disk.Messages.TryGetValue(id.Value, out var message)
                ? new StoredMessage(message, RecipientsOf(id.Value))
                : null);
        }
    }

    /// <summary>Rows that one page of a list looks at.</summary>
    public int ListScanMax { get; set; } = int.MaxValue;

    public ValueTask<MessagePage> ListAsync(
        QueueFilter filter, QueueId after, int limit, CancellationToken cancel)
    {
        var match = new QueueFilterMatch(filter);
        lock (gate)
        {
            QueueId? last = null;
            var found = new List<StoredMessage>();
            foreach (var message in disk.Messages.Values.Where(m => m.Id > after).Take(ListScanMax))
            {
                if (found.Count == limit)
                    break;
                last = message.Id;
                var stored = new StoredMessage(message, RecipientsOf(message.Id.Value));
                if (match.Fits(message) && match.Fits(stored.Recipients))
                    found.Add(stored);
            }
            var isEnd = !disk.Messages.Keys.Any(key => key > (last?.Value ?? after.Value));
            return ValueTask.FromResult(new MessagePage(found, isEnd ? null : last));
        }
    }

    public ValueTask<MessagePage> ListBackAsync(
        QueueFilter filter, QueueId before, int limit, CancellationToken cancel)
    {
        var match = new QueueFilterMatch(filter);
        lock (gate)
        {
            var found = new List<StoredMessage>();
            var last = before;
            var older = disk.Messages.Values.Reverse().Where(m => m.Id < before);
            foreach (var message in older.Take(ListScanMax))
            {
                if (found.Count == limit)
                    break;
                last = message.Id;
                var stored = new StoredMessage(message, RecipientsOf(message.Id.Value));
                if (match.Fits(message) && match.Fits(stored.Recipients))
                    found.Add(stored);
            }
            return ValueTask.FromResult(
                new MessagePage(found, disk.Messages.Keys.Any(key => key < last.Value) ? last : null));
        }
    }

    public ValueTask<StoredContent?> OpenContentAsync(QueuedMessage message, CancellationToken cancel)
    {
        lock (gate)
        {
            if (!disk.Messages.ContainsKey(message.Id.Value) || lost.Contains(message.Id))
                return ValueTask.FromResult<StoredContent?>(null);
            var content = new PooledContent();
            if (message.ContentFile is not { } name)
                content.Append(disk.Contents[message.Id.Value]);
            else if (disk.Files[name].TryGetMemory(out var octets))
            {
                foreach (var segment in octets)
                    content.Append(segment.Span);
            }
            return ValueTask.FromResult<StoredContent?>(content);
        }
    }

    public ContentFileWriter CreateContentFile(QueueId id) => new FileWriter(this, id.ToString());

    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(
        long seq, int limit, CancellationToken cancel)
    {
        Assert.True(Interlocked.Increment(ref eventReads) <= EventReadsMax, "it reads events without end");
        lock (gate)
            return List(disk.Events.Where(e => e.Seq > seq).Take(limit));
    }

    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsOfAsync(QueueId message, CancellationToken cancel)
    {
        lock (gate)
            return List(disk.Events.Where(e => e.Event.Message == message));
    }

    public ValueTask<StoredEvent?> ReadFirstEventOfAsync(QueueId message, CancellationToken cancel)
    {
        lock (gate)
            return new(disk.Events.FirstOrDefault(e => e.Event.Message == message));
    }

    public ValueTask<IReadOnlyList<StoredObject>> ReadObjectsAsync(string kind, CancellationToken cancel)
    {
        lock (gate)
        {
            return List(disk.Objects.Where(pair => pair.Key.Kind == kind)
                .Select(pair => new StoredObject(kind, pair.Key.Name, pair.Value)));
        }
    }

    public ValueTask<IReadOnlyList<StoredEvent>> FindEventsAsync(
        string text, int limit, CancellationToken cancel)
    {
        lock (gate)
            return List(disk.Events.Where(e => SearchKey.Fits(e.Event, text)).Reverse().Take(limit));
    }

    public ValueTask<IReadOnlyList<StoredObject>> ListObjectsAsync(
        ObjectRange range, CancellationToken cancel)
    {
        lock (gate)
        {
            var all = disk.Objects
                .Where(pair => pair.Key.Kind == range.Kind
                    && pair.Key.Name.StartsWith(range.Prefix, StringComparison.Ordinal))
                .Select(pair => new StoredObject(range.Kind, pair.Key.Name, pair.Value));
            return List(range.Before is { } before
                ? all.Where(found => string.CompareOrdinal(found.Name, before) < 0).TakeLast(range.Limit)
                : all.Where(found => string.CompareOrdinal(found.Name, range.After) > 0).Take(range.Limit));
        }
    }

    public ValueTask<StoredObject?> FindObjectAsync(string kind, string name, CancellationToken cancel)
    {
        lock (gate)
            return ValueTask.FromResult(disk.Objects.TryGetValue((kind, name), out var json)
                ? new StoredObject(kind, name, json) : null);
    }

    public ValueTask<int> SweepAsync(
        DateTimeOffset now, DateTimeOffset eventsBefore, CancellationToken cancel)
    {
        lock (gate)
        {
            var gone = 0;
            foreach (var message in disk.Messages.Values.ToList())
            {
                var recipients = RecipientsOf(message.Id.Value);
                if (recipients.Count == 0
                    || recipients.Any(r => r.State != RecipientState.Done || r.KeepUntil > now))
                    continue;
                disk.Messages.Remove(message.Id.Value);
                disk.Contents.Remove(message.Id.Value);
                if (message.ContentFile is { } name)
                    disk.RemoveFile(name);
                foreach (var recipient in recipients)
                    disk.Remove(recipient);
                gone += 1 + recipients.Count;
            }
            gone += disk.Events.RemoveAll(e => e.Event.At < eventsBefore && e.Seq < disk.LastSeq);
            return ValueTask.FromResult(gone);
        }
    }

    public ValueTask DisposeAsync()
    {
        if (closed)
            return ValueTask.CompletedTask;
        Settle();
        lock (gate)
        {
            closed = true;
            disk.Owner = null;
            more?.TrySetResult();
        }
        return ValueTask.CompletedTask;
    }

    StoreException? Refusal(StoreChange change) =>
        closed ? new StoreException(StoreHealth.Failed, "the store is closed")
        : Health == StoreHealth.Failed || (Health == StoreHealth.Full && change.BringsMail)
            ? new StoreException(Health, "the store does not take it")
            : null;

    StoreException? Apply(StoreChange change)
    {
        lock (gate)
        {
            if (Refusal(change) is { } refusal)
                return refusal;
            if (failNext is { } health)
            {
                failNext = null;
                if (health == StoreHealth.Failed)
                    Health = health;
                return new StoreException(health, "told to fail");
            }
            if (Fault(change) is { } fault)
                return new StoreException(Health, fault);
            Write(change);
            more?.TrySetResult();
            more = null;
        }
        Applied?.Invoke();
        return null;
    }

    string? Fault(StoreChange change)
    {
        var fresh = new HashSet<long>();
        foreach (var added in change.Messages)
        {
            if (disk.Messages.ContainsKey(added.Message.Id.Value) || !fresh.Add(added.Message.Id.Value))
                return $"{added.Message.Id} is stored already";
            if (added.Content is null
                && (added.Message.ContentFile is not { } name || !disk.Files.ContainsKey(name)))
                return $"{added.Message.Id} has neither content nor a flushed file";
        }
        foreach (var row in change.Recipients)
        {
            if (!fresh.Contains(row.Message.Value) && !disk.Messages.ContainsKey(row.Message.Value))
                return $"recipient {row.Number} of {row.Message}, which is gone";
        }
        return null;
    }

    void Write(StoreChange change)
    {
        foreach (var added in change.Messages)
        {
            var id = added.Message.Id.Value;
            disk.Messages.Add(id, added.Message);
            disk.LastId = Math.Max(disk.LastId, id);
            if (added.Content is { } content && content.TryGetMemory(out var octets))
                disk.Contents.Add(id, octets.ToArray());
        }
        foreach (var recipient in change.Recipients)
            disk.Put(recipient);
        foreach (var fact in change.Events)
        {
            var stored = new StoredEvent(++disk.LastSeq, fact);
            disk.Events.Add(stored);
            committed.Add(stored);
        }
        foreach (var stored in change.Rewritten)
        {
            if (disk.Events.FindIndex(known => known.Seq == stored.Seq) is >= 0 and var at)
                disk.Events[at] = stored;
        }
        foreach (var thing in change.Objects)
        {
            if (thing.Json is { } json)
                disk.Objects[(thing.Kind, thing.Name)] = json.ToArray();
            else
                disk.Objects.Remove((thing.Kind, thing.Name));
        }
    }

    List<Recipient> RecipientsOf(long message) => [.. disk.RecipientsOf(message)];

    static ValueTask<IReadOnlyList<T>> List<T>(IEnumerable<T> items) =>
        ValueTask.FromResult<IReadOnlyList<T>>([.. items]);

    sealed class FileWriter(MemoryStore store, string name) : ContentFileWriter
    {
        readonly PooledContent written = new();
        bool kept;

        public override string Name => name;

        public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            if (store.FilesAreFull)
                throw new StoreException(StoreHealth.Full, "no room in the file");
            foreach (var segment in octets)
                written.Append(segment.Span);
            return ValueTask.CompletedTask;
        }

        public override ValueTask FlushAsync(CancellationToken cancel)
        {
            if (store.Health == StoreHealth.Failed)
                throw new StoreException(StoreHealth.Failed, "the store failed");
            store.disk.Files[name] = written;
            return ValueTask.CompletedTask;
        }

        public override StoredContent Open()
        {
            var content = new PooledContent();
            written.TryGetMemory(out var octets);
            foreach (var segment in octets)
                content.Append(segment.Span);
            return content;
        }

        public override void Keep() => kept = true;

        public override ValueTask DisposeAsync()
        {
            if (!kept)
            {
                store.disk.Files.Remove(name);
                written.Dispose();
            }
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>What survives a crash: the state that stores on it have committed.</summary>
public sealed class MemoryDisk
{
    internal long Epoch;
    internal long LastId;
    internal long LastSeq;
    internal SortedDictionary<long, QueuedMessage> Messages { get; } = [];
    internal Dictionary<long, byte[]> Contents { get; } = [];

    /// <summary>By name, in pooled segments: arrays of their size would be collected with the oldest
    /// objects.</summary>
    internal Dictionary<string, PooledContent> Files { get; } = [];

    /// <summary>By key; changed by <see cref="Put"/> and <see cref="Remove"/> alone.</summary>
    internal SortedDictionary<(long Message, int Number), Recipient> Recipients { get; } = [];

    /// <summary>The index over waiting recipients.</summary>
    internal SortedDictionary<string, MemoryLane> Lanes { get; } = new(StringComparer.Ordinal);

    internal List<StoredEvent> Events { get; } = [];
    internal SortedDictionary<(string Kind, string Name), byte[]> Objects { get; } =
        new(Comparer<(string, string)>.Create(static (a, b) =>
            string.CompareOrdinal(a.Item1, b.Item1) is not 0 and var order
                ? order
                : string.CompareOrdinal(a.Item2, b.Item2)));

    internal MemoryStore? Owner;

    readonly Dictionary<long, SortedSet<int>> numbers = [];

    internal MemoryLane LaneOf(string name)
    {
        if (!Lanes.TryGetValue(name, out var lane))
            Lanes.Add(name, lane = new MemoryLane());
        return lane;
    }

    internal IEnumerable<Recipient> RecipientsOf(long message) =>
        numbers.GetValueOrDefault(message)?.Select(number => Recipients[(message, number)]) ?? [];

    internal void Put(Recipient row)
    {
        var key = (row.Message.Value, row.Number);
        if (Recipients.TryGetValue(key, out var old))
            LaneOf(old.Lane).Of(old.State)?.Remove(DueKey.Of(old));
        else
        {
            if (!numbers.TryGetValue(key.Value, out var known))
                numbers.Add(key.Value, known = []);
            known.Add(row.Number);
        }
        Recipients[key] = row;
        LaneOf(row.Lane).Of(row.State)?.Add(DueKey.Of(row));
    }

    internal void RemoveFile(string name)
    {
        if (Files.Remove(name, out var octets))
            octets.Dispose();
    }

    internal void Remove(Recipient row)
    {
        LaneOf(row.Lane).Of(row.State)?.Remove(DueKey.Of(row));
        Recipients.Remove((row.Message.Value, row.Number));
        numbers.Remove(row.Message.Value);
    }
}

/// <summary>The waiting recipients of one lane in the order they are fetched.</summary>
sealed class MemoryLane
{
    public SortedSet<DueKey> Ready { get; } = new(DueOrder.Instance);
    public SortedSet<DueKey> Deferred { get; } = new(DueOrder.Instance);
    public int Count => Ready.Count + Deferred.Count;

    /// <summary>Null: recipients in this state do not wait.</summary>
    public SortedSet<DueKey>? Of(RecipientState state) => state switch
    {
        RecipientState.Ready => Ready,
        RecipientState.Deferred => Deferred,
        _ => null,
    };
}

sealed class DueOrder : IComparer<DueKey>
{
    public static readonly DueOrder Instance = new();

    public int Compare(DueKey x, DueKey y) =>
        (x.State, x.DueAt, x.Message.Value, x.Number).CompareTo(
            (y.State, y.DueAt, y.Message.Value, y.Number));
}

/// <summary>Changes that wait for <see cref="MemoryStore.Settle"/>.</summary>
public enum HeldChanges
{
    None,

    /// <summary>What nobody waits for; the next commit takes it along.</summary>
    Posted,

    All,
}
