using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Postern.Smtp;

/// <summary>xtext: printable ASCII in which <c>+</c>, <c>=</c> and all else is written <c>+HH</c> (RFC 3461
/// §4).</summary>
public static class Xtext
{
    /// <summary>Decodes the whole of <paramref name="octets"/> to printable ASCII text and spaces.</summary>
    /// <remarks>An encoded control character is refused: it would go on into the header section of a
    /// report.</remarks>
    public static bool TryDecode(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out string? text)
    {
        text = null;
        var decoded = new StringBuilder(octets.Length);
        for (var at = 0; at < octets.Length; at++)
        {
            int octet = octets[at];
            if (octet == '+')
            {
                if (at + 2 >= octets.Length || !TryHex(octets[at + 1], out var high)
                    || !TryHex(octets[at + 2], out var low))
                    return false;
                octet = (high << 4) | low;
                at += 2;
                if (octet is < 0x20 or > 0x7E)
                    return false;
            }
            else if (octet is < 0x21 or > 0x7E or '=')
            {
                return false;
            }
            decoded.Append((char)octet);
        }
        text = decoded.ToString();
        return true;
    }

    /// <summary>The encoded form. Characters over 126 are written as their UTF-8 octets.</summary>
    public static string Encode(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            if (octet is >= 0x21 and <= 0x7E and not (byte)'+' and not (byte)'=')
                encoded.Append((char)octet);
            else
                encoded.Append('+').Append(octet.ToString("X2", CultureInfo.InvariantCulture));
        }
        return encoded.ToString();
    }

    // RFC 3461 §4: hexchar is upper case. Lower case is taken too; some senders use it.
    static bool TryHex(byte octet, out int value)
    {
        value = octet switch
        {
            >= (byte)'0' and <= (byte)'9' => octet - '0',
            >= (byte)'A' and <= (byte)'F' => octet - 'A' + 10,
            >= (byte)'a' and <= (byte)'f' => octet - 'a' + 10,
            _ => -1,
        };
        return value >= 0;
    }
}
