using System.Runtime.CompilerServices;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    const int IndexWaitMs = 1000;
    const int IndexEventsMax = 1024;
    const int EventsPageMax = 500;

    /// <summary>Events of one bucket of the search table, as a power of two.</summary>
    const int BucketBits = 16;

    static readonly TimeSpan EventsGather = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// The search table knows the events up to here. Written by the writer, read by readers.
    /// </summary>
    long indexed;

    long indexedAt;

    bool IsIndexBehind => Interlocked.Read(ref indexed) < lastSeq && !failed && !diskFull;

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredEvent> ReadCommittedAsync(
        [EnumeratorCancellation] CancellationToken cancel)
    {
        var seen = committed.Start;
        while (await committed.TakeAsync(seen, cancel).ConfigureAwait(false) is { } taken)
        {
            foreach (var fact in taken.Events)
            {
                if (fact.Seq > seen + 1)
                {
                    var gap = ReadRangeAsync(seen, fact.Seq - 1, cancel);
                    await foreach (var missed in gap.ConfigureAwait(false))
                        yield return missed;
                }
                seen = fact.Seq;
                yield return fact;
            }
            await foreach (var missed in ReadRangeAsync(seen, taken.Published, cancel).ConfigureAwait(false))
                yield return missed;
            seen = Math.Max(seen, taken.Published);
            // A busy store commits hundreds of times a second; its reader is not woken for each.
            await Task.Delay(EventsGather, TimeProvider.System, cancel).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(
        long seq, int limit, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<StoredEvent>>(database => ReadEvents(database, seq, limit), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsOfAsync(
        QueueId message, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<StoredEvent>>(
            database => ReadEventsOf(database, message, int.MaxValue), cancel);

    /// <inheritdoc/>
    public ValueTask<StoredEvent?> ReadFirstEventOfAsync(QueueId message, CancellationToken cancel) =>
        ReadAsync(database => ReadEventsOf(database, message, limit: 1).FirstOrDefault(), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredEvent>> FindEventsAsync(
        string text, int limit, CancellationToken cancel) =>
        ReadAsync<IReadOnlyList<StoredEvent>>(database => FindEvents(database, text, limit), cancel);

    async IAsyncEnumerable<StoredEvent> ReadRangeAsync(
        long after, long last, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (after < last)
        {
            var page = await ReadEventsAfterAsync(after, EventsPageMax, cancel).ConfigureAwait(false);
            if (page.Count == 0)
                yield break;
            foreach (var fact in page)
            {
                if (fact.Seq > last)
                    yield break;
                yield return fact;
            }
            after = page[^1].Seq;
        }
    }

    List<StoredEvent> ReadEvents(SqliteDatabase database, long after, int limit)
    {
        using var rows = database.Use(
            "SELECT seq, message, at, kind, body, sum FROM event WHERE seq > ? ORDER BY seq");
        rows.Bind(1, after);
        var events = new List<StoredEvent>();
        while (events.Count < limit && rows.Step())
            AddEvent(events, rows);
        return events;
    }

    /// <summary>From the search table, then from the tail it does not know yet; both in one read.</summary>
    List<StoredEvent> ReadEventsOf(SqliteDatabase database, QueueId message, int limit)
    {
        using var rows = database.Use(
            """
            SELECT seq, message, at, kind, body, sum FROM event
            WHERE seq IN (SELECT seq FROM event_of WHERE message = ?1)
            UNION ALL
            SELECT seq, message, at, kind, body, sum FROM event
            WHERE seq > (SELECT value FROM meta WHERE name = 'indexed') AND +message = ?1
            ORDER BY 1
            """);
        rows.Bind(1, message.Value);
        var events = new List<StoredEvent>();
        while (events.Count < limit && rows.Step())
            AddEvent(events, rows);
        return events;
    }

    /// <summary>From the tail the search table does not know yet, then bucket by bucket, newest first; all
    /// in one read.</summary>
    List<StoredEvent> FindEvents(SqliteDatabase database, string text, int limit)
    {
        var found = new List<StoredEvent>();
        if (SearchKey.Of(text) is not { } key)
            return found;
        database.Execute("BEGIN");
        try
        {
            var known = database.Scalar("SELECT value FROM meta WHERE name = 'indexed'");
            using (var rows = database.Use(
                """
                SELECT seq, message, at, kind, body, sum FROM event
                WHERE seq > ?1 AND (id_key = ?2 OR to_key = ?2) ORDER BY seq DESC
                """))
            {
                AddFound(found, rows.Bind(1, known).Bind(2, key), text, limit);
            }
            var first = database.Scalar("SELECT coalesce(min(seq), 0) FROM event") >> BucketBits;
            for (var bucket = known >> BucketBits; bucket >= first && found.Count < limit; bucket--)
            {
                using var rows = database.Use(
                    """
                    SELECT e.seq, e.message, e.at, e.kind, e.body, e.sum
                    FROM search s JOIN event e ON e.seq = s.seq
                    WHERE s.bucket = ? AND s.key = ? ORDER BY s.seq DESC
                    """);
                AddFound(found, rows.Bind(1, bucket).Bind(2, key), text, limit);
            }
            return found;
        }
        finally
        {
            database.Execute("COMMIT");
        }
    }

    /// <summary>Keys are sums: the text itself decides.</summary>
    void AddFound(List<StoredEvent> found, SqliteStatement rows, string text, int limit)
    {
        while (found.Count < limit && rows.Step())
        {
            AddEvent(found, rows);
            if (found.Count > 0 && !SearchKey.Fits(found[^1].Event, text))
                found.RemoveAt(found.Count - 1);
        }
    }

    void AddEvent(List<StoredEvent> events, SqliteStatement rows)
    {
        try
        {
            events.Add(RowCodec.ReadEvent(rows));
        }
        catch (InvalidDataException damage)
        {
            SetAside("event", rows.Long(0), 0, damage.Message);
        }
    }

    static string FillSearch(string column) =>
        $"""
        INSERT OR IGNORE INTO search(bucket, key, seq)
        SELECT seq >> {BucketBits}, {column}, seq FROM event
        WHERE seq > ? AND seq <= ? AND {column} IS NOT NULL ORDER BY 1, 2, 3
        """;

    /// <summary>Brings the search tables on by a step, once a second or when many events wait.</summary>
    void IndexSomeEvents()
    {
        if (!IsIndexBehind)
            return;
        var now = clock.GetTimestamp();
        var behind = lastSeq - indexed;
        if (behind < IndexEventsMax
            && clock.GetElapsedTime(indexedAt, now).TotalMilliseconds < IndexWaitMs)
            return;
        indexedAt = now;
        var to = Math.Min(lastSeq, indexed + (2 * IndexEventsMax));
        try
        {
            writer.Use("BEGIN IMMEDIATE").Run();
            writer.Use(
                """
                INSERT OR IGNORE INTO event_of(message, seq)
                SELECT message, seq FROM event
                WHERE seq > ? AND seq <= ? AND message IS NOT NULL ORDER BY 1, 2
                """).Bind(1, indexed).Bind(2, to).Run();
            writer.Use(FillSearch("id_key")).Bind(1, indexed).Bind(2, to).Run();
            writer.Use(FillSearch("to_key")).Bind(1, indexed).Bind(2, to).Run();
            writer.Use("UPDATE meta SET value = ? WHERE name = 'indexed'").Bind(1, to).Run();
            flushesLater = true;
            Commit();
            Interlocked.Exchange(ref indexed, to);
        }
        catch (SqliteFailure error)
        {
            RollBack();
            if (error.IsFatal)
                Fail(error.Message);
            else
                diskFull |= error.IsFull;
        }
    }
}
