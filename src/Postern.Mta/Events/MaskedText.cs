using System.Text;

namespace Postern.Mta.Events;

/// <summary>Texts in which nobody is named: of each address the domain is left, and how its local part
/// begins.</summary>
static class MaskedText
{
    const string Mask = "***";
    const string SignsOfLocalPart = "!#$%&'*+-/=?^_`{|}~.";
    const string LinkedAt = "%40";

    /// <summary><c>kim@example.org</c> becomes <c>k***@example.org</c>; the same object where there is no
    /// address.</summary>
    public static string Of(string text)
    {
        StringBuilder? masked = null;
        var copied = 0;
        for (var from = 0; FindAt(text, from) is var (at, length) && at >= 0; from = at + length)
        {
            if (!BeginsDomain(text, at + length))
                continue;
            var start = StartOf(text, at, copied);
            var first = FirstOf(text, start, at);
            if (first < 0)
                continue;
            masked ??= new StringBuilder();
            masked.Append(text, copied, start - copied);
            Rune.DecodeFromUtf16(text.AsSpan(first), out var rune, out _);
            masked.Append(rune.ToString()).Append(Mask);
            copied = at;
        }
        return masked is null ? text : masked.Append(text, copied, text.Length - copied).ToString();
    }

    static (int At, int Length) FindAt(string text, int from)
    {
        var plain = text.IndexOf('@', from);
        var linked = text.IndexOf(LinkedAt, from, StringComparison.Ordinal);
        return linked >= 0 && (plain < 0 || linked < plain) ? (linked, LinkedAt.Length) : (plain, 1);
    }

    static bool BeginsDomain(string text, int at) =>
        at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '[' or '%' || text[at] >= 0x80);

    /// <summary>Where the local part in front of an at sign begins.</summary>
    static int StartOf(string text, int at, int from)
    {
        var start = at;
        if (at > from && text[at - 1] == '"')
        {
            // RFC 5321 §4.1.2: a quoted one holds anything.
            for (start = at - 2; start > from && !IsQuote(text, start); start--)
            {
            }
            return Math.Max(start, from);
        }
        while (start > from && IsOfLocalPart(text[start - 1]))
            start--;
        return start;
    }

    static bool IsQuote(string text, int at) => text[at] == '"' && text[at - 1] != '\\';

    static bool IsOfLocalPart(char c) => c >= 0x80 ? !char.IsWhiteSpace(c) && !char.IsControl(c)
        : char.IsAsciiLetterOrDigit(c) || SignsOfLocalPart.Contains(c);

    /// <summary>The first letter or digit; of signs alone the first of them. -1: there is nothing.</summary>
    static int FirstOf(string text, int start, int end)
    {
        for (var at = start; at < end; at++)
        {
            if (char.IsLetterOrDigit(text[at]) || text[at] >= 0x80)
                return at;
        }
        return start < end ? start : -1;
    }
}
