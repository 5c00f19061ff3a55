using System.Buffers;
using System.Buffers.Binary;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Packets over a connection: a length of four octets, a code, data.</summary>
sealed class MilterConnection(Stream stream)
{
    /// <summary>Octets of a packet that comes in: the most that a header section has.</summary>
    const int PacketOctetsMax = 256 << 10;

    readonly ArrayBufferWriter<byte> pending = new();

    /// <summary>Packets that nobody answers go out together.</summary>
    public bool IsFull => pending.WrittenCount >= MilterProtocol.DataOctetsMax;

    public void Write(MilterCommand command, ReadOnlySpan<byte> data)
    {
        BinaryPrimitives.WriteInt32BigEndian(
            pending.GetSpan(MilterProtocol.LengthOctets), data.Length + 1);
        pending.Advance(MilterProtocol.LengthOctets);
        pending.Write([(byte)command]);
        pending.Write(data);
    }

    public async ValueTask FlushAsync(CancellationToken limit)
    {
        await stream.WriteAsync(pending.WrittenMemory, limit).ConfigureAwait(false);
        pending.ResetWrittenCount();
    }

    public async ValueTask<MilterPacket> ReadAsync(CancellationToken limit)
    {
        var start = new byte[MilterProtocol.LengthOctets + 1];
        if (!await TryFillAsync(start, limit).ConfigureAwait(false))
            return new MilterPacket(0, default, "it hung up");
        var octets = BinaryPrimitives.ReadUInt32BigEndian(start);
        if (octets is 0 or > PacketOctetsMax)
            return new MilterPacket(0, default, "it does not talk as milters do");
        var data = new byte[octets - 1];
        return await TryFillAsync(data, limit).ConfigureAwait(false)
            ? new MilterPacket(start[^1], data, null) : new MilterPacket(0, default, "it hung up");
    }

    /// <returns>False: the other side is gone.</returns>
    async ValueTask<bool> TryFillAsync(Memory<byte> octets, CancellationToken limit) =>
        await stream.ReadAtLeastAsync(octets, octets.Length, throwOnEndOfStream: false, limit)
            .ConfigureAwait(false) == octets.Length;
}

/// <param name="Trouble">Why there is none. Null: there is.</param>
readonly record struct MilterPacket(byte Code, ReadOnlyMemory<byte> Data, string? Trouble);
