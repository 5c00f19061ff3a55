using MimeKit.Text;
using Postern.Mta.Tracking;

namespace Postern.Api.Mailgun;

/// <summary>Where the links of HTML stand, and where its body begins and ends; nothing of it is
/// changed.</summary>
/// <remarks>
/// Tags are found as the HTML standard's tokenizer finds them, whatever is broken around them: comments,
/// what stands in script, style and the like, and a tag that never ends hold no links. One pass, in linear
/// time, and it never throws.
/// </remarks>
sealed class HtmlScan
{
    /// <summary>What these hold is text up to their own end tag.</summary>
    static readonly HashSet<string> TextElements = new(StringComparer.OrdinalIgnoreCase)
    {
        "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
    };

    static readonly System.Buffers.SearchValues<char> HexDigits =
        System.Buffers.SearchValues.Create("0123456789abcdefABCDEF");

    readonly string html;
    readonly List<HtmlLink> links = [];

    HtmlScan(string html) => this.html = html;

    /// <summary>Of <c>a</c> and <c>area</c> that lead to http or https, in their order.</summary>
    public IReadOnlyList<HtmlLink> Links => links;

    /// <summary>Behind the first body tag. Null: there is none.</summary>
    public int? BodyBegin { get; private set; }

    /// <summary>In front of the last end tag of a body. Null: there is none.</summary>
    public int? BodyEnd { get; private set; }

    /// <summary>Where something may stand at its end. Null: nothing may, for a tag or a comment never
    /// ends.</summary>
    public int? End => BodyEnd ?? (isCut ? null : html.Length);

    bool isCut;

    public static HtmlScan Of(string html)
    {
        var scan = new HtmlScan(html);
        for (var at = html.IndexOf('<', StringComparison.Ordinal); at >= 0 && at + 1 < html.Length;
            at = at < html.Length ? html.IndexOf('<', at) : -1)
        {
            var next = html[at + 1];
            at = next switch
            {
                '!' => scan.PastMarkup(at),
                '?' => scan.Past('>', at + 2),
                '/' => at + 2 < html.Length && char.IsAsciiLetter(html[at + 2])
                    ? scan.PastTag(at, at + 2) : scan.Past('>', at + 2),
                _ => char.IsAsciiLetter(next) ? scan.PastTag(at, at + 1) : at + 1,
            };
        }
        return scan;
    }

    /// <summary>Behind the next of these signs, or the end.</summary>
    int Past(char sign, int at) =>
        at < html.Length && html.IndexOf(sign, at) is var found and >= 0 ? found + 1 : Cut();

    /// <summary>What began has no end.</summary>
    int Cut()
    {
        isCut = true;
        return html.Length;
    }

    /// <summary>A comment, or a declaration.</summary>
    int PastMarkup(int open)
    {
        if (string.CompareOrdinal(html, open, "<!--", 0, 4) != 0)
            return Past('>', open + 2);
        var at = open + 4;
        if (at < html.Length && html[at] == '>')
            return at + 1;
        // The two signs that open it may be among those that close it: "<!--->".
        for (at = html.IndexOf("--", open + 3, StringComparison.Ordinal); at >= 0;
            at = html.IndexOf("--", at + 1, StringComparison.Ordinal))
        {
            var end = at + 2;
            if (end < html.Length && html[end] == '!')
                end = at < open + 4 ? html.Length : end + 1;
            if (end < html.Length && html[end] == '>')
                return end + 1;
        }
        return Cut();
    }

    /// <param name="open">Where its <c>&lt;</c> is.</param>
    int PastTag(int open, int nameAt)
    {
        var at = nameAt;
        while (at < html.Length && !IsBlank(html[at]) && html[at] is not ('/' or '>'))
            at++;
        var name = html[nameAt..at];
        (int Start, int End)? href = null;
        while (true)
        {
            while (at < html.Length && (IsBlank(html[at]) || html[at] == '/'))
                at++;
            if (at >= html.Length)
                return Cut();
            if (html[at] == '>')
                return EndTag(name, open, at + 1, href);
            var attributeAt = at++;
            while (at < html.Length && !IsBlank(html[at]) && html[at] is not ('/' or '>' or '='))
                at++;
            var attributeEnd = at;
            var value = ReadValue(ref at);
            // Of several of one name the first counts.
            if (href is null && html.AsSpan(attributeAt, attributeEnd - attributeAt)
                .Equals("href", StringComparison.OrdinalIgnoreCase))
                href = value;
        }
    }

