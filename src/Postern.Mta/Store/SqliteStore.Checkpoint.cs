using SQLitePCL;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    /// <summary>So much in the log, and a checkpoint runs beside the writer.</summary>
    const long CheckpointOctets = 16L << 20;

    /// <summary>
    /// So much in the log, and the writer waits one round, so that the log begins anew (DESIGN §9.4).
    /// </summary>
    const long LogOctetsMax = 64L << 20;

    const int SpaceIntervalMs = 1000;

    /// <summary>Octets written between two measurements at least: near the reserve not every write
    /// asks.</summary>
    const long RoomMin = 256 << 10;

    readonly object checkpointGate = new();
    readonly Lock spaceGate = new();
    long room;
    readonly long pageOctets;
    int pagesSeen;
    long logPages;
    long pagesSinceCheckpoint;
    bool roundWanted;
    bool checkpointsStopping;

    /// <summary>
    /// Counts what the last commit added to the log; over the limit, waits for a checkpoint.
    /// </summary>
    void WaitForCheckpoint()
    {
        var written = writer.PagesWritten;
        Spend((written - pagesSeen) * pageOctets);
        lock (checkpointGate)
        {
            logPages += written - pagesSeen;
            pagesSinceCheckpoint += written - pagesSeen;
            pagesSeen = written;
            if (logPages * pageOctets > LogOctetsMax && !failed)
            {
                roundWanted = true;
                Monitor.PulseAll(checkpointGate);
                while (roundWanted && !failed)
                    Monitor.Wait(checkpointGate);
            }
            else if (pagesSinceCheckpoint * pageOctets > CheckpointOctets)
            {
                Monitor.PulseAll(checkpointGate);
            }
        }
    }

    void CheckpointLoop()
    {
        while (true)
        {
            bool wanted;
            lock (checkpointGate)
            {
                if (checkpointsStopping)
                    return;
                if (!IsCheckpointDue)
                    Monitor.Wait(checkpointGate, SpaceIntervalMs);
                wanted = IsCheckpointDue && !checkpointsStopping;
            }
            if (wanted && !failed)
                RunCheckpoint();
            lock (checkpointGate)
            {
                roundWanted = false;
                Monitor.PulseAll(checkpointGate);
            }
            MeasureSpace();
        }
    }

    bool IsCheckpointDue => roundWanted || pagesSinceCheckpoint * pageOctets > CheckpointOctets;

    void RunCheckpoint()
    {
        lock (checkpointGate)
            pagesSinceCheckpoint = 0;
        try
        {
            var (logged, moved) = checkpointer.Checkpoint(raw.SQLITE_CHECKPOINT_PASSIVE);
            lock (checkpointGate)
            {
                // All moved and nothing added meanwhile: the next commit begins the log anew.
                logPages = logged == moved && pagesSinceCheckpoint == 0 ? 0 : logged + pagesSinceCheckpoint;
            }
        }
        catch (SqliteFailure error) when (error.IsFull)
        {
            diskFull = true;
            LogCheckpointPostponed(error.Message);
        }
        catch (SqliteFailure error)
        {
            Fail(error.Message);
        }
    }

    void StopCheckpoints()
    {
        lock (checkpointGate)
        {
            checkpointsStopping = true;
            Monitor.PulseAll(checkpointGate);
        }
    }

    void LastCheckpoint()
    {
        try
        {
            checkpointer.Checkpoint(raw.SQLITE_CHECKPOINT_TRUNCATE);
        }
        catch (SqliteFailure error)
        {
            // Everything is in the log, which the next start reads.
            LogCheckpointPostponed(error.Message);
        }
    }

    /// <summary>Counts what is written, so that a quick flood does not run through the reserve between two
    /// measurements.</summary>
    void Spend(long octets)
    {
        if (Interlocked.Add(ref room, -octets) < 0)
            MeasureSpace();
    }

    /// <summary>Compares the room that is left with the reserve; mail is taken again once there is
    /// enough.</summary>
    void MeasureSpace()
    {
        lock (spaceGate)
        {
            var space = options.Space?.Invoke() ?? DiskSpace.Of(directory.Path);
            var reserve = options.Reserve ?? space.DefaultReserve;
            Interlocked.Exchange(ref room, Math.Max(space.Free - reserve, RoomMin));
            var reached = space.Free < reserve;
            if (reached && !reserveReached)
                LogReserveReached(space.Free, reserve);
            else if (!reached && (reserveReached || diskFull))
                LogReserveLeft(space.Free);
            reserveReached = reached;
            if (!reached)
                diskFull = false;
        }
    }
}
