using System.Buffers.Binary;
using System.Text;
using Postern.Mta.Inbound.Filters;

namespace Postern.Tests.Doubles;

/// <summary>A clamd that says what it is told to; in memory, or over a connection that a test
/// accepted.</summary>
sealed class ScriptedClamd
{
    /// <summary>To INSTREAM, in Latin-1. Null: it reads the message and says nothing.</summary>
    public string? Reply { get; set; } = "stream: OK\0";

    /// <summary>To VERSION. Null: it hangs up.</summary>
    public string? Version { get; set; } = "ClamAV 1.4.3/27500/Mon Nov 30 10:00:00 2026\0";

    /// <summary>It replies after so many octets and hangs up, as over its StreamMaxLength.</summary>
    public long OctetsMax { get; init; } = long.MaxValue;

    /// <summary>Nobody listens.</summary>
    public bool IsDown { get; set; }

    public List<string> Commands { get; } = [];

    /// <summary>The last message.</summary>
    public MemoryStream Received { get; private set; } = new();

    public int ChunkOctetsMax { get; private set; }

    public ValueTask<Stream> ConnectAsync(FilterAddress address, CancellationToken cancel)
    {
        if (IsDown)
            throw new System.Net.Sockets.SocketException(111);
        var (ours, theirs) = DuplexStream.CreatePair();
        _ = ServeAsync(theirs);
        return ValueTask.FromResult<Stream>(ours);
    }

    public async Task ServeAsync(Stream peer)
    {
        await using (peer)
        {
            var command = await ReadCommandAsync(peer);
            Commands.Add(command);
            var reply = command == "zVERSION" ? Version : Reply;
            if (command == "zINSTREAM")
                await ReceiveAsync(peer);
            if (reply is not null)
                await peer.WriteAsync(Encoding.Latin1.GetBytes(reply));
            else if (command == "zINSTREAM")
                // It goes on reading until the other side has had enough.
                await ReadAsync(peer, 1);
        }
    }

    async Task ReceiveAsync(Stream peer)
    {
        Received = new MemoryStream();
        while (await ReadAsync(peer, 4) is { } prefix)
        {
            var octets = BinaryPrimitives.ReadInt32BigEndian(prefix);
            if (octets == 0 || Received.Length + octets > OctetsMax)
                return;
            ChunkOctetsMax = Math.Max(ChunkOctetsMax, octets);
            Received.Write(await ReadAsync(peer, octets) ?? throw new EndOfStreamException());
        }
    }

    static async Task<string> ReadCommandAsync(Stream peer)
    {
        var command = new StringBuilder();
        while (await ReadAsync(peer, 1) is { } octet && octet[0] != 0)
            command.Append((char)octet[0]);
        return command.ToString();
    }

    /// <summary>Null: the other side is gone.</summary>
    static async Task<byte[]?> ReadAsync(Stream peer, int count)
    {
        var octets = new byte[count];
        return await peer.ReadAtLeastAsync(octets, count, throwOnEndOfStream: false) == count ? octets : null;
    }
}
