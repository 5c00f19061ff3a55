using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>The small language of domain-specs and explanations (RFC 7208 §7).</summary>
static class SpfMacro
{
    public const string DomainLetters = "slodiphv";

    /// <summary>RFC 7208 §7.2: the last three in explanations alone.</summary>
    public const string ExplanationLetters = "slodiphvcrt";

    /// <summary>Nothing longer is of use: a name has 253, and all that stays of it is its end.</summary>
    const int ExpandedCharactersMax = 8192;

    static readonly SearchValues<char> DelimiterCharacters = SearchValues.Create(".-+,/_=");

    /// <summary>RFC 7208 §7.1: visible characters and macros.</summary>
    /// <param name="endsInMacro">The last of it is a macro.</param>
    public static bool IsMacroString(ReadOnlySpan<char> text, string letters, out bool endsInMacro)
    {
        endsInMacro = false;
        while (!text.IsEmpty)
        {
            var length = 1;
            endsInMacro = text[0] == '%';
            if (endsInMacro ? !TryRead(text, letters, out _, out length) : text[0] is < '!' or > '~')
                return false;
            text = text[length..];
        }
        return true;
    }

    /// <summary>RFC 7208 §7.1: a macro string that ends in a macro or in a dot and a top label.</summary>
    public static bool IsDomainSpec(ReadOnlySpan<char> text)
    {
        if (!IsMacroString(text, DomainLetters, out var endsInMacro))
            return false;
        if (endsInMacro)
            return true;
        if (text.EndsWith("."))
            text = text[..^1];
        var dot = text.LastIndexOf('.');
        return dot >= 0 && IsTopLabel(text[(dot + 1)..]);
    }

    /// <summary>The macro letter stands somewhere in a text that was found to be well formed.</summary>
    public static bool Uses(ReadOnlySpan<char> text, char letter)
    {
        for (var at = text.IndexOf('%'); at >= 0; at = text.IndexOf('%'))
        {
            text = text[at..];
            if (!TryRead(text, ExplanationLetters, out var macro, out var length))
                return false;
            if (macro.Letter == letter)
                return true;
            text = text[length..];
        }
        return false;
    }

    /// <summary>The name that a domain-spec stands for, as the DNS is asked. Null: none can be made of
    /// it.</summary>
    public static string? ToName(ReadOnlySpan<char> domainSpec, in SpfMacroValues values)
    {
        if (!domainSpec.Contains('%'))
            return DnsNames.ToQuestion(domainSpec.ToString());
        if (Expand(domainSpec, DomainLetters, values) is not { } name)
            return null;
        if (name.EndsWith('.'))
            name = name[..^1];
        // RFC 7208 §7.3: labels go from the left until it fits.
        while (name.Length > DnsNames.CharactersMax && name.IndexOf('.') is >= 0 and var dot)
            name = name[(dot + 1)..];
        return DnsNames.ToQuestion(name);
    }

    /// <summary>Null: the text cannot be read, is too long, or needs a local part that SPF cannot
    /// tell.</summary>
    public static string? Expand(ReadOnlySpan<char> text, string letters, in SpfMacroValues values)
    {
        var expanded = new StringBuilder();
        while (!text.IsEmpty && expanded.Length <= ExpandedCharactersMax)
        {
            var percent = text.IndexOf('%');
            if (percent != 0)
            {
                var literal = percent < 0 ? text : text[..percent];
                expanded.Append(literal);
                text = text[literal.Length..];
                continue;
            }
            if (!TryRead(text, letters, out var macro, out var length) || !TryAppend(expanded, macro, values))
                return null;
            text = text[length..];
        }
        return expanded.Length <= ExpandedCharactersMax ? expanded.ToString() : null;
    }

    static bool TryAppend(StringBuilder expanded, Macro macro, in SpfMacroValues values)
    {
        if (macro.Letter is '%' or ' ')
        {
            expanded.Append(macro.Letter);
            return true;
        }
        if (macro.Letter == '-')
        {
            expanded.Append("%20");
            return true;
        }
        if (values.Of(macro.Letter) is not { } value)
            return false;
        if (macro.IsTransformed)
            value = Transformed(value, macro);
        // RFC 7208 §7.3: a capital letter means the same, written as in a URL.
        expanded.Append(macro.IsCapital ? Uri.EscapeDataString(value) : value);
        return true;
    }

