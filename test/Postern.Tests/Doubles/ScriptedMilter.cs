using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Inbound.Filters;

namespace Postern.Tests.Doubles;

/// <summary>A milter that says what it is told to, in memory.</summary>
sealed class ScriptedMilter
{
    /// <summary>Version, actions and steps of its answer to the negotiation.</summary>
    public uint[] Agreed { get; set; } = [6, 0x31, 0];

    /// <summary>What it says to a command, by its letter or by the whole of what was heard. A command that is
    /// not here is continued; null: it says nothing.</summary>
    public Dictionary<string, byte[]?> Says { get; } = [];

    /// <summary>It hangs up once it has said so many octets.</summary>
    public int OctetsMax { get; set; } = int.MaxValue;

    /// <summary>The letter of a command that it hangs up after, once it has answered.</summary>
    public string? HangsUpAfter { get; set; }

    /// <summary>Nobody listens.</summary>
    public bool IsDown { get; set; }

    /// <summary>Commands of the last conversation with their data, a bar for each NUL, without
    /// body.</summary>
    public List<string> Heard { get; private set; } = [];

    /// <summary>Of the last conversation.</summary>
    public MemoryStream Body { get; private set; } = new();

    public int ChunkOctetsMax { get; private set; }
    public int Connections { get; private set; }

    /// <summary>The conversation is over.</summary>
    public Task Served { get; private set; } = Task.CompletedTask;

    /// <summary>Octets of one packet.</summary>
    public static byte[] Packet(char code, string data = "")
    {
        var octets = new byte[5 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(octets, data.Length + 1);
        octets[4] = (byte)code;
        Encoding.Latin1.GetBytes(data, octets.AsSpan(5));
        return octets;
    }

    /// <summary>Four octets and texts, each with a NUL.</summary>
    public static string Numbered(uint number, params string[] texts)
    {
        var octets = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(octets, number);
        return Encoding.Latin1.GetString(octets) + Texts(texts);
    }

    public static string Texts(params string[] texts) => string.Concat(texts.Select(text => text + '\0'));

    public ValueTask<Stream> ConnectAsync(FilterAddress address, CancellationToken cancel)
    {
        if (IsDown)
            throw new SocketException(111);
        Connections++;
        var (ours, theirs) = DuplexStream.CreatePair();
        Served = ServeAsync(theirs);
        return ValueTask.FromResult<Stream>(ours);
    }

    async Task ServeAsync(Stream peer)
    {
        (Heard, Body, ChunkOctetsMax) = ([], new MemoryStream(), 0);
        var left = OctetsMax;
        await using (peer)
        {
            while (await ReadAsync(peer, 5) is { } start)
            {
                var data = await ReadAsync(peer, BinaryPrimitives.ReadInt32BigEndian(start) - 1);
                if (data is null)
                    return;
                var answer = Answer((char)start[4], data);
                await peer.WriteAsync(answer.AsMemory(0, Math.Min(left, answer.Length)));
                left -= answer.Length;
                if (left <= 0 || start[4] == 'Q' || HangsUpAfter == $"{(char)start[4]}")
                    return;
            }
        }
    }

    byte[] Answer(char code, byte[] data)
    {
        var heard = $"{code} {Encoding.Latin1.GetString(data).Replace('\0', '|')}".TrimEnd(' ');
        if (code == 'B')
        {
            Body.Write(data);
            ChunkOctetsMax = Math.Max(ChunkOctetsMax, data.Length);
        }
        else
            Heard.Add(heard);
        if (Says.TryGetValue(heard, out var said) || Says.TryGetValue($"{code}", out said))
            return said ?? [];
        return code switch
        {
            'O' => Packet('O', string.Concat(Agreed.Select(number => Numbered(number)))),
            'D' or 'Q' or 'A' => [],
            _ when IsUnanswered(code) => [],
            _ => Packet('c'),
        };
    }

    /// <summary>It has agreed on not answering (SMFIP_NR_*).</summary>
    bool IsUnanswered(char code) => (Agreed[2] & code switch
    {
        'C' => 0x1000u,
        'H' => 0x2000,
        'M' => 0x4000,
        'R' => 0x8000,
        'T' => 0x1_0000,
        'L' => 0x80,
        'N' => 0x4_0000,
        'B' => 0x8_0000,
        _ => 0u,
    }) != 0;

    /// <summary>Null: the other side is gone.</summary>
    static async Task<byte[]?> ReadAsync(Stream peer, int count)
    {
        var octets = new byte[count];
        return await peer.ReadAtLeastAsync(octets, count, throwOnEndOfStream: false) == count ? octets : null;
    }
}
