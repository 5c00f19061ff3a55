namespace Postern.Smtp.Server;

/// <summary>The one timer of a connection.</summary>
sealed partial class SmtpConnection
{
    readonly Lock timing = new();
    ITimer? timer;
    long deadline, scheduledFor;
    bool isScheduled, isTiming, isFlushing, hasExpired;

    bool HasExpired
    {
        get
        {
            lock (timing)
                return hasExpired;
        }
    }

    /// <param name="flushing">It is for a flush; else for a read.</param>
    void StartTimer(TimeSpan limit, bool flushing = false)
    {
        lock (timing)
        {
            hasExpired = false;
            isFlushing = flushing;
            isTiming = true;
            deadline = clock.GetTimestamp() + (long)(limit.TotalSeconds * clock.TimestampFrequency);
            if (!isScheduled || deadline < scheduledFor)
                Schedule(limit);
        }
    }

    /// <summary>The timer itself stays where it is: the next wait may use it as it stands.</summary>
    void StopTimer()
    {
        lock (timing)
            isTiming = false;
    }

    void OnTimer()
    {
        lock (timing)
        {
            isScheduled = false;
            if (!isTiming)
                return;
            var left = clock.GetElapsedTime(clock.GetTimestamp(), deadline);
            if (left > TimeSpan.Zero)
            {
                Schedule(left);
                return;
            }
            isTiming = false;
            hasExpired = true;
            // Whoever waits may go on inside this call, to the end of the session: nothing of it is touched
            // after it, and only what is waited for. On another thread StopTimer waits for it.
            if (isFlushing)
                output.CancelPendingFlush();
            else
                input.CancelPendingRead();
        }
    }

    void Schedule(TimeSpan due)
    {
        isScheduled = true;
        scheduledFor = deadline;
        // Timers may fire a moment early by the clock; a millisecond more saves a second round.
        var rounded = TimeSpan.FromMilliseconds(Math.Ceiling(due.TotalMilliseconds));
        if (timer is null)
        {
            timer = clock.CreateTimer(
                static connection =>
                    ((SmtpConnection)connection!).OnTimer(), this, rounded, Timeout.InfiniteTimeSpan);
        }
        else
        {
            timer.Change(rounded, Timeout.InfiniteTimeSpan);
        }
    }
}
