using System.Globalization;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Fuzz;

/// <summary>A peer that sends one unit, waits, and knows from RFC 5321 and RFC 3030 what must come
/// back.</summary>
/// <remarks>
/// Units are a line, the content of DATA with its end, the octets of a chunk. Before the last octet of a unit
/// nothing comes back; after it exactly one reply, and 421 behind it where the session ends. Mail is stored
/// by the end of DATA and by the last chunk alone, and is octet by octet what was sent.
/// </remarks>
sealed class Conversation(byte[] input)
{
    readonly InlineSession session = new(ListenerKind.Submission);
    readonly PeerEar ear = new();
    readonly List<byte> chunks = [];
    readonly HashSet<(Verb Verb, int Code)> exchanges = [];
    int at;
    bool isChallenged;

    /// <summary>All that the server said, once it has ended.</summary>
    public string Transcript => ear.Transcript;

    public House House => session.House;

    /// <summary>Which commands had which replies, whatever their order.</summary>
    public int Shape
    {
        get
        {
            var sum = 0;
            foreach (var (verb, code) in exchanges)
                sum = unchecked(sum + (((int)verb * 1000) + code + 1) * 7919);
            return sum;
        }
    }

    public Conversation ToEnd()
    {
        Finding.Unless(ear.Hear(session.TakeOutput()) is [220], "a session begins with 220");
        while (at < input.Length && !session.HasEnded)
            SayLine();
        session.Finish();
        Finding.Unless(ear.Hear(session.TakeOutput()).Count == 0, "a peer that is gone is told nothing");
        return this;
    }

    void SayLine()
    {
        var rest = input.AsSpan(at);
        var lineFeed = rest.IndexOf((byte)'\n');
        var line = rest[..(lineFeed < 0 ? rest.Length : lineFeed + 1)];
        var isResponse = isChallenged;
        isChallenged = false;
        var command = isResponse ? default : SmtpCommand.Parse(line.TrimEnd("\r\n"u8));
        var stored = House.Stored.Count;
        var isChunk = TryReadCount(command, out var octets, out var isLast);
        var replies = Say(line.Length, lineFeed >= 0);
        if (lineFeed < 0)
            return;
        if (replies.Count == 0 && isChunk && octets > 0)
        {
            SayChunk(octets, isLast);
            return;
        }
        Finding.Unless(replies.Count > 0, "every command has a reply", command.Verb.ToString());
        var code = replies[0];
        exchanges.Add((isResponse ? Verb.Auth : command.Verb, code));
        isChallenged = code == 334;
        Finding.Unless(
            !isChallenged || isResponse || command.Verb == Verb.Auth, "only AUTH is answered with 334");
        if (command.Verb == Verb.Mail && code == 250)
            chunks.Clear();
        if (code == 354)
        {
            Finding.Unless(command.Verb == Verb.Data, "only DATA is answered with 354");
            SayContent();
        }
        else if (isChunk && octets == 0 && isLast)
        {
            CheckStored(stored, code, [.. chunks]);
        }
        else
        {
            Finding.Unless(House.Stored.Count == stored, "only content stores mail");
        }
    }

    void SayContent()
    {
        var stored = House.Stored.Count;
        var content = DotReference.Read(input.AsSpan(at), out var length);
        var replies = Say(length, content is not null);
        if (content is null)
        {
            Finding.Unless(House.Stored.Count == stored, "no mail is stored without its final dot");
            return;
        }
        Finding.Unless(replies.Count > 0, "content has a reply");
        exchanges.Add((Verb.Data, replies[0]));
        CheckStored(stored, replies[0], content);
    }

    void SayChunk(long octets, bool isLast)
    {
        var stored = House.Stored.Count;
        var isWhole = octets <= input.Length - at;
        var chunk = input.AsSpan(at, (int)Math.Min(octets, input.Length - at));
        chunks.AddRange(chunk);
        var replies = Say(chunk.Length, isWhole);
        if (!isWhole || !isLast)
        {
            Finding.Unless(House.Stored.Count == stored, "no mail is stored before its last chunk");
            if (!isWhole)
                return;
        }
        Finding.Unless(replies.Count > 0, "a chunk has a reply");
        exchanges.Add((Verb.Bdat, replies[0]));
        // RFC 3030 §2: a refused chunk is no part of the content.
        if (replies[0] != 250)
            chunks.RemoveRange(chunks.Count - chunk.Length, chunk.Length);
        if (isLast)
            CheckStored(stored, replies[0], [.. chunks]);
    }

    void CheckStored(int before, int code, byte[] content)
    {
        var isStored = House.Stored.Count == before + 1;
        Finding.Unless(isStored == (code == 250), "250 is said for stored mail and only for that");
        Finding.Unless(
            !isStored || House.Stored[^1].AsSpan().SequenceEqual(content), "mail is stored as it was sent");
    }

    /// <summary>Sends a unit and gives the replies to it: none before its last octet.</summary>
    IReadOnlyList<int> Say(int length, bool isWhole)
    {
        if (length == 0)
            return [];
        var unit = input.AsMemory(at, length);
        at += length;
        session.Send(unit[..^1]);
        var early = ear.Hear(session.TakeOutput());
        if (session.HasEnded)
            return early;
        Finding.Unless(early.Count == 0, "no reply comes before the end of a command or of content");
        session.Send(unit[^1..]);
        var replies = ear.Hear(session.TakeOutput());
        Finding.Unless(
            session.HasEnded ? replies.Count <= 2 : replies.Count <= (isWhole ? 1 : 0),
            "one reply for one command",
            string.Join(' ', replies));
        return replies;
    }

    static bool TryReadCount(SmtpCommand command, out long octets, out bool isLast)
    {
        octets = 0;
        isLast = false;
        if (command.Verb != Verb.Bdat)
            return false;
        var words = Encoding.Latin1.GetString(command.Argument)
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        isLast = words is [_, var last] && last.Equals("LAST", StringComparison.OrdinalIgnoreCase);
        return words.Length > 0
            && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out octets);
    }
}
