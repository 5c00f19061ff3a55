using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Events;

/// <summary>An address that is to be forgotten, as it may stand in texts of all kinds, and the pseudonym that
/// takes its place.</summary>
/// <remarks>Case does not count, nor how its domain is spelled; a part behind a plus makes another address.
/// It is found as mail writes it, as links do and as return paths do: <c>kim@example.org</c>,
/// <c>kim%40example.org</c>, <c>kim=example.org</c>.</remarks>
sealed class SoughtAddress
{
    /// <summary>RFC 2606 §2: nobody ever gets mail there.</summary>
    public const string PseudonymDomain = "anonymised.invalid";

    const string NamePrefix = "anon-";

    /// <summary>12 digits: 48 bits tell apart more addresses than a store has.</summary>
    const int NameOctets = 6;

    static readonly string[] separators = ["@", "%40", "="];
    static readonly IdnMapping idn = new() { UseStd3AsciiRules = false };

    readonly HashSet<string> whole = new(StringComparer.OrdinalIgnoreCase);
    readonly List<(string Text, string Pseudonym)> spellings = [];
    readonly string[] domains;

    /// <param name="address">With a domain.</param>
    /// <param name="name">As <see cref="NameOf"/> gives it.</param>
    SoughtAddress(Mailbox address, string name)
    {
        Key = SuppressionKey.AddressOf(address);
        Pseudonym = $"{name}@{PseudonymDomain}";
        domains = [.. SpellingsOf(address.Domain)];
        foreach (var domain in domains)
        {
            var mail = address.WithDomain(domain).ToString();
            whole.Add(mail);
            var local = mail[..^(domain.Length + 1)];
            var locals = new[] { local, address.LocalPart, Uri.EscapeDataString(local) };
            foreach (var one in locals.Distinct(StringComparer.OrdinalIgnoreCase))
            {
                foreach (var separator in separators)
                    spellings.Add((one + separator + domain, name + separator + PseudonymDomain));
            }
        }
    }

    /// <summary>The one spelling of it.</summary>
    public string Key { get; }

    /// <summary>The same for the same address in one store.</summary>
    public string Pseudonym { get; }

    /// <param name="key">Of the store.</param>
    public static SoughtAddress Of(Mailbox address, ReadOnlySpan<byte> key) =>
        new(address, NameOf(SuppressionKey.AddressOf(address), key));

    static string NameOf(string address, ReadOnlySpan<byte> key)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(address), mac);
        return NamePrefix + Convert.ToHexStringLower(mac[..NameOctets]);
    }

    /// <summary>As it came, as the DNS has it, and as people write it.</summary>
    static HashSet<string> SpellingsOf(string domain)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
        {
            domain,
            SuppressionKey.DomainOf(domain),
        };
        try
        {
            names.Add(idn.GetUnicode(SuppressionKey.DomainOf(domain)));
        }
        catch (ArgumentException)
        {
            // A name that is no host's has one spelling.
        }
        foreach (var name in names.ToArray())
            names.Add(Uri.EscapeDataString(name));
        return names;
    }

    /// <summary>The text is this address and nothing else.</summary>
    public bool Is(string? text) => text is not null && whole.Contains(text);

    /// <summary>The text is this address or already its pseudonym.</summary>
    public bool IsOrWas(string? text) => Is(text) || text == Pseudonym;

    /// <summary>The text with the pseudonym wherever the address stands; the same object where it does
    /// not.</summary>
    public string Replace(string text)
    {
        if (!domains.Any(domain => text.Contains(domain, StringComparison.OrdinalIgnoreCase)))
            return text;
        foreach (var (sought, pseudonym) in spellings)
            text = Replace(text, sought, pseudonym);
        return text;
    }

    static string Replace(string text, string sought, string pseudonym)
    {
        StringBuilder? changed = null;
        var copied = 0;
        for (var from = 0; from < text.Length;)
        {
            var at = text.IndexOf(sought, from, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
                break;
            from = at + sought.Length;
            if (!BeginsAt(text, at) || !EndsAt(text, from))
                continue;
            (changed ??= new StringBuilder()).Append(text, copied, at - copied).Append(pseudonym);
            copied = from;
        }
        return changed is null ? text : changed.Append(text, copied, text.Length - copied).ToString();
    }

    /// <summary>No longer local part ends here.</summary>
    static bool BeginsAt(string text, int at)
    {
        if (at == 0)
            return true;
        var before = text[at - 1];
        // In a link, %3Ckim is <kim.
        if (at >= 3 && text[at - 3] == '%'
            && byte.TryParse(text.AsSpan(at - 2, 2), NumberStyles.AllowHexSpecifier, null, out var octet))
            return octet < 0x80 && !IsOfLocalPart((char)octet);
        return !IsOfLocalPart(before);
    }

    /// <summary>Signs that texts put around addresses are left out, though a local part may have
    /// them.</summary>
    static bool IsOfLocalPart(char c) => char.IsLetterOrDigit(c) || c is '.' or '+' or '-' or '_';

    /// <summary>No longer domain begins here.</summary>
    static bool EndsAt(string text, int at)
    {
        if (at == text.Length)
            return true;
        var isDot = text[at] == '.';
        var next = !isDot ? text[at] : at + 1 < text.Length ? text[at + 1] : ' ';
        return !char.IsLetterOrDigit(next) && (isDot || next is not ('-' or '_'));
    }
}
