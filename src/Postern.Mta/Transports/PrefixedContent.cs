using System.IO.Pipelines;
using System.Text;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>Content with fields put in front, which only this hop is to see.</summary>
/// <param name="fields">Whole lines, each ended by CRLF.</param>
sealed class PrefixedContent(string fields, ContentSource content) : ContentSource
{
    static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: FileContent.PieceOctets);

    readonly byte[] prefix = Encoding.UTF8.GetBytes(fields);

    public override long Octets => prefix.Length + content.Octets;

    public override bool HasEightBit => !Ascii.IsValid(prefix) || content.HasEightBit;

    public override bool HasEightBitHeader => !Ascii.IsValid(prefix) || content.HasEightBitHeader;

    public override PipeReader OpenReader() =>
        PipeReader.Create(new PrefixedStream(prefix, content.OpenReader().AsStream()), ReaderOptions);

    /// <summary>Read once, from front to end.</summary>
    sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
    {
        int given;

        public override ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (given == prefix.Length)
                return rest.ReadAsync(buffer, cancellationToken);
            var part = prefix[given..Math.Min(prefix.Length, given + buffer.Length)];
            part.CopyTo(buffer);
            given += part.Length;
            return new(part.Length);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
