using System.Text;
using System.Text.RegularExpressions;

namespace Postern.Tests;

/// <summary>One C# file for the tidy rules: its code with comments and literals blanked, its types, its
/// functions.</summary>
/// <remarks>Not a compiler: a scanner that knows every kind of C# literal, which is all that counting braces
/// needs.</remarks>
sealed partial class SourceText
{
    static readonly char[] Openers = ['(', '[', '{'];

    public SourceText(string text)
    {
        Code = Blanked(text);
        Types = [.. TypeDeclaration().Matches(Code).Select(match => match.Groups["name"].Value)];
        var functions = new List<(string Name, int Line, int Lines)>();
        ReadMembers(0, Code.Length, functions);
        Functions = functions;
    }

    /// <summary>The same length and lines as the file; comments, strings and directives are spaces.</summary>
    public string Code { get; }

    /// <summary>Names of the types it declares, in order.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>Methods, constructors and properties with a body: name, first line, number of lines without
    /// attributes.</summary>
    public IReadOnlyList<(string Name, int Line, int Lines)> Functions { get; }

    void ReadMembers(int start, int end, List<(string, int, int)> functions)
    {
        var at = start;
        while ((at = SkipAttributes(SkipSpace(at, end), end)) < end)
        {
            var (stop, opener) = FindBody(at, end);
            var header = Code[at..stop];
            if (opener == '{' && TypeHeader().Match(header) is { Success: true } type)
            {
                var close = MatchingClose(stop, end);
                if (type.Groups["kind"].Value != "enum")
                    ReadMembers(stop + 1, close, functions);
                at = close + 1;
                continue;
            }
            var last = opener == '{' ? MatchingClose(stop, end) : EndOfStatement(stop, end);
            if (opener != ';' && opener != '=' && !char.IsPunctuation(Code[at]))
                functions.Add((NameIn(header), LineOf(at), LineOf(last) - LineOf(at) + 1));
            at = last + 1;
        }
    }

    /// <summary>Where a member's header ends: at its block, its arrow, its initializer or its
    /// semicolon.</summary>
    (int Stop, char Opener) FindBody(int at, int end)
    {
        for (var i = at; i < end; i++)
        {
            var c = Code[i];
            if (c is '(' or '[')
                i = MatchingClose(i, end);
            else if (c == '=' && i + 1 < end && Code[i + 1] == '>')
                return (i, '>');
            else if (c == '=' && !Code[at..i].Contains(" operator", StringComparison.Ordinal))
                return (i, '=');
            else if (c is '{' or ';')
                return (i, c);
        }
        return (end, ';');
    }

    int EndOfStatement(int at, int end)
    {
        for (var i = at; i < end; i++)
        {
            if (Openers.Contains(Code[i]))
                i = MatchingClose(i, end);
            else if (Code[i] == ';')
                return i;
        }
        return end - 1;
    }

    int MatchingClose(int at, int end)
    {
        var depth = 0;
        for (var i = at; i < end; i++)
        {
            if (Openers.Contains(Code[i]))
                depth++;
            else if (Code[i] is ')' or ']' or '}' && --depth == 0)
                return i;
        }
        return end - 1;
    }

    int SkipSpace(int at, int end)
    {
        while (at < end && (char.IsWhiteSpace(Code[at]) || Code[at] is '}' or ';'))
            at++;
        return at;
    }

    int SkipAttributes(int at, int end)
    {
        while (at < end && Code[at] == '[')
            at = SkipSpace(MatchingClose(at, end) + 1, end);
        return at;
    }

    int LineOf(int at) => Code.AsSpan(0, Math.Min(at, Code.Length)).Count('\n') + 1;

    static string NameIn(string header)
    {
        var name = MemberName().Match(header);
        return name.Success ? name.Value : header.Trim();
    }

    static string Blanked(string text)
    {
        var code = new StringBuilder(text);
        for (var i = 0; i < text.Length;)
        {
            var end = EndOfLiteral(text, i);
            for (var k = i; k < end; k++)
                if (code[k] != '\n')
                    code[k] = ' ';
            i = Math.Max(end, i + 1);
        }
        return code.ToString();
    }

