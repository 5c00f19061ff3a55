using System.Buffers.Binary;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Inbound.Filters;

/// <summary>One packet of a milter's (SMFIR).</summary>
/// <remarks>Texts of fields are Latin-1, one character an octet.</remarks>
abstract record MilterAnswer
{
    /// <summary>Characters of a reason that are kept.</summary>
    public const int ReasonMax = 256;

    MilterAnswer()
    {
    }

    public sealed record Continue : MilterAnswer;
    public sealed record Accept : MilterAnswer;
    public sealed record Discard : MilterAnswer;

    /// <summary>No more of this kind.</summary>
    public sealed record Skip : MilterAnswer;

    /// <summary>It is still at it.</summary>
    public sealed record Progress : MilterAnswer;

    /// <param name="Reply">4xx or 5xx, fit to be sent.</param>
    public sealed record Refuse(Reply Reply) : MilterAnswer;

    /// <param name="Reason">Printable ASCII.</param>
    public sealed record Quarantine(string Reason) : MilterAnswer;

    public sealed record AddField(string Name, string Value) : MilterAnswer;

    /// <param name="Index">How many fields stand above it.</param>
    public sealed record InsertField(uint Index, string Name, string Value) : MilterAnswer;

    /// <param name="Index">Which of this name, from 1.</param>
    /// <param name="Value">Empty: the field goes.</param>
    public sealed record ChangeField(uint Index, string Name, string Value) : MilterAnswer;

    /// <summary>It wants something that was not offered, or hung up, or speaks another protocol.</summary>
    /// <param name="Trouble">As alarms say it.</param>
    public sealed record Nonsense(string Trouble) : MilterAnswer;

    /// <param name="code">Says what it is.</param>
    /// <param name="data">What follows the code.</param>
    public static MilterAnswer Read(byte code, ReadOnlySpan<byte> data) => (char)code switch
    {
        'a' when data.IsEmpty => new Accept(),
        'c' when data.IsEmpty => new Continue(),
        'd' when data.IsEmpty => new Discard(),
        'p' when data.IsEmpty => new Progress(),
        's' when data.IsEmpty => new Skip(),
        'r' when data.IsEmpty => new Refuse(MilterReply.Rejected),
        // Closing the connection, which both of the others want, would take other mail of the client along.
        't' or 'f' or '4' when data.IsEmpty => new Refuse(MilterReply.Deferred),
        'y' when MilterReply.TryParse(data, out var reply) => new Refuse(reply),
        'q' when TryReadTexts(data, 1, out var texts) =>
            new Quarantine(Replies.Clean(texts[0], ReasonMax)),
        'h' when TryReadTexts(data, 2, out var texts) => new AddField(texts[0], texts[1]),
        'i' when TryReadIndex(ref data, out var index) && TryReadTexts(data, 2, out var texts) =>
            new InsertField(index, texts[0], texts[1]),
        'm' when TryReadIndex(ref data, out var index) && TryReadTexts(data, 2, out var texts) =>
            new ChangeField(index, texts[0], texts[1]),
        'b' => new Nonsense("it wants to replace the body, which is not offered"),
        'e' => new Nonsense("it wants to change the sender, which is not offered"),
        '+' or '2' => new Nonsense("it wants to add a recipient, which is not offered"),
        '-' => new Nonsense("it wants to take a recipient away, which is not offered"),
        _ => new Nonsense("it does not talk as milters do"),
    };

    static bool TryReadIndex(ref ReadOnlySpan<byte> data, out uint index)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(data, out index))
            return false;
        data = data[sizeof(uint)..];
        return true;
    }

    /// <summary>Texts that each end with a NUL, and nothing behind them.</summary>
    static bool TryReadTexts(ReadOnlySpan<byte> data, int count, out string[] texts)
    {
        texts = new string[count];
        for (var i = 0; i < count; i++)
        {
            var end = data.IndexOf((byte)0);
            if (end < 0)
                return false;
            texts[i] = Encoding.Latin1.GetString(data[..end]);
            data = data[(end + 1)..];
        }
        return data.IsEmpty;
    }
}
