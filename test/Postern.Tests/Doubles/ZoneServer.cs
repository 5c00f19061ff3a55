using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Tests.Doubles;

/// <summary>A name server on loopback, UDP and TCP at one port: records by name and type, as zone files have
/// them, or whatever else a test wants it to say, octet for octet.</summary>
/// <remarks>A name that has no record and none below it does not exist. Aliases are followed.</remarks>
sealed class ZoneServer : IDisposable
{
    const int AliasesMax = 8;

    readonly ConcurrentDictionary<string, (string Type, string Text)[]> names =
        new(StringComparer.OrdinalIgnoreCase);

    readonly Socket tcp;
    readonly Socket udp;

    public ZoneServer()
    {
        (tcp, udp) = BindBoth();
        Endpoint = (IPEndPoint)tcp.LocalEndPoint!;
        tcp.Listen();
        _ = ServeUdpAsync();
        _ = ServeTcpAsync();
    }

    /// <summary>What is said to a question. Null: the zone's answer.</summary>
    public Func<ZoneQuestion, ZoneSaying?>? Say { get; init; }

    public IPEndPoint Endpoint { get; }

    /// <summary>Questions, in order: type and name in lower case.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    /// <summary>An MX is its host alone: all have one preference.</summary>
    public ZoneServer Add(string name, string type, string text)
    {
        names.AddOrUpdate(name, [(type, text)], (_, records) => [.. records, (type, text)]);
        for (var dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0;
            dot = name.IndexOf('.', dot + 1))
        {
            names.TryAdd(name[(dot + 1)..], []);
        }
        return this;
    }

    public void Dispose()
    {
        udp.Dispose();
        tcp.Dispose();
    }

    /// <summary>A port that is free for TCP may be taken for UDP.</summary>
    static (Socket Tcp, Socket Udp) BindBoth()
    {
        for (var tries = 0; ; tries++)
        {
            var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            try
            {
                udp.Bind(tcp.LocalEndPoint!);
                return (tcp, udp);
            }
            catch (SocketException) when (tries < 10)
            {
                tcp.Dispose();
                udp.Dispose();
            }
        }
    }

