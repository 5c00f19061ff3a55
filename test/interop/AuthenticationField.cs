using System.Text.RegularExpressions;

namespace Postern.Interop;

/// <summary>One result of an Authentication-Results field (RFC 8601 §2.2), as far as fields of these tests
/// go.</summary>
sealed partial record AuthenticationField(
    string Method, string Result, IReadOnlyDictionary<string, string> Properties)
{
    /// <param name="value">Behind the colon, folded.</param>
    public static IEnumerable<AuthenticationField> ResultsOf(string value) =>
        from part in Semicolon().Split(Comment().Replace(value, "")).Skip(1)
        let words = Word().Matches(part)
            .Select(word => (Name: word.Groups["name"].Value, Value: word.Groups["value"].Value.Trim('"')))
            .ToArray()
        where words.Length > 0
        select new AuthenticationField(
            words[0].Name, words[0].Value, words[1..].DistinctBy(word => word.Name)
                .ToDictionary(word => word.Name, word => word.Value));

    [GeneratedRegex(""";(?=(?:[^"]*"[^"]*")*[^"]*$)""")]
    private static partial Regex Semicolon();

    [GeneratedRegex(@"\([^()]*\)")]
    private static partial Regex Comment();

    [GeneratedRegex("""(?<name>[a-z][a-z.-]*)=(?<value>"[^"]*"|\S+)""")]
    private static partial Regex Word();
}
