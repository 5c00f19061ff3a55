using System.Buffers;

namespace Postern.Smtp.Client;

/// <summary>What goes out with the next write: commands and content in one piece of pooled memory.</summary>
sealed class OutputBuffer : IBufferWriter<byte>
{
    const int FirstOctets = 8 * 1024;

    byte[] octets = [];

    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Written => octets.AsMemory(0, Count);

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return octets.AsMemory(Count);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return octets.AsSpan(Count);
    }

    public void Advance(int count) => Count += count;

    public void Append(ReadOnlySpan<byte> piece)
    {
        Ensure(piece.Length);
        piece.CopyTo(octets.AsSpan(Count));
        Count += piece.Length;
    }

    public ReadOnlySpan<byte> From(int start) => octets.AsSpan(start, Count - start);

    public void CutTo(int count) => Count = count;

    /// <summary>Gives the memory back; the next use takes some again.</summary>
    public void Release()
    {
        Count = 0;
        if (octets.Length == 0)
            return;
        ArrayPool<byte>.Shared.Return(octets);
        octets = [];
    }

    void Ensure(int more)
    {
        if (octets.Length - Count >= more)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(
            Math.Max(Math.Max(FirstOctets, octets.Length * 2), Count + more));
        Written.Span.CopyTo(larger);
        if (octets.Length > 0)
            ArrayPool<byte>.Shared.Return(octets);
        octets = larger;
    }
}
