using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

public sealed partial class MessageIndex
{
    /// <summary>Events of one batch, whole or not at all: a message is read and written once.</summary>
    int Take(SqliteDatabase file, IReadOnlyList<StoredEvent> events)
    {
        var drafts = new Dictionary<QueueId, CardDraft>();
        var oldest = clock.GetUtcNow() - keep();
        var last = new Place(events[^1].Seq, events[^1].Event.At.UtcTicks);
        file.Execute("BEGIN IMMEDIATE");
        try
        {
            foreach (var stored in events)
                Take(file, drafts, stored, oldest);
            foreach (var draft in drafts.Values)
            {
                Count(file, draft.StoredState, -1);
                Count(file, draft.State, +1);
                draft.Write(file);
            }
            WritePlace(file, last);
            file.Execute("COMMIT");
        }
        catch (SqliteFailure)
        {
            file.RollBack();
            throw;
        }
        place = last;
        Interlocked.Exchange(ref indexedTo, last.At);
        return drafts.Count;
    }

    static void Take(
        SqliteDatabase file, Dictionary<QueueId, CardDraft> drafts, StoredEvent stored, DateTimeOffset oldest)
    {
        var fact = stored.Event;
        if (fact.Kind == EventKind.Operated)
        {
            file.Use("INSERT OR REPLACE INTO operated VALUES (?1, ?2, ?3, ?4, ?5)").Bind(1, stored.Seq)
                .Bind(2, fact.At.UtcTicks).BindText(3, fact.Actor ?? "").BindText(4, fact.Why ?? "")
                .Bind(5, fact.RecipientCount).Run();
            return;
        }
        if (fact.Message is not { } id)
            return;
        if (!drafts.TryGetValue(id, out var draft))
        {
            draft = CardDraft.Find(file, id);
            // What is told of a message whose card went with its age does not bring it back.
            if (draft is null && fact.Kind != EventKind.Accepted && id.At < oldest)
                return;
            drafts[id] = draft ??= new CardDraft(id);
        }
        draft.Apply(stored);
    }

    static void Count(SqliteDatabase file, Fate? state, int difference)
    {
        if (state is { } known)
            file.Use("INSERT INTO tally VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + ?2")
                .Bind(1, (long)known).Bind(2, difference).Run();
    }

    static Place ReadPlace(SqliteDatabase file) => new(
        file.Scalar("SELECT value FROM meta WHERE name = 'seq'"),
        CardDraft.MomentOf(file.Scalar("SELECT value FROM meta WHERE name = 'at'")).UtcTicks);

    static void WritePlace(SqliteDatabase file, Place place) =>
        file.Use("INSERT OR REPLACE INTO meta VALUES ('seq', ?1), ('at', ?2)")
            .Bind(1, place.Seq).Bind(2, place.At).Run();

    static int Sweep(SqliteDatabase file, DateTimeOffset before)
    {
        file.Execute("BEGIN IMMEDIATE");
        try
        {
            var old = new List<(long Id, Fate State)>();
            using (var rows = file.Use("SELECT id, at, state FROM card ORDER BY id LIMIT ?1"))
            {
                rows.Bind(1, SweepRowsMax);
                while (rows.Step() && rows.Long(1) < before.UtcTicks)
                    old.Add((rows.Long(0), (Fate)rows.Long(2)));
            }
            foreach (var (id, state) in old)
                RemoveCard(file, id, state);
            file.Use("DELETE FROM operated WHERE seq IN "
                    + "(SELECT seq FROM operated WHERE at < ?1 ORDER BY seq LIMIT ?2)")
                .Bind(1, before.UtcTicks).Bind(2, SweepRowsMax).Run();
            file.Execute("COMMIT");
            return old.Count;
        }
        catch (SqliteFailure)
        {
            file.RollBack();
            throw;
        }
    }
}
