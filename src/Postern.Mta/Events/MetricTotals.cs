using System.Diagnostics;

namespace Postern.Mta.Events;

/// <summary>Counts since the start of the process; any thread adds, any thread reads.</summary>
public sealed class MetricTotals
{
    /// <summary>Messages answered with 250.</summary>
    public Total Accepted { get; } = new();

    /// <summary>Recipients whose attempt proved acceptance.</summary>
    public Total Relayed { get; } = new();

    /// <summary>Recipients whose attempt proved nothing.</summary>
    public Total Deferred { get; } = new();

    /// <summary>Recipients whose attempt proved refusal.</summary>
    public Total Failed { get; } = new();

    /// <summary>From handing a change to the store until it was durable.</summary>
    public LatencyCounts Commits { get; } = new();

    /// <summary>Attempts, from their start to their result.</summary>
    public LatencyCounts Attempts { get; } = new();

    internal Total Of(AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Relayed => Relayed,
        AttemptOutcome.Deferred => Deferred,
        AttemptOutcome.Failed => Failed,
        _ => throw new UnreachableException(),
    };
}

/// <summary>A number that only grows.</summary>
public sealed class Total
{
    long value;

    public long Value => Interlocked.Read(ref value);

    internal void Increment() => Interlocked.Increment(ref value);
}

/// <summary>How many times took how long, in buckets whose bounds grow by a half.</summary>
public sealed class LatencyCounts
{
    /// <summary>The last one takes whatever is longer: some seven hours.</summary>
    const int Buckets = 48;

    const double FirstBoundSeconds = 0.0001;
    const double Growth = 1.5;

    readonly long[] counts = new long[Buckets];

    internal void Add(TimeSpan time) => Interlocked.Increment(ref counts[BucketOf(time.TotalSeconds)]);

    /// <summary>As they are now; what <see cref="Quantile"/> compares.</summary>
    public IReadOnlyList<long> Read() => [.. counts.Select((_, i) => Interlocked.Read(ref counts[i]))];

    /// <summary>The time that so great a part of those between two readings did not exceed, to within a
    /// bucket.</summary>
    /// <param name="part">0 to 1.</param>
    /// <returns>Null: there was none.</returns>
    public static TimeSpan? Quantile(IReadOnlyList<long> before, IReadOnlyList<long> now, double part)
    {
        var all = Enumerable.Range(0, Buckets).Sum(i => now[i] - before[i]);
        if (all == 0)
            return null;
        var (wanted, seen) = (Math.Ceiling(all * part), 0L);
        for (var i = 0; i < Buckets; i++)
        {
            seen += now[i] - before[i];
            if (seen >= wanted)
                return TimeSpan.FromSeconds(FirstBoundSeconds * Math.Pow(Growth, i));
        }
        throw new UnreachableException();
    }

    static int BucketOf(double seconds) => seconds <= FirstBoundSeconds ? 0 : Math.Min(
        Buckets - 1, (int)Math.Ceiling(Math.Log(seconds / FirstBoundSeconds) / Math.Log(Growth)));
}
