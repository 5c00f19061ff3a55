namespace Postern.Mta.Queue;

/// <summary>A lane as operators see it: recipients waiting for one transport.</summary>
/// <param name="Closed">Null while it is open.</param>
public sealed record LaneStatus(
    string Lane, string Transport, int InFlight, int ConcurrencyMax, ClosedLane? Closed)
{
    /// <summary>Messages a second, as the next hop's throttling taught it. Null: no limit.</summary>
    public double? PerSecond { get; init; }
}

/// <summary>Why a lane is closed, since when, and when it is probed next.</summary>
public sealed record ClosedLane(string Text, DateTimeOffset Since, DateTimeOffset NextProbeAt);
