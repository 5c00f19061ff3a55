using System.Buffers;
using System.Runtime.InteropServices;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    const string InsertMessage = "INSERT INTO message(id, arrived, facts, prefix, sum) VALUES(?, ?, ?, ?, ?)";
    const string InsertContent = "INSERT INTO content(id, octets, sum, bytes) VALUES(?, ?, ?, ?)";
    const string InsertEvent =
        """
        INSERT INTO event(seq, message, at, kind, body, sum, id_key, to_key) VALUES(?, ?, ?, ?, ?, ?, ?, ?)
        """;

    const string InsertRecipient =
        """
        INSERT INTO recipient(message, number, state, lane, due, lease, keep, facts, sum)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """;

    const string InsertRecipientOfKnown =
        """
        INSERT INTO recipient(message, number, state, lane, due, lease, keep, facts, sum)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM message WHERE id = ?1
        """;

    const string UpdateRecipient =
        """
        UPDATE recipient SET state = ?3, lane = ?4, due = ?5, lease = ?6, keep = ?7, facts = ?8, sum = ?9
        WHERE message = ?1 AND number = ?2
        """;

    void Insert(NewMessage added, ReadOnlySpan<byte> facts)
    {
        var message = added.Message;
        var (id, arrived) = (message.Id.Value, message.ArrivedAt.UtcTicks);
        var prefix = message.Edits.Prefix.Span;
        var insert = writer.Use(InsertMessage).Bind(1, id).Bind(2, arrived).BindText(3, facts);
        if (prefix.IsEmpty)
            insert.BindNull(4);
        else
            insert.BindBlob(4, prefix);
        insert.Bind(5, RowCodec.SumOfMessage(id, arrived, facts, prefix)).Run();

        if (added.Content is { } content)
            InsertOctets(id, content);
        else if (message.ContentFile is { } name && files.TryGetValue(name, out var file))
            writer.Use(InsertContent).Bind(1, id).Bind(2, file.Octets).Bind(3, file.Sum).BindNull(4).Run();
        else
            throw new InvalidOperationException($"{message.Id} has neither content nor a flushed file.");
    }

    void InsertOctets(long id, StoredContent content)
    {
        if (!content.TryGetMemory(out var octets))
            throw new InvalidOperationException(
                "Content that is not in memory belongs in a file of its own.");
        var insert = writer.Use(InsertContent).Bind(1, id).Bind(2, octets.Length).Bind(3, RowSum.Of(octets));
        if (octets.IsSingleSegment)
        {
            insert.BindBlob(4, octets.FirstSpan).Run();
            return;
        }
        // Outside the managed heap: no large array, and SQLite copies it anyway.
        var length = checked((int)octets.Length);
        unsafe
        {
            var scratch = (byte*)NativeMemory.Alloc((nuint)length);
            try
            {
                octets.CopyTo(new Span<byte>(scratch, length));
                insert.BindBlob(4, new ReadOnlySpan<byte>(scratch, length)).Run();
            }
            finally
            {
                NativeMemory.Free(scratch);
            }
        }
    }

    void Put(Recipient recipient, ReadOnlySpan<byte> facts, ReadOnlySpan<byte> lane, bool isFresh)
    {
        if (isFresh)
        {
            Bind(InsertRecipient, recipient, facts, lane).Run();
            return;
        }
        Bind(UpdateRecipient, recipient, facts, lane).Run();
        if (writer.Changes > 0)
            return;
        Bind(InsertRecipientOfKnown, recipient, facts, lane).Run();
        if (writer.Changes == 0)
            throw new InvalidOperationException(
                $"Recipient {recipient.Number} of {recipient.Message}, which is gone.");
    }

    SqliteStatement Bind(string sql, Recipient recipient, ReadOnlySpan<byte> facts, ReadOnlySpan<byte> lane)
    {
        var columns = RecipientColumns.Of(recipient);
        return writer.Use(sql).Bind(1, columns.Message).Bind(2, columns.Number).Bind(3, columns.State)
            .BindText(4, lane).Bind(5, columns.Due).Bind(6, columns.Lease).Bind(7, columns.Keep)
                .BindText(8, facts)
            .Bind(9, columns.Sum(lane, facts));
    }

    void Insert(MailEvent fact, ReadOnlySpan<byte> body)
    {
        var seq = ++lastSeq;
        var (message, at, kind) = (fact.Message?.Value, fact.At.UtcTicks, (long)fact.Kind);
        writer.Use(InsertEvent).Bind(1, seq).Bind(2, message).Bind(3, at).Bind(4, kind).BindText(5, body)
            .Bind(6, RowCodec.SumOfEvent(seq, message ?? -1, at, kind, body))
            .Bind(7, SearchKey.Of(SearchKey.IdIn(fact)))
            .Bind(8, SearchKey.Of(SearchKey.RecipientIn(fact))).Run();
    }

    void Put(ObjectChange change)
    {
        if (change.Json is { } json)
        {
            writer.Use("INSERT OR REPLACE INTO object(kind, name, json) VALUES(?, ?, ?)")
                .BindText(1, change.Kind).BindText(2, change.Name).BindBlob(3, json.Span).Run();
        }
        else
        {
            writer.Use("DELETE FROM object WHERE kind = ? AND name = ?")
                .BindText(1, change.Kind).BindText(2, change.Name).Run();
        }
    }
}
