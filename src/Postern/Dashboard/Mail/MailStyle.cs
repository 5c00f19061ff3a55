using System.Buffers;
using System.Text;
using Ganss.Xss;

namespace Postern.Dashboard.Mail;

/// <summary>What may stay of a mail's style sheets and style attributes: names of properties that are known,
/// and values that load nothing and hide nothing.</summary>
/// <remarks>
/// Linear in time and without recursion: libraries that build an object model of CSS overflow the stack over
/// nested functions, and take seconds for selectors that nest. Whatever is unusual (an escape, an unknown
/// function, an at-rule beside <c>@media</c>) is left out, so that what stays reads the same to everyone.
/// </remarks>
static class MailStyle
{
    /// <summary>Characters of all sheets of one mail that are looked at (Gmail takes 16 KiB).</summary>
    public const int SheetCharactersMax = 256 << 10;

    const int SelectorCharactersMax = 1000;
    const int ValueCharactersMax = 2000;
    const int FunctionsDepthMax = 20;

    static readonly HashSet<string> Properties = new(
        HtmlSanitizerDefaults.AllowedCssProperties, StringComparer.OrdinalIgnoreCase);

    static readonly HashSet<string> Functions = new(StringComparer.OrdinalIgnoreCase)
    {
        "rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp", "rect", "minmax", "repeat",
        "linear-gradient", "radial-gradient", "repeating-linear-gradient", "repeating-radial-gradient",
        "rotate", "scale", "translate", "cubic-bezier", "steps",
    };

    static readonly SearchValues<char> ValueCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \t-_#%.,+*/()!'\":=");

    static readonly SearchValues<char> SelectorCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \t-_#.,+*~>:()[]=^$|'\"");

    /// <summary>What may stay of a style attribute; empty: nothing.</summary>
    public static string Declarations(ReadOnlySpan<char> text)
    {
        var kept = new StringBuilder();
        AppendDeclarations(kept, Uncommented(text));
        return kept.ToString();
    }

    /// <summary>What may stay of a style sheet; empty: nothing. It holds no <c>&lt;</c>.</summary>
    public static string Sheet(ReadOnlySpan<char> text)
    {
        var kept = new StringBuilder();
        var plain = Uncommented(text[..Math.Min(text.Length, SheetCharactersMax)])
            .Replace("<!--", "", StringComparison.Ordinal).Replace("-->", "", StringComparison.Ordinal);
        AppendRules(kept, plain, isNested: false);
        return kept.ToString();
    }

    /// <summary>Comments are a blank; one that never ends takes the rest with it.</summary>
    static string Uncommented(ReadOnlySpan<char> text)
    {
        var kept = new StringBuilder(text.Length);
        while (text.IndexOf("/*") is var start and >= 0)
        {
            kept.Append(text[..start]).Append(' ');
            text = text[(start + 2)..];
            var end = text.IndexOf("*/");
            text = end < 0 ? default : text[(end + 2)..];
        }
        return kept.Append(text).ToString();
    }

    static void AppendRules(StringBuilder kept, ReadOnlySpan<char> text, bool isNested)
    {
        while (!(text = text.TrimStart()).IsEmpty)
        {
            var open = PlaceOf(text, "{};");
            if (open < 0)
                return;
            // A statement such as @import or @charset, or a brace too many.
            if (text[open] != '{')
            {
                text = text[(open + 1)..];
                continue;
            }
            var length = BlockLength(text[open..]);
            var block = text.Slice(open + 1, Math.Max(0, length - 2));
            AppendRule(kept, text[..open].Trim().ToString().ReplaceLineEndings(" "), block, isNested);
            text = text[(open + length)..];
        }
    }

    /// <param name="isNested">It stands in <c>@media</c>, and holds none.</param>
    static void AppendRule(StringBuilder kept, string head, ReadOnlySpan<char> block, bool isNested)
    {
        var from = kept.Length;
        var isMedia = !isNested && head.StartsWith("@media", StringComparison.OrdinalIgnoreCase);
        var words = head.AsSpan(isMedia ? "@media".Length : 0);
        if (head.Length is 0 or > SelectorCharactersMax || words.ContainsAnyExcept(SelectorCharacters)
            || !IsBalanced(words))
            return;
        if (!isMedia)
        {
            kept.Append(head).Append('{');
            var inner = kept.Length;
            // A rule inside a rule is left out with all that stands there.
            if (!block.Contains('{'))
                AppendDeclarations(kept, block);
            CloseOrCut(kept, from, inner);
        }
        else
        {
            kept.Append(head).Append('{');
            var inner = kept.Length;
            AppendRules(kept, block, isNested: true);
            CloseOrCut(kept, from, inner);
        }
    }

