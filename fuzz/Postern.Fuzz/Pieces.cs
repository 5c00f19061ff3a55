using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Fuzz;

/// <summary>The same octets as a network might bring them.</summary>
static class Pieces
{
    /// <summary>A pipe on one thread: who writes runs who reads, at once, and nobody ever waits.</summary>
    public static Pipe NewPipe() => new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
        resumeWriterThreshold: 0, minimumSegmentSize: 256, useSynchronizationContext: false));

    /// <summary>Writes to such a pipe; the reader has seen it when this returns.</summary>
    public static void Write(PipeWriter writer, ReadOnlyMemory<byte> octets)
    {
        var writing = writer.WriteAsync(octets).AsTask();
        Finding.Unless(writing.IsCompletedSuccessfully, "a write does not wait");
    }

    /// <summary>Cut anywhere; short inputs sometimes into single octets.</summary>
    public static IReadOnlyList<ReadOnlyMemory<byte>> Of(ReadOnlyMemory<byte> octets, Random chance)
    {
        var longest = octets.Length <= 512 && chance.Next(4) == 0 ? 1 : 1 << chance.Next(1, 14);
        // A network never cuts a long input into thousands of pieces within one read.
        longest = Math.Max(longest, octets.Length / 256);
        var pieces = new List<ReadOnlyMemory<byte>>();
        while (octets.Length > 0)
        {
            var length = Math.Min(octets.Length, chance.Next(1, longest + 1));
            pieces.Add(octets[..length]);
            octets = octets[length..];
        }
        return pieces;
    }

    /// <summary>The pieces as one sequence, each a segment of its own.</summary>
    public static ReadOnlySequence<byte> ToSequence(IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        if (pieces.Count == 0)
            return ReadOnlySequence<byte>.Empty;
        var first = new Segment(pieces[0], null);
        var last = first;
        for (var i = 1; i < pieces.Count; i++)
            last = new Segment(pieces[i], last);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> octets, Segment? before)
        {
            Memory = octets;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
