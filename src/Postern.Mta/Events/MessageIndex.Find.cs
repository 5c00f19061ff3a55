using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

public sealed partial class MessageIndex
{
    const int OperatedMax = 500;

    /// <summary>How long one question looks; what it has found by then is its answer.</summary>
    static readonly TimeSpan AskMax = TimeSpan.FromMilliseconds(300);

    /// <summary>How long it gathers what words stand for; a word that is looked for by its beginning may
    /// stand for all there are.</summary>
    static readonly TimeSpan GatherMax = TimeSpan.FromSeconds(2);

    /// <summary>Ids are given out ahead of a clock that went back; by so much they are looked for.</summary>
    static readonly TimeSpan ClockBackMax = TimeSpan.FromHours(1);

    readonly ReaderPool readers;

    /// <summary>Messages that fit, newest first.</summary>
    public async ValueTask<IndexPage> FindAsync(IndexQuery query, CancellationToken cancel)
    {
        query = query with { Limit = Math.Clamp(query.Limit, 1, IndexQuery.LimitMax) };
        return await AskAsync(file => FindInTime(file, query, cancel), cancel).ConfigureAwait(false);
    }

    /// <summary>Messages by state; those without any are left out.</summary>
    public ValueTask<IndexCounts> CountAsync(CancellationToken cancel) => AskAsync(file =>
    {
        var counts = new Dictionary<Fate, long>();
        using var rows = file.Use("SELECT state, count FROM tally WHERE count > 0");
        while (rows.Step())
            counts[(Fate)rows.Long(0)] = rows.Long(1);
        return new IndexCounts(counts, Progress);
    }, cancel);

