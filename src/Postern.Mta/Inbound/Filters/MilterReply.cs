using System.Diagnostics.CodeAnalysis;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Inbound.Filters;

/// <summary>What a milter wants the peer to be told.</summary>
static class MilterReply
{
    /// <summary>Characters of a line that go on to the peer; with code and status it is no longer than
    /// RFC 5321 §4.5.3.1.5 has it.</summary>
    const int LineMax = 480;

    /// <summary>libmilter's own MAXREPLIES.</summary>
    const int LinesMax = 32;

    // The words are Postfix's.
    public static readonly Reply Rejected = new(550, new(5, 7, 1), "Command rejected");

    public static readonly Reply Deferred =
        new(451, new(4, 7, 1), "Service unavailable - try again later");

    /// <summary>Reads SMFIR_REPLYCODE: <c>550 5.7.1 text</c>, or several such lines.</summary>
    public static bool TryParse(ReadOnlySpan<byte> data, [NotNullWhen(true)] out Reply? reply)
    {
        reply = null;
        if (data.IsEmpty || data[^1] != 0)
            return false;
        var (code, status, lines) = (0, (EnhancedStatus?)null, new List<string>());
        foreach (var range in data[..^1].Split("\r\n"u8))
        {
            var line = data[..^1][range];
            if (line.IsEmpty && code != 0)
                continue;
            if (!TryReadCode(line, out var own) || (code != 0 && own != code))
                return false;
            code = own;
            line = line[Math.Min(line.Length, 4)..];
            if (EnhancedStatus.TryParse(line, out var said, out var length))
            {
                line = line[length..].TrimStart((byte)' ');
                // RFC 2034 §4: both begin with the same digit.
                status ??= said.Class == code / 100 ? said : null;
            }
            if (lines.Count < LinesMax)
                lines.Add(Replies.Clean(TextOf(line), LineMax));
        }
        // 421 is for a session that ends (RFC 5321 §3.8), and this one does not.
        reply = new Reply(code == 421 ? 451 : code, status ?? new(code / 100, 7, 1), lines);
        return true;
    }

    /// <summary>4yz or 5yz (RFC 5321 §4.2), and a blank or a hyphen where text follows.</summary>
    static bool TryReadCode(ReadOnlySpan<byte> line, out int code)
    {
        code = 0;
        if (line.Length < 3 || line[0] is not ((byte)'4' or (byte)'5')
            || line[1] is < (byte)'0' or > (byte)'5' || line[2] is < (byte)'0' or > (byte)'9'
            || (line.Length > 3 && line[3] is not ((byte)' ' or (byte)'-')))
            return false;
        code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
        return true;
    }

    /// <summary>Sendmail takes it for a format: milters write each percent sign twice.</summary>
    static string TextOf(ReadOnlySpan<byte> line) =>
        Encoding.Latin1.GetString(line).Replace("%%", "%", StringComparison.Ordinal);
}
