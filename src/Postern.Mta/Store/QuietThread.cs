using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Postern.Mta.Store;

/// <summary>A thread for work that must be in nobody's way: the kernel gives it what others leave.</summary>
/// <remarks>One piece of work after the other, in the order of the calls.</remarks>
sealed partial class QuietThread : IDisposable
{
    /// <summary>Beside a busy thread of ours it gets about a tenth of a core (sched(7)).</summary>
    const int Niceness = 10;

    readonly BlockingCollection<Action> work = [];
    readonly Thread thread;

    public QuietThread(string name)
    {
        thread = new Thread(Loop) { Name = name, IsBackground = true };
        thread.Start();
    }

    /// <summary>What it threw is thrown to whoever waits.</summary>
    public Task<T> RunAsync<T>(Func<T> run)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(() =>
        {
            try
            {
                done.SetResult(run());
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        });
        return done.Task;
    }

    void Loop()
    {
        // Linux takes 0 for the calling thread alone; where it is refused, the thread is as others are.
        const int ofProcess = 0;
        _ = setpriority(ofProcess, 0, Niceness);
        foreach (var action in work.GetConsumingEnumerable())
            action();
    }

    /// <summary>Ends once the work it was given is done.</summary>
    public void Dispose()
    {
        work.CompleteAdding();
        thread.Join();
        work.Dispose();
    }

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int niceness);
}
