using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Postern.Interop.Crash;

/// <summary>Ids that got a 250, on disk before they count: the judge of what may not be lost.</summary>
sealed partial class Ledger : IDisposable
{
    readonly SafeFileHandle file;
    readonly BlockingCollection<(string Id, TaskCompletionSource Written)> waiting = [];
    readonly Thread writer;
    readonly string path;
    long length;

    public Ledger(string path)
    {
        this.path = path;
        file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        writer = new Thread(WriteAll) { Name = "ledger" };
        writer.Start();
    }

    /// <summary>Returns when the id is flushed.</summary>
    public Task AddAsync(string id)
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting.Add((id, written));
        return written.Task;
    }

    /// <summary>What the file says, read again from the start.</summary>
    public IReadOnlyList<string> Read() => File.ReadAllLines(path);

    public void Dispose()
    {
        waiting.CompleteAdding();
        writer.Join();
        file.Dispose();
        waiting.Dispose();
    }

    /// <summary>One flush for all that wait.</summary>
    void WriteAll()
    {
        foreach (var first in waiting.GetConsumingEnumerable())
        {
            var batch = new List<(string Id, TaskCompletionSource Written)> { first };
            while (waiting.TryTake(out var next))
                batch.Add(next);
            var lines = Encoding.ASCII.GetBytes(string.Concat(batch.Select(entry => entry.Id + "\n")));
            RandomAccess.Write(file, lines, length);
            length += lines.Length;
            if (Flush(file) != 0)
                throw new IOException("the ledger cannot be flushed");
            batch.ForEach(entry => entry.Written.SetResult());
        }
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(SafeFileHandle file);
}
