using Postern.Mta;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string InboundRecent => "Last messages";
    public override string InboundQuarantine => "Quarantine";
    public override string InboundDeadLetters => "Dead letters";
    public override string InboundViews => "Views of inbound mail";
    public override string InboundClient => "From server";
    public override string InboundVerdict => "Verdict";

    public override string NameOf(VerdictAction? verdict) => verdict switch
    {
        VerdictAction.Accept => "accepted",
        VerdictAction.Tag => "tagged",
        VerdictAction.Quarantine => "quarantined",
        VerdictAction.Defer => "deferred",
        VerdictAction.Reject => "rejected",
        _ => "rule gone",
    };

    public override string InboundRefusedNote =>
        "Mail that was refused at the door was never taken: the log has it, with the reply.";
    public override string InboundNothing => "No mail has come in yet.";
    public override string InboundNothingHere => "Nothing of it on this stretch. Older events may have more.";
    public override string InboundOlder => "Older";
    public override string InboundNewest => "Newest";
    public override string InboundNothingHeld => "Nothing is held.";
    public override string InboundNoDeadLetters =>
        "No dead letters. What failed for good would wait here for you.";
    public override string InboundFurther => "Look further";
    public override string InboundNotOnThisPage =>
        "None among those looked at. There are more to look through.";
    public override string InboundReplay => "Replay";
    public override string InboundReplayAll => "Replay all that fit…";
    public override string InboundReplayTitle => "Replay dead letters";
    public override string InboundReplayMeans =>
        "Each goes its way once more, by the routes of now. Who got it already may get it twice.";
    public override string InboundReplays(int count, bool isAll) => (count, isAll) switch
    {
        (_, false) => $"More than {Number(count)} recipients will be tried again.",
        (1, _) => "1 recipient will be tried again.",
        _ => $"{Number(count)} recipients will be tried again.",
    };

    public override string InboundSample(int count) => $"The first {Number(count)}";

    public override string InboundAge(string field) => field switch
    {
        "older" => "Older than (2d, 4h)",
        _ => "Newer than (2d, 4h)",
    };

    public override string InboundUnread => "This filter cannot be read.";
    public override string InboundContent => "Content";
}
