namespace Postern.Fuzz;

/// <summary>RFC 5321 §4.5.2 read aloud, one octet after the other: what the scanner of the server is held
/// against.</summary>
static class DotReference
{
    /// <summary>The content before the end of data, dots unstuffed; null when the end is not there.</summary>
    /// <param name="end">Where the next command begins.</param>
    public static byte[]? Read(ReadOnlySpan<byte> octets, out int end)
    {
        var content = new List<byte>();
        for (var at = 0; at < octets.Length; at++)
        {
            var startsLine = at == 0 || octets[..at].EndsWith("\r\n"u8);
            if (startsLine && octets[at] == (byte)'.')
            {
                if (octets[(at + 1)..].StartsWith("\r\n"u8))
                {
                    end = at + 3;
                    return [.. content];
                }
                continue;
            }
            content.Add(octets[at]);
        }
        end = octets.Length;
        return null;
    }
}
