using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Postern.Mta.Store;

/// <summary>
/// Content in a file of its own; a reader throws at the end when it was not what was stored.
/// </summary>
sealed class FileContent(string path, long octets, uint sum) : StoredContent
{
    /// <summary>Read at once: each step costs garbage, and a large content has many.</summary>
    public const int PieceOctets = 32 << 10;

    static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: PieceOctets);

    public override long Octets => octets;

    /// <exception cref="ContentDamagedException">The file is missing or has another size.</exception>
    public static FileContent Open(string path, long octets, uint sum)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new ContentDamagedException(path, "the file is missing");
        if (file.Length != octets)
            throw new ContentDamagedException(path, $"it has {file.Length} octets instead of {octets}");
        return new FileContent(path, octets, sum);
    }

    public override PipeReader OpenReader()
    {
        var options = new FileStreamOptions { BufferSize = 0, Options = FileOptions.SequentialScan };
        return PipeReader.Create(new SummedStream(new FileStream(path, options), path, sum), ReaderOptions);
    }

    public override bool TryGetMemory(out ReadOnlySequence<byte> octets)
    {
        octets = default;
        return false;
    }

    public override void Dispose()
    {
    }

    /// <summary>Sums up what is read; its end is an exception when the sum does not fit.</summary>
    sealed class SummedStream(FileStream file, string path, uint expected) : Stream
    {
        RowSum sum = new();

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => file.Length;

        public override long Position
        {
            get => file.Position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            Count(file.Read(buffer, offset, count), buffer.AsSpan(offset));

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Count(await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false), buffer.Span);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                file.Dispose();
            base.Dispose(disposing);
        }

        int Count(int read, ReadOnlySpan<byte> buffer)
        {
            sum.AddOctets(buffer[..read]);
            if (read == 0 && sum.Value != expected)
                throw new ContentDamagedException(path, "its sum does not fit");
            return read;
        }
    }
}
