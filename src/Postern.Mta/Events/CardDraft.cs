using System.Buffers.Binary;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>One message's card while events change it.</summary>
/// <remarks>The fate of each of the first <see cref="RecipientsMax"/> recipients is known by its number, so
/// that each is counted once; of further ones there are counts alone, as near as their events tell.</remarks>
sealed class CardDraft(QueueId id)
{
    /// <summary>As many as an envelope may have by default; lists have more.</summary>
    public const int RecipientsMax = 1000;

    /// <summary>Shown on the card; all others are only found by.</summary>
    public const int ShownMax = 10;

    const int TagsMax = 10;

    /// <summary>A fate, from 1, and the ticks since when.</summary>
    const int EntryOctets = 9;

    const string Columns = "at, sender, recipients, subject, tags, door, account, octets, message_id, "
        + "failed, expired, held, waiting, delayed, relayed, cancelled, delivered, expanded, flags, state, "
        + "last_seq";

    const int CountsColumn = 9;

    readonly int[] counts = new int[Fates.Count];
    readonly List<string> addresses = [];
    List<string> tags = [];
    byte[] fates = [];
    DateTimeOffset at = id.At;
    string? sender, subject, account, messageId;
    string door = "";
    long? octets;
    CardMarks marks;
    long lastSeq;
    int addressesStored;
    bool haveWordsChanged;

    public QueueId Id => id;

    /// <summary>Of the last event that it knows.</summary>
    public long LastSeq => lastSeq;

    /// <summary>As the file has it. Null: it has none.</summary>
    public Fate? StoredState { get; private set; }

    public Fate State => (Fate)Math.Max(0, Array.FindIndex(counts, count => count > 0)) is var first
        && counts[(int)first] > 0 ? first : Fate.Waiting;

    public void Apply(StoredEvent stored)
    {
        var fact = stored.Event;
        lastSeq = stored.Seq;
        Learn(fact);
        if (fact.Uncertain)
            marks |= CardMarks.Uncertain;
        marks |= MarkOf(fact.Kind);
        if (fact.Recipient is not { } number || number < 1)
            return;
        if (number > RecipientsMax)
            CountAbove(fact);
        else
            Move(fact, number);
    }

    void Learn(MailEvent fact)
    {
        if (fact.Kind == EventKind.Accepted && octets is null)
        {
            at = fact.At;
            octets = fact.ContentOctets;
            account = fact.Client?.Account;
            door = fact.Client is { Listener.Length: > 0 } client ? client.Listener
                : fact.Client?.Protocol ?? "";
        }
        haveWordsChanged |= (sender is null && fact.Sender is not null)
            || (messageId is null && fact.MessageId is not null)
            || (subject is null && fact.Subject is not null)
            || (tags.Count == 0 && fact.Options is { Tags.Count: > 0 });
        sender ??= fact.Sender;
        messageId ??= fact.MessageId;
        subject ??= fact.Subject;
        if (tags.Count == 0 && fact.Options is { } options)
            tags = [.. options.Tags.Take(TagsMax)];
    }

    static CardMarks MarkOf(EventKind kind) => kind switch
    {
        EventKind.Opened => CardMarks.Opened,
        EventKind.Clicked => CardMarks.Clicked,
        EventKind.Complained => CardMarks.Complained,
        EventKind.Unsubscribed => CardMarks.Unsubscribed,
        EventKind.DeadLettered => CardMarks.DeadLetter,
        _ => CardMarks.None,
    };

