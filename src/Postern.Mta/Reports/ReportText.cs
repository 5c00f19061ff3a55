using System.Text;

namespace Postern.Mta.Reports;

/// <summary>Makes text of unknown origin fit for a report: one line of printable characters, then
/// folded.</summary>
/// <remarks>
/// No input gives a CR, LF, NUL or control, an empty line (in a delivery-status part it would begin a new
/// group), or a line that does not begin with our own indentation or field name: so none gives a field or a
/// boundary.
/// </remarks>
static class ReportText
{
    /// <summary>RFC 5322 §2.1.1 asks for 78; words longer than a line are broken.</summary>
    const int ColumnsMax = 76;

    const int CharactersMax = 2000;

    /// <summary>Printable characters, runs of white space as one space; what is neither becomes a question
    /// mark.</summary>
    public static string OneLine(string? text)
    {
        var clean = new StringBuilder();
        var gap = false;
        foreach (var rune in (text ?? "").EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune))
            {
                gap = clean.Length > 0;
                continue;
            }
            if (gap)
                clean.Append(' ');
            gap = false;
            if (IsPrintable(rune))
                clean.Append(rune.ToString());
            else
                clean.Append('?');
            if (clean.Length >= CharactersMax)
                return clean.Append("...").ToString();
        }
        return clean.ToString();
    }

    /// <summary>The same in ASCII: what is over 127 becomes a question mark.</summary>
    public static string OneAsciiLine(string? text)
    {
        var line = OneLine(text).ToCharArray();
        for (var i = 0; i < line.Length; i++)
        {
            if (!char.IsAscii(line[i]))
                line[i] = '?';
        }
        return new string(line);
    }

    /// <summary>Appends <paramref name="first"/> and the words, folded; further lines begin with
    /// <paramref name="indent"/>.</summary>
    public static void AppendFolded(StringBuilder output, string first, string line, string indent)
    {
        output.Append(first);
        var column = first.Length;
        var isStart = true;
        foreach (var word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!isStart && column + 1 + word.Length > ColumnsMax)
            {
                output.Append("\r\n").Append(indent);
                column = indent.Length;
            }
            else if (!isStart)
            {
                output.Append(' ');
                column++;
            }
            isStart = false;
            column = AppendWord(output, word, column, indent);
        }
        output.Append("\r\n");
    }

    static int AppendWord(StringBuilder output, string word, int column, string indent)
    {
        const int wordMax = 500;
        for (var at = 0; at < word.Length;)
        {
            var length = Math.Min(wordMax, word.Length - at);
            if (at + length < word.Length && char.IsHighSurrogate(word[at + length - 1]))
                length--;
            if (at > 0)
            {
                output.Append("\r\n").Append(indent);
                column = indent.Length;
            }
            output.Append(word, at, length);
            column += length;
            at += length;
        }
        return column;
    }

    static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format
        or System.Globalization.UnicodeCategory.Surrogate or System.Globalization.UnicodeCategory.PrivateUse
        or System.Globalization.UnicodeCategory.OtherNotAssigned);
}
