using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>Names as the DNS is asked for them.</summary>
static class DnsNames
{
    /// <summary>RFC 1035 §2.3.4: 255 octets on the wire, which are so many characters.</summary>
    public const int CharactersMax = 253;

    /// <summary>RFC 1035 §2.3.4.</summary>
    const int LabelCharactersMax = 63;

    /// <summary>A-labels in lower case without the final dot. Null: no question can be made of it.</summary>
    public static string? ToQuestion(string name) =>
        name.Length <= Mailbox.DomainOctetsMax && DomainName.ToALabel(name) is { } question
            && IsQuestion(question) ? question : null;

    static bool IsQuestion(string name)
    {
        if (name.Length > CharactersMax)
            return false;
        var labelAt = 0;
        for (var at = 0; at <= name.Length; at++)
        {
            if (at < name.Length && name[at] != '.')
            {
                // Any printable octet can be asked for; records of RFC 7208 make such names.
                if (name[at] is < ' ' or > '~')
                    return false;
                continue;
            }
            if (at - labelAt is 0 or > LabelCharactersMax)
                return false;
            labelAt = at + 1;
        }
        return true;
    }

    /// <summary>Where the names of an address stand (RFC 1035 §3.5, RFC 3596 §2.5).</summary>
    public static string ReverseOf(IPAddress address) => ReverseOf(
        address,
        address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6 ? "in-addr.arpa"
            : "ip6.arpa");

    /// <summary>The same below another name: where a list keeps what it says of an address (RFC 5782 §2.1,
    /// RFC 5782 §2.4).</summary>
    public static string ReverseOf(IPAddress address, string zone)
    {
        Span<byte> octets = stackalloc byte[16];
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        _ = address.TryWriteBytes(octets, out var length);
        var name = new StringBuilder(73);
        for (var at = length - 1; at >= 0; at--)
        {
            if (length == 4)
                name.Append(octets[at]).Append('.');
            else
                name.Append(HexOf(octets[at] & 15)).Append('.').Append(HexOf(octets[at] >> 4)).Append('.');
        }
        return name.Append(zone).ToString();
    }

    static char HexOf(int nibble) => "0123456789abcdef"[nibble];
}