    /// <summary>What operators did, newest first.</summary>
    /// <param name="before">The event to go on behind. Null: from the newest.</param>
    public ValueTask<IReadOnlyList<OperatedEntry>> ReadOperatedAsync(
        long? before, int limit, CancellationToken cancel) => AskAsync<IReadOnlyList<OperatedEntry>>(file =>
    {
        var entries = new List<OperatedEntry>();
        using var rows = file.Use(
            "SELECT seq, at, actor, what, count FROM operated WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        rows.Bind(1, before ?? long.MaxValue).Bind(2, Math.Clamp(limit, 1, OperatedMax));
        while (rows.Step())
            entries.Add(new OperatedEntry(
                rows.Long(0), CardDraft.MomentOf(rows.Long(1)), rows.Text(2), rows.Text(3),
                (int?)rows.LongOrNull(4)));
        return entries;
    }, cancel);

    /// <summary>A file that was never opened is opened, and one that is damaged made anew before the question
    /// is put again.</summary>
    /// <exception cref="StoreException">The file cannot be read.</exception>
    async ValueTask<T> AskAsync<T>(Func<SqliteDatabase, T> ask, CancellationToken cancel)
    {
        await OpenAsync().ConfigureAwait(false);
        try
        {
            return await readers.AskAsync(ask, cancel).ConfigureAwait(false);
        }
        catch (SqliteFailure failure) when (failure.IsDamage)
        {
            LogMadeAnew(failure.Message);
        }
        catch (SqliteFailure failure)
        {
            throw Unusable(failure);
        }
        await OnThreadAsync(Remake).ConfigureAwait(false);
        try
        {
            return await readers.AskAsync(ask, cancel).ConfigureAwait(false);
        }
        catch (SqliteFailure failure)
        {
            throw Unusable(failure);
        }
    }

    /// <summary>Cards come one by one; but all that words stand for is gathered before the first.</summary>
    IndexPage FindInTime(SqliteDatabase file, IndexQuery query, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        using var gathering = file.EndWhen(() =>
            cancel.IsCancellationRequested || clock.GetElapsedTime(began) > GatherMax);
        var looked = new Looked();
        try
        {
            return Find(file, query, looked, cancel);
        }
        catch (SqliteFailure failure) when (failure.IsInterrupted)
        {
            cancel.ThrowIfCancellationRequested();
            return new IndexPage(looked.Cards, looked.Last, looked.Last?.At, Progress)
            {
                IsTooBroad = looked.Last is null,
            };
        }
    }

    IndexPage Find(SqliteDatabase file, IndexQuery query, Looked looked, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var progress = Progress;
        var phrases = query.Phrases();
        var cards = looked.Cards;
        var match = query.Match();
        using var rows = Ask(file, query, match);
        while (rows.Step())
        {
            cancel.ThrowIfCancellationRequested();
            var id = new QueueId(rows.Long(0));
            if (looked.Last is { } last && clock.GetElapsedTime(began) > AskMax)
                return new IndexPage(cards, last, last.At, progress);
            var card = CardOf(file, rows, match);
            looked.Last = id;
            if (card is null || !Fits(card, query, phrases))
                continue;
            // One more than asked for shows that there is a next page.
            if (cards.Count == query.Limit)
                return new IndexPage(cards, cards[^1].Id, null, progress);
            cards.Add(card);
        }
        return new IndexPage(cards, null, null, progress);
    }

    /// <summary>Ids alone where words are asked for, else cards.</summary>
    static SqliteStatement Ask(SqliteDatabase file, IndexQuery query, string? match)
    {
        var below = Math.Min(
            query.After?.Value ?? long.MaxValue, FirstIdAt(query.Until, ClockBackMax) ?? long.MaxValue);
        // Ids are never behind the clock.
        var from = FirstIdAt(query.Since, TimeSpan.Zero) ?? 0;
        if (match is not null)
            return file.Use(
                "SELECT rowid FROM words WHERE words MATCH ?3 AND rowid < ?1 AND rowid >= ?2 "
                + "ORDER BY rowid DESC").Bind(1, below).Bind(2, from).BindText(3, match);
        return query.State is { } state
            ? file.Use(CardDraft.Select + " WHERE state = ?3 AND id < ?1 AND id >= ?2 ORDER BY id DESC")
                .Bind(1, below).Bind(2, from).Bind(3, (long)state)
            : file.Use(CardDraft.Select + " WHERE id < ?1 AND id >= ?2 ORDER BY id DESC")
                .Bind(1, below).Bind(2, from);
    }

    /// <summary>Any moment will do: one that is too early or too late is the first or the last there
    /// is.</summary>
    static long? FirstIdAt(DateTimeOffset? at, TimeSpan later) => at is not { } moment ? null
        : Math.Clamp((long)(moment - QueueId.Origin + later).TotalMilliseconds, 0, (1L << 41) - 1) << 22;

    static IndexCard? CardOf(SqliteDatabase file, SqliteStatement rows, string? match)
    {
        if (match is null)
            return CardDraft.ReadCard(rows);
        using var one = file.Use(CardDraft.Select + " WHERE id = ?1");
        return one.Bind(1, rows.Long(0)).Step() ? CardDraft.ReadCard(one) : null;
    }

    static bool Fits(IndexCard card, IndexQuery query, IReadOnlyList<string[]> phrases) =>
        (query.State is null || card.State == query.State)
        && (query.Since is not { } since || card.At >= since)
        && (query.Until is not { } until || card.At < until)
        && phrases.All(phrase => Holds(card, phrase));

    static bool Holds(IndexCard card, string[] phrase) =>
        card.Recipients.Concat(card.Tags).Append(card.Subject ?? "").Append(card.Sender)
            .Any(text => HoldsRun([.. IndexWords.OfText(text)], phrase));

    static bool HoldsRun(string[] words, string[] run)
    {
        for (var at = 0; at + run.Length <= words.Length; at++)
        {
            if (words.AsSpan(at, run.Length).SequenceEqual(run))
                return true;
        }
        return false;
    }

    /// <summary>How far a question has come.</summary>
    sealed class Looked
    {
        public List<IndexCard> Cards { get; } = [];

        /// <summary>Null: it has seen no message yet.</summary>
        public QueueId? Last { get; set; }
    }
}