    async Task ServeUdpAsync()
    {
        var buffer = new byte[ushort.MaxValue];
        try
        {
            while (true)
            {
                var got = await udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                var saying = AnswerTo(ZoneQuestion.Read(buffer.AsSpan(0, got.ReceivedBytes), false));
                foreach (var message in saying.Messages)
                    await udp.SendToAsync(message, got.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    async Task ServeTcpAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await tcp.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    async Task ServeAsync(Socket peer)
    {
        using var stream = new NetworkStream(peer, ownsSocket: true);
        var length = new byte[2];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(length);
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(query);
                var saying = AnswerTo(ZoneQuestion.Read(query, true));
                foreach (var message in saying.Messages)
                {
                    byte[] framed = [(byte)(message.Length >> 8), (byte)message.Length, .. message];
                    await stream.WriteAsync(framed);
                }
                if (saying.Messages.Count == 0)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The peer has gone, or the test is over.
        }
    }

    ZoneSaying AnswerTo(ZoneQuestion question)
    {
        Asked.Enqueue($"{question.Type} {question.Name.ToLowerInvariant()}");
        if (Say?.Invoke(question) is { } said)
            return said;
        var records = new List<byte[]>();
        var code = Find(question, records);
        // RFC 2308 §3: who says that there is nothing says for how long.
        var message = question.Answer(
            code, question.Question, [.. records],
            records.Count == 0 ? [ZoneQuestion.Record("", "SOA", new byte[22])] : []);
        return message.Length > question.AnswerOctetsMax && !question.IsTcp
            ? new ZoneSaying(question.Answer(ZoneQuestion.Truncated)) : new ZoneSaying(message);
    }

    int Find(ZoneQuestion question, List<byte[]> answer)
    {
        var name = question.Name;
        for (var hops = 0; hops < AliasesMax; hops++)
        {
            if (!names.TryGetValue(name, out var records))
                return 3;
            var found = records.Where(record => record.Type == question.Type).ToArray();
            answer.AddRange(found.Select(record => ZoneQuestion.Record(name, record.Type, record.Text)));
            if (found.Length > 0 || records.FirstOrDefault(r => r.Type == "CNAME").Text is not { } alias)
                return 0;
            answer.Add(ZoneQuestion.Record(name, "CNAME", alias));
            name = alias;
        }
        return 2;
    }
}

/// <summary>What a name server says to one question.</summary>
/// <param name="Messages">One datagram each, or one after the other over TCP. None: nothing is said, and a
/// connection is closed.</param>
sealed record ZoneSaying(params IReadOnlyList<byte[]> Messages);

/// <summary>A question as it came, and messages that answer it (RFC 1035 §4.1).</summary>
/// <param name="Octets">The whole query.</param>
/// <param name="Name">As it was written, without the last dot.</param>
sealed record ZoneQuestion(byte[] Octets, string Name, string Type, bool IsTcp)
{
    /// <summary>A response code with the flag that more is to be had over TCP.</summary>
    public const int Truncated = 0x200;

    const int HeaderOctets = 12;

    static readonly (string Name, int Code)[] Types =
        [("A", 1), ("CNAME", 5), ("SOA", 6), ("PTR", 12), ("MX", 15), ("TXT", 16), ("AAAA", 28)];

    public static ZoneQuestion Read(ReadOnlySpan<byte> query, bool isTcp)
    {
        var labels = new List<string>();
        var at = HeaderOctets;
        for (; query[at] != 0; at += query[at] + 1)
            labels.Add(Encoding.Latin1.GetString(query.Slice(at + 1, query[at])));
        var code = BinaryPrimitives.ReadUInt16BigEndian(query[(at + 1)..]);
        var type = Types.FirstOrDefault(known => known.Code == code).Name
            ?? code.ToString(CultureInfo.InvariantCulture);
        return new ZoneQuestion(query.ToArray(), string.Join('.', labels), type, isTcp);
    }

    /// <summary>A message with the id and the question of this one.</summary>
    public byte[] Answer(int code, params byte[][] records) => Answer(code, Question, records);

    public byte[] Answer(int code, byte[] question, byte[][] records, params byte[][] authority)
    {
        var flags = 0x8180 | code;
        byte[] header =
            [Octets[0], Octets[1], (byte)(flags >> 8), (byte)flags, 0, 1,
            (byte)(records.Length >> 8), (byte)records.Length, 0, (byte)authority.Length, 0, 0];
        return [.. header, .. question, .. records.Concat(authority).SelectMany(record => record)];
    }

    /// <summary>Over UDP: what EDNS says, or 512 (RFC 1035 §4.2.1, RFC 6891 §6.1.2).</summary>
    public int AnswerOctetsMax
    {
        get
        {
            var rest = Octets.AsSpan(HeaderOctets + Question.Length);
            return rest is [0, 0, 41, ..] ? BinaryPrimitives.ReadUInt16BigEndian(rest[3..]) : 512;
        }
    }

    /// <summary>The question section of the query.</summary>
    public byte[] Question => Octets[HeaderOctets..(HeaderOctets + NameOf(Name).Length + 4)];

    public static byte[] Record(string owner, string type, string text) =>
        Record(owner, type, DataOf(type, text));

    public static byte[] Record(string owner, string type, byte[] data) => Record(NameOf(owner), type, data);

    /// <param name="owner">As on the wire.</param>
    /// <param name="type">By its name.</param>
    /// <param name="data">Octets of the record.</param>
    public static byte[] Record(byte[] owner, string type, byte[] data) =>
        [.. owner, 0, (byte)Types.First(known => known.Name == type).Code, 0, 1, 0, 0, 0, 60,
            (byte)(data.Length >> 8), (byte)data.Length, .. data];

    public static byte[] NameOf(string name) =>
        [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(label =>
            (byte[])[(byte)label.Length, .. Encoding.Latin1.GetBytes(label)]), 0];

    static byte[] DataOf(string type, string text) => type switch
    {
        "A" or "AAAA" => IPAddress.Parse(text).GetAddressBytes(),
        "MX" => [0, 10, .. NameOf(text)],
        "TXT" => TextOf(Encoding.UTF8.GetBytes(text)),
        _ => NameOf(text),
    };

    /// <summary>Strings of 255 octets at most (RFC 1035 §3.3.14).</summary>
    public static byte[] TextOf(byte[] text) => text.Length == 0 ? [0]
        : [.. text.Chunk(255).SelectMany(part => (byte[])[(byte)part.Length, .. part])];
}
