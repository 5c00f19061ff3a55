using System.Buffers;
using System.Globalization;
using System.Text;

namespace Postern.Smtp.Client;

/// <summary>
/// Reads one reply from octets, strictly (RFC 5321 §4.2): whatever else a peer says is a protocol error.
/// </summary>
/// <remarks>
/// A line ends at CRLF and nowhere else, so that octets inside a text are never taken for a further reply.
/// Text becomes a string in which control characters, invalid UTF-8 and characters that turn the direction of
/// writing are escaped, once and here.
/// </remarks>
sealed class ReplyParser
{
    /// <summary>
    /// Octets of one line with its CRLF. RFC 5321 §4.5.3.1.5 asks for 512; EHLO lines of some relays are
    /// longer.
    /// </summary>
    public const int LineOctetsMax = 4096;

    /// <summary>Octets of all lines of one reply.</summary>
    public const int ReplyOctetsMax = 64 * 1024;

    /// <summary>Lines of one reply.</summary>
    public const int LinesMax = 100;

    const int CachedOctetsMax = 64;

    // Relays say the same few replies to every message: those are made once for a connection.
    readonly (byte[] Octets, Reply Reply)?[] cache = new (byte[], Reply)?[16];

    /// <summary>
    /// Takes a reply from the start of <paramref name="buffer"/>, which is then sliced behind it.
    /// </summary>
    public ReplyParse TryParse(ref ReadOnlySequence<byte> buffer, out Reply? reply)
    {
        reply = null;
        var first = buffer.FirstSpan;
        var end = first.IndexOf("\r\n"u8);
        if (end >= 4 && end < LineOctetsMax - 2 && first[3] == (byte)' ')
        {
            if (!TryReadCode(first, out var code))
                return ReplyParse.Malformed;
            reply = SingleLine(code, first[..end]);
            buffer = buffer.Slice(end + 2);
            return ReplyParse.Complete;
        }
        return TryParseLines(ref buffer, out reply);
    }

    static ReplyParse TryParseLines(ref ReadOnlySequence<byte> buffer, out Reply? reply)
    {
        reply = null;
        var reader = new SequenceReader<byte>(buffer);
        var lines = new List<byte[]>();
        var code = 0;
        while (true)
        {
            if (!reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8))
            {
                var tooLong = reader.Remaining >= LineOctetsMax || buffer.Length >= ReplyOctetsMax;
                return tooLong || !CanBegin(reader.UnreadSequence, code)
                    ? ReplyParse.Malformed
                    : ReplyParse.Incomplete;
            }
            if (line.Length > LineOctetsMax - 2 || reader.Consumed > ReplyOctetsMax
                || lines.Count == LinesMax)
                return ReplyParse.Malformed;
            var octets = line.ToArray();
            if (!TryReadCode(octets, out var lineCode) || (code != 0 && lineCode != code))
                return ReplyParse.Malformed;
            code = lineCode;
            lines.Add(octets);
            // RFC 5321 §4.2: a lone code without a space is to be understood too.
            if (octets.Length == 3 || octets[3] == (byte)' ')
                break;
            if (octets[3] != (byte)'-')
                return ReplyParse.Malformed;
        }
        buffer = buffer.Slice(reader.Position);
        reply = ManyLines(code, lines);
        return ReplyParse.Complete;
    }

    /// <summary>Junk is refused when its first octets come, not when its line ends.</summary>
    static bool CanBegin(ReadOnlySequence<byte> unread, int code)
    {
        Span<byte> start = stackalloc byte[4];
        var count = (int)Math.Min(unread.Length, 4);
        unread.Slice(0, count).CopyTo(start);
        for (var i = 0; i < Math.Min(count, 3); i++)
        {
            if (start[i] is < (byte)'0' or > (byte)'9')
                return false;
        }
        return (count == 0 || start[0] is >= (byte)'2' and <= (byte)'5')
            && (count < 4 || start[3] is (byte)' ' or (byte)'-' or (byte)'\r')
            && (count < 3 || code == 0 || CodeOf(start) == code);
    }

    static bool TryReadCode(ReadOnlySpan<byte> line, out int code)
    {
        code = 0;
        if (line.Length < 3 || line[0] is < (byte)'2' or > (byte)'5'
            || line[1] is < (byte)'0' or > (byte)'9' || line[2] is < (byte)'0' or > (byte)'9')
            return false;
        code = CodeOf(line);
        return true;
    }

    static int CodeOf(ReadOnlySpan<byte> line) =>
        ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + line[2] - '0';

    Reply SingleLine(int code, ReadOnlySpan<byte> line)
    {
        if (line.Length > CachedOctetsMax)
            return MakeSingleLine(code, line);
        var hash = default(HashCode);
        hash.AddBytes(line);
        ref var slot = ref cache[hash.ToHashCode() & 15];
        if (slot is { } known && line.SequenceEqual(known.Octets))
            return known.Reply;
        var reply = MakeSingleLine(code, line);
        slot ??= (line.ToArray(), reply);
        return reply;
    }

    static Reply MakeSingleLine(int code, ReadOnlySpan<byte> line)
    {
        var text = line[4..];
        var status = StatusOf(code, text, out var consumed);
        return new Reply(code, status, SafeText(text[consumed..]));
    }

    static Reply ManyLines(int code, List<byte[]> lines)
    {
        var status = StatusOf(code, TextOf(lines[0]), out _);
        var texts = new string[lines.Count];
        for (var i = 0; i < texts.Length; i++)
        {
            // RFC 2034 §4: the status is repeated on every line. Another one on a later line stays in its
            // text.
            var text = TextOf(lines[i]);
            var isSame = StatusOf(code, text, out var consumed) is { } own && own == status;
            texts[i] = SafeText(isSame ? text[consumed..] : text);
        }
        return new Reply(code, status, texts);
    }

    static ReadOnlySpan<byte> TextOf(byte[] line) => line.Length > 4 ? line.AsSpan(4) : default;

    /// <summary>
    /// The status, when its class is that of the code (RFC 2034 §4); <paramref name="consumed"/> includes the
    /// space.
    /// </summary>
    static EnhancedStatus? StatusOf(int code, ReadOnlySpan<byte> text, out int consumed)
    {
        if (!EnhancedStatus.TryParse(text, out var status, out consumed) || status.Class != code / 100)
        {
            consumed = 0;
            return null;
        }
        if (consumed < text.Length)
            consumed++;
        return status;
    }

    static string SafeText(ReadOnlySpan<byte> octets)
    {
        // Printable ASCII is the rule.
        if (octets.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0)
            return Encoding.ASCII.GetString(octets);
        var text = new StringBuilder(octets.Length + 16);
        while (!octets.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(octets, out var rune, out var consumed) != OperationStatus.Done)
            {
                foreach (var octet in octets[..consumed])
                    text.Append(CultureInfo.InvariantCulture, $"\\x{octet:X2}");
            }
            else if (IsHarmless(rune))
            {
                text.Append(rune.ToString());
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}");
            }
            octets = octets[consumed..];
        }
        return text.ToString();
    }

    static bool IsHarmless(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned);
}

/// <summary>What was found at the start of a peer's octets.</summary>
enum ReplyParse
{
    Incomplete,
    Complete,
    Malformed,
}
