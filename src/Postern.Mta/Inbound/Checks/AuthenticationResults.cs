using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>The Authentication-Results field (RFC 8601): composes ours, finds those that claim to be
/// ours.</summary>
static class AuthenticationResults
{
    public const string FieldName = "Authentication-Results";

    /// <summary>RFC 5322 §2.1.1, less the line end.</summary>
    const int ColumnsMax = 76;

    /// <summary>Characters of one value: what a peer says goes no further.</summary>
    const int ValueCharactersMax = 200;

    // RFC 2045 §5.1: token.
    static readonly SearchValues<char> TokenCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`{|}~");

    static readonly SearchValues<char> NameCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._");

    /// <summary>The whole field with its line ends.</summary>
    public static string Compose(string authservId, MailChecks checks) =>
        $"{FieldName}: {Payload(authservId, checks)}\r\n";

    /// <summary>What stands behind the colon, folded; an ARC set takes it over (RFC 8617 §4.1.1).</summary>
    public static string Payload(string authservId, MailChecks checks)
    {
        var lines = new StringBuilder(Value(authservId));
        var results = ResultsOf(checks).ToArray();
        // RFC 8601 §2.2: no-result.
        if (results.Length == 0)
            return lines.Append("; none").ToString();
        foreach (var words in results)
        {
            lines.Append(";\r\n");
            var column = 0;
            foreach (var word in words)
            {
                if (column > 0 && column + 1 + word.Length > ColumnsMax)
                {
                    lines.Append("\r\n   ");
                    column = 3;
                }
                lines.Append(' ').Append(word);
                column += 1 + word.Length;
            }
        }
        return lines.ToString();
    }

    /// <summary>Fields of a header that claim to be ours: they are cut (RFC 8601 §5). Also such as cannot be
    /// read for certain and hold our name.</summary>
    public static IReadOnlyList<ContentRange> FindForged(HeaderBlock header, string authservId) =>
        [.. header.Named(FieldName).Reverse()
            .Where(field => IsOurs(Encoding.UTF8.GetString(header.ValueOf(field)), authservId))
            .Select(header.RangeOf)];

    static bool IsOurs(string value, string authservId)
    {
        if (!TryReadId(value, out var words))
            return value.Contains(authservId, StringComparison.OrdinalIgnoreCase);
        // A version may stand behind the name (RFC 8601 §2.2), and comments anywhere, so that some readers
        // see a name where others see two words.
        return words.Count > 0 && (IsName(words[0], authservId)
            || IsName(string.Concat(words), authservId)
            || IsName(string.Concat(words).TrimEnd([.. "0123456789"]), authservId));
    }

    /// <summary>The same name in any spelling, alone or before something that no name holds.</summary>
    static bool IsName(string text, string authservId)
    {
        var name = DomainName.ToALabel(text) ?? text;
        var ours = DomainName.ToALabel(authservId) ?? authservId;
        if (name.StartsWith(ours, StringComparison.OrdinalIgnoreCase))
        {
            var rest = name.AsSpan(ours.Length).TrimStart('.');
            return rest.IsEmpty || !NameCharacters.Contains(rest[0]) && char.IsAscii(rest[0]);
        }
        return false;
    }

    /// <summary>The words before the first semicolon, without comments and quotation marks.</summary>
    /// <returns>False: a comment or a quoted text does not end.</returns>
    static bool TryReadId(string value, out List<string> words)
    {
        words = [];
        var word = new StringBuilder();
        var depth = 0;
        var isQuoted = false;
        for (var at = 0; at < value.Length; at++)
        {
            var c = value[at];
            if (c == '\\' && (depth > 0 || isQuoted))
            {
                at++;
                if (isQuoted && at < value.Length)
                    word.Append(value[at]);
            }
            else if (isQuoted && c != '"')
                word.Append(c is '\r' or '\n' ? "" : c.ToString());
            else if (depth > 0)
                depth += c switch { '(' => 1, ')' => -1, _ => 0 };
            else if (c == '"')
                isQuoted = !isQuoted;
            else if (c == '(')
                depth++;
            else if (c == ';')
                break;
            else if (c is not (' ' or '\t' or '\r' or '\n'))
                word.Append(c);
            else
                End(word, words);
        }
        End(word, words);
        return depth == 0 && !isQuoted;

        static void End(StringBuilder word, List<string> words)
        {
            if (word.Length > 0)
                words.Add(word.ToString());
            word.Clear();
        }
    }

    static IEnumerable<IReadOnlyList<string>> ResultsOf(MailChecks checks)
    {
        if (checks.Spf is { } spf)
            yield return Words("spf", spf.Result, spf.Why,
                (spf.Scope == SpfScope.Helo ? "smtp.helo" : "smtp.mailfrom", spf.Domain));
        if (checks.Dkim is { Count: 0 })
            yield return Words("dkim", AuthenticationResult.None, null);
        // RFC 8601 §2.7.1, RFC 6008 §4.
        foreach (var dkim in checks.Dkim ?? [])
            yield return Words("dkim", dkim.Result, dkim.Why, ("header.d", dkim.Domain),
                ("header.i", dkim.Identity ?? ""), ("header.s", dkim.Selector),
                ("header.a", dkim.Algorithm), ("header.b", dkim.SignatureStart));
        if (checks.Dmarc is { } dmarc)
            yield return Words("dmarc", dmarc.Result, dmarc.Why, ("header.from", dmarc.Domain),
                ("policy.dmarc", PolicyName(dmarc.Policy)));
        if (checks.Arc is { } arc)
            yield return Words("arc", arc.Result == AuthenticationResult.Temperror
                // RFC 8617 §10.1 knows none, pass and fail alone.
                ? AuthenticationResult.Fail : arc.Result, arc.Why,
                ("header.oldest-pass", arc.Result == AuthenticationResult.Pass
                    ? arc.OldestPass.ToString(CultureInfo.InvariantCulture) : ""));
    }

    /// <summary>One result; properties without a value are left out.</summary>
    static List<string> Words(
        string method, AuthenticationResult result, string? why,
        params ReadOnlySpan<(string Name, string Value)> properties)
    {
        var words = new List<string> { $"{method}={NameOf(result)}" };
        if (why is not null)
            words.Add($"reason={Quoted(why)}");
        foreach (var (name, value) in properties)
        {
            if (value.Length > 0)
                words.Add($"{name}={Value(value)}");
        }
        return words;
    }

    static string NameOf(AuthenticationResult result) => result switch
    {
        AuthenticationResult.None => "none",
        AuthenticationResult.Pass => "pass",
        AuthenticationResult.Fail => "fail",
        AuthenticationResult.Softfail => "softfail",
        AuthenticationResult.Neutral => "neutral",
        AuthenticationResult.Policy => "policy",
        AuthenticationResult.Temperror => "temperror",
        AuthenticationResult.Permerror => "permerror",
        _ => throw new UnreachableException(),
    };

    static string PolicyName(DmarcPolicy? policy) => policy switch
    {
        null => "",
        DmarcPolicy.None => "none",
        DmarcPolicy.Quarantine => "quarantine",
        DmarcPolicy.Reject => "reject",
        _ => throw new UnreachableException(),
    };

    /// <summary>RFC 8601 §2.2: pvalue. As it is where it is a token or an address of such, else
    /// quoted.</summary>
    static string Value(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var local = at < 0 ? text : text[..at];
        var domain = at < 0 ? "x" : text[(at + 1)..];
        var isPlain = text.Length is > 0 and <= ValueCharactersMax && domain.Length > 0
            && !local.AsSpan().ContainsAnyExcept(TokenCharacters)
            && !domain.AsSpan().ContainsAnyExcept(NameCharacters);
        return isPlain ? text : Quoted(text);
    }

    /// <summary>A quoted string in one line, whatever a peer put into it: nothing ends it but its
    /// end.</summary>
    static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text.Length > ValueCharactersMax ? text[..ValueCharactersMax] : text)
        {
            if (c is '"' or '\\')
                quoted.Append('\\');
            quoted.Append(c is >= ' ' and <= '~' ? c : '?');
        }
        return quoted.Append('"').ToString();
    }
}