    void Move(MailEvent fact, int number)
    {
        var end = number * EntryOctets;
        if (fates.Length < end)
            Array.Resize(ref fates, end);
        var entry = fates.AsSpan(end - EntryOctets, EntryOctets);
        if (entry[0] == 0)
        {
            Put(entry, Fate.Waiting, fact.At);
            counts[(int)Fate.Waiting]++;
            if (fact.RecipientAddress is { } address)
            {
                addresses.Add(address);
                haveWordsChanged = true;
            }
        }
        var (known, since) = ((Fate)(entry[0] - 1),
            new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(entry[1..]), TimeSpan.Zero));
        var moment = fact.Remote?.At ?? fact.At;
        if (Fates.Of(fact) is not { } fate || !Fates.Gives(known, since, fate, moment))
            return;
        counts[(int)known]--;
        counts[(int)fate]++;
        Put(entry, fate, moment);
    }

    static void Put(Span<byte> entry, Fate fate, DateTimeOffset since)
    {
        entry[0] = (byte)(fate + 1);
        BinaryPrimitives.WriteInt64LittleEndian(entry[1..], since.UtcTicks);
    }

    void CountAbove(MailEvent fact)
    {
        if (Fates.Of(fact) is not { } fate)
            return;
        Fate? before = fact.Kind switch
        {
            EventKind.Accepted => null,
            EventKind.Released => Fate.Held,
            _ when fate == Fate.Waiting => Fate.Waiting,
            _ => fact.Remote is null ? Fate.Waiting : Fate.Relayed,
        };
        if (before is { } from && counts[(int)from] > 0)
            counts[(int)from]--;
        counts[(int)fate]++;
    }

    /// <summary>What the file knows of the message. Null: nothing.</summary>
    public static CardDraft? Find(SqliteDatabase file, QueueId id)
    {
        using var rows = file.Use($"SELECT {Columns}, fates FROM card WHERE id = ?1");
        if (!rows.Bind(1, id.Value).Step())
            return null;
        var card = Read(id, rows, column: 0);
        var draft = new CardDraft(id)
        {
            at = card.At,
            sender = card.Sender,
            subject = card.Subject,
            account = card.Account,
            messageId = card.MessageId.Length == 0 ? null : card.MessageId,
            door = card.Door,
            octets = card.Octets,
            tags = [.. card.Tags],
            marks = card.Marks,
            lastSeq = card.LastSeq,
            fates = FatesOf(rows.Blob(CountsColumn + Fates.Count + 3)),
            StoredState = card.State,
        };
        for (var i = 0; i < Fates.Count; i++)
            draft.counts[i] = card.Counts[i];
        draft.addresses.AddRange(card.Recipients);
        if (card.Recipients.Count == ShownMax)
            draft.AddCrowd(file);
        draft.addressesStored = draft.addresses.Count;
        return draft;
    }

    static byte[] FatesOf(ReadOnlySpan<byte> stored)
    {
        if (stored.Length % EntryOctets != 0 || stored.Length > RecipientsMax * EntryOctets)
            throw SqliteFailure.Damage("fates on a card are cut");
        for (var at = 0; at < stored.Length; at += EntryOctets)
        {
            if (stored[at] > Fates.Count)
                throw SqliteFailure.Damage("a card tells of a fate that there is not");
            MomentOf(BinaryPrimitives.ReadInt64LittleEndian(stored[(at + 1)..]));
        }
        return stored.ToArray();
    }

    /// <exception cref="SqliteFailure">It is none.</exception>
    public static DateTimeOffset MomentOf(long ticks) =>
        ticks >= 0 && ticks <= DateTimeOffset.MaxValue.UtcTicks ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : throw SqliteFailure.Damage("what should be a moment is none");

    static Fate FateOf(long state) => state is >= 0 and < Fates.Count ? (Fate)state
        : throw SqliteFailure.Damage("a card tells of a state that there is not");

    void AddCrowd(SqliteDatabase file)
    {
        using var rows = file.Use("SELECT addresses FROM crowd WHERE id = ?1");
        if (rows.Bind(1, id.Value).Step())
            addresses.AddRange(Split(rows.Text(0)));
    }

    /// <summary>The card as it is shown; its columns begin at <paramref name="column"/>.</summary>
    static IndexCard Read(QueueId id, SqliteStatement rows, int column)
    {
        var counts = new int[Fates.Count];
        for (var i = 0; i < counts.Length; i++)
            counts[i] = (int)rows.Long(column + CountsColumn + i);
        var rest = column + CountsColumn + Fates.Count;
        return new IndexCard(
            id, MomentOf(rows.Long(column)), rows.Text(column + 1),
            Split(rows.Text(column + 2)), TextOrNull(rows, column + 3), Split(rows.Text(column + 4)),
            rows.Text(column + 5), TextOrNull(rows, column + 6), rows.LongOrNull(column + 7),
            rows.Text(column + 8), FateOf(rows.Long(rest + 1)), counts, (CardMarks)rows.Long(rest),
            rows.Long(rest + 2));
    }

    /// <summary>The card of an id and the columns of <see cref="Select"/>.</summary>
    public static IndexCard ReadCard(SqliteStatement rows) => Read(new QueueId(rows.Long(0)), rows, 1);

    /// <summary>What <see cref="ReadCard"/> reads.</summary>
    public const string Select = $"SELECT id, {Columns} FROM card";

    public void Write(SqliteDatabase file)
    {
        const string all = $"INSERT OR REPLACE INTO card(id, {Columns}, fates) VALUES (?1, ?2, ?3, ?4, ?5, "
            + "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
        var row = file.Use(all).Bind(1, id.Value).Bind(2, at.UtcTicks).BindText(3, sender ?? "")
            .BindText(4, string.Join('\n', addresses.Take(ShownMax)));
        Bind(row, 5, subject).BindText(6, string.Join('\n', tags)).BindText(7, door);
        Bind(row, 8, account).Bind(9, octets).BindText(10, messageId ?? "");
        for (var i = 0; i < counts.Length; i++)
            row.Bind(11 + i, counts[i]);
        row.Bind(20, (long)marks).Bind(21, (long)State).Bind(22, lastSeq).BindBlob(23, fates).Run();
        if (addresses.Count > Math.Max(ShownMax, addressesStored))
            file.Use("INSERT OR REPLACE INTO crowd VALUES (?1, ?2)").Bind(1, id.Value)
                .BindText(2, string.Join('\n', addresses.Skip(ShownMax))).Run();
        if (haveWordsChanged)
            WriteWords(file);
    }

    void WriteWords(SqliteDatabase file)
    {
        // Looking for what is not there costs as much as the row itself.
        var verb = StoredState is null ? "INSERT" : "INSERT OR REPLACE";
        file.Use($"{verb} INTO words(rowid, sender, recipient, subject, tag, ident) "
                + "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .Bind(1, id.Value).BindText(2, Words(IndexWords.OfAddress(sender ?? "")))
            .BindText(3, Words(addresses.SelectMany(IndexWords.OfAddress)))
            .BindText(4, Words(IndexWords.OfText(subject ?? "")))
            .BindText(5, Words(tags.SelectMany(WordsOfTag)))
            .BindText(6, Words([
                IndexWords.OfName(id.ToString()),
                IndexWords.Cut(IndexWords.OfName((messageId ?? "").TrimStart('<').TrimEnd('>')))])).Run();
    }

    static IEnumerable<string> WordsOfTag(string tag) =>
        IndexWords.OfText(tag).Prepend(IndexWords.Cut(IndexWords.OfName(tag)));

    static string Words(IEnumerable<string> words) =>
        string.Join(' ', words.Distinct(StringComparer.Ordinal));

    static SqliteStatement Bind(SqliteStatement row, int index, string? text) =>
        text is null ? row.BindNull(index) : row.BindText(index, text);

    static string? TextOrNull(SqliteStatement rows, int column) =>
        rows.IsNull(column) ? null : rows.Text(column);

    static string[] Split(string joined) => joined.Length == 0 ? [] : joined.Split('\n');
}
