using System.Buffers;

namespace Postern.Mta.Store;

/// <summary>Writes one large content to a file that bears its final name from the start.</summary>
public abstract class ContentFileWriter : IAsyncDisposable
{
    /// <summary>What <see cref="Queue.QueuedMessage.ContentFile"/> will say.</summary>
    public abstract string Name { get; }

    public abstract ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel);

    /// <summary>Flushes the file and its directory. After this the commit may name it.</summary>
    /// <exception cref="StoreException">The flush failed; the file is useless.</exception>
    public abstract ValueTask FlushAsync(CancellationToken cancel);

    /// <summary>What was flushed, for a look at it before the commit. The caller disposes.</summary>
    public abstract StoredContent Open();

    /// <summary>The commit names the file: disposing leaves it alone. Without this, disposing unlinks
    /// it.</summary>
    public abstract void Keep();

    public abstract ValueTask DisposeAsync();
}
