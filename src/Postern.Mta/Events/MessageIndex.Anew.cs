using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>Cards and words of messages whose events were rewritten.</summary>
public sealed partial class MessageIndex
{
    /// <summary>Pages that one step of a merge writes: some milliseconds.</summary>
    const int MergePagesMax = 500;

    /// <summary>Fewer changes say that there was nothing to merge.</summary>
    const int MergedMin = 2;

    const int TruncateMode = 3; // SQLITE_CHECKPOINT_TRUNCATE

    /// <summary>Grows when events were rewritten, or the file was made anew: pages read before that are not
    /// taken in.</summary>
    int rewritings;

    /// <summary>Makes the cards of messages anew from their events, and follows what operators did.</summary>
    /// <param name="events">Rewritten ones of no message.</param>
    /// <exception cref="StoreException">The events cannot be read.</exception>
    internal async ValueTask TakeAnewAsync(
        IReadOnlyList<QueueId> messages, IReadOnlyList<StoredEvent> events, CancellationToken cancel)
    {
        await OpenAsync().ConfigureAwait(false);
        await WorkAsync(file => TakeOperated(file, events)).ConfigureAwait(false);
        foreach (var id in messages)
        {
            var read = 0L;
            IReadOnlyList<StoredEvent> life;
            do
                life = await store.ReadEventsOfAsync(id, cancel).ConfigureAwait(false);
            while (await WorkAsync(file => TakeAnew(file, id, life, ref read)).ConfigureAwait(false)
                == ReadAgain);
        }
    }

    /// <summary>After cards were made anew: what stood on the old ones is overwritten, and of the words that
    /// nobody finds any more none is left; then all of it is on the disk.</summary>
    /// <remarks>FTS5 only marks a row that is gone; its words go when what has such marks is merged
    /// (https://sqlite.org/fts5.html, "merge"): a little at a time, so that others have their turn.</remarks>
    /// <exception cref="StoreException">The file cannot be written.</exception>
    internal async ValueTask WipeAsync(CancellationToken cancel)
    {
        // The sign means: from the beginning, and all of them.
        for (var pages = -MergePagesMax;
            await WorkAsync(file => Merge(file, pages)).ConfigureAwait(false) >= MergedMin;
            pages = MergePagesMax)
            cancel.ThrowIfCancellationRequested();
        await WorkAsync(static file => file.Checkpoint(TruncateMode).Logged).ConfigureAwait(false);
    }

    /// <returns>Rows that were changed; that nothing was left to merge is one of them.</returns>
    static int Merge(SqliteDatabase file, int pages) => Wiping(file, () =>
    {
        var before = file.TotalChanges;
        file.Use("INSERT INTO words(words, rank) VALUES ('merge', ?1)").Bind(1, pages).Run();
        return file.TotalChanges - before;
    });

    /// <summary>What is deleted meanwhile is overwritten with zeroes.</summary>
    static int Wiping(SqliteDatabase file, Func<int> work)
    {
        file.Execute("PRAGMA secure_delete=ON");
        try
        {
            return InTransaction(file, work);
        }
        finally
        {
            file.Execute("PRAGMA secure_delete=FAST");
        }
    }

    int TakeOperated(SqliteDatabase file, IReadOnlyList<StoredEvent> events)
    {
        Interlocked.Increment(ref rewritings);
        return Wiping(file, () =>
        {
            foreach (var (seq, fact) in events)
                file.Use("UPDATE operated SET actor = ?2, what = ?3 WHERE seq = ?1").Bind(1, seq)
                    .BindText(2, fact.Actor ?? "").BindText(3, fact.Why ?? "").Run();
            return events.Count;
        });
    }

    /// <summary>A message that has no card gets none.</summary>
    /// <param name="read">All that the store keeps up to there stands in the life.</param>
    int TakeAnew(SqliteDatabase file, QueueId id, IReadOnlyList<StoredEvent> life, ref long read)
    {
        Interlocked.Increment(ref rewritings);
        if (CardDraft.Find(file, id) is not { } old)
            return 0;
        // The card knows of later events than were read here, and nobody reads those again. Those that are
        // not there the next time are kept no more.
        if (life is [.., var last] && last.Seq < old.LastSeq && read < old.LastSeq)
        {
            read = old.LastSeq;
            return ReadAgain;
        }
        return Wiping(file, () =>
        {
            RemoveCard(file, id.Value, old.StoredState!.Value);
            var draft = new CardDraft(id);
            foreach (var stored in life.Where(stored => stored.Seq <= place.Seq))
                draft.Apply(stored);
            Count(file, draft.State, +1);
            draft.Write(file);
            return 1;
        });
    }

    static void RemoveCard(SqliteDatabase file, long id, Fate state)
    {
        Count(file, state, -1);
        file.Use("DELETE FROM card WHERE id = ?1").Bind(1, id).Run();
        file.Use("DELETE FROM crowd WHERE id = ?1").Bind(1, id).Run();
        file.Use("DELETE FROM words WHERE rowid = ?1").Bind(1, id).Run();
    }

    static int InTransaction(SqliteDatabase file, Func<int> work)
    {
        file.Execute("BEGIN IMMEDIATE");
        try
        {
            var done = work();
            file.Execute("COMMIT");
            return done;
        }
        catch (SqliteFailure)
        {
            file.RollBack();
            throw;
        }
    }
}
