using System.Runtime.CompilerServices;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    const int IndexWaitMs = 1000;
    const int IndexEventsMax = 1024;
    const int EventsPageMax = 500;
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
        ReadAsync<IReadOnlyList<StoredEvent>>(database => ReadEvents(database, message), cancel);

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
    List<StoredEvent> ReadEvents(SqliteDatabase database, QueueId message)
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
        while (rows.Step())
            AddEvent(events, rows);
        return events;
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

    /// <summary>Brings the search table on by a step, once a second or when many events wait.</summary>
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
