using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Postern.Smtp;

/// <summary>An address: local part and domain (RFC 5321 §4.1.2, RFC 6531 §3.3).</summary>
/// <remarks>
/// <see cref="LocalPart"/> is the meaning, without quotes: <c>"known"@d</c> and <c>known@d</c> are one
/// mailbox. <see cref="Domain"/> is as sent, without a final dot; an address literal keeps its brackets;
/// empty only for a local part that stood alone (<c>&lt;postmaster&gt;</c>, or <c>root</c> on submission).
/// </remarks>
public sealed record Mailbox
{
    /// <summary>RFC 5321 §4.5.3.1.1, octets.</summary>
    public const int LocalPartOctetsMax = 64;

    /// <summary>RFC 5321 §4.5.3.1.2, octets.</summary>
    public const int DomainOctetsMax = 255;

    // RFC 5321 §4.1.2: atext of RFC 5322 §3.2.3, and the dot of Dot-string.
    const string AtomOctets =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.";
    static readonly SearchValues<byte> DotAtom = SearchValues.Create(Encoding.ASCII.GetBytes(AtomOctets));
    static readonly SearchValues<char> DotAtomText = SearchValues.Create(AtomOctets);

    Mailbox(string localPart, string domain)
    {
        LocalPart = localPart;
        Domain = domain;
    }

    public string LocalPart { get; }
    public string Domain { get; }

    /// <summary>True when an octet over 127 stands in it, so that a hop must offer SMTPUTF8 (RFC 6531
    /// §3.2).</summary>
    public bool IsInternational => !Ascii.IsValid(LocalPart) || !Ascii.IsValid(Domain);

    /// <summary>Reads <c>local@domain</c> or a lone local part, the whole of <paramref name="octets"/>. Never
    /// throws.</summary>
    public static bool TryParse(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out Mailbox? mailbox)
    {
        mailbox = null;
        if (octets.IsEmpty || octets.Length > LocalPartOctetsMax + 1 + DomainOctetsMax + 1)
            return false;
        int localOctets;
        string? local;
        if (octets[0] == (byte)'"')
        {
            if (!TryReadQuoted(octets, out local, out localOctets))
                return false;
        }
        else
        {
            localOctets = octets.IndexOf((byte)'@');
            if (localOctets < 0)
                localOctets = octets.Length;
            if (!TryReadDotString(octets[..localOctets], out local))
                return false;
        }
        if (localOctets > LocalPartOctetsMax)
            return false;
        if (localOctets == octets.Length)
        {
            mailbox = new Mailbox(local, "");
            return true;
        }
        if (octets[localOctets] != (byte)'@'
            || !DomainName.TryRead(octets[(localOctets + 1)..], out var domain))
            return false;
        mailbox = new Mailbox(local, domain);
        return true;
    }

    /// <summary>The same from text, for configuration and commands.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Mailbox? mailbox) =>
        TryParse(Encoding.UTF8.GetBytes(text), out mailbox);

    /// <summary>The same local part at another domain, which must be well formed
    /// (<see cref="DomainName.TryRead"/>).</summary>
    public Mailbox WithDomain(string domain) => new(LocalPart, domain);

    /// <summary>The form for the wire: the local part quoted where it must be (RFC 5321 §4.1.2), no angle
    /// brackets.</summary>
    public override string ToString()
    {
        var local = IsDotString(LocalPart) ? LocalPart : Quote(LocalPart);
        return Domain.Length == 0 ? local : $"{local}@{Domain}";
    }

    static bool TryReadDotString(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out string? local)
    {
        local = null;
        if (octets.IsEmpty || octets[0] == (byte)'.' || octets[^1] == (byte)'.'
            || octets.IndexOf(".."u8) >= 0)
            return false;
        if (!octets.ContainsAnyExcept(DotAtom))
        {
            local = Encoding.ASCII.GetString(octets);
            return true;
        }
        foreach (var octet in octets)
        {
            if (octet < 0x80 && !DotAtom.Contains(octet))
                return false;
        }
        return TryGetInternational(octets, out local);
    }

    /// <param name="consumed">Octets up to and with the closing quote.</param>
    static bool TryReadQuoted(
        ReadOnlySpan<byte> octets, [NotNullWhen(true)] out string? local, out int consumed)
    {
        local = null;
        consumed = 0;
        Span<byte> meaning = stackalloc byte[LocalPartOctetsMax];
        var length = 0;
        for (var at = 1; at < octets.Length; at++)
        {
            var octet = octets[at];
            if (octet == (byte)'"')
            {
                consumed = at + 1;
                // Deviation from the grammar: "" names nobody, and a local part is never empty inside.
                return length > 0 && TryGetInternational(meaning[..length], out local);
            }
            // RFC 5321 §4.1.2: quoted-pairSMTP may stand for any printable octet or space.
            if (octet == (byte)'\\' && (++at >= octets.Length || (octet = octets[at]) >= 0x80))
                return false;
            if (octet is < 0x20 or 0x7F || length == meaning.Length)
                return false;
            meaning[length++] = octet;
        }
        return false;
    }

    /// <summary>RFC 6531 §3.3: UTF-8, without what cannot be seen or looks like an at sign.</summary>
    static bool TryGetInternational(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (!Utf8.IsValid(octets))
            return false;
        var decoded = Encoding.UTF8.GetString(octets);
        foreach (var rune in decoded.EnumerateRunes())
        {
            if (!rune.IsAscii && !DomainName.IsVisible(rune))
                return false;
        }
        text = decoded;
        return true;
    }

    static bool IsDotString(string local)
    {
        if (local[0] == '.' || local[^1] == '.' || local.Contains("..", StringComparison.Ordinal))
            return false;
        foreach (var c in local)
        {
            if (c < 0x80 && !DotAtomText.Contains(c))
                return false;
        }
        return true;
    }

    static string Quote(string local)
    {
        var text = new StringBuilder(local.Length + 2).Append('"');
        foreach (var c in local)
        {
            if (c is '"' or '\\')
                text.Append('\\');
            text.Append(c);
        }
        return text.Append('"').ToString();
    }
}
