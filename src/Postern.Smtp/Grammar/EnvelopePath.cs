namespace Postern.Smtp;

/// <summary>The path of MAIL and RCPT: <c>&lt;a@b&gt;</c>, with what follows it (RFC 5321 §4.1.2).</summary>
public static class EnvelopePath
{
    /// <summary>RFC 5321 §4.5.3.1.3, octets with the angle brackets.</summary>
    public const int OctetsMax = 256;

    /// <summary>Reads a path in angle brackets at the start of <paramref name="octets"/>.</summary>
    /// <param name="mailbox">Null for the null path <c>&lt;&gt;</c>.</param>
    /// <param name="rest">What follows the closing bracket.</param>
    public static bool TryRead(ReadOnlySpan<byte> octets, out Mailbox? mailbox, out ReadOnlySpan<byte> rest)
    {
        mailbox = null;
        rest = default;
        if (octets.IsEmpty || octets[0] != (byte)'<')
            return false;
        var end = FindClosing(octets);
        if (end < 0 || end >= OctetsMax)
            return false;
        rest = octets[(end + 1)..];
        var inner = octets[1..end];
        if (inner.IsEmpty)
            return true;
        return TrySkipSourceRoute(ref inner) && Mailbox.TryParse(inner, out mailbox);
    }

    /// <summary>The index of the first closing bracket outside a quoted string; -1 when there is
    /// none.</summary>
    static int FindClosing(ReadOnlySpan<byte> octets)
    {
        var plain = octets.IndexOfAny((byte)'>', (byte)'"');
        if (plain < 0 || octets[plain] == (byte)'>')
            return plain;
        var quoted = false;
        for (var at = plain; at < octets.Length; at++)
        {
            switch (octets[at])
            {
                case (byte)'\\' when quoted:
                    at++;
                    break;
                case (byte)'"':
                    quoted = !quoted;
                    break;
                case (byte)'>' when !quoted:
                    return at;
            }
        }
        return -1;
    }

    // RFC 5321 Appendix C: a source route must be taken and should be ignored: @a,@b:user@c is user@c.
    static bool TrySkipSourceRoute(ref ReadOnlySpan<byte> inner)
    {
        if (inner[0] != (byte)'@')
            return true;
        while (true)
        {
            if (inner.IsEmpty || inner[0] != (byte)'@')
                return false;
            var end = inner.Length > 1 && inner[1] == (byte)'['
                ? inner.IndexOf((byte)']') + 1
                : inner.IndexOfAny((byte)',', (byte)':');
            if (end <= 1 || end >= inner.Length || !DomainName.TryRead(inner[1..end], out _))
                return false;
            var separator = inner[end];
            inner = inner[(end + 1)..];
            if (separator == (byte)':')
                return !inner.IsEmpty;
            if (separator != (byte)',')
                return false;
        }
    }
}
