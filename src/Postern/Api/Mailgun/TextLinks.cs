using System.Text;
using Postern.Mta.Tracking;

namespace Postern.Api.Mailgun;

/// <summary>Links that stand in a plain text.</summary>
static class TextLinks
{
    const string Mark = "http";

    /// <summary>No URL has them, and mail programs differ about whether a link goes on.</summary>
    const string OddSigns = "{}|\\^";

    /// <summary>Signs that end a sentence rather than a link.</summary>
    const string Closing = ".,;:!?'*)]";

    /// <param name="lead">What takes the place of a link; null: it stays.</param>
    public static string Rewrite(string text, Func<string, string?> lead)
    {
        var made = new StringBuilder(text.Length);
        var done = 0;
        for (var at = text.IndexOf(Mark, StringComparison.OrdinalIgnoreCase); at >= 0;
            at = text.IndexOf(Mark, at, StringComparison.OrdinalIgnoreCase))
        {
            var end = EndOf(text, at);
            // Letters right behind it may be of the link or of the sentence, and so may these signs.
            var isAlone = (at == 0 || !char.IsLetterOrDigit(text[at - 1]))
                && (end == text.Length || char.IsWhiteSpace(text[end])
                    || (text[end] < 0x80 && !OddSigns.Contains(text[end], StringComparison.Ordinal)));
            var url = text[at..TrimmedEnd(text, at, end)];
            if (isAlone && LinkTarget.IsOne(url) && lead(url) is { } other)
            {
                made.Append(text, done, at - done).Append(other);
                done = at + url.Length;
            }
            at = Math.Max(end, at + Mark.Length);
            if (at >= text.Length)
                break;
        }
        return made.Append(text, done, text.Length - done).ToString();
    }

    static int EndOf(string text, int at)
    {
        while (at < text.Length && text[at] is > ' ' and <= '~'
            and not ('<' or '>' or '"' or '`') && !OddSigns.Contains(text[at], StringComparison.Ordinal))
            at++;
        return at;
    }

    /// <summary>Brackets that the link opens itself belong to it.</summary>
    static int TrimmedEnd(string text, int start, int end)
    {
        while (end > start && Closing.Contains(text[end - 1], StringComparison.Ordinal))
        {
            var link = text.AsSpan(start, end - start);
            if ((text[end - 1] == ')' && link.Count('(') >= link.Count(')'))
                || (text[end - 1] == ']' && link.Count('[') >= link.Count(']')))
                break;
            end--;
        }
        return end;
    }
}
