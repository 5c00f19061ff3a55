namespace Postern.Smtp;

/// <summary>An enhanced mail system status code, <c>class.subject.detail</c> (RFC 3463 §2, RFC
/// 2034).</summary>
/// <param name="Class">2 success, 4 persistent transient failure, 5 permanent failure.</param>
/// <param name="Subject">0 to 999.</param>
/// <param name="Detail">0 to 999.</param>
public readonly record struct EnhancedStatus(int Class, int Subject, int Detail)
{
    /// <summary>Reads a status at the start of <paramref name="octets"/>; it must be followed by a space or
    /// the end.</summary>
    /// <param name="consumed">Octets read, without the space. 0 when there is no status.</param>
    public static bool TryParse(ReadOnlySpan<byte> octets, out EnhancedStatus status, out int consumed)
    {
        status = default;
        consumed = 0;
        if (octets.Length < 5 || octets[0] is not ((byte)'2' or (byte)'4' or (byte)'5')
            || octets[1] != (byte)'.')
            return false;
        var at = 2;
        if (!TryReadNumber(octets, ref at, out var subject) || at >= octets.Length
            || octets[at++] != (byte)'.')
            return false;
        if (!TryReadNumber(octets, ref at, out var detail) || (at < octets.Length && octets[at] != (byte)' '))
            return false;
        status = new EnhancedStatus(octets[0] - '0', subject, detail);
        consumed = at;
        return true;
    }

    public override string ToString() => string.Create(null, $"{Class}.{Subject}.{Detail}");

    static bool TryReadNumber(ReadOnlySpan<byte> octets, ref int at, out int number)
    {
        number = 0;
        var start = at;
        // RFC 3463 §2: one to three digits.
        while (at < octets.Length && at - start < 3 && octets[at] is >= (byte)'0' and <= (byte)'9')
            number = (number * 10) + octets[at++] - '0';
        return at > start;
    }
}
