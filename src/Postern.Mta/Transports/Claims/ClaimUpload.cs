using System.Net;
using Postern.Smtp;

namespace Postern.Mta.Transports.Claims;

/// <summary>A message as the body of a request, streamed as it is read, perhaps between two texts.</summary>
/// <remarks>May be sent again by the connection where the server says that it has not looked at it; one
/// sending at a time. The content stays its owner's.</remarks>
sealed class ClaimUpload : HttpContent
{
    readonly ContentSource content;
    readonly ReadOnlyMemory<byte> head;
    readonly ReadOnlyMemory<byte> tail;
    TaskCompletionSource sending = new();

    public ClaimUpload(
        ContentSource content, ReadOnlyMemory<byte> head = default, ReadOnlyMemory<byte> tail = default)
    {
        this.content = content;
        this.head = head;
        this.tail = tail;
        sending.SetResult();
    }

    /// <summary>The content could not be read. Null: it could.</summary>
    public Exception? SourceTrouble { get; private set; }

    /// <summary>Nothing reads the content any more.</summary>
    public Task Idle => sending.Task;

    protected override bool TryComputeLength(out long length)
    {
        length = head.Length + content.Octets + tail.Length;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await stream.WriteAsync(head, cancellationToken).ConfigureAwait(false);
            await WriteContentAsync(stream, cancellationToken).ConfigureAwait(false);
            await stream.WriteAsync(tail, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            sending.SetResult();
        }
    }

    async ValueTask WriteContentAsync(Stream stream, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            while (true)
            {
                System.IO.Pipelines.ReadResult read;
                try
                {
                    read = await reader.ReadAsync(cancel).ConfigureAwait(false);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // Ours, whatever the connection makes of it.
                    SourceTrouble = e;
                    throw;
                }
                try
                {
                    foreach (var segment in read.Buffer)
                        await stream.WriteAsync(segment, cancel).ConfigureAwait(false);
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }
                if (read.IsCompleted)
                    return;
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }
}
