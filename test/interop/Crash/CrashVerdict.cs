namespace Postern.Interop.Crash;

/// <summary>Judges a run with kills: what was promised, and what the next hop got.</summary>
/// <param name="promised">Ids from the ledger; the local parts of recipients.</param>
/// <param name="connections">Outgoing connections, each with at most one message in flight.</param>
sealed class CrashVerdict(
    IReadOnlyList<string> promised, IReadOnlyList<DateTimeOffset> kills, int connections)
{
    /// <summary>How late results of attempts reach the disk: 100 ms by design, more on a slow
    /// machine.</summary>
    static readonly TimeSpan ResultsLate = TimeSpan.FromSeconds(1);

    /// <summary>Promised and not delivered.</summary>
    public IEnumerable<string> Lost(IEnumerable<SinkDelivery> deliveries)
    {
        var arrived = deliveries.Select(Id).ToHashSet();
        return promised.Where(id => !arrived.Contains(id));
    }

    /// <summary>Delivered again although no kill came while the first delivery was on its way to the disk;
    /// and everything that was repeated, when that is more than can have been in flight.</summary>
    public IReadOnlyList<string> NeedlessRepeats(IReadOnlyCollection<SinkDelivery> deliveries)
    {
        var repeated = deliveries.GroupBy(Id).Where(group => group.Count() > 1).ToArray();
        var needless = repeated.Where(group => !kills.Any(kill => IsInFlight(group.Min(d => d.At), kill)));
        var inFlight = kills.Sum(kill => connections + deliveries.Count(d => IsInFlight(d.At, kill)));
        var tooMany = repeated.Sum(group => group.Count() - 1) > inFlight;
        return [.. (tooMany ? repeated : needless).Select(group => group.Key)];
    }

    static bool IsInFlight(DateTimeOffset delivered, DateTimeOffset kill) =>
        (delivered - kill).Duration() <= ResultsLate;

    static string Id(SinkDelivery delivery) => delivery.Recipient.Split('@')[0];
}
