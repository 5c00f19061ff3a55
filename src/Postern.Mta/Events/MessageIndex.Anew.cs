using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>Cards and words of messages whose events were rewritten.</summary>
public sealed partial class MessageIndex
{
    /// <summary>Grows when events were rewritten: pages read before that are not taken in.</summary>
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
            var life = await store.ReadEventsOfAsync(id, cancel).ConfigureAwait(false);
            await WorkAsync(file => TakeAnew(file, id, life)).ConfigureAwait(false);
        }
    }

    int TakeOperated(SqliteDatabase file, IReadOnlyList<StoredEvent> events)
    {
        Interlocked.Increment(ref rewritings);
        return InTransaction(file, () =>
        {
            foreach (var (seq, fact) in events)
                file.Use("UPDATE operated SET actor = ?2, what = ?3 WHERE seq = ?1").Bind(1, seq)
                    .BindText(2, fact.Actor ?? "").BindText(3, fact.Why ?? "").Run();
            return events.Count;
        });
    }

    /// <summary>A message that has no card gets none.</summary>
    int TakeAnew(SqliteDatabase file, QueueId id, IReadOnlyList<StoredEvent> life)
    {
        Interlocked.Increment(ref rewritings);
        if (CardDraft.Find(file, id) is not { } old)
            return 0;
        return InTransaction(file, () =>
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