    /// <summary>What stands behind the name of an attribute; behind it all at the end, where a quote is never
    /// closed.</summary>
    (int Start, int End) ReadValue(ref int at)
    {
        var sign = at;
        while (sign < html.Length && IsBlank(html[sign]))
            sign++;
        if (sign >= html.Length || html[sign] != '=')
            return (at, at);
        at = sign + 1;
        while (at < html.Length && IsBlank(html[at]))
            at++;
        if (at >= html.Length || html[at] == '>')
            return (at, at);
        var start = at;
        if (html[at] is '"' or '\'')
        {
            var end = at + 1 < html.Length ? html.IndexOf(html[at], at + 1) : -1;
            at = end < 0 ? html.Length : end + 1;
            return (start + 1, Math.Max(end, start + 1));
        }
        while (at < html.Length && !IsBlank(html[at]) && html[at] != '>')
            at++;
        return (start, at);
    }

    /// <returns>Where to go on.</returns>
    int EndTag(string name, int open, int end, (int Start, int End)? href)
    {
        var isBody = name.Equals("body", StringComparison.OrdinalIgnoreCase);
        if (html[open + 1] == '/')
        {
            if (isBody)
                BodyEnd = open;
            return end;
        }
        if (isBody)
            BodyBegin ??= end;
        if (href is var (from, to) && (name.Equals("a", StringComparison.OrdinalIgnoreCase)
            || name.Equals("area", StringComparison.OrdinalIgnoreCase))
            && Decode(html[from..to])?.Trim(' ', '\t', '\n', '\f', '\r') is { } url && LinkTarget.IsOne(url))
            links.Add(new HtmlLink(from, to - from, url));
        return name.Equals("plaintext", StringComparison.OrdinalIgnoreCase) ? Cut()
            : TextElements.Contains(name) ? EndOfText(name, end) : end;
    }

    /// <summary>In front of the end tag.</summary>
    int EndOfText(string name, int at)
    {
        var mark = "</" + name;
        while (at < html.Length && html.IndexOf(mark, at, StringComparison.OrdinalIgnoreCase) is var found
            and >= 0)
        {
            at = found + mark.Length;
            if (at < html.Length && (IsBlank(html[at]) || html[at] is '/' or '>'))
                return found;
        }
        return Cut();
    }

    /// <summary>Without its entities. Null: readers may differ about what it says.</summary>
    static string? Decode(string value)
    {
        var at = value.IndexOf('&', StringComparison.Ordinal);
        if (at < 0)
            return value;
        var text = new System.Text.StringBuilder(value.Length);
        var done = 0;
        for (; at >= 0; at = value.IndexOf('&', at + 1))
        {
            var end = at + 1;
            while (end < value.Length && (char.IsAsciiLetterOrDigit(value[end]) || value[end] == '#'))
                end++;
            var isClosed = end < value.Length && value[end] == ';' && end > at + 1;
            if (value.AsSpan(at + 1).StartsWith("#")
                && !(isClosed && IsNumber(value.AsSpan(at + 2, end - at - 2))))
                return null;
            if (isClosed)
            {
                var one = HtmlUtils.HtmlDecode(value, at, end + 1 - at);
                // It is no entity, or begins with the name of one: "&copyright;".
                if (one.Length > 1 && one.EndsWith(';'))
                    continue;
                text.Append(value, done, at - done).Append(one);
                done = end + 1;
            }
            // In an attribute "&copy=1" is as it stands; "&copy" at its end is not.
            else if (end > at + 1 && !(end < value.Length && value[end] == '=')
                && HtmlUtils.HtmlDecode(value, at, end - at) != value[at..end])
                return null;
        }
        return text.Append(value, done, value.Length - done).ToString();
    }

    static bool IsNumber(ReadOnlySpan<char> text) => text is ['x' or 'X', .. var hex]
        ? hex.Length > 0 && !hex.ContainsAnyExcept(HexDigits)
        : text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9');

    static bool IsBlank(char c) => c is ' ' or '\t' or '\n' or '\f' or '\r';
}

/// <summary>The value of an href.</summary>
/// <param name="Start">Where it begins, inside its quotes.</param>
/// <param name="Url">What it leads to.</param>
readonly record struct HtmlLink(int Start, int Length, string Url);