    static void CloseOrCut(StringBuilder kept, int from, int inner)
    {
        if (kept.Length == inner)
            kept.Length = from;
        else
            kept.Append("}\n");
    }

    /// <summary>With its braces, or to the end.</summary>
    static int BlockLength(ReadOnlySpan<char> text)
    {
        var (depth, at) = (0, 0);
        while (at < text.Length)
        {
            var step = PlaceOf(text[at..], "{}");
            if (step < 0)
                return text.Length;
            at += step;
            depth += text[at++] == '{' ? 1 : -1;
            if (depth == 0)
                return at;
        }
        return text.Length;
    }

    /// <summary>Where the first of these signs stands outside of strings, or -1.</summary>
    static int PlaceOf(ReadOnlySpan<char> text, string signs)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (signs.Contains(text[i], StringComparison.Ordinal))
                return i;
            if (text[i] is not ('"' or '\''))
                continue;
            // A string ends at its quote, or at the end of the line.
            var end = text[(i + 1)..].IndexOfAny(text[i], '\n');
            if (end < 0)
                return -1;
            i += end + 1;
        }
        return -1;
    }

    static void AppendDeclarations(StringBuilder kept, ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            var end = PlaceOf(text, ";");
            AppendDeclaration(kept, end < 0 ? text : text[..end]);
            text = end < 0 ? default : text[(end + 1)..];
        }
    }

    static void AppendDeclaration(StringBuilder kept, ReadOnlySpan<char> text)
    {
        var colon = text.IndexOf(':');
        if (colon <= 0)
            return;
        var name = text[..colon].Trim().ToString().ToLowerInvariant();
        var value = text[(colon + 1)..].Trim();
        if (!Properties.Contains(name) || value.Length is 0 or > ValueCharactersMax)
            return;
        var plain = WithoutAddresses(value.ToString().ReplaceLineEndings(" "));
        if (plain is null || !IsPlain(plain) || IsRemoved(name, plain))
            return;
        kept.Append(name).Append(':').Append(plain).Append(';');
    }

    /// <summary>It would lie over everything, wherever one scrolls.</summary>
    static bool IsRemoved(string name, string value) =>
        name == "position" && (value.Contains("fixed", StringComparison.OrdinalIgnoreCase)
            || value.Contains("sticky", StringComparison.OrdinalIgnoreCase));

    /// <summary>Where a picture would be loaded there is none. Null: it is not said where the address
    /// ends.</summary>
    static string? WithoutAddresses(string value)
    {
        for (var at = value.IndexOf("url(", StringComparison.OrdinalIgnoreCase); at >= 0;
            at = value.IndexOf("url(", at, StringComparison.OrdinalIgnoreCase))
        {
            var open = at + 4;
            while (open < value.Length && value[open] == ' ')
                open++;
            var quote = open < value.Length && value[open] is '"' or '\'' ? value[open] : ')';
            var end = quote == ')' ? open : value.IndexOf(quote, open + 1) + 1;
            end = end <= 0 ? -1 : value.IndexOf(')', end);
            if (end < 0)
                return null;
            value = string.Concat(value.AsSpan(0, at), " none ", value.AsSpan(end + 1));
        }
        return value.Trim();
    }

    static bool IsPlain(string value)
    {
        var words = value.AsSpan();
        // Names of fonts in any script stand in strings.
        foreach (var c in words)
        {
            if (!ValueCharacters.Contains(c) && !char.IsLetter(c))
                return false;
        }
        if (!IsBalanced(words))
            return false;
        for (var open = value.IndexOf('(', StringComparison.Ordinal); open >= 0;
            open = value.IndexOf('(', open + 1))
        {
            var start = open;
            while (start > 0 && (char.IsAsciiLetterOrDigit(value[start - 1]) || value[start - 1] == '-'))
                start--;
            if (start < open && !Functions.Contains(value[start..open]))
                return false;
        }
        return true;
    }

    /// <summary>Quotes and brackets close what they open, and not too much stands in one another.</summary>
    static bool IsBalanced(ReadOnlySpan<char> text)
    {
        var (round, square, quote) = (0, 0, '\0');
        foreach (var c in text)
        {
            if (quote != '\0')
            {
                quote = c == quote ? '\0' : quote;
                continue;
            }
            if (c is '"' or '\'')
                quote = c;
            round += c == '(' ? 1 : c == ')' ? -1 : 0;
            square += c == '[' ? 1 : c == ']' ? -1 : 0;
            if (round is < 0 or > FunctionsDepthMax || square is < 0 or > 1)
                return false;
        }
        return round == 0 && square == 0 && quote == '\0';
    }
}
