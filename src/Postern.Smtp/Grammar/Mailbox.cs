using System.Diagnostics.CodeAnalysis;

namespace Postern.Smtp;

/// <summary>An address: local part and domain (RFC 5321 §4.1.2, RFC 6531 §3.3).</summary>
/// <remarks>
/// <see cref="LocalPart"/> is the meaning, without quotes: <c>"known"@d</c> and <c>known@d</c> are one mailbox.
/// <see cref="Domain"/> is as sent, without a final dot; an address literal keeps its brackets; empty only for a
/// local part that stood alone (<c>&lt;postmaster&gt;</c>, or <c>root</c> on submission).
/// </remarks>
public sealed record Mailbox
{
    /// <summary>RFC 5321 §4.5.3.1.1, octets.</summary>
    public const int LocalPartOctetsMax = 64;

    /// <summary>RFC 5321 §4.5.3.1.2, octets.</summary>
    public const int DomainOctetsMax = 255;

    Mailbox(string localPart, string domain)
    {
        LocalPart = localPart;
        Domain = domain;
    }

    public string LocalPart { get; }
    public string Domain { get; }

    /// <summary>True when an octet over 127 stands in it, so that a hop must offer SMTPUTF8 (RFC 6531 §3.2).</summary>
    public bool IsInternational => !System.Text.Ascii.IsValid(LocalPart) || !System.Text.Ascii.IsValid(Domain);

    /// <summary>Reads <c>local@domain</c> or a lone local part, the whole of <paramref name="octets"/>. Never throws.</summary>
    public static bool TryParse(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out Mailbox? mailbox) =>
        throw new NotImplementedException();

    /// <summary>The same from text, for configuration and commands.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Mailbox? mailbox) =>
        TryParse(System.Text.Encoding.UTF8.GetBytes(text), out mailbox);

    /// <summary>The same local part at another domain.</summary>
    public Mailbox WithDomain(string domain) => new(LocalPart, domain);

    /// <summary>The form for the wire: the local part quoted where it must be (RFC 5321 §4.1.2), no angle brackets.</summary>
    public override string ToString() => throw new NotImplementedException();
}
