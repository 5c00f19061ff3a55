using System.Buffers;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Fuzz.Targets;

/// <summary>What a peer says to our client: one piece or many pieces, the replies are the same.</summary>
sealed class ReplyTarget : FuzzTarget
{
    public override string Name => "reply";

    public override int OctetsMax => 72 * 1024;

    public override IReadOnlyList<string> Words { get; } =
    [
        "220 ", "250-", "250 ", "250", "354 ", "421 4.3.2 ", "550 5.1.1 ", "250 2.0.0 ", "250-2.1.5 ",
        "5.7.1", "2.0.0 ", "\\r\\n", "\\r", "\\n", "PIPELINING", "SIZE 1000", "600 ", "199 ",
        "\\xec\\x95\\x84", "\\xff", "\\xc2\\x85", "\\xe2\\x80\\xae", "\\x1b[2J", "4.999.999 ", "5.1000.1 ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];

    public override int Run(byte[] input)
    {
        var whole = ParseOnce(input, out var reply, out var consumed);
        var chance = ChanceOf(input);
        for (var left = 8; left > 0; left--)
            CheckPrefix(input, chance.Next(input.Length + 1), whole, reply, consumed);
        if (reply is not null)
            CheckReply(reply, consumed);
        CheckEncoded(input);
        var atOnce = ReadAll([input]);
        var inPieces = ReadAll(Pieces.Of(input, chance));
        Finding.Unless(atOnce == inPieces, "replies do not depend on pieces", $"{atOnce}\n{inPieces}");
        return Shape(
            (int)whole, (reply?.Code ?? 0) / 100, Magnitude(reply?.Lines.Count ?? 0),
            reply?.Status is null ? 0 : 1,
            Magnitude(consumed), Magnitude(atOnce.Count(c => c == '\n')));
    }

    static ReplyParse ParseOnce(ReadOnlyMemory<byte> octets, out Reply? reply, out long consumed)
    {
        var buffer = new ReadOnlySequence<byte>(octets);
        var parsed = new ReplyParser().TryParse(ref buffer, out reply);
        consumed = octets.Length - buffer.Length;
        Finding.Unless((parsed == ReplyParse.Complete) == (reply is not null), "a complete reply is there");
        Finding.Unless(reply is not null || consumed == 0, "only a complete reply is taken off");
        return parsed;
    }

    /// <summary>Fewer octets say the same or not yet anything; junk may be refused early, never what is well
    /// formed.</summary>
    static void CheckPrefix(byte[] input, int length, ReplyParse whole, Reply? reply, long consumed)
    {
        switch (ParseOnce(input.AsMemory(0, length), out var early, out var earlyConsumed))
        {
            case ReplyParse.Complete:
                Finding.Unless(
                    earlyConsumed == consumed && early!.ToString() == reply?.ToString(),
                    "a reply is the same when less follows it");
                break;
            case ReplyParse.Malformed:
                Finding.Unless(whole == ReplyParse.Malformed, "what was malformed stays so");
                break;
            default:
                Finding.Unless(
                    whole != ReplyParse.Complete || length < consumed, "a whole reply is complete");
                break;
        }
    }

    /// <summary>A parsed reply is safe to show, and written and parsed again it is the same.</summary>
    static void CheckReply(Reply reply, long consumed)
    {
        Finding.Unless(reply.Code is >= 200 and <= 599, "a code is 200 to 599");
        Finding.Unless(
            reply.Status is not { } status || status.Class == reply.Code / 100,
            "a status has the class of the code");
        Finding.Unless(reply.Lines.Count <= ReplyParser.LinesMax, "a reply has its limit of lines");
        foreach (var line in reply.Lines)
            Finding.Unless(MailboxTarget.IsPrintable(line), "a reply holds no control character", line);
        // Escapes make text longer than it was; what is then over the limits is nothing we would send.
        if (consumed < ReplyParser.LineOctetsMax / 8)
            CheckRoundTrip(reply);
    }

    /// <summary>A reply as we would make it, from what the input holds.</summary>
    static void CheckEncoded(byte[] input)
    {
        if (input.Length is < 2 or > 1024)
            return;
        var code = 200 + (((input[0] << 8) | input[1]) % 400);
        EnhancedStatus? status = (code / 100) is 2 or 4 or 5 && (input[1] & 1) == 0
            ? new EnhancedStatus(code / 100, input[0], input[1])
            : null;
        var text = Encoding.Latin1.GetString(input, 2, input.Length - 2);
        // A text that begins with a digit may be read as a status, as it may by any client.
        var lines = text.Split('\n')
            .Select(line => string.Concat(line.Where(c => c is >= ' ' and <= '~'))
                .TrimStart("0123456789".ToCharArray()))
            .Take(ReplyParser.LinesMax);
        CheckRoundTrip(new Reply(code, status, [.. lines]));
    }

    static void CheckRoundTrip(Reply reply)
    {
        var parsed = ParseOnce(reply.Encoded, out var again, out var consumed);
        Finding.Unless(
            parsed == ReplyParse.Complete && consumed == reply.Encoded.Length, "a reply of ours can be read",
            reply.ToString());
        Finding.Unless(
            again!.Code == reply.Code && again.Status == reply.Status
            && again.Lines.SequenceEqual(reply.Lines),
            "a reply is read as it was written", $"{reply}\n{again}");
    }

    /// <summary>All replies in <paramref name="pieces"/>, one a line, and how they ended.</summary>
    static string ReadAll(IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        var pipe = Pieces.NewPipe();
        var said = new StringBuilder();
        var reading = ReadAllAsync(new ReplyReader(pipe.Reader), said);
        foreach (var piece in pieces)
        {
            if (reading.IsCompleted)
                break;
            Pieces.Write(pipe.Writer, piece);
        }
        pipe.Writer.Complete();
        Finding.Unless(reading.IsCompleted, "reading ends with the input");
        reading.GetAwaiter().GetResult();
        return said.ToString();
    }

    static async Task ReadAllAsync(ReplyReader reader, StringBuilder said)
    {
        while (true)
        {
            var read = await reader.ReadAsync(CancellationToken.None);
            if (read.Reply is not { } reply)
            {
                said.Append(read.Cause);
                break;
            }
            said.Append(reply).Append('\n');
        }
        await reader.CompleteAsync();
    }
}
