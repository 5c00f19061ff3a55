using System.Buffers;
using System.Threading.Channels;

namespace Postern.Mta.Events;

/// <summary>Where log lines go: they gather in memory while the last batch is being written.</summary>
/// <remarks>
/// Writers never wait and never fail. A file that cannot be opened or written is told about once on the
/// fallback, which takes the lines from then on, until <see cref="Reopen"/>. More than
/// <see cref="PendingOctetsMax"/> waiting: lines are dropped and counted; they are still in the store.
/// </remarks>
sealed class LogOutput : IAsyncDisposable
{
    public const int PendingOctetsMax = 8 << 20;

    readonly Func<Stream> open;
    readonly Stream fallback;
    readonly Action<IBufferWriter<byte>, long> writeLoss;
    readonly Lock gate = new();
    readonly Channel<bool> signals = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    readonly Task writing;

    ArrayBufferWriter<byte> pending = new(64 << 10);
    ArrayBufferWriter<byte> batch = new(64 << 10);
    long lost;
    Stream? stream;
    bool failed;
    volatile bool reopenWanted;

    /// <param name="open">Opens the stream; called again after <see cref="Reopen"/>. Closing it is
    /// ours.</param>
    /// <param name="fallback">Standard error; stays open.</param>
    /// <param name="writeLoss">Writes the line that tells how many were dropped.</param>
    public LogOutput(Func<Stream> open, Stream fallback, Action<IBufferWriter<byte>, long> writeLoss)
    {
        this.open = open;
        this.fallback = fallback;
        this.writeLoss = writeLoss;
        writing = WriteBatchesAsync();
    }

    /// <summary>Adds whole lines; <paramref name="write"/> runs under the lock and must be short.</summary>
    public void Append<T>(T state, Action<IBufferWriter<byte>, T> write)
    {
        lock (gate)
        {
            if (pending.WrittenCount >= PendingOctetsMax)
            {
                lost++;
                return;
            }
            write(pending, state);
        }
        signals.Writer.TryWrite(true);
    }

    /// <summary>The next batch goes to a newly opened file: the old one was renamed, or is well
    /// again.</summary>
    public void Reopen()
    {
        reopenWanted = true;
        signals.Writer.TryWrite(true);
    }

    /// <summary>Writes what is there and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        signals.Writer.TryComplete();
        await writing;
    }

    async Task WriteBatchesAsync()
    {
        // Off the caller's thread: opening a file may take its time.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await foreach (var _ in signals.Reader.ReadAllAsync())
            WriteBatch();
        WriteBatch();
        Close();
    }

    void WriteBatch()
    {
        if (reopenWanted)
        {
            reopenWanted = false;
            Close();
            failed = false;
        }
        lock (gate)
        {
            if (lost > 0)
                writeLoss(pending, lost);
            lost = 0;
            (pending, batch) = (batch, pending);
        }
        if (batch.WrittenCount > 0)
            Write(batch.WrittenSpan);
        // A burst's memory is not kept.
        batch = batch.Capacity > 1 << 20 ? new ArrayBufferWriter<byte>(64 << 10) : batch;
        batch.ResetWrittenCount();
    }

    void Write(ReadOnlySpan<byte> octets)
    {
        if (!failed)
        {
            // A log that fails never stops mail: the exception ends here, told once.
            try
            {
                stream ??= open();
                stream.Write(octets);
                stream.Flush();
                return;
            }
            catch (Exception trouble) when (IsTrouble(trouble))
            {
                failed = true;
                Close();
                WriteFallback(System.Text.Encoding.UTF8.GetBytes(
                    $"postern: the log cannot be written ({trouble.Message}); "
                    + "it goes to standard error until the next reload\n"));
            }
        }
        WriteFallback(octets);
    }

    void WriteFallback(ReadOnlySpan<byte> octets)
    {
        try
        {
            fallback.Write(octets);
            fallback.Flush();
        }
        catch (Exception trouble) when (IsTrouble(trouble))
        {
            // Standard error is gone too: there is nowhere left to say it.
        }
    }

    static bool IsTrouble(Exception trouble) =>
        trouble is IOException or UnauthorizedAccessException or NotSupportedException
            or ObjectDisposedException;

    void Close()
    {
        try
        {
            stream?.Dispose();
        }
        catch (IOException)
        {
            // The descriptor is closed all the same.
        }
        stream = null;
    }
}
