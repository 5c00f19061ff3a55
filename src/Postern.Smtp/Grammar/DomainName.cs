using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Unicode;

namespace Postern.Smtp;

/// <summary>Domains and address literals (RFC 5321 §4.1.2, §4.1.3, RFC 5890), and the one form in which they
/// are compared.</summary>
public static class DomainName
{
    const int LabelOctetsMax = 63;
    static readonly IdnMapping Idn = new() { AllowUnassigned = false, UseStd3AsciiRules = false };

    // Deviation from RFC 5321 §4.1.2: underscores are in use (bounce hosts, service names) and harm nobody.
    static readonly SearchValues<byte> LabelOctets =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    static readonly SearchValues<byte> Ipv6Octets = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    /// <summary>Reads a domain or an address literal, the whole of <paramref name="octets"/>; one final dot
    /// is dropped.</summary>
    public static bool TryRead(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out string? domain)
    {
        domain = null;
        if (!octets.IsEmpty && octets[0] == (byte)'[')
        {
            if (!IsAddressLiteral(octets))
                return false;
            domain = Encoding.ASCII.GetString(octets);
            return true;
        }
        if (!octets.IsEmpty && octets[^1] == (byte)'.')
            octets = octets[..^1];
        if (octets.IsEmpty || octets.Length > Mailbox.DomainOctetsMax)
            return false;
        if (Ascii.IsValid(octets))
        {
            if (!AreLabels(octets))
                return false;
            domain = Encoding.ASCII.GetString(octets);
            return true;
        }
        // One final dot is dropped, here and in the form for comparison: a second one would be dropped there.
        if (octets[^1] == (byte)'.' || !Utf8.IsValid(octets))
            return false;
        var text = Encoding.UTF8.GetString(octets);
        if (ToALabel(text) is null)
            return false;
        domain = text;
        return true;
    }

    /// <summary>
    /// The form for comparison: A-labels (RFC 5890 §2.3.2.1) in lower case, no final dot; a literal in lower
    /// case. Null when there is none.
    /// </summary>
    public static string? ToALabel(string domain)
    {
        if (domain.EndsWith('.'))
            domain = domain[..^1];
        if (domain.Length == 0)
            return null;
        if (Ascii.IsValid(domain))
            return domain.ToLowerInvariant();
        foreach (var rune in domain.EnumerateRunes())
        {
            // The other full stops of RFC 3490 §3.1 are for user interfaces; on the wire they would make two
            // spellings.
            if ((!rune.IsAscii && !IsVisible(rune)) || rune.Value is 0x3002 or 0xFF0E or 0xFF61)
                return null;
        }
        string mapped;
        try
        {
            mapped = Idn.GetAscii(domain).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return null;
        }
        // Compatibility mapping can give a slash, a space or an at sign: such a name is none.
        return Ascii.IsValid(mapped) && AreLabels(Encoding.ASCII.GetBytes(mapped)) ? mapped : null;
    }

    /// <summary>A character of an address that a person can see, and that is no at sign in
    /// disguise.</summary>
    internal static bool IsVisible(Rune rune) =>
        rune.Value is not (0xFF20 or 0xFE6B or 0xFFFD)
        && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.SpaceSeparator
            or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned)
        || rune.Value is 0x200C or 0x200D;

    static bool AreLabels(ReadOnlySpan<byte> name)
    {
        // RFC 1035 §2.3.4 allows 253 octets in text; RFC 5321 §4.5.3.1.2 says 255. The larger is only ever
        // refused later.
        if (name.Length > Mailbox.DomainOctetsMax)
            return false;
        while (true)
        {
            var dot = name.IndexOf((byte)'.');
            var label = dot < 0 ? name : name[..dot];
            if (label.Length is 0 or > LabelOctetsMax || label[0] == (byte)'-' || label[^1] == (byte)'-'
                || label.ContainsAnyExcept(LabelOctets))
            {
                return false;
            }
            if (dot < 0)
                return true;
            name = name[(dot + 1)..];
        }
    }

    // RFC 5321 §4.1.3. A general address literal needs a tag from a registry that has none but IPv6.
    static bool IsAddressLiteral(ReadOnlySpan<byte> octets)
    {
        if (octets.Length < 3 || octets[^1] != (byte)']')
            return false;
        var inner = octets[1..^1];
        if (inner.Length > 5 && Ascii.EqualsIgnoreCase(inner[..5], "IPv6:"u8))
        {
            // A zone (fe80::1%eth0) and a prefix length are no part of a literal.
            return !inner[5..].ContainsAnyExcept(Ipv6Octets)
                && IPAddress.TryParse(Encoding.ASCII.GetString(inner[5..]), out var six)
                && six.AddressFamily == AddressFamily.InterNetworkV6;
        }
        return IsDottedQuad(inner);
    }

    static bool IsDottedQuad(ReadOnlySpan<byte> text)
    {
        for (var part = 0; part < 4; part++)
        {
            var dot = text.IndexOf((byte)'.');
            if (dot < 0 != (part == 3))
                return false;
            var number = dot < 0 ? text : text[..dot];
            // No leading zeros: some readers take them for octal.
            if (number.Length is 0 or > 3 || (number.Length > 1 && number[0] == (byte)'0')
                || number.ContainsAnyExceptInRange((byte)'0', (byte)'9')
                    || (number.Length == 3 && Value(number) > 255))
            {
                return false;
            }
            text = dot < 0 ? [] : text[(dot + 1)..];
        }
        return true;
    }

    static int Value(ReadOnlySpan<byte> digits)
    {
        var value = 0;
        foreach (var digit in digits)
            value = (value * 10) + digit - '0';
        return value;
    }
}
