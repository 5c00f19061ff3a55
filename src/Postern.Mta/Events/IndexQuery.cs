using System.Text;

namespace Postern.Mta.Events;

/// <summary>What messages are looked for; null means any. All of it must be true of a message.</summary>
/// <remarks>Words are found whole, a word with a star at its end by how it begins.</remarks>
public sealed record IndexQuery
{
    /// <summary>Longer ones are cut, in UTF-16 units.</summary>
    public const int CharactersMax = 1000;

    /// <summary>Words that are looked for; further ones are not.</summary>
    public const int WordsMax = 16;

    public const int LimitMax = 500;

    /// <summary>Words that stand anywhere in it, the last one by how it begins; what is in quotes stands
    /// together.</summary>
    public string? Text { get; init; }

    /// <summary>Words of the sender's address.</summary>
    public string? From { get; init; }

    /// <summary>Words of one of its recipients' addresses.</summary>
    public string? To { get; init; }

    public string? Subject { get; init; }
    public string? Tag { get; init; }

    /// <summary>A queue id, or a Message-ID.</summary>
    public string? Id { get; init; }

    public Fate? State { get; init; }
    public DateTimeOffset? Since { get; init; }

    /// <summary>Not in it.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>The message to go on behind, towards older ones. Null: from the newest.</summary>
    public Queue.QueueId? After { get; init; }

    /// <summary>Cards of a page.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>Reads what somebody typed: <c>from:x to:y subject:z tag:t state:failed id:...</c>, plain
    /// words, and "words in quotes". Never fails: what it does not know is a plain word.</summary>
    public static IndexQuery Parse(string typed)
    {
        var query = new IndexQuery();
        var text = new StringBuilder();
        foreach (var piece in PiecesOf(typed[..Math.Min(typed.Length, CharactersMax)]))
        {
            var colon = piece.IndexOf(':', StringComparison.Ordinal);
            var value = colon < 0 ? "" : piece[(colon + 1)..].Trim('"');
            if (value.Length == 0 || query.With(piece[..colon], value) is not { } known)
                text.Append(text.Length == 0 ? "" : " ").Append(piece);
            else
                query = known;
        }
        return text.Length == 0 ? query : query with { Text = text.ToString() };
    }

    /// <summary>Null: the prefix is not known, or not what its value may be.</summary>
    IndexQuery? With(string prefix, string value) => prefix.ToLowerInvariant() switch
    {
        "from" => this with { From = Join(From, value) },
        "to" => this with { To = Join(To, value) },
        "subject" => this with { Subject = Join(Subject, value) },
        "tag" => this with { Tag = Join(Tag, value) },
        "id" => this with { Id = value },
        "state" when Fates.TryParse(value, out var state) => this with { State = state },
        _ => null,
    };

    static string Join(string? known, string more) => known is null ? more : $"{known} {more}";

    /// <summary>At blanks that stand in no quotes.</summary>
    static IEnumerable<string> PiecesOf(string typed)
    {
        var (start, isQuoted) = (0, false);
        for (var at = 0; at <= typed.Length; at++)
        {
            if (at < typed.Length && typed[at] == '"')
                isQuoted = !isQuoted;
            if (at < typed.Length && (isQuoted || !char.IsWhiteSpace(typed[at])))
                continue;
            if (at > start)
                yield return typed[start..at];
            start = at + 1;
        }
    }

    /// <summary>What the table of words is asked. Null: nothing, any message fits.</summary>
    internal string? Match()
    {
        var terms = new List<string>();
        Add(terms, "sender", From);
        Add(terms, "recipient", To);
        Add(terms, "subject", Subject);
        Add(terms, "tag", Tag);
        if (Id is { } id && Bare(id) is { Length: > 0 } bare)
            terms.Add($"ident : {Quoted(IndexWords.Cut(IndexWords.OfName(bare)))}");
        if (Text is { } text)
        {
            var pieces = PiecesOf(text).ToList();
            for (var i = 0; i < pieces.Count; i++)
                Add(terms, "", pieces[i], isPrefix: i == pieces.Count - 1);
        }
        return terms.Count == 0 ? null : string.Join(" AND ", terms.Take(WordsMax));
    }

    /// <summary>What is in quotes, folded: the index has no order of words, so that the card is
    /// asked.</summary>
    internal IReadOnlyList<string[]> Phrases() =>
        [.. PiecesOf(Text ?? "").Where(piece => piece.Contains('"', StringComparison.Ordinal))
            .Select(piece => IndexWords.OfText(piece).ToArray()).Where(words => words.Length > 1)];

    static string Bare(string id) => id.Trim().TrimStart('<').TrimEnd('>');

    static void Add(List<string> terms, string column, string? text)
    {
        foreach (var piece in PiecesOf(text ?? ""))
            Add(terms, column, piece, isPrefix: false);
    }

    /// <summary>A piece is one name, as an address is, or the words in it.</summary>
    static void Add(List<string> terms, string column, string piece, bool isPrefix)
    {
        var isQuoted = piece.Contains('"', StringComparison.Ordinal);
        var bare = piece.Replace("\"", "", StringComparison.Ordinal);
        isPrefix &= !isQuoted && IsLongEnough(bare) && !IsOneOfMany(bare);
        if (!isQuoted && bare.EndsWith('*'))
        {
            bare = bare.TrimEnd('*');
            isPrefix = IsLongEnough(bare);
        }
        var name = IndexWords.Cut(IndexWords.OfName(bare));
        if (name.Length == 0)
            return;
        var words = IndexWords.OfText(bare).Take(WordsMax).ToList();
        var star = isPrefix ? " *" : "";
        var ways = new List<string>();
        // A subject has words alone; addresses and tags are asked for as one name.
        var isText = column == "subject" || (column.Length == 0 && isQuoted && words.Count > 0);
        if (!isText)
            ways.Add(Quoted(name) + star);
        if (words.Count > 0 && (isText || (column.Length == 0 && !(words is [var only] && only == name))))
            ways.Add("(" + string.Join(" AND ", words.Select((word, i) =>
                Quoted(word) + (i == words.Count - 1 ? star : ""))) + ")");
        if (ways.Count == 0)
            return;
        var either = ways.Count == 1 ? ways[0] : $"({string.Join(" OR ", ways)})";
        terms.Add(column.Length == 0 ? either : $"{column} : ({either})");
    }

    /// <summary>How one letter of Latin begins is how half of all words begin; a syllable of Hangul tells
    /// more.</summary>
    static bool IsLongEnough(string word) => word.Length > 1 || (word.Length == 1 && word[0] > '\u02ff');

    /// <summary>What begins like an address or a number is as many words as there are messages, and all are
    /// gathered before the first is answered: only a star asks for that.</summary>
    static bool IsOneOfMany(string word) =>
        word.Contains('@', StringComparison.Ordinal) || word.Any(char.IsDigit);

    static string Quoted(string word) => $"\"{word.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
