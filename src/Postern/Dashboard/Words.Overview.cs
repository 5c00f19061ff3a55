namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string AllWell { get; }
    public abstract string AlarmsStand(int count);

    /// <summary>What an alarm of a kind means and what mends it. Null: its text, which is English, says
    /// it.</summary>
    public virtual string? AlarmMeans(string kind) => null;
    public abstract string AcceptedPerMinute { get; }
    public abstract string RelayedPerMinute { get; }
    public abstract string DeferredPerMinute { get; }
    public abstract string FailedPerMinute { get; }
    public abstract string Waiting { get; }
    public abstract string InFlight { get; }
    public abstract string NextHops { get; }
    public abstract string Open { get; }
    public abstract string Closed { get; }
    public abstract string Idle { get; }
    public abstract string Throughput { get; }
    public abstract string PerSecond { get; }
    public abstract string Latency { get; }
    public abstract string LatencyExplained { get; }
    public abstract string Accepted { get; }
    public abstract string Relayed { get; }
    public abstract string Deferred { get; }
    public abstract string Failed { get; }
    public abstract string Commit { get; }
    public abstract string AttemptWord { get; }
    public abstract string LastHour { get; }
    public abstract string LastDay { get; }
    public abstract string CountedSince { get; }
    public abstract string NextProbe { get; }
    public abstract string Pace { get; }
}
