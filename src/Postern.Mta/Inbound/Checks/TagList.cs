using System.Diagnostics.CodeAnalysis;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Tags and values of signatures and of their keys (RFC 6376 §3.2).</summary>
sealed class TagList
{
    readonly Dictionary<string, Tag> tags;

    TagList(Dictionary<string, Tag> tags) => this.tags = tags;

    /// <summary>The value without white space around it. Null: there is no such tag.</summary>
    public string? this[string name] => tags.TryGetValue(name, out var tag) ? tag.Value : null;

    /// <summary>The name of the first tag. Empty: there is none.</summary>
    public string First { get; private init; } = "";

    /// <summary>Where the value stands in the text, with the white space around it.</summary>
    public (int Start, int End) RangeOf(string name) =>
        tags.TryGetValue(name, out var tag) ? (tag.Start, tag.End) : default;

    /// <param name="text">One character for each octet.</param>
    /// <param name="list">The tags.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out TagList? list)
    {
        list = null;
        var tags = new Dictionary<string, Tag>(StringComparer.Ordinal);
        var first = "";
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf(';', at);
            end = end < 0 ? text.Length : end;
            var spec = text.AsSpan(at, end - at);
            // One semicolon may stand behind the last tag.
            if (end == text.Length && IsBlank(spec) && tags.Count > 0)
                break;
            var equals = spec.IndexOf('=');
            if (equals < 0)
                return false;
            var name = Trim(spec[..equals]);
            var value = Trim(spec[(equals + 1)..]);
            // RFC 6376 §3.2: a tag stands once, else the whole list is invalid.
            if (!IsName(name) || !IsValue(value)
                || !tags.TryAdd(name.ToString(), new Tag(value.ToString(), at + equals + 1, end)))
            {
                return false;
            }
            first = first.Length > 0 ? first : name.ToString();
            at = end + 1;
        }
        list = new TagList(tags) { First = first };
        return tags.Count > 0;
    }

    /// <summary>Without any white space, which base64 and lists may be folded with.</summary>
    public static string Unfold(string value) =>
        IndexOfBlank(value) < 0 ? value : string.Concat(value.Where(static c => !IsBlank(c)));

    static int IndexOfBlank(ReadOnlySpan<char> text) => text.IndexOfAny(" \t\r\n");

    static bool IsBlank(char c) => c is ' ' or '\t' or '\r' or '\n';

    static bool IsBlank(ReadOnlySpan<char> text) => Trim(text).IsEmpty;

    static ReadOnlySpan<char> Trim(ReadOnlySpan<char> text) => text.Trim(" \t\r\n");

    static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || !char.IsAsciiLetter(name[0]))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }
        return true;
    }

    /// <summary>RFC 6376 §3.2, and characters beyond ASCII (RFC 8616 §3).</summary>
    static bool IsValue(ReadOnlySpan<char> value)
    {
        foreach (var c in value)
        {
            if (c is < '!' or '\x7f' && !IsBlank(c))
                return false;
        }
        return true;
    }

    readonly record struct Tag(string Value, int Start, int End);
}
