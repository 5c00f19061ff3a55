using Microsoft.Extensions.Logging;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>What goes on over a restart beside the mail: the queue's time, and what is spent.</summary>
public sealed partial class MessageQueue
{
    const string ClockAlarm = "clock";

    /// <summary>No transport has such a name.</summary>
    const string ClockSubject = "wall clock";

    internal QueueClock Time { get; }

    /// <summary>A due time as the wall clock will show it.</summary>
    public DateTimeOffset ToWall(DateTimeOffset dueAt) => Time.ToWall(dueAt);

    /// <summary>Takes over from an earlier process: its time, what it has spent, its lanes.</summary>
    internal async ValueTask BeginAsync(CancellationToken cancel)
    {
        var lanes = await store.ReadLanesAsync(clock.GetUtcNow(), cancel).ConfigureAwait(false);
        var stored = await store.ReadObjectsAsync(QueueClock.ObjectKind, cancel).ConfigureAwait(false);
        Time.Begin(stored, lanes.Max(lane => lane.LastDue), WaitMax());
        Dispatcher.Restore(await store.ReadObjectsAsync(SpentPaces.ObjectKind, cancel).ConfigureAwait(false));
        foreach (var lane in lanes)
            Dispatcher.Know(lane);
    }

    /// <summary>Stores what transports have spent of their rates, so that a restart gives nothing
    /// back.</summary>
    internal void KeepSpent()
    {
        var change = new StoreChange();
        change.Objects.AddRange(Dispatcher.TakeSpent());
        if (change.Objects.Count > 0)
            store.Post(change);
    }

    /// <summary>Looks at the wall clock. A jump is an alarm for the hour in which nothing expires.</summary>
    internal void WatchClock()
    {
        if (!Time.TryNoteJump(out var jump, out var row))
        {
            if (!Time.IsQuiet)
                ClearAlarms(alarm => alarm.Kind == ClockAlarm);
            return;
        }
        LogClockJumped(jump);
        var change = new StoreChange();
        change.Objects.Add(row!);
        alarms.Clear(ClockAlarm, ClockSubject)?.AddTo(change);
        alarms.Raise(ClockAlarm, ClockSubject,
            $"the wall clock jumped by {jump:c}; due times shift with it, and nothing expires for an hour",
            "see to the time synchronization of this machine")?.AddTo(change);
        store.Post(change);
    }

    /// <summary>The longest time that a due time is set ahead.</summary>
    TimeSpan WaitMax()
    {
        var longest = RetrySchedule.DelayMax * 1.1;
        var set = Routes.Routes.SelectMany(route => route.Options.Retry ?? []);
        foreach (var wait in set.Append(Options.Queue.UncertainWait))
            longest = wait > longest ? wait : longest;
        return longest;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The wall clock jumped by {Jump}")]
    partial void LogClockJumped(TimeSpan jump);
}
