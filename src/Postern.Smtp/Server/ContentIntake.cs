using System.Buffers;

namespace Postern.Smtp.Server;

/// <summary>The content of one transaction while it arrives: counts it, stops it at the limit, hands it to
/// the sink.</summary>
sealed class ContentIntake(ContentSink sink, long octetsMax, Reply sizeExceeded) : IAsyncDisposable
{
    public ContentSink Sink => sink;

    /// <summary>Octets so far, refused ones too.</summary>
    public long Octets { get; private set; }

    /// <summary>Null while the content may still be accepted.</summary>
    public Reply? Refusal => Octets > octetsMax ? sizeExceeded : sink.Refusal;

    /// <summary>Takes the next octets; after a refusal they are only counted.</summary>
    public ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
    {
        Octets += octets.Length;
        return Refusal is null ? sink.WriteAsync(octets, cancel) : ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => sink.DisposeAsync();
}
