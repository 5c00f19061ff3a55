using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Postern.Mta.Routing;

/// <summary>A regular expression as Python writes it, matched in a time that only grows with the
/// text.</summary>
/// <remarks>What needs backtracking is refused: backreferences, looking ahead and behind, atomic groups. All
/// groups count, named ones too, in the order of their opening, as in Python.</remarks>
public sealed class RoutePattern
{
    const int GroupsMax = 100;
    const int DepthMax = 32;

    /// <summary>Of all counted repeats multiplied: the states of the automaton grow so.</summary>
    const long RepeatsMax = 10_000;

    readonly Regex regex;
    readonly Dictionary<string, int> names;

    RoutePattern(Regex regex, int groups, Dictionary<string, int> names)
    {
        this.regex = regex;
        this.names = names;
        Groups = groups;
    }

    /// <summary>How many groups it has.</summary>
    public int Groups { get; }

    /// <summary>Of named groups, from 1.</summary>
    public IReadOnlyDictionary<string, int> Names => names;

    /// <param name="problem">What is wrong with it. Null when it was read.</param>
    public static bool TryParse(
        string text, PatternPlace place, [NotNullWhen(true)] out RoutePattern? pattern,
        [NotNullWhen(false)] out string? problem)
    {
        pattern = null;
        var translation = new Translation(text);
        problem = translation.Run();
        if (problem is not null)
            return false;
        try
        {
            var isAddress = place == PatternPlace.Address;
            var regex = new Regex(
                isAddress ? $@"\A(?:{translation.Text})" : translation.Text,
                RegexOptions.NonBacktracking | RegexOptions.CultureInvariant
                    | (isAddress ? RegexOptions.IgnoreCase : RegexOptions.None));
            pattern = new RoutePattern(regex, translation.Groups, translation.Names);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            problem = e is RegexParseException parse ? $"it is wrong: {parse.Error}"
                : "it needs backtracking, which is not offered";
            return false;
        }
    }

    /// <summary>Null: it does not match. Else what its groups caught; an empty text for nothing.</summary>
    public IReadOnlyList<string>? Match(string text)
    {
        var match = regex.Match(text);
        if (!match.Success)
            return null;
        var caught = new string[Groups];
        for (var i = 0; i < caught.Length; i++)
            caught[i] = match.Groups[NameOf(i + 1)].Value;
        return caught;
    }

    static string NameOf(int group) => string.Create(CultureInfo.InvariantCulture, $"g{group}");

    /// <summary>From Python's way of writing to ours.</summary>
    sealed class Translation(string pattern)
    {
        readonly StringBuilder to = new();
        long repeats = 1;
        int depth;
        int at;
        string? problem;

        public string Text => to.ToString();
        public int Groups { get; private set; }
        public Dictionary<string, int> Names { get; } = new(StringComparer.Ordinal);

        public string? Run()
        {
            while (at < pattern.Length && problem is null)
            {
                switch (pattern[at])
                {
                    case '\\':
                        Escape();
                        break;
                    case '[':
                        Class();
                        break;
                    case '(':
                        Open();
                        break;
                    case ')':
                        // One too many would close what is put around the pattern.
                        if (--depth < 0)
                            problem = "a ) closes nothing";
                        to.Append(pattern[at++]);
                        break;
                    case '{':
                        Repeat();
                        break;
                    default:
                        to.Append(pattern[at++]);
                        break;
                }
            }
            return problem ?? (depth > 0 ? "a ( is not closed" : null);
        }

        void Escape()
        {
            if (at + 1 == pattern.Length)
            {
                problem = "it ends with a backslash";
                return;
            }
            // In Python the very end; here \Z would also stand before a last line end.
            to.Append('\\').Append(pattern[at + 1] == 'Z' ? 'z' : pattern[at + 1]);
            at += 2;
        }

        void Class()
        {
            to.Append(pattern[at++]);
            if (at < pattern.Length && pattern[at] == '^')
                to.Append(pattern[at++]);
            if (at < pattern.Length && pattern[at] == ']')
            {
                to.Append(@"\]");
                at++;
            }
            while (at < pattern.Length && pattern[at] != ']')
            {
                if (pattern[at] == '\\' && at + 1 < pattern.Length)
                    to.Append(pattern[at++]);
                // Here -[ would take one class from another.
                else if (pattern[at] == '[')
                    to.Append('\\');
                to.Append(pattern[at++]);
            }
            if (at == pattern.Length)
                problem = "a [ is not closed";
            else
                to.Append(pattern[at++]);
        }

        void Open()
        {
            if (++depth > DepthMax)
                problem = $"its groups stand deeper than {DepthMax}";
            var rest = pattern.AsSpan(at);
            if (!rest.StartsWith("(?"))
                Capture(null, 1);
            else if (rest.StartsWith("(?P<") && rest.IndexOf('>') is var end and > 4)
                Capture(rest[4..end].ToString(), end + 1);
            else if (rest.StartsWith("(?#") && rest.IndexOf(')') is var last and > 0)
            {
                depth--;
                at += last + 1;
            }
            else
                Flags(rest[2..]);
        }

        void Capture(string? name, int length)
        {
            at += length;
            if (++Groups > GroupsMax)
                problem = $"it has more than {GroupsMax} groups";
            to.Append("(?<").Append(NameOf(Groups)).Append('>');
            if (name is null)
                return;
            if (!IsName(name) || !Names.TryAdd(name, Groups))
                problem = "the name of a group is wrong or stands twice";
        }

        static bool IsName(string name) => !char.IsAsciiDigit(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

        /// <summary>A group that catches nothing, or flags.</summary>
        void Flags(ReadOnlySpan<char> rest)
        {
            var length = rest.IndexOfAnyExcept("ims-");
            if (length < 0 || rest[length] is not (':' or ')') || (length == 0 && rest[0] == ')'))
            {
                problem = "(? is followed by what is not offered; offered are (?:...), (?P<name>...) and the"
                    + " flags i, m, s";
                return;
            }
            if (rest[length] == ')')
                depth--;
            to.Append("(?").Append(rest[..(length + 1)]);
            at += 2 + length + 1;
        }

        void Repeat()
        {
            var end = pattern.IndexOf('}', at);
            var inside = end < 0 ? "" : pattern[(at + 1)..end];
            var parts = inside.Split(',');
            if (inside.Length == 0 || parts.Length > 2 || inside == ","
                || !parts.All(part => part.Length <= 6 && part.All(char.IsAsciiDigit)))
            {
                // No repeat: it stands for itself.
                to.Append(@"\{");
                at++;
                return;
            }
            var most = parts[^1].Length > 0 ? parts[^1] : parts[0];
            repeats *= Math.Max(1, long.Parse(most, CultureInfo.InvariantCulture));
            if (repeats > RepeatsMax)
            {
                problem = $"its repeats make more than {RepeatsMax} when multiplied";
                return;
            }
            to.Append('{').Append(parts[0].Length > 0 ? "" : "0").Append(inside).Append('}');
            at = end + 1;
        }
    }
}

/// <summary>What a pattern is held against.</summary>
public enum PatternPlace
{
    /// <summary>An address: from its beginning (Python's <c>re.match</c>), without regard to case.</summary>
    Address,

    /// <summary>The value of a field: anywhere in it (<c>re.search</c>).</summary>
    Field,
}
