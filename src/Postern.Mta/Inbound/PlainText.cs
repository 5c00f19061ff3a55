using System.Text;

namespace Postern.Mta.Inbound;

/// <summary>Text of strangers where it has room on one line alone: an attribute, a variable of a
/// script.</summary>
static class PlainText
{
    /// <summary>Without control characters, cut between two characters.</summary>
    /// <param name="octetsMax">Of UTF-8.</param>
    public static string Line(string value, int octetsMax)
    {
        var kept = new StringBuilder();
        var octets = 0;
        // Runes, so that neither a character of several octets nor a surrogate pair is split.
        foreach (var rune in value.EnumerateRunes())
        {
            if (Rune.IsControl(rune))
                continue;
            octets += rune.Utf8SequenceLength;
            if (octets > octetsMax)
                break;
            kept.Append(rune.ToString());
        }
        return kept.ToString();
    }

    /// <summary>As it is, cut between two characters.</summary>
    /// <param name="octetsMax">Of UTF-8.</param>
    public static string Cut(string value, int octetsMax)
    {
        // No character of UTF-16 has more than three octets.
        if (value.Length <= octetsMax / 3)
            return value;
        var (octets, length) = (0, 0);
        foreach (var rune in value.EnumerateRunes())
        {
            octets += rune.Utf8SequenceLength;
            if (octets > octetsMax)
                break;
            // What is no character counts as the one that takes its place, and both are one unit long.
            length += rune.Utf16SequenceLength;
        }
        return value[..length];
    }
}
