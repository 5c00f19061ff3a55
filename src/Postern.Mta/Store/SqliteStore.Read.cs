using System.Collections.Concurrent;
using System.Text;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    const int ReadersMax = 4;

    /// <summary>Rows looked at in one read transaction, so that none holds up a checkpoint.</summary>
    const int RowsPerReadMax = 5000;

    /// <summary>Messages have recipients, which are read too.</summary>
    const int MessagesPerReadMax = RowsPerReadMax / 5;

    /// <summary>Read transactions of one page of a list.</summary>
    const int ListStepsMax = 5;

    const string MessageColumns = "m.id, m.arrived, m.facts, m.prefix, m.sum";

    const string RecipientColumnsOf =
        "r.message, r.number, r.state, r.lane, r.due, r.lease, r.keep, r.facts, r.sum";

    readonly ConcurrentBag<SqliteDatabase> readers = [];
    readonly SemaphoreSlim readSlots = new(ReadersMax, ReadersMax);

    /// <inheritdoc/>
    public ValueTask<DueWindow> FetchDueAsync(
        string lane, DateTimeOffset now, int limit, CancellationToken cancel) =>
        ReadAsync(database => FetchDue(database, lane, now, limit), cancel);

    /// <inheritdoc/>
    public ValueTask<DueWindow> SearchDueAsync(
        string lane, DateTimeOffset now, DueKey after, int limit, CancellationToken cancel) =>
        ReadAsync(database => SearchDue(database, lane, now, after, limit), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<LaneTotal>> ReadLanesAsync(
        DateTimeOffset now, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<LaneTotal>>(database => ReadLanes(database, new AgeColumns(now)), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<int>> CountHeldAsync(DateTimeOffset now, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<int>>(database => CountHeld(database, new AgeColumns(now)), cancel);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Recipient>> ReadAbandonedAsync(
        long epoch, RecipientKey after, int limit, CancellationToken cancel)
    {
        var found = new List<Recipient>();
        RecipientKey? next = after;
        while (next is { } from && found.Count < limit)
            next = await ReadAsync(database =>
                ReadAbandoned(database, epoch, from, limit, found), cancel).ConfigureAwait(false);
        return found;
    }

    /// <inheritdoc/>
    public ValueTask<StoredMessage?> ReadMessageAsync(QueueId id, CancellationToken cancel) =>
        ReadAsync(database => ReadMessage(database, id), cancel);

    /// <inheritdoc/>
    public ValueTask<MessagePage> ListAsync(
        QueueFilter filter, QueueId after, int limit, CancellationToken cancel) =>
        ListAsync(new QueueFilterMatch(filter), after, ListOrder.OldestFirst, limit, cancel);

    /// <inheritdoc/>
    public ValueTask<MessagePage> ListBackAsync(
        QueueFilter filter, QueueId before, int limit, CancellationToken cancel) =>
        ListAsync(new QueueFilterMatch(filter), before, ListOrder.NewestFirst, limit, cancel);

    enum ListOrder { OldestFirst, NewestFirst }

    async ValueTask<MessagePage> ListAsync(
        QueueFilterMatch match, QueueId key, ListOrder order, int limit, CancellationToken cancel)
    {
        var found = new List<StoredMessage>();
        QueueId? next = key;
        for (var step = 0; next is { } from && step < ListStepsMax && found.Count < limit; step++)
            next = await ReadAsync(database =>
                List(database, match, from, order, limit, found), cancel).ConfigureAwait(false);
        return new MessagePage(found, next);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredObject>> ReadObjectsAsync(string kind, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<StoredObject>>(database => ReadObjects(database, kind), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredObject>> ListObjectsAsync(
        ObjectRange range, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<StoredObject>>(database => ListObjects(database, range), cancel);

    /// <inheritdoc/>
    public ValueTask<StoredObject?> FindObjectAsync(string kind, string name, CancellationToken cancel) =>
        ReadAsync(database => FindObject(database, kind, name), cancel);

    /// <inheritdoc/>
    public ValueTask<StoredContent?> OpenContentAsync(QueuedMessage message, CancellationToken cancel) =>
        ReadAsync(database => OpenContent(database, message), cancel);

    /// <summary>Runs a read on a connection of its own; never waits for the writer.</summary>
    async ValueTask<T> ReadAsync<T>(Func<SqliteDatabase, T> read, CancellationToken cancel)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed) != 0, this);
        await readSlots.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Read(read), cancel).ConfigureAwait(false);
        }
        finally
        {
            readSlots.Release();
        }
    }

    T Read<T>(Func<SqliteDatabase, T> read)
    {
        try
        {
            if (!readers.TryTake(out var database))
            {
                database = SqliteDatabase.Open(directory.Database);
                database.Execute("PRAGMA query_only=1");
                database.Execute("PRAGMA cache_size=-1024");
            }
            try
            {
                return read(database);
            }
            finally
            {
                readers.Add(database);
            }
        }
        catch (SqliteFailure error)
        {
            throw new StoreException(Health, $"the store cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Waits for the reads that still run, then closes their connections.</summary>
    void CloseReaders()
    {
        for (var i = 0; i < ReadersMax; i++)
            readSlots.Wait();
        while (readers.TryTake(out var database))
            database.Dispose();
        readSlots.Release(ReadersMax);
    }

    DueWindow FetchDue(SqliteDatabase database, string lane, DateTimeOffset now, int limit)
    {
        var ready = new List<DueRecipient>();
        var deferred = new List<DueRecipient>();
        ReadRange(database, lane, now, new DueKey { State = RecipientState.Ready }, limit, ready);
        var next =
            ReadRange(database, lane, now, new DueKey { State = RecipientState.Deferred }, limit, deferred);
        var share = Math.Min(deferred.Count, Math.Max(limit / 2, limit - ready.Count));
        var rest = Math.Min(ready.Count, limit - share);
        if (share < deferred.Count)
            next = deferred[share].Recipient.DueAt;
        return new DueWindow([.. ready[..rest], .. deferred[..share]], next);
    }

    DueWindow SearchDue(SqliteDatabase database, string lane, DateTimeOffset now, DueKey after, int limit)
    {
        var found = new List<DueRecipient>();
        if (after.State == RecipientState.Ready)
        {
            ReadRange(database, lane, now, after, limit, found);
            after = new DueKey { State = RecipientState.Deferred };
        }
        return new DueWindow(found, ReadRange(database, lane, now, after, limit - found.Count, found));
    }

    /// <summary>Recipients of one state behind a key, at most so many.</summary>
    /// <returns>When the next one beyond them falls due. Null: there is none.</returns>
    DateTimeOffset? ReadRange(
        SqliteDatabase database, string lane, DateTimeOffset now, DueKey after, int limit,
        List<DueRecipient> found)
    {
        // The second condition on the state is what lets SQLite use the partial index.
        using var rows = database.Use(
            $"""
            SELECT {RecipientColumnsOf}, {MessageColumns}
            FROM recipient r INDEXED BY due LEFT JOIN message m ON m.id = r.message
            WHERE r.lane = ? AND r.state = ? AND r.state IN (0, 2)
                AND (r.due, r.message, r.number) > (?, ?, ?)
            ORDER BY r.due, r.message, r.number
            """);
        rows.BindText(1, lane).Bind(2, (long)after.State).Bind(3, after.DueAt.UtcTicks)
            .Bind(4, after.Message.Value).Bind(5, after.Number);
        var full = found.Count + limit;
        var known = new Dictionary<long, QueuedMessage>();
        while (rows.Step())
        {
            var at = rows.Long(4);
            if (found.Count == full || at > now.UtcTicks)
                return MomentOf(at);
            AddDue(found, known, rows);
        }
        return null;
    }

    void AddDue(List<DueRecipient> due, Dictionary<long, QueuedMessage> known, SqliteStatement rows)
    {
        var (id, number) = (rows.Long(0), rows.Long(1));
        if (rows.IsNull(9))
        {
            SetAside("recipient", id, number, "its message is missing");
            return;
        }
        if (TryReadMessage(rows, 9, known) is not { } message)
            return;
        if (TryReadRecipient(rows) is { } recipient)
            due.Add(new DueRecipient(message, recipient));
    }

    QueuedMessage? TryReadMessage(
        SqliteStatement rows, int column, Dictionary<long, QueuedMessage>? known = null)
    {
        var id = rows.Long(column);
        if (known?.TryGetValue(id, out var seen) == true)
            return seen;
        try
        {
            var message = RowCodec.ReadMessage(rows, column);
            known?.Add(id, message);
            return message;
        }
        catch (InvalidDataException damage)
        {
            SetAside("message", id, 0, damage.Message);
            return null;
        }
    }

    Recipient? TryReadRecipient(SqliteStatement rows)
    {
        try
        {
            return RowCodec.ReadRecipient(rows, 0);
        }
        catch (InvalidDataException damage)
        {
            SetAside("recipient", rows.Long(0), rows.Long(1), damage.Message);
            return null;
        }
    }

    /// <summary>In the order of the index: the first Ready one of a lane and its last Deferred one are the
    /// ends of a stretch.</summary>
    /// <remarks>Counting here takes less time than an aggregate of SQLite for each age.</remarks>
    static List<LaneTotal> ReadLanes(SqliteDatabase database, AgeColumns columns)
    {
        using var rows = database.Use(
            """
            SELECT lane, state, due, message FROM recipient INDEXED BY due WHERE state IN (0, 2)
            ORDER BY lane, state, due
            """);
        var lanes = new List<LaneCount>();
        while (rows.Step())
        {
            if (lanes is not [.., var lane] || !lane.Is(rows.Blob(0)))
                lanes.Add(lane = new LaneCount(rows.Blob(0)));
            var message = rows.Long(3);
            lane.Add(
                (RecipientState)rows.Long(1), rows.Long(2), new QueueId(message), columns.ColumnOf(message));
        }
        return [.. lanes.Select(lane => lane.Total)];
    }

    /// <summary>What is counted of one lane.</summary>
    sealed class LaneCount(ReadOnlySpan<byte> name)
    {
        readonly byte[] name = name.ToArray();
        readonly int[] ages = new int[AgeColumns.Count];
        long? firstTurn;
        long? lastDue;
        QueueId oldest = new(long.MaxValue);

        public LaneTotal Total => new(
            Encoding.UTF8.GetString(name), ages.Sum(), MomentOrNull(firstTurn), MomentOrNull(lastDue))
        {
            Oldest = oldest,
            ByAge = ages,
        };

        public bool Is(ReadOnlySpan<byte> other) => other.SequenceEqual(name);

        public void Add(RecipientState state, long due, QueueId message, int column)
        {
            ages[column]++;
            if (message < oldest)
                oldest = message;
            if (state == RecipientState.Ready)
                firstTurn ??= due;
            else
                lastDue = due;
        }

        static DateTimeOffset? MomentOrNull(long? ticks) => ticks is { } at ? MomentOf(at) : null;
    }

    static int[] CountHeld(SqliteDatabase database, AgeColumns columns)
    {
        using var rows = database.Use("SELECT message FROM recipient INDEXED BY held WHERE state = 3");
        var ages = new int[AgeColumns.Count];
        while (rows.Step())
            ages[columns.ColumnOf(rows.Long(0))]++;
        return ages;
    }

    /// <summary>One stretch of the table. Where the next one begins; null at the end.</summary>
    RecipientKey? ReadAbandoned(
        SqliteDatabase database, long epoch, RecipientKey after, int limit, List<Recipient> found)
    {
        using var rows = database.Use(
            $"""
            SELECT {RecipientColumnsOf} FROM recipient r
            WHERE (r.message, r.number) > (?, ?) ORDER BY r.message, r.number
            """);
        rows.Bind(1, after.Message.Value).Bind(2, (long)after.Number);
        for (var seen = 0; seen < RowsPerReadMax && found.Count < limit; seen++)
        {
            if (!rows.Step())
                return null;
            after = new RecipientKey(new QueueId(rows.Long(0)), (int)rows.Long(1));
            if (rows.Long(2) == (long)RecipientState.Active && rows.Long(5) < epoch
                && TryReadRecipient(rows) is { } recipient)
                found.Add(recipient);
        }
        return after;
    }

    StoredMessage? ReadMessage(SqliteDatabase database, QueueId id)
    {
        using var rows = database.Use($"SELECT {MessageColumns} FROM message m WHERE m.id = ?");
        rows.Bind(1, id.Value);
        return rows.Step() && TryReadMessage(rows, 0) is { } message
            ? new StoredMessage(message, ReadRecipients(database, id))
            : null;
    }

    List<Recipient> ReadRecipients(SqliteDatabase database, QueueId id)
    {
        using var rows = database.Use(
            $"""
            SELECT {RecipientColumnsOf} FROM recipient r
            WHERE r.message = ? AND r.state < {SetAsideState} ORDER BY r.number
            """);
        rows.Bind(1, id.Value);
        var recipients = new List<Recipient>();
        while (rows.Step())
        {
            if (TryReadRecipient(rows) is { } recipient)
                recipients.Add(recipient);
        }
        return recipients;
    }

    /// <summary>One stretch of messages. Where the next one begins; null at the end.</summary>
    QueueId? List(
        SqliteDatabase database, QueueFilterMatch match, QueueId key, ListOrder order, int limit,
        List<StoredMessage> found)
    {
        using var rows = database.Use(ListQuery(match.State, order));
        rows.Bind(1, key.Value);
        for (var seen = 0; seen < MessagesPerReadMax && found.Count < limit; seen++)
        {
            if (!rows.Step())
                return null;
            var id = new QueueId(rows.Long(0));
            // The index of held ones has a message once for each of them.
            if (id == key)
                continue;
            key = id;
            // The rest of the row is read only where it counts: most of a long queue may be in another state.
            if (match.State is { } state && !HasInState(database, key, state)
                || !match.Fits(MomentOf(rows.Long(1)))
                || TryReadMessage(rows, 0) is not { } message || !match.Fits(message))
                continue;
            var recipients = ReadRecipients(database, message.Id);
            if (match.Fits(recipients))
                found.Add(new StoredMessage(message, recipients));
        }
        return key;
    }

    /// <summary>Held ones have an index of their own: they may be few in a long queue.</summary>
    static string ListQuery(RecipientState? state, ListOrder order)
    {
        var (behind, direction) = order == ListOrder.OldestFirst ? (">", "ASC") : ("<", "DESC");
        return state == RecipientState.Held
            ? $"""
            SELECT {MessageColumns} FROM recipient r INDEXED BY held CROSS JOIN message m ON m.id = r.message
            WHERE r.state = 3 AND r.message {behind} ? ORDER BY r.message {direction}
            """
            : $"SELECT {MessageColumns} FROM message m WHERE m.id {behind} ? ORDER BY m.id {direction}";
    }

    static bool HasInState(SqliteDatabase database, QueueId id, RecipientState state)
    {
        using var rows = database.Use("SELECT 1 FROM recipient WHERE message = ? AND state = ? LIMIT 1");
        rows.Bind(1, id.Value).Bind(2, (long)state);
        return rows.Step();
    }

    /// <summary>Of ticks that may be damaged.</summary>
    static DateTimeOffset MomentOf(long ticks) =>
        new(Math.Clamp(ticks, 0, DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero);

    static List<StoredObject> ReadObjects(SqliteDatabase database, string kind)
    {
        using var rows = database.Use("SELECT name, json FROM object WHERE kind = ? ORDER BY name");
        rows.BindText(1, kind);
        var objects = new List<StoredObject>();
        while (rows.Step())
            objects.Add(new StoredObject(kind, rows.Text(0), rows.Blob(1).ToArray()));
        return objects;
    }

    static List<StoredObject> ListObjects(SqliteDatabase database, ObjectRange range)
    {
        var isForward = range.Before is null;
        using var rows = database.Use(
            $"""
            SELECT name, json FROM object WHERE kind = ? AND name > ? AND name < ?
            ORDER BY name {(isForward ? "ASC" : "DESC")} LIMIT ?
            """);
        var end = range.Prefix + ObjectRange.End;
        rows.BindText(1, range.Kind)
            .BindText(2, isForward ? Later(range.After, range.Prefix) : range.Prefix)
            .BindText(3, isForward || string.CompareOrdinal(range.Before, end) > 0 ? end : range.Before!)
            .Bind(4, range.Limit);
        var objects = new List<StoredObject>();
        while (rows.Step())
            objects.Add(new StoredObject(range.Kind, rows.Text(0), rows.Blob(1).ToArray()));
        if (!isForward)
            objects.Reverse();
        return objects;
    }

    static string Later(string? one, string other) =>
        string.CompareOrdinal(one, other) > 0 ? one! : other;

    static StoredObject? FindObject(SqliteDatabase database, string kind, string name)
    {
        using var rows = database.Use("SELECT json FROM object WHERE kind = ? AND name = ?");
        rows.BindText(1, kind).BindText(2, name);
        return rows.Step() ? new StoredObject(kind, name, rows.Blob(0).ToArray()) : null;
    }

    StoredContent? OpenContent(SqliteDatabase database, QueuedMessage message)
    {
        try
        {
            return ReadContent(database, message);
        }
        catch (SqliteFailure error) when (error.IsDamage)
        {
            throw DamagedContent(message, "its pages cannot be read");
        }
    }

    StoredContent? ReadContent(SqliteDatabase database, QueuedMessage message)
    {
        using var rows = database.Use("SELECT octets, sum, bytes FROM content WHERE id = ?");
        rows.Bind(1, message.Id.Value);
        if (!rows.Step())
            return null;
        var (octets, sum) = (rows.Long(0), (uint)rows.Long(1));
        if (message.ContentFile is { } name)
            return FileContent.Open(directory.ContentFile(name), octets, sum);
        var bytes = rows.Blob(2);
        var computed = new RowSum();
        computed.AddOctets(bytes);
        if (bytes.Length != octets || computed.Value != sum)
            throw DamagedContent(message, "its sum does not fit");
        var content = new PooledContent();
        content.Append(bytes);
        return content;
    }

    ContentDamagedException DamagedContent(QueuedMessage message, string why)
    {
        SetAside("content", message.Id.Value, 0, why);
        return new ContentDamagedException(message.Id.ToString(), why);
    }
}
