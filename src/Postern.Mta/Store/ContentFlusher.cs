namespace Postern.Mta.Store;

/// <summary>
/// Flushes content files on two named threads: each file, then their directory once for the batch.
/// </summary>
sealed class ContentFlusher : IDisposable
{
    const int BatchMax = 64;

    readonly object gate = new();
    readonly Queue<Item> waiting = new();
    readonly Thread[] threads;
    bool stopping;

    public ContentFlusher()
    {
        threads =
        [
            new Thread(Loop) { Name = "postern-flush-1" },
            new Thread(Loop) { Name = "postern-flush-2" },
        ];
        foreach (var thread in threads)
        {
            thread.IsBackground = true;
            thread.Start();
        }
    }

    /// <summary>Completes when the file and its name are on stable storage.</summary>
    /// <exception cref="NativeFileException">They are not.</exception>
    public Task FlushAsync(NativeFile file, string directory)
    {
        var item = new Item(file, directory);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(stopping, this);
            waiting.Enqueue(item);
            Monitor.Pulse(gate);
        }
        return item.Done.Task;
    }

    /// <summary>Flushes what was asked for, then stops.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.PulseAll(gate);
        }
        foreach (var thread in threads)
            thread.Join();
    }

    void Loop()
    {
        var batch = new List<Item>();
        while (Take(batch))
        {
            Flush(batch);
            batch.Clear();
        }
    }

    bool Take(List<Item> batch)
    {
        lock (gate)
        {
            while (waiting.Count == 0)
            {
                if (stopping)
                    return false;
                Monitor.Wait(gate);
            }
            while (batch.Count < BatchMax && waiting.TryDequeue(out var item))
                batch.Add(item);
            return true;
        }
    }

    static void Flush(List<Item> batch)
    {
        foreach (var item in batch)
        {
            try
            {
                item.File.Flush();
            }
            catch (NativeFileException error)
            {
                item.Error = error;
            }
        }
        NativeFileException? directoryError = null;
        try
        {
            NativeFile.FlushDirectory(batch[0].Directory);
        }
        catch (NativeFileException error)
        {
            directoryError = error;
        }
        foreach (var item in batch)
        {
            if ((item.Error ?? directoryError) is { } error)
                item.Done.SetException(error);
            else
                item.Done.SetResult();
        }
    }

    sealed class Item(NativeFile file, string directory)
    {
        public NativeFile File => file;
        public string Directory => directory;
        public NativeFileException? Error { get; set; }
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
