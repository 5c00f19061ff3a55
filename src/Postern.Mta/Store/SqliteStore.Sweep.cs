using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    const int SweepMessagesMax = 125;

    /// <summary>Of one commit where few wait to be dropped: mail that comes one by one meets such commits
    /// often, and waits no longer than for a flush.</summary>
    const int SweepMessagesFew = 16;

    /// <summary>More than these, and larger commits cost less for each.</summary>
    const int FewCandidates = 2000;
    const int SweepEventsMax = 500;
    const int CandidatesMax = 200_000;

    /// <summary>Free pages that stay for the mail to come, and pages given back in one step.</summary>
    const int FreePagesKept = 4096;

    const int FreePagesPerStep = 256;

    /// <summary>So many events between two steps, and pages are given back one step a round only: moving
    /// them would take half of the writer from a queue that drains.</summary>
    const int BusyEventsMin = 200;

    long seqAtStep;

    readonly Lock candidateGate = new();
    readonly Queue<long> candidates = new();

    /// <summary>At most so often a look through all messages begins for those that were only kept.</summary>
    static readonly TimeSpan LookInterval = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Where the look through all messages stands; only the sweep's. Null: none is under way.
    /// </summary>
    QueueId? lookedAt;

    DateTimeOffset lookBeganAt;

    /// <summary>Candidates were forgotten. So they are at a start.</summary>
    bool lookWanted = true;

    /// <summary>The first moment at which a kept message may go, as far as is known.</summary>
    long keptUntil = long.MaxValue;

    /// <inheritdoc/>
    public async ValueTask<int> SweepAsync(
        DateTimeOffset now, DateTimeOffset eventsBefore, CancellationToken cancel)
    {
        var ids = TakeCandidates(now);
        while (ids.Count == 0 && lookedAt is { } from)
            lookedAt = await ReadAsync(database =>
                Look(database, from, now, ids), cancel).ConfigureAwait(false);
        var gone = 0;
        if (ids.Count > 0)
        {
            ids.Sort();
            foreach (var part in ids.Chunk(IsFewLeft() ? SweepMessagesFew : SweepMessagesMax))
                gone += await DropAsync(part, now).ConfigureAwait(false);
            return Math.Max(gone, 1);
        }
        await RunAsync(() => gone = DropEvents(eventsBefore)).ConfigureAwait(false);
        if (gone == 0)
            await RunAsync(() => gone = GiveBackPages()).ConfigureAwait(false);
        return gone;
    }

    async ValueTask<int> DropAsync(long[] ids, DateTimeOffset now)
    {
        var gone = 0;
        var unlink = new List<string>();
        try
        {
            await RunAsync(() => gone = Drop(ids, now, unlink)).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            lock (candidateGate)
                lookWanted = true;
            throw;
        }
        // There are free pages now: the next one may try.
        diskFull &= gone == 0;
        foreach (var name in unlink)
            Unlink(name);
        return gone;
    }

    bool IsFewLeft()
    {
        lock (candidateGate)
            return candidates.Count < FewCandidates;
    }

    /// <summary>
    /// Notes whose recipient is done now; more than it can hold means another look through the table.
    /// </summary>
    void RememberDone(List<Recipient> recipients)
    {
        foreach (var recipient in recipients)
        {
            if (recipient.State != RecipientState.Done)
                continue;
            lock (candidateGate)
            {
                if (recipient.KeepUntil is { } keep)
                    keptUntil = Math.Min(keptUntil, keep.UtcTicks);
                else if (candidates.Count < CandidatesMax)
                    candidates.Enqueue(recipient.Message.Value);
                else
                    lookWanted = true;
            }
        }
    }

    List<long> TakeCandidates(DateTimeOffset now)
    {
        var ids = new List<long>();
        lock (candidateGate)
        {
            while (ids.Count < SweepMessagesMax && candidates.TryDequeue(out var id))
            {
                // One message of many recipients is looked at once for those that ended together.
                if (ids.Count == 0 || ids[^1] != id)
                    ids.Add(id);
            }
            var isKeptDue = keptUntil <= now.UtcTicks && (now - lookBeganAt).Duration() >= LookInterval;
            if (lookedAt is null && (lookWanted || isKeptDue))
                (lookedAt, lookBeganAt, lookWanted, keptUntil) = (new QueueId(0), now, false, long.MaxValue);
        }
        return ids;
    }

    /// <summary>
    /// Looks at one stretch of messages for those that may go. Where to go on; null at the end.
    /// </summary>
    QueueId? Look(SqliteDatabase database, QueueId after, DateTimeOffset now, List<long> ids)
    {
        using var rows = database.Use(
            $"""
            SELECT message, min(state), max(state), max(keep) FROM recipient
            WHERE message > ? GROUP BY message ORDER BY message
            """);
        rows.Bind(1, after.Value);
        const long done = (long)RecipientState.Done;
        for (var seen = 0; seen < RowsPerReadMax / 5 && ids.Count < SweepMessagesMax; seen++)
        {
            if (!rows.Step())
                return null;
            after = new QueueId(rows.Long(0));
            if (rows.Long(1) != done || rows.Long(2) != done)
                continue;
            if (rows.LongOrNull(3) is not { } keep || keep <= now.UtcTicks)
                ids.Add(after.Value);
            else
                lock (candidateGate)
                    keptUntil = Math.Min(keptUntil, keep);
        }
        return after;
    }

    int Drop(long[] ids, DateTimeOffset now, List<string> unlink)
    {
        var gone = 0;
        var greatest = 0L;
        foreach (var id in ids)
        {
            try
            {
                if (!MayGo(id, now))
                    continue;
                if (FileOf(id) is { } name)
                    unlink.Add(name);
                gone += DropOne(id);
                greatest = id;
            }
            catch (SqliteFailure error) when (error.IsDamage)
            {
                LogSweepSkipped(new QueueId(id).ToString(), error.Message);
            }
        }
        if (greatest > 0)
            writer.Use("UPDATE meta SET value = max(value, ?) WHERE name = 'last_id'").Bind(1, greatest)
                .Run();
        // A file may go once it is sure that no row names it.
        flushesLater = unlink.Count == 0;
        return gone;
    }

    bool MayGo(long id, DateTimeOffset now)
    {
        using var rows = writer.Use(
            "SELECT count(*), sum(state <> 4 OR coalesce(keep, 0) > ?2) FROM recipient WHERE message = ?1");
        rows.Bind(1, id).Bind(2, now.UtcTicks);
        return rows.Step() && rows.Long(0) > 0 && rows.Long(1) == 0;
    }

    string? FileOf(long id)
    {
        using (var content = writer.Use("SELECT bytes IS NULL FROM content WHERE id = ?").Bind(1, id))
        {
            if (!content.Step() || content.Long(0) == 0)
                return null;
        }
        using var rows = writer.Use("SELECT facts ->> 'f' FROM message WHERE id = ?").Bind(1, id);
        return rows.Step() && !rows.IsNull(0) ? rows.Text(0) : null;
    }

    int DropOne(long id)
    {
        writer.Use("DELETE FROM content WHERE id = ?").Bind(1, id).Run();
        var gone = writer.Changes;
        writer.Use("DELETE FROM message WHERE id = ?").Bind(1, id).Run();
        gone += writer.Changes;
        writer.Use("DELETE FROM recipient WHERE message = ?").Bind(1, id).Run();
        return gone + writer.Changes;
    }

    /// <summary>
    /// Drops old events from the oldest on. The last one stays: it keeps the seq from beginning anew.
    /// </summary>
    int DropEvents(DateTimeOffset before)
    {
        var old = new List<(long Seq, long? Message, long? IdKey, long? ToKey)>();
        using (var rows = writer.Use(
            "SELECT seq, message, at, id_key, to_key FROM event WHERE seq < ? ORDER BY seq LIMIT ?"))
        {
            rows.Bind(1, Math.Min(lastSeq, indexed)).Bind(2, SweepEventsMax);
            while (rows.Step())
            {
                if (rows.Long(2) < before.UtcTicks)
                    old.Add((rows.Long(0), rows.LongOrNull(1), rows.LongOrNull(3), rows.LongOrNull(4)));
            }
        }
        foreach (var (seq, message, idKey, toKey) in old)
        {
            DropSearched(seq, idKey);
            DropSearched(seq, toKey);
            writer.Use("DELETE FROM event WHERE seq = ?").Bind(1, seq).Run();
            if (message is { } id)
                writer.Use("DELETE FROM event_of WHERE message = ? AND seq = ?").Bind(1, id)
                    .Bind(2, seq).Run();
        }
        flushesLater = true;
        return old.Count;
    }

    void DropSearched(long seq, long? key)
    {
        if (key is { } known)
            writer.Use("DELETE FROM search WHERE bucket = ? AND key = ? AND seq = ?")
                .Bind(1, seq >> BucketBits).Bind(2, known).Bind(3, seq).Run();
    }

    int GiveBackPages()
    {
        var free = writer.Scalar("PRAGMA freelist_count");
        flushesLater = true;
        var spare = free - Math.Max(FreePagesKept, writer.Scalar("PRAGMA page_count") / 4);
        if (spare <= 0)
            return 0;
        var pages = (int)Math.Min(spare, FreePagesPerStep);
        writer.Use(string.Create(null, $"PRAGMA incremental_vacuum({pages})")).Run();
        var isBusy = lastSeq - seqAtStep > BusyEventsMin && Health != StoreHealth.Full;
        seqAtStep = lastSeq;
        return isBusy ? 0 : pages;
    }

    void Unlink(string name)
    {
        if (!NativeFile.TryUnlink(directory.ContentFile(name)))
            LogFileLeft(name);
    }

    /// <summary>
    /// Removes the files of content that was never committed, or whose row is gone already.
    /// </summary>
    void RemoveOrphans()
    {
        var removed = 0;
        foreach (var path in Directory.EnumerateFiles(directory.Contents))
        {
            var name = Path.GetFileName(path);
            if (!QueueId.TryParse(name, out var id) || FileOf(id.Value) == name)
                continue;
            Unlink(name);
            removed++;
        }
        if (removed > 0)
            LogOrphansRemoved(removed);
    }
}