    /// <summary>The end of the comment, literal or directive that begins here; the same place when none
    /// does.</summary>
    static int EndOfLiteral(string text, int at)
    {
        var rest = text.AsSpan(at);
        if (rest.StartsWith("//"))
            return IndexOrEnd(text, "\n", at);
        if (rest.StartsWith("/*"))
            return Math.Min(IndexOrEnd(text, "*/", at + 2) + 2, text.Length);
        if (rest[0] == '#' && text.AsSpan(text.LastIndexOf('\n', at) + 1, at - text.LastIndexOf('\n', at) - 1)
            .IsWhiteSpace())
            return IndexOrEnd(text, "\n", at);
        if (rest[0] == '\'')
            return EndOfQuoted(text, at + 1, '\'');
        var quote = StringStart().Match(text, at);
        return quote.Success && quote.Index == at ? EndOfString(text, at, quote.Value) : at;
    }

    static int EndOfString(string text, int at, string prefix)
    {
        var quotes = prefix.Count(c => c == '"');
        var verbatim = prefix.Contains('@', StringComparison.Ordinal);
        var from = at + prefix.Length - quotes + 1;
        if (quotes >= 3 && !verbatim)
            return Math
                .Min(IndexOrEnd(text, new string('"', quotes), at + prefix.Length) + quotes, text.Length);
        if (prefix.Contains('$', StringComparison.Ordinal))
            return EndOfInterpolated(text, from, verbatim);
        return verbatim ? EndOfVerbatim(text, from) : EndOfQuoted(text, from, '"');
    }

    static int EndOfQuoted(string text, int at, char quote)
    {
        while (at < text.Length && text[at] != quote)
            at += text[at] == '\\' ? 2 : 1;
        return Math.Min(at + 1, text.Length);
    }

    static int EndOfVerbatim(string text, int at)
    {
        while (at < text.Length && (text[at] != '"' || (at + 1 < text.Length && text[at + 1] == '"')))
            at += text[at] == '"' ? 2 : 1;
        return Math.Min(at + 1, text.Length);
    }

    static int EndOfInterpolated(string text, int at, bool verbatim)
    {
        var depth = 0;
        while (at < text.Length)
        {
            var pair = at + 1 < text.Length && text[at + 1] == text[at];
            if (depth == 0 && text[at] == '"' && !(verbatim && pair))
                return at + 1;
            if (depth == 0 && (pair && text[at] is '{' or '}' or '"' || (!verbatim && text[at] == '\\')))
                at += 2;
            else if (depth > 0 && EndOfLiteral(text, at) is var end && end > at)
                at = end;
            else
                depth += text[at++] switch { '{' => 1, '}' => -1, _ => 0 };
        }
        return at;
    }

    static int IndexOrEnd(string text, string what, int at)
    {
        var found = at < text.Length ? text.IndexOf(what, at, StringComparison.Ordinal) : -1;
        return found < 0 ? text.Length : found;
    }

    const string Modifiers = @"(?:(?:public|internal|private|protected|static|sealed|abstract|partial|"
        + @"readonly|ref|file|unsafe|new)\s+)*";

    [GeneratedRegex(
        @"^\s*" + Modifiers + @"(?<kind>record|class|struct|interface|enum|namespace|extension)\b")]
    private static partial Regex TypeHeader();

    [GeneratedRegex(@"(?<=^|[;{}\]]|\n)\s*" + Modifiers
        + @"(?:record\s+struct|record\s+class|record|class|struct|interface|enum|delegate\s+[\w<>\[\]?.]+)"
        + @"\s+(?<name>\w+)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\w+(?=\s*(<[^>()]*>)?\s*\()|\w+(?=\s*$)")]
    private static partial Regex MemberName();

    [GeneratedRegex(@"\G[$@]*""+")]
    private static partial Regex StringStart();
}
