using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Postern.Tests.Smtp.Server;

/// <summary>A clock moved by hand that tells when somebody has begun to wait for it.</summary>
sealed class WatchedClock : FakeTimeProvider
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    readonly ConcurrentDictionary<TimeSpan, TaskCompletionSource> timers = new();

    public override ITimer CreateTimer(
        TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        Barrier(dueTime).TrySetResult();
        return timer;
    }

    /// <summary>Completes when a timer with this due time exists.</summary>
    public Task TimerAsync(TimeSpan due) => Barrier(due).Task.WaitAsync(Patience, TimeProvider.System);

    /// <summary>Moves the clock and lets others run.</summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        Advance(by);
        await Task.Yield();
    }

    TaskCompletionSource Barrier(TimeSpan due) =>
        timers.GetOrAdd(
            due, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
