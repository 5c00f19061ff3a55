using Postern.Mta;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string InboundRecent { get; }
    public abstract string InboundQuarantine { get; }
    public abstract string InboundDeadLetters { get; }
    public abstract string InboundViews { get; }
    public abstract string InboundClient { get; }
    public abstract string InboundVerdict { get; }
    public abstract string NameOf(VerdictAction? verdict);
    public abstract string InboundRefusedNote { get; }
    public abstract string InboundNothing { get; }
    public abstract string InboundNothingHere { get; }
    public abstract string InboundOlder { get; }
    public abstract string InboundNewest { get; }
    public abstract string InboundNothingHeld { get; }
    public abstract string InboundNoDeadLetters { get; }
    public abstract string InboundFurther { get; }
    public abstract string InboundNotOnThisPage { get; }
    public abstract string InboundReplay { get; }
    public abstract string InboundReplayAll { get; }
    public abstract string InboundReplayTitle { get; }
    public abstract string InboundReplayMeans { get; }
    public abstract string InboundReplays(int count, bool isAll);
    public abstract string InboundSample(int count);
    public abstract string InboundAge(string field);
    public abstract string InboundUnread { get; }
    public abstract string InboundContent { get; }
}
