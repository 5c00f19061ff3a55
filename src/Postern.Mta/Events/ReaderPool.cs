using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>Connections for questions to the index of messages: so many at a time, none while the file is
/// made anew.</summary>
sealed class ReaderPool(string path) : IDisposable
{
    /// <summary>Questions at a time; others wait.</summary>
    const int ReadersMax = 2;

    readonly SemaphoreSlim free = new(ReadersMax);
    readonly Stack<SqliteDatabase> idle = new();

    /// <summary>Asks on a thread of the pool.</summary>
    public async ValueTask<T> AskAsync<T>(Func<SqliteDatabase, T> ask, CancellationToken cancel)
    {
        await free.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Ask(ask), cancel).ConfigureAwait(false);
        }
        finally
        {
            free.Release();
        }
    }

    T Ask<T>(Func<SqliteDatabase, T> ask)
    {
        SqliteDatabase? reader;
        lock (idle)
            idle.TryPop(out reader);
        reader ??= IndexFile.OpenReader(path);
        try
        {
            var answer = ask(reader);
            lock (idle)
            {
                idle.Push(reader);
                reader = null;
            }
            return answer;
        }
        finally
        {
            // Whatever ended the question, nobody may be left with an open file.
            reader?.Dispose();
        }
    }

    /// <summary>Waits for the questions under way and closes all connections; nobody asks until the answer is
    /// disposed.</summary>
    public IDisposable Close()
    {
        for (var i = 0; i < ReadersMax; i++)
            free.Wait();
        while (idle.TryPop(out var reader))
            reader.Dispose();
        return new Reopening(free);
    }

    public void Dispose()
    {
        while (idle.TryPop(out var reader))
            reader.Dispose();
        free.Dispose();
    }

    sealed class Reopening(SemaphoreSlim free) : IDisposable
    {
        public void Dispose() => free.Release(ReadersMax);
    }
}
