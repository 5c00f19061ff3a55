namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string KindWord => "Kind";
    public override string RecipientsOwnMx => "each recipient domain's own MX";
    public override string Health => "Health";
    public override string ConnectionsNow => "Connections now";
    public override string AllowedNow => "allowed now";
    public override string AtMost => "at most";
    public override string RateLimit => "Rate";
    public override string LearntPace => "Learnt pace";
    public override string NoLimit => "no limit";
    public override string Unknown => "not known yet";
    public override string LanesWord => "Lanes";
    public override string WorstLanes(int shown, int all) =>
        $"The worst {Number(shown)} of {Number(all)}, closed ones first.";
    public override string LanesClosed(int closed, int all) =>
        $"{Number(closed)} of {Number(all)} lanes are closed";
    public override string LastAttempts => "Last attempts";
    public override string LastAttemptsExplained =>
        "The last ten since this server started; older ones stand with each message.";
    public override string NoAttemptYet => "None since this server started.";
    public override string OutcomeWord => "Outcome";
    public override string UncertainOutcome => "outcome unknown";
    public override string TryNowExplained =>
        "Deferred mail of this transport is tried now, and its closed lanes are probed now.";
    public override string ItsMessages => "Its messages in the queue";
    public override string NoTransports => "No transport is configured.";
    public override string AllTransports => "All transports";
    public override string MoreTransports(int count) => $"+{Number(count)}";
    public override string NotConfigured => "not configured any more";
}
