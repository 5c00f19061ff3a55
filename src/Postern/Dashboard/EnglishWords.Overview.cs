namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string AllWell => "No alarm stands.";
    public override string AlarmsStand(int count) => count == 1 ? "1 alarm stands" : $"{count} alarms stand";
    public override string AcceptedPerMinute => "Accepted in a minute";
    public override string RelayedPerMinute => "Relayed in a minute";
    public override string DeferredPerMinute => "Deferred in a minute";
    public override string FailedPerMinute => "Failed in a minute";
    public override string Waiting => "Waiting";
    public override string InFlight => "In flight";
    public override string NextHops => "Next hops";
    public override string Open => "open";
    public override string Closed => "closed";
    public override string Idle => "idle";
    public override string Throughput => "Throughput";
    public override string PerSecond => "per second";
    public override string Latency => "Latency";
    public override string LatencyExplained => "95 of 100 took no longer";
    public override string Accepted => "accepted";
    public override string Relayed => "relayed";
    public override string Deferred => "deferred";
    public override string Failed => "failed";
    public override string Commit => "commit to disk";
    public override string AttemptWord => "attempt";
    public override string LastHour => "Last hour";
    public override string LastDay => "Last day";
    public override string CountedSince => "Counted since";
    public override string NextProbe => "Next probe";
    public override string Pace => "Pace";
}
