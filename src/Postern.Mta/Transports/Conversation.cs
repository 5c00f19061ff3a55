using System.Globalization;
using System.Text;

namespace Postern.Mta.Transports;

/// <summary>What was said in one attempt for one recipient, in order and within bounds.</summary>
/// <remarks>What neither side said stands in parentheses. Texts of peers are as they came: escape them
/// wherever they are shown. No secret is in it.</remarks>
public sealed class Conversation : IEquatable<Conversation>
{
    /// <summary>UTF-8 octets of all texts together; the middle is left out before the ends are.
    /// Ours.</summary>
    public const int OctetsMax = 4096;

    /// <summary>UTF-8 octets of one line. RFC 5321 §4.5.3.1.5 gives a reply line as many. Ours: what is
    /// longer is cut.</summary>
    public const int LineOctetsMax = 512;

    /// <summary>UTF-8 octets of one answer with all its lines: the offers of an EHLO have room.
    /// Ours.</summary>
    const int AnswerOctetsMax = 1024;

    /// <summary>Of them for the beginning where the middle is left out; the rest is for the end.</summary>
    const int BeginningOctetsMax = 1536;

    /// <summary>Room for the turn that says how much was left out.</summary>
    const int GapOctetsMax = 64;

    const string Ellipsis = "…";
    const int EllipsisOctets = 3;

    Conversation(IReadOnlyList<ConversationTurn> turns) => Turns = turns;

    /// <summary>In the order they were said.</summary>
    public IReadOnlyList<ConversationTurn> Turns { get; }

    public bool Equals(Conversation? other) => other is not null && Turns.SequenceEqual(other.Turns);

    public override bool Equals(object? obj) => Equals(obj as Conversation);

    public override int GetHashCode() => Turns.Count;

    /// <summary>As it was kept.</summary>
    public static Conversation FromKept(IReadOnlyList<ConversationTurn> turns) => new(turns);

    /// <summary>Cuts what is too long.</summary>
    public static Conversation Of(IEnumerable<ConversationTurn> turns)
    {
        var cut = new List<ConversationTurn>();
        var octets = 0;
        foreach (var turn in turns)
        {
            var bounded = turn with { Said = CutLine(turn.Said), Answer = CutLines(turn.Answer) };
            cut.Add(bounded);
            octets += bounded.Octets;
        }
        return new Conversation(octets <= OctetsMax ? cut : LeaveOutMiddle(cut));
    }

    /// <summary>One question and its answer.</summary>
    public static Conversation Of(string said, string? answer, TimeSpan took) =>
        Of([new ConversationTurn(said, answer, ToMs(took))]);

    /// <summary>Says that others were in it too. Null: there were none.</summary>
    /// <param name="recipients">Of the whole.</param>
    public static ConversationTurn? OthersOf(int recipients) => recipients switch
    {
        <= 1 => null,
        2 => new ConversationTurn("(and 1 other recipient)", null, null),
        _ => new ConversationTurn(
            string.Create(CultureInfo.InvariantCulture, $"(and {recipients - 1} other recipients)"), null,
            null),
    };

    /// <summary>Whole milliseconds, as a turn has them.</summary>
    public static int ToMs(TimeSpan time) => (int)Math.Clamp(time.TotalMilliseconds, 0, int.MaxValue);

    static List<ConversationTurn> LeaveOutMiddle(List<ConversationTurn> turns)
    {
        var (first, octets) = (0, GapOctetsMax);
        while (octets + turns[first].Octets <= BeginningOctetsMax)
            octets += turns[first++].Octets;
        var end = turns.Count;
        while (end > first && octets + turns[end - 1].Octets <= OctetsMax)
            octets += turns[--end].Octets;
        var gap = new ConversationTurn(
            string.Create(null, $"({end - first} more between them)"), null, null);
        return [.. turns[..first], gap, .. turns[end..]];
    }

    static string? CutLine(string? line) =>
        line is null ? null : Cut(line.ReplaceLineEndings(" "), LineOctetsMax);

    static string? CutLines(string? text)
    {
        if (text is null)
            return null;
        var kept = new StringBuilder();
        var octets = 0;
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = Cut(text[range].TrimEnd('\r'), LineOctetsMax);
            octets += Encoding.UTF8.GetByteCount(line) + 1;
            if (octets + EllipsisOctets > AnswerOctetsMax)
                return kept.Append("\n" + Ellipsis).ToString();
            kept.Append(kept.Length == 0 ? "" : "\n").Append(line);
        }
        return kept.ToString();
    }

    static string Cut(string line, int octetsMax)
    {
        // A character is one to three octets for each of its UTF-16 units.
        if (line.Length * 3 <= octetsMax || Encoding.UTF8.GetByteCount(line) <= octetsMax)
            return line;
        var (length, octets) = (0, EllipsisOctets);
        foreach (var rune in line.EnumerateRunes())
        {
            if (octets + rune.Utf8SequenceLength > octetsMax)
                break;
            octets += rune.Utf8SequenceLength;
            length += rune.Utf16SequenceLength;
        }
        return string.Concat(line.AsSpan(0, length), Ellipsis);
    }
}

/// <summary>One thing that was said, and the answer to it.</summary>
/// <param name="Said">Null: the peer spoke first, or something happened.</param>
/// <param name="Answer">Lines, LF between them. Null: none came, or none belongs here.</param>
/// <param name="Ms">When the answer was there, in milliseconds from the start of the attempt. Null: not
/// known.</param>
public readonly record struct ConversationTurn(string? Said, string? Answer, int? Ms)
{
    /// <summary>In UTF-8.</summary>
    internal int Octets => Encoding.UTF8.GetByteCount(Said ?? "") + Encoding.UTF8.GetByteCount(Answer ?? "");
}
