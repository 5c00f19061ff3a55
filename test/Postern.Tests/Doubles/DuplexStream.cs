using System.IO.Pipelines;

namespace Postern.Tests.Doubles;

/// <summary>
/// Two ends of a connection in memory; what one writes the other reads. Everything runs inline.
/// </summary>
sealed class DuplexStream : Stream
{
    readonly PipeReader input;
    readonly PipeWriter output;
    readonly Stream reading;
    readonly Stream writing;
    bool isPeerGone;

    DuplexStream(PipeReader input, PipeWriter output)
    {
        this.input = input;
        this.output = output;
        reading = input.AsStream(leaveOpen: true);
        writing = output.AsStream(leaveOpen: true);
    }

    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static (DuplexStream Left, DuplexStream Right) CreatePair()
    {
        var options = new PipeOptions(
            readerScheduler: PipeScheduler.Inline,
            writerScheduler: PipeScheduler.Inline,
            useSynchronizationContext: false);
        var (toLeft, toRight) = (new Pipe(options), new Pipe(options));
        return (
            new DuplexStream(toLeft.Reader, toRight.Writer), new DuplexStream(toRight.Reader, toLeft.Writer));
    }

    /// <summary>The other end reads a failure from here on, as after a TCP reset.</summary>
    public void Break()
    {
        output.Complete(new IOException("Connection reset by peer"));
        input.Complete();
    }

    public override ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        reading.ReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(
        byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (isPeerGone)
            throw new IOException("Broken pipe");
        await writing.WriteAsync(buffer, cancellationToken);
        // As in TCP the write that the peer closes after has succeeded; the next one fails.
        isPeerGone = (await output.FlushAsync(cancellationToken)).IsCompleted;
    }

    public override Task WriteAsync(
        byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            output.Complete();
            input.Complete();
        }
        base.Dispose(disposing);
    }
}
