using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Stored content as it goes out: the prefix in front, the cut ranges left out (DESIGN
/// §9.3).</summary>
/// <remarks>Nothing is copied while the content is in memory: the pieces are chained.</remarks>
public sealed class EditedContent(QueuedMessage message, StoredContent stored, HeaderEdits edits)
    : ContentSource
{
    /// <summary>As it goes to who has it from no mailing list.</summary>
    public EditedContent(QueuedMessage message, StoredContent stored)
        : this(message, stored, message.Edits)
    {
    }

    static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: FileContent.PieceOctets);

    public override long Octets { get; } =
        edits.Prefix.Length + stored.Octets - edits.Cuts.Sum(cut => cut.Length);

    public override bool HasEightBit => message.Traits.HasFlag(ContentTraits.EightBit);

    public override bool HasEightBitHeader => message.Traits.HasFlag(ContentTraits.EightBitHeader);

    public override PipeReader OpenReader() => stored.TryGetMemory(out var octets)
        ? PipeReader.Create(Chain(octets))
        : PipeReader.Create(new EditedStream(edits, stored.OpenReader().AsStream()), ReaderOptions);

    ReadOnlySequence<byte> Chain(ReadOnlySequence<byte> octets)
    {
        var first = new Piece(edits.Prefix, null);
        var last = first;
        var from = 0L;
        foreach (var cut in edits.Cuts)
        {
            last = Append(last, octets.Slice(from, cut.Start - from));
            from = cut.Start + cut.Length;
        }
        last = Append(last, octets.Slice(from));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    static Piece Append(Piece last, ReadOnlySequence<byte> octets)
    {
        foreach (var memory in octets)
        {
            if (!memory.IsEmpty)
                last = new Piece(memory, last);
        }
        return last;
    }

    sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? previous)
        {
            Memory = memory;
            if (previous is null)
                return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }

    /// <summary>The same for content in a file: read once, from front to end.</summary>
    sealed class EditedStream(HeaderEdits edits, Stream stored) : Stream
    {
        int prefixAt;
        long storedAt;
        int cutAt;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (prefixAt < edits.Prefix.Length)
            {
                var part = edits.Prefix[prefixAt..Math.Min(edits.Prefix.Length, prefixAt + buffer.Length)];
                part.CopyTo(buffer);
                prefixAt += part.Length;
                return part.Length;
            }
            while (cutAt < edits.Cuts.Count && edits.Cuts[cutAt].Start == storedAt)
            {
                await SkipAsync(edits.Cuts[cutAt++].Length, cancellationToken).ConfigureAwait(false);
            }
            var room = cutAt < edits.Cuts.Count ? edits.Cuts[cutAt].Start - storedAt : long.MaxValue;
            var read = await stored.ReadAsync(buffer[..(int)Math.Min(buffer.Length, room)], cancellationToken)
                .ConfigureAwait(false);
            storedAt += read;
            return read;
        }

        async ValueTask SkipAsync(long octets, CancellationToken cancel)
        {
            var waste = ArrayPool<byte>.Shared.Rent(4096);
            storedAt += octets;
            while (octets > 0)
            {
                var read = await stored
                    .ReadAsync(waste.AsMemory(0, (int)Math.Min(octets, waste.Length)), cancel)
                    .ConfigureAwait(false);
                if (read == 0)
                    break;
                octets -= read;
            }
            ArrayPool<byte>.Shared.Return(waste);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position
        {
            get => throw new NotSupportedException(); set =>
            throw new NotSupportedException();
        }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                stored.Dispose();
            base.Dispose(disposing);
        }
    }
}
