namespace Postern.Smtp.Server;

/// <summary>Finds the end of DATA and the dots that were stuffed (RFC 5321 §4.5.2), over pieces of any
/// length.</summary>
/// <remarks>
/// The end is CR LF dot CR LF and nothing else; the first octet counts as after CR LF (§4.1.1.4). A dot means
/// something only there: LF dot LF, CR dot CR and all other mixtures are content (RFC 5321 §2.3.8, §4.1.1.4).
/// Nothing is searched octet by octet but the few after a line end that is followed by a dot.
/// </remarks>
struct DotScanner
{
    State state;

    public DotScanner() => state = State.LineStart;

    enum State
    {
        Inside,
        AfterCr,
        LineStart,
        Dot,
        DotCr,
        Ended,
    }

    /// <summary>The end was seen; what follows it is the next command.</summary>
    public readonly bool HasEnded => state == State.Ended;

    /// <summary>
    /// Looks at the next octets, at least one. The first <paramref name="kept"/> of them are content, the
    /// <paramref name="skipped"/> after these are not; call again with the rest.
    /// </summary>
    /// <param name="carriedCr">A CR skipped by an earlier call was content after all and goes before the kept
    /// octets.</param>
    public void Take(ReadOnlySpan<byte> octets, out int kept, out int skipped, out bool carriedCr)
    {
        kept = skipped = 0;
        carriedCr = false;
        switch (state)
        {
            case State.LineStart when octets[0] == (byte)'.':
                state = State.Dot;
                skipped = 1;
                return;
            case State.Dot when octets[0] == (byte)'\r':
                state = State.DotCr;
                skipped = 1;
                return;
            case State.DotCr when octets[0] == (byte)'\n':
                state = State.Ended;
                skipped = 1;
                return;
            case State.DotCr:
                // CR LF dot CR and something else: the dot was stuffed, the CR is content.
                carriedCr = true;
                break;
            case State.AfterCr when octets[0] == (byte)'\n':
                state = State.LineStart;
                kept = 1;
                return;
        }
        kept = TakeLines(octets);
    }

    int TakeLines(ReadOnlySpan<byte> octets)
    {
        var dot = octets.IndexOf("\r\n."u8);
        if (dot >= 0)
        {
            state = State.LineStart;
            return dot + 2;
        }
        state = octets[^1] == (byte)'\r' ? State.AfterCr
            : octets.EndsWith("\r\n"u8) ? State.LineStart
            : State.Inside;
        return octets.Length;
    }
}
