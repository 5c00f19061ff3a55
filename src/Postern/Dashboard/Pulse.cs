using Postern.Mta.Events;

namespace Postern.Dashboard;

/// <summary>How the counts moved: a beat every few seconds for the last hour, and one every two minutes for
/// the last day.</summary>
/// <remarks>In memory alone: what it shows began with the process, and pages say so. What must be known
/// for longer is in the events, and in Prometheus.</remarks>
sealed class Pulse(MetricTotals totals, TimeProvider clock)
{
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(5);
    const int StepsPerMinute = 12;
    const int StepsPerHour = 720;
    const int StepsPerLongOne = 24;
    const int LongStepsPerDay = 720;

    readonly Lock gate = new();
    readonly Queue<Beat> hour = new();
    readonly Queue<Beat> day = new();
    Reading last = Reading.Of(totals, clock.GetUtcNow());
    Reading lastLong = Reading.Of(totals, clock.GetUtcNow());
    int steps;
    long minute;

    /// <summary>When the counts began.</summary>
    public DateTimeOffset Since { get; } = clock.GetUtcNow();

    /// <summary>The last hour, oldest first.</summary>
    public IReadOnlyList<Beat> Hour
    {
        get
        {
            lock (gate)
                return [.. hour];
        }
    }

    /// <summary>The last day, oldest first, coarser.</summary>
    public IReadOnlyList<Beat> Day
    {
        get
        {
            lock (gate)
                return [.. day];
        }
    }

    /// <summary>What was accepted and tried in the last minute, counted together.</summary>
    public long LastMinute
    {
        get
        {
            lock (gate)
                return minute;
        }
    }

    /// <summary>Until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Step, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
                Take();
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The program stops.
        }
    }

    internal void Take()
    {
        var now = Reading.Of(totals, clock.GetUtcNow());
        lock (gate)
        {
            Add(hour, Beat.Between(last, now), StepsPerHour);
            last = now;
            minute = hour.TakeLast(StepsPerMinute).Sum(
                beat => beat.Accepted + beat.Relayed + beat.Deferred + beat.Failed);
            if (++steps % StepsPerLongOne != 0)
                return;
            Add(day, Beat.Between(lastLong, now), LongStepsPerDay);
            lastLong = now;
        }
    }

    static void Add(Queue<Beat> beats, Beat beat, int most)
    {
        beats.Enqueue(beat);
        if (beats.Count > most)
            beats.Dequeue();
    }
}

/// <summary>What was counted in a short time.</summary>
/// <param name="At">Its end.</param>
/// <param name="Accepted">Messages; the others are recipients.</param>
/// <param name="CommitTail">95 of 100 commits took no longer. Null: there was none.</param>
/// <param name="AttemptTail">The same of attempts.</param>
sealed record Beat(
    DateTimeOffset At, TimeSpan Took, long Accepted, long Relayed, long Deferred, long Failed,
    TimeSpan? CommitTail, TimeSpan? AttemptTail)
{
    const double Tail = 0.95;

    public static Beat Between(Reading before, Reading now) => new(
        now.At, now.At - before.At, now.Accepted - before.Accepted, now.Relayed - before.Relayed,
        now.Deferred - before.Deferred, now.Failed - before.Failed,
        LatencyCounts.Quantile(before.Commits, now.Commits, Tail),
        LatencyCounts.Quantile(before.Attempts, now.Attempts, Tail));

    public double PerSecond(long count) => Took > TimeSpan.Zero ? count / Took.TotalSeconds : 0;
}

/// <summary>The counts at one moment.</summary>
sealed record Reading(
    DateTimeOffset At, long Accepted, long Relayed, long Deferred, long Failed, IReadOnlyList<long> Commits,
    IReadOnlyList<long> Attempts)
{
    public static Reading Of(MetricTotals totals, DateTimeOffset at) => new(
        at, totals.Accepted.Value, totals.Relayed.Value, totals.Deferred.Value, totals.Failed.Value,
        totals.Commits.Read(), totals.Attempts.Read());
}
