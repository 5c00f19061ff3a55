using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Postern.Smtp.Sasl;

/// <summary>Base64 as SASL wants it (RFC 4648 §4, RFC 4954 §4): no white space, no missing padding.</summary>
/// <remarks>The class library's decoder skips spaces and line ends; on the wire those are errors.</remarks>
public static class StrictBase64
{
    static readonly SearchValues<byte> Alphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8);

    /// <summary>Decodes the whole of <paramref name="text"/>. The empty text is the empty octet
    /// string.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, [NotNullWhen(true)] out byte[]? octets)
    {
        octets = null;
        if (text.Length % 4 != 0 || text.ContainsAnyExcept(Alphabet))
            return false;
        var buffer = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        if (Base64.DecodeFromUtf8(text, buffer, out var consumed, out var written) != OperationStatus.Done
            || consumed != text.Length)
        {
            return false;
        }
        octets = written == buffer.Length ? buffer : buffer[..written];
        return true;
    }

    /// <summary>The text of <paramref name="octets"/>.</summary>
    public static string Encode(ReadOnlySpan<byte> octets) => Convert.ToBase64String(octets);

    /// <summary>The text of a string's UTF-8 octets.</summary>
    public static string Encode(string text) => Encode(Encoding.UTF8.GetBytes(text));
}
