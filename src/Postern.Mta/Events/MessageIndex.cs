using Microsoft.Extensions.Logging;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>Every message in one line, and the words to find it by; filled from the store's events beside
/// delivery.</summary>
/// <remarks>
/// It is derived: its file may go at any time and is made anew, and it commits with nobody. It reads the
/// events behind a place that is kept in the file, and writes cards and place together, on one thread that
/// gives way to all others. A file that is damaged, of another schema or of another store is removed and made
/// anew, which the log says once. A step that fails is logged as Warning and tried again after a minute. What
/// is older than the events' retention goes, a little at a time.
/// </remarks>
public sealed partial class MessageIndex : IAsyncDisposable
{
    /// <summary>In the data directory.</summary>
    public const string FileName = "index.db";

    const int EventsPerStep = 1000;
    const int SweepRowsMax = 500;

    /// <summary>In the place of a count: the events were rewritten after they were read.</summary>
    const int ReadAgain = -1;

    static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);
    static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);

    readonly IMailStore store;
    readonly string path;
    readonly Func<TimeSpan> keep;
    readonly TimeProvider clock;
    readonly ILogger log;
    readonly QuietThread thread = new("postern-index");

    /// <summary>The writer's connection, of the thread alone. Null: not yet opened.</summary>
    SqliteDatabase? writer;

    Place place;
    long indexedTo;
    long behind;
    volatile bool isOpen;
    bool isChecked;
    int disposed;

    /// <param name="path">The file; its directory is there and belongs to this process.</param>
    /// <param name="keep">How long events are kept.</param>
    internal MessageIndex(
        IMailStore store, string path, Func<TimeSpan> keep, TimeProvider clock, ILogger log)
    {
        (this.store, this.path, this.keep, this.clock, this.log) = (store, path, keep, clock, log);
        readers = new ReaderPool(path);
    }

    /// <summary>How far it is, as of the last look.</summary>
    public IndexProgress Progress => new(
        Interlocked.Read(ref indexedTo) is > 0 and var ticks
            ? new DateTimeOffset(ticks, TimeSpan.Zero) : null,
        Interlocked.Read(ref behind));

    internal async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(LookEvery, clock);
        var failedAt = (long?)null;
        var sweptAt = clock.GetTimestamp();
        try
        {
            while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false))
            {
                // What little room is left on a disk is the mail's.
                if (store.Health != StoreHealth.Accepting
                    || (failedAt is { } failed && clock.GetElapsedTime(failed) < RetryAfter))
                    continue;
                var sweeps = clock.GetElapsedTime(sweptAt) >= RetryAfter;
                if (sweeps)
                    sweptAt = clock.GetTimestamp();
                failedAt = await AttemptAsync(sweeps, cancel).ConfigureAwait(false)
                    ? null : clock.GetTimestamp();
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The agent is stopping.
        }
    }

    /// <returns>False: it failed.</returns>
    async ValueTask<bool> AttemptAsync(bool sweeps, CancellationToken cancel)
    {
        try
        {
            await CatchUpAsync(cancel).ConfigureAwait(false);
            if (sweeps)
                await SweepAsync(cancel).ConfigureAwait(false);
            return true;
        }
        catch (StoreException e)
        {
            LogStepFailed(e);
            return false;
        }
    }

    /// <summary>Takes in what was committed before the call.</summary>
    /// <exception cref="StoreException">The events cannot be read.</exception>
    internal async ValueTask CatchUpAsync(CancellationToken cancel)
    {
        if (!isChecked)
            await CheckAsync(cancel).ConfigureAwait(false);
        var measuredAt = (long?)null;
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            var known = Volatile.Read(ref rewritings);
            var events = await store.ReadEventsAfterAsync(place.Seq, EventsPerStep, cancel)
                .ConfigureAwait(false);
            if (events.Count > 0 && await WorkAsync(file => known != rewritings ? ReadAgain
                : Take(file, events)).ConfigureAwait(false) == ReadAgain)
                continue;
            if (events.Count < EventsPerStep)
            {
                Interlocked.Exchange(ref behind, 0);
                return;
            }
            if (measuredAt is { } at && clock.GetElapsedTime(at) < LookEvery)
                continue;
            measuredAt = clock.GetTimestamp();
            var last = await FindLastAsync(place.Seq, cancel).ConfigureAwait(false);
            Interlocked.Exchange(ref behind, last - place.Seq);
        }
    }

    /// <summary>The file goes on where it was, unless it is about other events than the store has.</summary>
    async ValueTask CheckAsync(CancellationToken cancel)
    {
        await OpenAsync().ConfigureAwait(false);
        if (place.Seq > 0
            && !(await store.ReadEventsAfterAsync(place.Seq - 1, 1, cancel).ConfigureAwait(false)
                is [var known] && known.Seq == place.Seq && known.Event.At.UtcTicks == place.At))
        {
            LogMadeAnew("it is about other events than the store has");
            await OnThreadAsync(Remake).ConfigureAwait(false);
        }
        isChecked = true;
    }

    /// <summary>The place of the last event there is.</summary>
    async ValueTask<long> FindLastAsync(long low, CancellationToken cancel)
    {
        var high = long.MaxValue;
        for (long step = EventsPerStep; high - low > 1;)
        {
            var middle = high == long.MaxValue ? low + step : low + ((high - low) / 2);
            step = Math.Min(step * 2, 1L << 40);
            if (await store.ReadEventsAfterAsync(middle, 1, cancel).ConfigureAwait(false) is [var next])
                low = next.Seq;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>Drops a part of what is older than the events that are kept.</summary>
    /// <returns>How many rows went.</returns>
    internal async ValueTask<int> SweepAsync(CancellationToken cancel)
    {
        var before = clock.GetUtcNow() - keep();
        var all = 0;
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            var gone = await WorkAsync(file => Sweep(file, before)).ConfigureAwait(false);
            all += gone;
            if (gone < SweepRowsMax)
                return all;
        }
    }

    Task<int> OpenAsync() => isOpen ? Task.FromResult(0) : WorkAsync(static _ => 0);

    /// <summary>Runs a transaction on the thread. One that finds the file damaged makes it anew, and is not
    /// repeated: whoever comes next begins with the first event.</summary>
    /// <exception cref="StoreException">The file cannot be used.</exception>
    Task<int> WorkAsync(Func<SqliteDatabase, int> work) => OnThreadAsync(() =>
    {
        try
        {
            writer ??= Open();
            return work(writer);
        }
        catch (SqliteFailure failure) when (failure.IsDamage)
        {
            LogMadeAnew(failure.Message);
            return Remake();
        }
    });

    Task<int> OnThreadAsync(Func<int> run) => thread.RunAsync(() =>
    {
        try
        {
            return run();
        }
        catch (Exception failure) when (failure is SqliteFailure or IOException)
        {
            throw Unusable(failure);
        }
    });

    StoreException Unusable(Exception failure) =>
        new(store.Health, $"the index of messages cannot be used: {failure.Message}", failure);

    SqliteDatabase Open()
    {
        var file = IndexFile.TryOpen(path);
        if (file is null)
        {
            LogMadeAnew("it is of another version");
            IndexFile.Remove(path);
            file = IndexFile.TryOpen(path)!;
        }
        try
        {
            place = ReadPlace(file);
        }
        catch (SqliteFailure)
        {
            // Nobody goes on in it from a place that was not read.
            file.Dispose();
            throw;
        }
        Interlocked.Exchange(ref indexedTo, place.At);
        isOpen = true;
        return file;
    }

    int Remake()
    {
        // What was read from behind the old file's place leaves a gap in the new one.
        Interlocked.Increment(ref rewritings);
        using (readers.Close())
        {
            writer?.Dispose();
            writer = null;
            IndexFile.Remove(path);
            writer = Open();
        }
        return 0;
    }

    /// <summary>Moves the log into the file and closes it; the loop has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        await thread.RunAsync(() =>
        {
            using (readers.Close())
                Close();
            return 0;
        }).ConfigureAwait(false);
        thread.Dispose();
        readers.Dispose();
    }

    void Close()
    {
        try
        {
            writer?.Checkpoint(TruncateMode);
        }
        catch (SqliteFailure failure)
        {
            LogStepFailed(failure);
        }
        writer?.Dispose();
        writer = null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The index of messages is made anew: {Why}")]
    partial void LogMadeAnew(string why);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Filling the index of messages failed and will be tried again")]
    partial void LogStepFailed(Exception failed);

    /// <summary>The last event that was taken in.</summary>
    /// <param name="At">Its moment, in ticks.</param>
    readonly record struct Place(long Seq, long At);
}
