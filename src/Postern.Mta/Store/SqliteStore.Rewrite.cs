using Postern.Mta.Events;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    /// <summary>Puts other facts into rows of events; what stood there is overwritten, not only
    /// unlinked.</summary>
    /// <param name="part">The encoded part of the first one.</param>
    void Rewrite(WriteRequest request, List<StoredEvent> rewritten, int part)
    {
        writer.Execute("PRAGMA secure_delete=ON");
        try
        {
            foreach (var stored in rewritten)
                Rewrite(stored, request.Part(part++));
        }
        finally
        {
            writer.Execute("PRAGMA secure_delete=OFF");
        }
    }

    void Rewrite(StoredEvent stored, ReadOnlySpan<byte> body)
    {
        var (seq, fact) = (stored.Seq, stored.Event);
        var (message, at, kind) = (fact.Message?.Value, fact.At.UtcTicks, (long)fact.Kind);
        long? idKey, toKey;
        using (var rows = writer.Use("SELECT message, at, kind, id_key, to_key FROM event WHERE seq = ?"))
        {
            if (!rows.Bind(1, seq).Step())
                return;
            if (rows.LongOrNull(0) != message || rows.Long(1) != at || rows.Long(2) != kind)
                throw new InvalidOperationException($"Event {seq} is another one.");
            (idKey, toKey) = (rows.LongOrNull(3), rows.LongOrNull(4));
        }
        var (newId, newTo) = (SearchKey.Of(SearchKey.IdIn(fact)), SearchKey.Of(SearchKey.RecipientIn(fact)));
        writer.Use("UPDATE event SET body = ?2, sum = ?3, id_key = ?4, to_key = ?5 WHERE seq = ?1")
            .Bind(1, seq).BindText(2, body)
            .Bind(3, RowCodec.SumOfEvent(seq, message ?? -1, at, kind, body))
            .Bind(4, newId).Bind(5, newTo).Run();
        // What the search table does not know yet comes into it with the new keys.
        if (seq > indexed || (idKey == newId && toKey == newTo))
            return;
        DropSearched(seq, idKey);
        DropSearched(seq, toKey);
        AddSearched(seq, newId);
        AddSearched(seq, newTo);
    }

    void AddSearched(long seq, long? key)
    {
        if (key is { } known)
            writer.Use("INSERT OR IGNORE INTO search(bucket, key, seq) VALUES(?, ?, ?)")
                .Bind(1, seq >> BucketBits).Bind(2, known).Bind(3, seq).Run();
    }
}
