using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Postern.Mta.Configuration;
using Postern.Smtp;

namespace Postern.Mta.Routing;

/// <summary>A pattern of addresses, as in routes and the senders of accounts (DESIGN §9.1).</summary>
/// <remarks>
/// <c>user@domain</c>, <c>*@domain</c>, <c>*@*.domain</c>, <c>*@*</c>, <c>&lt;&gt;</c> for the null sender
/// and <c>*</c> for anything. In the local part <c>*</c> is any run; before a domain <c>*.</c> is one or more
/// labels, never the domain itself. Case never counts; domains are compared as A-labels.
/// </remarks>
public sealed record AddressPattern
{
    enum Scope { Anything, NullSender, AnyDomain, Domain, Subdomains }

    readonly Scope scope;

    /// <summary>The pattern of the local part; a quoted one is taken as it is.</summary>
    readonly string local;

    readonly bool isQuoted;

    /// <summary>The A-label form. Empty where the scope needs none.</summary>
    readonly string domain;

    AddressPattern(string text, Scope scope, string local = "", string domain = "", bool isQuoted = false)
    {
        Text = text;
        this.scope = scope;
        this.local = local;
        this.domain = domain;
        this.isQuoted = isQuoted;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>It takes addresses of every domain there is.</summary>
    public bool IsAnyDomain => scope is Scope.Anything or Scope.AnyDomain;

    /// <param name="mend">What is wrong with it; null when it was read.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out AddressPattern? pattern, out string? mend)
    {
        pattern = null;
        mend = null;
        if (text is "*" or "<>")
        {
            pattern = new AddressPattern(text, text == "*" ? Scope.Anything : Scope.NullSender);
            return true;
        }
        var at = text.LastIndexOf('@');
        mend = at < 0 ? $"an address pattern has an @; did you mean \"*@{text}\" or \"{text}@...\"?"
            : at == 0 ? $"the local part is missing; did you mean \"*{text}\"?"
            : at == text.Length - 1 ? "the domain is missing after the @"
            : text.Any(c => char.IsControl(c) || c is '<' or '>' or ',')
                ? "one address, without <>, commas or line ends"
            : null;
        if (mend is not null)
            return false;
        var isQuoted = at >= 2 && text[0] == '"' && text[at - 1] == '"';
        var local = isQuoted ? Unquote(text[1..(at - 1)]) : text[..at];
        if (!isQuoted && local.Any(c => c is ' ' or '"' or '@'))
        {
            mend = "the local part needs quotes, \"\\\"a b\\\"@example.org\"";
            return false;
        }
        var rest = text[(at + 1)..];
        var scope = rest == "*" ? Scope.AnyDomain
            : rest.StartsWith("*.", StringComparison.Ordinal) ? Scope.Subdomains
            : Scope.Domain;
        var domain = scope switch
        {
            Scope.AnyDomain => "",
            Scope.Subdomains => ToALabels(rest[2..]),
            Scope.Domain => ToALabels(rest),
            _ => throw new UnreachableException(),
        };
        if (scope != Scope.AnyDomain && !HostName.IsValid(domain) && !HostName.IsAddressLiteral(domain))
        {
            mend = domain.Contains('*', StringComparison.Ordinal)
                ? "in a domain * stands alone or once in front, as in \"*@*.example.org\""
                : $"\"{rest}\" is no domain";
            return false;
        }
        pattern = new AddressPattern(text, scope, local, domain, isQuoted);
        return true;
    }

    /// <exception cref="FormatException">It is no pattern.</exception>
    public static AddressPattern Parse(string text) =>
        TryParse(text, out var pattern, out var mend) ? pattern
            : throw new FormatException($"\"{text}\": {mend}");

    /// <param name="mailbox">Null: the null sender.</param>
    /// <param name="delimiter">Between user and extension: <c>user@d</c> then takes <c>user+tag@d</c> too.
    /// Empty: none.</param>
    public bool Matches(Mailbox? mailbox, string delimiter) => scope switch
    {
        Scope.Anything => true,
        Scope.NullSender => mailbox is null,
        _ => mailbox is not null && ServesDomain(mailbox.Domain)
            && MatchesLocal(mailbox.LocalPart, delimiter),
    };

    /// <summary>Whether some address of the domain matches.</summary>
    /// <param name="name">As sent; it may hold U-labels.</param>
    public bool ServesDomain(string name)
    {
        if (IsAnyDomain)
            return true;
        if (scope == Scope.NullSender)
            return false;
        var other = Ascii.IsValid(name) ? name : ToALabels(name);
        if (scope == Scope.Domain)
            return other.Equals(domain, StringComparison.OrdinalIgnoreCase);
        // At least one octet of a label and its dot stand before the domain.
        return other.Length > domain.Length + 1
            && other[other.Length - domain.Length - 1] == '.'
            && other[0] != '.'
            && other.EndsWith(domain, StringComparison.OrdinalIgnoreCase);
    }

    public override string ToString() => Text;

    bool MatchesLocal(string name, string delimiter)
    {
        if (MatchesRun(name))
            return true;
        var end = delimiter.Length == 0 ? -1 : name.IndexOf(delimiter, StringComparison.Ordinal);
        return end > 0 && MatchesRun(name.AsSpan(0, end));
    }

    /// <summary>Matches with <c>*</c> as any run, in time linear in name times pattern.</summary>
    bool MatchesRun(ReadOnlySpan<char> name)
    {
        if (isQuoted || !local.Contains('*', StringComparison.Ordinal))
            return name.Equals(local, StringComparison.OrdinalIgnoreCase);
        var (n, p, star, resume) = (0, 0, -1, 0);
        while (n < name.Length)
        {
            if (p < local.Length && local[p] == '*')
                (star, resume, p) = (p, n, p + 1);
            else if (p < local.Length && EqualsIgnoringCase(local[p], name[n]))
                (n, p) = (n + 1, p + 1);
            else if (star >= 0)
                (p, resume, n) = (star + 1, resume + 1, resume + 1);
            else
                return false;
        }
        return local.AsSpan(p).Trim('*').IsEmpty;
    }

    static bool EqualsIgnoringCase(char a, char b) =>
        a == b || char.ToUpperInvariant(a) == char.ToUpperInvariant(b);

    static string Unquote(string quoted)
    {
        var text = new StringBuilder(quoted.Length);
        for (var i = 0; i < quoted.Length; i++)
            text.Append(quoted[i] == '\\' && i + 1 < quoted.Length ? quoted[++i] : quoted[i]);
        return text.ToString();
    }

    static string ToALabels(string name) => HostName.ToALabels(name);
}
