using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Postern.Mta.Routing;

/// <summary>A text of an action, in which <c>\1</c> and <c>\g&lt;name&gt;</c> stand for what patterns
/// caught.</summary>
public sealed class CaptureText
{
    readonly IReadOnlyList<Part> parts;

    CaptureText(IReadOnlyList<Part> parts) => this.parts = parts;

    /// <summary>Nothing in it depends on a message.</summary>
    public bool IsFixed => parts.All(part => part.Group is null);

    /// <param name="filter">Whose groups may be named; they are numbered through the whole
    /// expression.</param>
    public static bool TryParse(
        string text, RouteFilter filter, [NotNullWhen(true)] out CaptureText? read,
        [NotNullWhen(false)] out string? problem)
    {
        read = null;
        problem = null;
        var parts = new List<Part>();
        var literal = new StringBuilder();
        for (var at = 0; at < text.Length;)
        {
            if (text[at] != '\\' || at + 1 == text.Length)
            {
                literal.Append(text[at++]);
                continue;
            }
            var length = ReadReference(text.AsSpan(at), out var name);
            if (length == 0)
            {
                // A backslash before anything else only takes its meaning away.
                literal.Append(text[at + 1]);
                at += 2;
                continue;
            }
            if (FindGroup(filter, name) is not { } group)
            {
                problem = $"\"{text.Substring(at, length)}\" names no group of the expression";
                return false;
            }
            parts.Add(new Part(literal.ToString(), group));
            literal.Clear();
            at += length;
        }
        parts.Add(new Part(literal.ToString(), null));
        read = new CaptureText(parts);
        return true;
    }

    /// <param name="escape">Makes what was caught harmless in the place where it will stand.</param>
    public string Fill(RouteCase mail, Func<string, string> escape)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            text.Append(part.Literal);
            if (part.Group is { } group)
                text.Append(escape(mail.Caught(group)));
        }
        return text.ToString();
    }

    /// <returns>How long it is; 0 where none stands.</returns>
    static int ReadReference(ReadOnlySpan<char> text, out string name)
    {
        name = "";
        if (text.StartsWith(@"\g<") && text.IndexOf('>') is var end and > 3)
        {
            name = text[3..end].ToString();
            return end + 1;
        }
        var digits = text[1..].IndexOfAnyExceptInRange('0', '9');
        digits = digits < 0 ? text.Length - 1 : digits;
        // At most two of them, as in Python.
        digits = Math.Min(digits, 2);
        if (digits == 0)
            return 0;
        name = text.Slice(1, digits).ToString();
        return digits + 1;
    }

    static int? FindGroup(RouteFilter filter, string name)
    {
        var isNumber = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        foreach (var (pattern, first) in filter.Patterns())
        {
            if (isNumber && number > first && number <= first + pattern.Groups)
                return number;
            if (!isNumber && pattern.Names.TryGetValue(name, out var named))
                return first + named;
        }
        return null;
    }

    sealed record Part(string Literal, int? Group);
}
