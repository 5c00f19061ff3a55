using System.Globalization;
using System.Text;

namespace Postern.Fuzz;

/// <summary>Any octets as lines of text: <c>\r</c>, <c>\n</c>, <c>\\</c>, <c>\xHH</c>; line ends themselves
/// mean nothing.</summary>
static class OctetText
{
    /// <summary>Reads the form; throws on an escape it does not know, since only our own files hold
    /// it.</summary>
    public static byte[] Decode(string text)
    {
        var octets = new List<byte>(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] is '\n' or '\r')
                continue;
            if (text[at] != '\\')
            {
                octets.AddRange(Encoding.UTF8.GetBytes(text[at].ToString()));
                continue;
            }
            switch (text[++at])
            {
                case 'r':
                    octets.Add((byte)'\r');
                    break;
                case 'n':
                    octets.Add((byte)'\n');
                    break;
                case '\\':
                    octets.Add((byte)'\\');
                    break;
                case 'x':
                    octets.Add(byte.Parse(
                        text.AsSpan(at + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                    at += 2;
                    break;
                default:
                    throw new FormatException($"\\{text[at]} is no escape");
            }
        }
        return [.. octets];
    }

    /// <summary>The form, broken after each LF.</summary>
    public static string Encode(ReadOnlySpan<byte> octets)
    {
        var text = new StringBuilder(octets.Length + 16);
        foreach (var octet in octets)
        {
            switch (octet)
            {
                case (byte)'\r':
                    text.Append("\\r");
                    break;
                case (byte)'\n':
                    text.Append("\\n\n");
                    break;
                case (byte)'\\':
                    text.Append("\\\\");
                    break;
                case >= 0x20 and < 0x7F:
                    text.Append((char)octet);
                    break;
                default:
                    text.Append(CultureInfo.InvariantCulture, $"\\x{octet:x2}");
                    break;
            }
        }
        return text.Length > 0 && text[^1] == '\n' ? text.ToString() : text.Append('\n').ToString();
    }
}
