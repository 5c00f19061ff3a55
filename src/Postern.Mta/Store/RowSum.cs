using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;

namespace Postern.Mta.Store;

/// <summary>
/// CRC-32C over the columns of a row or the octets of a content, so that a damaged one is known.
/// </summary>
struct RowSum
{
    uint crc = uint.MaxValue;

    public RowSum()
    {
    }

    public readonly uint Value => ~crc;

    public RowSum Add(long number)
    {
        crc = BitOperations.Crc32C(crc, (ulong)number);
        return this;
    }

    /// <summary>
    /// A column of any length: its length counts too, so that octets cannot move between columns.
    /// </summary>
    public RowSum Add(ReadOnlySpan<byte> column)
    {
        Add(column.Length);
        AddOctets(column);
        return this;
    }

    public void AddOctets(ReadOnlySpan<byte> octets)
    {
        var sum = crc;
        while (octets.Length >= sizeof(ulong))
        {
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(octets));
            octets = octets[sizeof(ulong)..];
        }
        foreach (var octet in octets)
            sum = BitOperations.Crc32C(sum, octet);
        crc = sum;
    }

    public static uint Of(ReadOnlySequence<byte> content)
    {
        var sum = new RowSum();
        foreach (var segment in content)
            sum.AddOctets(segment.Span);
        return sum.Value;
    }
}
