using System.Text;

namespace Postern.Fuzz;

/// <summary>Hears replies as RFC 5321 §4.2 defines them, and nothing else.</summary>
sealed class PeerEar
{
    /// <summary>RFC 5321 §4.5.3.1.5.</summary>
    const int LineOctetsMax = 512;

    /// <summary>RFC 4954 §4: a challenge may be so long.</summary>
    const int ChallengeOctetsMax = 12_288;

    readonly StringBuilder transcript = new();
    string openCode = "";

    /// <summary>All replies, without what chance puts into a challenge.</summary>
    public string Transcript => transcript.ToString();

    /// <summary>The codes of the replies in <paramref name="octets"/>, each one whole.</summary>
    public IReadOnlyList<int> Hear(ReadOnlySpan<byte> octets)
    {
        var codes = new List<int>();
        while (!octets.IsEmpty)
        {
            var end = octets.IndexOf("\r\n"u8);
            Finding.Unless(end >= 0, "a reply ends with CRLF");
            if (HearLine(octets[..end]) is { } code)
                codes.Add(code);
            octets = octets[(end + 2)..];
        }
        CheckWhole();
        return codes;
    }

    /// <summary>No reply is cut off in the middle.</summary>
    public void CheckWhole() => Finding.Unless(openCode.Length == 0, "a reply has its last line");

    /// <summary>The code, when the line is the last of its reply.</summary>
    int? HearLine(ReadOnlySpan<byte> line)
    {
        var text = Encoding.Latin1.GetString(line);
        Finding.Unless(
            line.Length >= 4 && line[0] is >= (byte)'2' and <= (byte)'5'
            && line[1] is >= (byte)'0' and <= (byte)'5'
            && char.IsAsciiDigit((char)line[2]) && line[3] is (byte)' ' or (byte)'-',
            "a reply line begins with a code", text);
        Finding.Unless(
            !line.ContainsAnyExceptInRange((byte)' ', (byte)'~'), "a reply line is printable ASCII", text);
        var code = text[..3];
        var octetsMax = code == "334" ? ChallengeOctetsMax : LineOctetsMax;
        Finding.Unless(line.Length + 2 <= octetsMax, "a reply line has its limit", text);
        Finding.Unless(openCode.Length == 0 || openCode == code, "a reply has one code", text);
        transcript.Append(code == "334" ? code : text).Append('\n');
        openCode = line[3] == (byte)'-' ? code : "";
        return openCode.Length > 0 ? null : ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + line[2] - '0';
    }
}
