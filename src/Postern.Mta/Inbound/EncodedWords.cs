namespace Postern.Mta.Inbound;

/// <summary>Encoded words (RFC 2047 §4.1) whose base64 lacks its padding: MimeKit would drop their last
/// octets.</summary>
static class EncodedWords
{
    /// <returns>The same octets where nothing is missing.</returns>
    public static byte[] Mend(byte[] value)
    {
        List<byte>? mended = null;
        // Digits of the run of words so far that is read as one; where of the value is copied up to.
        var (digits, copied) = (0, 0);
        for (var at = value.AsSpan().IndexOf("=?"u8); at >= 0;)
        {
            if (!TryRead(value.AsSpan(at), out var payload, out var length))
            {
                digits = 0;
                at = NextAfter(value, at + 2);
                continue;
            }
            var text = value.AsSpan(at + payload, length - payload - 2);
            digits = text.Contains((byte)'=') ? 0 : digits + text.Length - text.Count((byte)' ');
            var end = at + length;
            var next = NextAfter(value, end);
            // A word that follows goes on where this one stops.
            if (next >= 0 && value.AsSpan(end..next).Trim(" \t"u8).IsEmpty)
            {
                at = next;
                continue;
            }
            if (digits % 4 is 2 or 3)
            {
                mended ??= [];
                mended.AddRange(value[copied..(end - 2)]);
                mended.AddRange(digits % 4 == 2 ? "=="u8 : "="u8);
                copied = end - 2;
            }
            (digits, at) = (0, next);
        }
        if (mended is null)
            return value;
        mended.AddRange(value[copied..]);
        return [.. mended];
    }

    static int NextAfter(byte[] value, int start)
    {
        var at = value.AsSpan(Math.Min(start, value.Length)).IndexOf("=?"u8);
        return at < 0 ? -1 : start + at;
    }

    /// <summary>A word in base64 at the beginning of the octets.</summary>
    static bool TryRead(ReadOnlySpan<byte> octets, out int payload, out int length)
    {
        (payload, length) = (0, 0);
        var charset = octets[2..].IndexOf((byte)'?');
        if (charset <= 0 || octets.Length < charset + 6
            || octets[charset + 3] is not ((byte)'B' or (byte)'b') || octets[charset + 4] != (byte)'?')
            return false;
        payload = charset + 5;
        var end = octets[payload..].IndexOf("?="u8);
        length = payload + end + 2;
        return end >= 0;
    }
}
