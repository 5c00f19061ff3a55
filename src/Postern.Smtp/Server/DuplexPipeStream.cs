using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Smtp.Server;

/// <summary>A transport's pipes as the one stream that <see cref="System.Net.Security.SslStream"/> wants.
/// Owns nothing.</summary>
/// <remarks>A read of no octets waits until there are some, so that an idle TLS session holds no
/// buffer.</remarks>
public sealed class DuplexPipeStream(IDuplexPipe transport) : Stream
{
    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var result = await transport.Input.ReadAsync(cancellationToken);
            var part = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
            part.CopyTo(buffer.Span);
            // Before the segments are given back: afterwards the slice no longer knows how long it was.
            var count = (int)part.Length;
            var isOver = count > 0 || result.IsCompleted || (buffer.IsEmpty && !result.Buffer.IsEmpty);
            transport.Input.AdvanceTo(part.End);
            if (isOver)
                return count;
        }
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await transport.Output.WriteAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(
        byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(
        byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async Task FlushAsync(CancellationToken cancellationToken) =>
        await transport.Output.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
