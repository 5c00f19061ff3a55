using System.Buffers;

namespace Postern.Smtp.Server;

/// <summary>Where the octets of DATA or BDAT go while they arrive; made by the policy for one
/// transaction.</summary>
/// <remarks>
/// The session hands over content octets with dots already unstuffed, in order, in pieces of any length. It
/// stops writing once <see cref="Refusal"/> is set, reads the rest from the wire and answers with it.
/// </remarks>
public abstract class ContentSink : IAsyncDisposable
{
    /// <summary>The reply this content will get whatever follows. Null while it may still be
    /// accepted.</summary>
    public Reply? Refusal { get; protected set; }

    /// <summary>Takes octets; completes when more may come. A full memory budget or disk shows here as
    /// waiting or as a refusal.</summary>
    public abstract ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel);

    /// <summary>Forgets what was written, unless the policy has accepted it.</summary>
    public abstract ValueTask DisposeAsync();
}
