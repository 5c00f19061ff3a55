namespace Postern.Smtp.Client;

/// <summary>
/// The time limit of the step a connection is in. Moving it costs no timer, only a later look.
/// </summary>
sealed class StepDeadline : IDisposable
{
    const long Never = long.MaxValue;

    readonly Lock gate = new();
    readonly TimeProvider clock;
    readonly Action expired;
    readonly ITimer timer;
    long deadline = Never;
    long armedFor = Never;

    /// <param name="expired">Called once at most, on a timer's thread.</param>
    public StepDeadline(TimeProvider clock, Action expired)
    {
        this.clock = clock;
        this.expired = expired;
        timer = clock.CreateTimer(
            static state =>
                ((StepDeadline)state!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The limit ran out.</summary>
    public bool HasExpired { get; private set; }

    /// <summary>A step begins that may take <paramref name="limit"/>.</summary>
    public void Begin(TimeSpan limit)
    {
        lock (gate)
        {
            deadline = clock.GetTimestamp() + (long)(limit.TotalSeconds * clock.TimestampFrequency);
            if (armedFor <= deadline)
                return;
            armedFor = deadline;
            timer.Change(limit, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>No step is running.</summary>
    public void End()
    {
        lock (gate)
            deadline = Never;
    }

    public void Dispose() => timer.Dispose();

    void Look()
    {
        lock (gate)
        {
            armedFor = Never;
            if (deadline == Never || HasExpired)
                return;
            var left = clock.GetElapsedTime(clock.GetTimestamp(), deadline);
            if (left > TimeSpan.Zero)
            {
                armedFor = deadline;
                timer.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }
            HasExpired = true;
        }
        expired();
    }
}
