using System.Text;

namespace Postern.Api.Mailgun;

/// <summary>Cuts a template into text and tags, and takes away the white space that its tags take.</summary>
/// <remarks>A tag with <c>~</c> takes what stands beside it; a block's tag or a comment that is alone on its
/// line takes the line.</remarks>
sealed class HandlebarsLexer(string source)
{
    readonly List<HandlebarsToken> tokens = [];
    readonly StringBuilder text = new();
    int line = 1;

    /// <summary>Why it is no template. Null: nothing is wrong.</summary>
    public string? Trouble { get; private set; }

    public IReadOnlyList<HandlebarsToken> Read()
    {
        var at = 0;
        while (Trouble is null)
        {
            var open = source.IndexOf("{{", at, StringComparison.Ordinal);
            if (open < 0)
                break;
            if (open > at && source[open - 1] == '\\')
            {
                // Two backslashes are one, and the tag counts; one makes the tag text.
                text.Append(source, at, open - 1 - at);
                at = open;
                if (open - 2 < 0 || source[open - 2] != '\\')
                {
                    text.Append("{{");
                    at += 2;
                    continue;
                }
            }
            text.Append(source, at, open - at);
            EndText();
            at = ReadTag(open);
        }
        if (Trouble is null)
        {
            text.Append(source, at, source.Length - at);
            EndText();
            TakeSpace();
        }
        return tokens;
    }

    void EndText()
    {
        if (text.Length == 0)
            return;
        var said = text.ToString();
        tokens.Add(new HandlebarsToken(HandlebarsTokenKind.Text, said, line));
        line += said.AsSpan().Count('\n');
        text.Clear();
    }

    /// <returns>Where the tag is over.</returns>
    int ReadTag(int open)
    {
        var start = open + 2;
        var takesLeft = At(start) == '~';
        if (takesLeft)
            start++;
        var kind = HandlebarsTokenKind.Tag;
        var (end, closing) = (-1, "}}");
        if (At(start) == '!')
        {
            kind = HandlebarsTokenKind.Comment;
            var isLong = At(start + 1) == '-' && At(start + 2) == '-';
            end = isLong ? EndOfLongComment(start + 3, out closing)
                : source.IndexOf(closing, start, StringComparison.Ordinal);
        }
        else if (At(start) == '{')
        {
            kind = HandlebarsTokenKind.RawTag;
            end = FindEnd(++start, "}");
            closing = end >= 0 && At(end + 1) == '~' ? "}~}}" : "}}}";
            if (end >= 0 && string.CompareOrdinal(source, end, closing, 0, closing.Length) != 0)
                end = -1;
        }
        else
            end = FindEnd(start, closing);
        if (end < 0)
        {
            Trouble = $"line {line}: a tag is not closed";
            return source.Length;
        }
        var takesRight = closing.Contains('~', StringComparison.Ordinal);
        var body = source[start..end];
        if (closing == "}}" && body.EndsWith('~'))
            (takesRight, body) = (true, body[..^1]);
        tokens.Add(new HandlebarsToken(kind, body.Trim(), line)
        {
            TakesLeft = takesLeft,
            TakesRight = takesRight,
        });
        line += source.AsSpan(open, end - open).Count('\n');
        return end + closing.Length;
    }

    int EndOfLongComment(int from, out string closing)
    {
        var at = source.IndexOf("--", Math.Min(from, source.Length), StringComparison.Ordinal);
        for (; at >= 0; at = source.IndexOf("--", at + 1, StringComparison.Ordinal))
        {
            foreach (var one in (string[])["--}}", "--~}}"])
            {
                closing = one;
                if (string.CompareOrdinal(source, at, one, 0, one.Length) == 0)
                    return at;
            }
        }
        closing = "";
        return -1;
    }

    /// <summary>Not within quotes. -1: there is none.</summary>
    int FindEnd(int from, string closing)
    {
        var quote = '\0';
        for (var at = from; at < source.Length; at++)
        {
            var c = source[at];
            if (quote != '\0')
                quote = c == quote ? '\0' : quote;
            else if (c is '"' or '\'')
                quote = c;
            else if (string.CompareOrdinal(source, at, closing, 0, closing.Length) == 0)
                return at;
        }
        return -1;
    }

    char At(int place) => place < source.Length ? source[place] : '\0';

    void TakeSpace()
    {
        var cuts = new (int Start, int End)[tokens.Count];
        for (var i = 0; i < tokens.Count; i++)
            cuts[i] = (0, tokens[i].Text.Length);
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            if (token.Kind == HandlebarsTokenKind.Text)
                continue;
            var (left, right) = (TextAt(i - 1), TextAt(i + 1));
            if (IsAlone(token, i, left, right))
            {
                if (left is not null)
                    cuts[i - 1].End = Math.Min(cuts[i - 1].End, left.LastIndexOf('\n') + 1);
                if (right is not null)
                    cuts[i + 1].Start = Math.Max(cuts[i + 1].Start, EndOfLine(right));
            }
            if (token.TakesLeft && left is not null)
                cuts[i - 1].End = Math.Min(cuts[i - 1].End, left.TrimEnd().Length);
            if (token.TakesRight && right is not null)
                cuts[i + 1].Start = Math.Max(cuts[i + 1].Start, right.Length - right.TrimStart().Length);
        }
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Kind == HandlebarsTokenKind.Text)
                tokens[i] = tokens[i] with
                {
                    Text = cuts[i].Start < cuts[i].End ? tokens[i].Text[cuts[i].Start..cuts[i].End] : "",
                };
        }
    }

    string? TextAt(int index) =>
        index >= 0 && index < tokens.Count && tokens[index].Kind == HandlebarsTokenKind.Text
            ? tokens[index].Text : null;

    bool IsAlone(HandlebarsToken token, int index, string? left, string? right)
    {
        var isBlock = token.Kind == HandlebarsTokenKind.Comment || (token.Kind == HandlebarsTokenKind.Tag
            && (token.Text is ['#' or '^' or '/', ..] or "else"
                || token.Text.StartsWith("else ", StringComparison.Ordinal)));
        if (!isBlock)
            return false;
        var begins = left is null ? index == 0
            : left.LastIndexOf('\n') is var before && (before >= 0 || index == 1)
                && left.AsSpan(before + 1).Trim().IsEmpty;
        var ends = right is null ? index == tokens.Count - 1
            : right.IndexOf('\n', StringComparison.Ordinal) is var after
                && (after >= 0 || index == tokens.Count - 2)
                && right.AsSpan(0, after < 0 ? right.Length : after).Trim().IsEmpty;
        return begins && ends;
    }

    static int EndOfLine(string text) =>
        text.IndexOf('\n', StringComparison.Ordinal) is var end and >= 0 ? end + 1 : text.Length;
}

enum HandlebarsTokenKind { Text, Tag, RawTag, Comment }

/// <param name="Text">Of a tag what stands in its braces, trimmed.</param>
/// <param name="Line">From 1.</param>
sealed record HandlebarsToken(HandlebarsTokenKind Kind, string Text, int Line)
{
    public bool TakesLeft { get; init; }
    public bool TakesRight { get; init; }
}