    static string Transformed(string value, Macro macro)
    {
        var delimiters = macro.Delimiters.IsEmpty ? "." : macro.Delimiters;
        var parts = value.Split(delimiters.ToArray());
        if (macro.IsReversed)
            Array.Reverse(parts);
        var first = macro.PartsMax == 0 ? 0 : Math.Max(0, parts.Length - macro.PartsMax);
        return string.Join('.', parts, first, parts.Length - first);
    }

    /// <param name="text">Begins with the percent sign.</param>
    static bool TryRead(ReadOnlySpan<char> text, string letters, out Macro macro, out int length)
    {
        macro = default;
        length = 2;
        if (text.Length < 2)
            return false;
        if (text[1] is '%' or '_' or '-')
        {
            macro.Letter = text[1] == '_' ? ' ' : text[1];
            return true;
        }
        var end = text.IndexOf('}');
        if (text[1] != '{' || end < 3)
            return false;
        length = end + 1;
        macro.Letter = char.ToLowerInvariant(text[2]);
        macro.IsCapital = char.IsAsciiLetterUpper(text[2]);
        if (!letters.Contains(macro.Letter))
            return false;
        var transformers = text[3..end];
        var digits = transformers.IndexOfAnyExceptInRange('0', '9');
        var count = transformers[..(digits < 0 ? transformers.Length : digits)];
        if (!count.IsEmpty && !TryReadCount(count, out macro.PartsMax))
            return false;
        macro.Delimiters = transformers[count.Length..];
        if (!macro.Delimiters.IsEmpty && macro.Delimiters[0] is 'r' or 'R')
        {
            macro.IsReversed = true;
            macro.Delimiters = macro.Delimiters[1..];
        }
        return !macro.Delimiters.ContainsAnyExcept(DelimiterCharacters);
    }

    // RFC 7208 §7.1: not zero. No value has more parts than three digits can count.
    static bool TryReadCount(ReadOnlySpan<char> digits, out int count) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out count)
        && count is > 0 and <= 999;

    // RFC 7208 §7.1: letters, digits and hyphens, none of them at an end, and not digits alone.
    static bool IsTopLabel(ReadOnlySpan<char> label)
    {
        if (label.IsEmpty || label[0] == '-' || label[^1] == '-')
            return false;
        var isNumber = true;
        foreach (var c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
                return false;
            isNumber &= char.IsAsciiDigit(c);
        }
        return !isNumber;
    }

    /// <summary>One macro as written.</summary>
    ref struct Macro
    {
        /// <summary>In lower case; <c>%</c>, a space and <c>-</c> for the three without braces.</summary>
        public char Letter;
        public bool IsCapital;
        public bool IsReversed;

        /// <summary>Parts that stay, from the right. 0: all.</summary>
        public int PartsMax;
        public ReadOnlySpan<char> Delimiters;

        public readonly bool IsTransformed => PartsMax > 0 || IsReversed || !Delimiters.IsEmpty;
    }
}

/// <summary>What the macro letters stand for.</summary>
/// <param name="Sender">The whole question: the sender's address, the client's, its HELO name.</param>
/// <param name="SenderDomain">As it is asked for.</param>
/// <param name="Domain">Of the record that is read now.</param>
/// <param name="ClientName">The client's name as far as the DNS confirms it. Null: none.</param>
readonly record struct SpfMacroValues(
    SpfQuestion Sender, string SenderDomain, string Domain, string? ClientName, DateTimeOffset Now)
{
    /// <summary>RFC 7208 §7.2. Null: nothing that can be told.</summary>
    public string? Of(char letter) => letter switch
    {
        's' => LocalPart is { } local ? $"{local}@{SenderDomain}" : null,
        'l' => LocalPart,
        'o' => SenderDomain,
        'd' => Domain,
        'i' => Dotted(Sender.Client),
        'p' => ClientName ?? "unknown",
        'v' => Sender.Client.AddressFamily == AddressFamily.InterNetwork ? "in-addr" : "ip6",
        'h' => Sender.HeloName,
        'c' => Sender.Client.ToString(),
        'r' => Sender.HostName,
        't' => Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        _ => null,
    };

    // RFC 8616 §4: terms with a local part that is not ASCII match nothing.
    string? LocalPart => Sender.LocalPart.Length == 0 ? "postmaster"
        : Ascii.IsValid(Sender.LocalPart) ? Sender.LocalPart : null;

    static string Dotted(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return address.ToString();
        Span<byte> octets = stackalloc byte[16];
        _ = address.TryWriteBytes(octets, out _);
        return string.Join('.', Convert.ToHexString(octets).ToCharArray());
    }
}
