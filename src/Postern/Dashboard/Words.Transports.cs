namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string KindWord { get; }
    public abstract string RecipientsOwnMx { get; }
    public abstract string Health { get; }
    public abstract string ConnectionsNow { get; }
    public abstract string AllowedNow { get; }
    public abstract string AtMost { get; }
    public abstract string RateLimit { get; }
    public abstract string LearntPace { get; }
    public abstract string NoLimit { get; }
    public abstract string Unknown { get; }
    public abstract string LanesWord { get; }
    public abstract string WorstLanes(int shown, int all);
    public abstract string LanesClosed(int closed, int all);
    public abstract string LastAttempts { get; }
    public abstract string LastAttemptsExplained { get; }
    public abstract string NoAttemptYet { get; }
    public abstract string OutcomeWord { get; }
    public abstract string UncertainOutcome { get; }
    public abstract string TryNowExplained { get; }
    public abstract string ItsMessages { get; }
    public abstract string NoTransports { get; }
    public abstract string AllTransports { get; }
    public abstract string MoreTransports(int count);
    public abstract string NotConfigured { get; }
}
