namespace Postern.Mta.Queue;

/// <summary>A lane as operators see it: recipients waiting for one transport.</summary>
/// <param name="Closed">Null while it is open.</param>
public sealed record LaneStatus(
    string Lane, string Transport, int InFlight, int ConcurrencyMax, ClosedLane? Closed)
{
    /// <summary>Messages a second, as the next hop's throttling taught it. Null: no limit.</summary>
    public double? PerSecond { get; init; }
}

/// <summary>What keeps a recipient of an open lane from being attempted.</summary>
/// <param name="InFlight">Attempts being made.</param>
/// <param name="Waiting">Leased ones that wait in memory for a free worker.</param>
/// <param name="IsAmongWaiting">The recipient asked about is one of them.</param>
/// <param name="UntilRateAllows">Zero when the rate has room, or there is none.</param>
sealed record LaneLoad(
    int InFlight, int ConcurrencyMax, int Waiting, bool IsAmongWaiting, TimeSpan UntilRateAllows);

/// <summary>Why a lane is closed, since when, and when it is probed next.</summary>
public sealed record ClosedLane(string Text, DateTimeOffset Since, DateTimeOffset NextProbeAt);
