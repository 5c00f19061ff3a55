namespace Postern.Mta.Reports;

/// <summary>RFC 2045 §6.7: any octets as ASCII lines of at most 76 characters.</summary>
static class QuotedPrintable
{
    const int ColumnsMax = 76;

    /// <summary>CRLF stays a line end; every other control, 8-bit octet, <c>=</c> and trailing space is
    /// escaped.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> octets)
    {
        var output = new List<byte>(octets.Length + (octets.Length / 4));
        var column = 0;
        for (var i = 0; i < octets.Length; i++)
        {
            if (IsLineEnd(octets, i))
            {
                output.AddRange("\r\n"u8);
                column = 0;
                i++;
                continue;
            }
            var plain = IsPlain(octets, i, column);
            if (column + (plain ? 1 : 3) > ColumnsMax - 1)
            {
                output.AddRange("=\r\n"u8);
                column = 0;
                plain = IsPlain(octets, i, column);
            }
            if (plain)
                output.Add(octets[i]);
            else
                output.AddRange([(byte)'=', Hex(octets[i] >> 4), Hex(octets[i] & 15)]);
            column += plain ? 1 : 3;
        }
        return [.. output];
    }

    static bool IsPlain(ReadOnlySpan<byte> octets, int at, int column) => octets[at] switch
    {
        (byte)' ' or (byte)'\t' => at + 1 < octets.Length && !IsLineEnd(octets, at + 1),
        // A line that begins with a dash could be a boundary, one with a dot is stuffed on the way.
        (byte)'-' or (byte)'.' => column > 0,
        (byte)'=' => false,
        > 32 and < 127 => true,
        _ => false,
    };

    static bool IsLineEnd(ReadOnlySpan<byte> octets, int at) =>
        octets[at] == '\r' && at + 1 < octets.Length && octets[at + 1] == '\n';

    static byte Hex(int digit) => "0123456789ABCDEF"u8[digit];
}
