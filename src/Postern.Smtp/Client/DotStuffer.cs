namespace Postern.Smtp.Client;

/// <summary>Puts a dot before each dot that begins a line, and ends the content (RFC 5321 §4.5.2).</summary>
/// <remarks>Made for one message. The scan is the vectorised search of the base class library.</remarks>
sealed class DotStuffer
{
    bool atLineStart = true;
    byte last = (byte)'\n';

    /// <summary>How much of <paramref name="octets"/> goes out as it is; all of it is the rule.</summary>
    /// <param name="dotFollows">A dot must be added behind the run; the octet after the run is the dot that
    /// begins the line.</param>
    public int NextRun(ReadOnlySpan<byte> octets, out bool dotFollows)
    {
        dotFollows = false;
        if (octets.IsEmpty)
            return 0;
        if (atLineStart && octets[0] == (byte)'.')
        {
            dotFollows = true;
            atLineStart = false;
            return 0;
        }
        // A line that begins after a lone LF is stuffed too: no receiver may see a second message in it.
        var found = octets.IndexOf("\n."u8);
        var run = found < 0 ? octets.Length : found + 1;
        last = octets[run - 1];
        dotFollows = found >= 0;
        atLineStart = found < 0 && last == (byte)'\n';
        return run;
    }

    /// <summary>The end of the content: the missing CRLF where there is one, the dot and its CRLF.</summary>
    public ReadOnlySpan<byte> Terminator => last == (byte)'\n' ? ".\r\n"u8 : "\r\n.\r\n"u8;
}
