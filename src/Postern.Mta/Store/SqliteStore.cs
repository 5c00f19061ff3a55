using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

/// <summary>
/// The embedded store: one SQLite database, one writer, many changes to a commit (DESIGN §3).
/// </summary>
/// <remarks>
/// Law: a change is acknowledged after the flush that covers it, and after a failed flush nothing is
/// acknowledged or written again. Everything that writes does so on the writer's thread; readers have
/// connections of their own. Error in the log means damage or a failed disk; Warning a full one; Information
/// what opening found.
/// </remarks>
public sealed partial class SqliteStore : IMailStore
{
    readonly SqliteStoreOptions options;
    readonly DataDirectory directory;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly SqliteDatabase writer;
    readonly SqliteDatabase checkpointer;
    readonly ContentFlusher flusher = new();
    readonly CommittedEvents committed;
    readonly ConcurrentQueue<WriteRequest> idle = new();
    readonly Thread writerThread;
    readonly Thread checkpointThread;
    long lastId;
    long lastSeq;
    volatile bool failed;
    volatile bool diskFull;
    volatile bool reserveReached;
    int disposed;

    SqliteStore(SqliteStoreOptions options, DataDirectory directory, TimeProvider clock, ILogger logger)
    {
        (this.options, this.directory, this.clock, this.logger) = (options, directory, clock, logger);
        writer = OpenWriter(directory.Database, options);
        try
        {
            checkpointer = SqliteDatabase.Open(directory.Database);
            // Its first read opens the log; without one a checkpoint does nothing and says so to nobody.
            _ = checkpointer.Scalar("SELECT count(*) FROM sqlite_schema");
            Node = (int)writer.Scalar("SELECT value FROM meta WHERE name = 'node'");
            lastId = Math.Max(
                writer.Scalar("SELECT value FROM meta WHERE name = 'last_id'"),
                writer.Scalar("SELECT max(id) FROM message"));
            lastSeq = writer.Scalar("SELECT max(seq) FROM event");
            indexed = writer.Scalar("SELECT value FROM meta WHERE name = 'indexed'");
            pageOctets = writer.Scalar("PRAGMA page_size");
            RemoveOrphans();
            // The first write: a store that cannot be read is refused as it is.
            Epoch = BeginEpoch(writer);
        }
        catch (Exception)
        {
            checkpointer?.Dispose();
            writer.Dispose();
            throw;
        }
        committed = new CommittedEvents(lastSeq);
        MeasureSpace();
        writerThread = Begin(WriteLoop, "postern-writer");
        checkpointThread = Begin(CheckpointLoop, "postern-ckpt");
    }

    /// <inheritdoc/>
    public long Epoch { get; }

    /// <summary>This node's number in every <see cref="QueueId"/> it gives out.</summary>
    public int Node { get; }

    /// <inheritdoc/>
    public QueueId LastId => new(Interlocked.Read(ref lastId));

    /// <inheritdoc/>
    public StoreHealth Health =>
        failed ? StoreHealth.Failed : diskFull || reserveReached ? StoreHealth.Full : StoreHealth.Accepting;

    /// <summary>
    /// Opens the store of a data directory, makes it where there is none, and takes the directory's lock.
    /// </summary>
    /// <exception cref="StoreException">Another process has it, it is of a newer Postern, or it cannot be
    /// read.</exception>
    public static SqliteStore Open(
        SqliteStoreOptions options, TimeProvider clock, ILogger<SqliteStore> logger)
    {
        NativeFile.TestSelf();
        var directory = DataDirectory.Take(options.Directory);
        try
        {
            var store = new SqliteStore(options, directory, clock, logger);
            store.LogOpened(store.Epoch, directory.Path);
            return store;
        }
        catch (SqliteFailure error)
        {
            directory.Dispose();
            throw new StoreException(
                StoreHealth.Failed,
                $"the store {directory.Database} cannot be opened: {error.Message}. "
                + "Move it aside or restore a copy.",
                error);
        }
        catch (StoreException)
        {
            directory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        await Task.Run(Stop).ConfigureAwait(false);
    }

    void Stop()
    {
        StopWriting();
        writerThread.Join();
        StopCheckpoints();
        checkpointThread.Join();
        committed.End();
        flusher.Dispose();
        CloseReaders();
        if (!failed)
            LastCheckpoint();
        checkpointer.Dispose();
        writer.Dispose();
        directory.Dispose();
    }

    static Thread Begin(ThreadStart loop, string name)
    {
        var thread = new Thread(loop) { Name = name, IsBackground = true };
        thread.Start();
        return thread;
    }
}

/// <summary>What the embedded store needs to know.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>The data directory.</summary>
    public required string Directory { get; init; }

    /// <summary>Free octets below which no new mail is taken. Null: the smaller of 5 % and 1 GiB.</summary>
    public long? Reserve { get; init; }

    /// <summary>Octets of a page; counts when the database is made.</summary>
    public int PageOctets { get; init; } = 4096;

    /// <summary>Pages the database may grow to: a quota, which counts as a full disk. Null: none.</summary>
    public long? PagesMax { get; init; }

    /// <summary>Says how much room the file system has. Null: asks it.</summary>
    public Func<DiskSpace>? Space { get; init; }
}

/// <summary>Room of a file system in octets.</summary>
public readonly record struct DiskSpace(long Free, long Total)
{
    /// <summary>What is kept free of new mail where nothing else is set.</summary>
    public long DefaultReserve => Math.Min(Total / 20, 1L << 30);

    /// <summary>Asks the file system of a directory.</summary>
    public static DiskSpace Of(string directory)
    {
        try
        {
            var drive = new DriveInfo(directory);
            return new DiskSpace(drive.AvailableFreeSpace, drive.TotalSize);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Nobody knows how much is left: less than any reserve.
            return new DiskSpace(-1, 0);
        }
    }
}
