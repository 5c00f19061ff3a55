using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Postern.Smtp;

namespace Postern.Tests.Doubles;

/// <summary>Content from octets in memory, in one piece or in pieces.</summary>
sealed class BytesContent(byte[] octets, int pieceOctets = int.MaxValue) : ContentSource
{
    public BytesContent(string latin1, int pieceOctets = int.MaxValue)
        : this(Encoding.Latin1.GetBytes(latin1), pieceOctets)
    {
    }

    /// <summary>How often it was opened.</summary>
    public int Readers { get; private set; }

    public override long Octets => octets.Length;
    public override bool HasEightBit => octets.AsSpan().ContainsAnyInRange((byte)128, (byte)255);

    public override bool HasEightBitHeader
    {
        get
        {
            var end = octets.AsSpan().IndexOf("\r\n\r\n"u8);
            return octets.AsSpan(0, end < 0 ? octets.Length : end).ContainsAnyInRange((byte)128, (byte)255);
        }
    }

    public override PipeReader OpenReader()
    {
        Readers++;
        Piece? first = null, last = null;
        for (var at = 0; at < octets.Length; at += Math.Min(pieceOctets, octets.Length - at))
        {
            last = new Piece(octets.AsMemory(at, Math.Min(pieceOctets, octets.Length - at)), last);
            first ??= last;
        }
        return PipeReader.Create(first is null
            ? default
            : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length));
    }

    sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
