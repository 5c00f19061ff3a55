using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Mta.Store;

/// <summary>
/// The canonical octets of one message, in memory or in a file; disposing returns the memory.
/// </summary>
public abstract class StoredContent : IDisposable
{
    public abstract long Octets { get; }

    /// <summary>A reader from the first octet; each has its own place. The caller completes it.</summary>
    public abstract PipeReader OpenReader();

    /// <summary>The octets, when they are in memory.</summary>
    public abstract bool TryGetMemory(out ReadOnlySequence<byte> octets);

    public abstract void Dispose();
}
