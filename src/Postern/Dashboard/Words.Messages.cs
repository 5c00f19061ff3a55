namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string Search { get; }
    public abstract string SearchExplained { get; }
    public abstract string SinceDay { get; }
    public abstract string UntilDay { get; }
    public abstract string NothingFound { get; }
    public abstract string TooBroad { get; }
    public abstract string NoMessages { get; }
    public abstract string LookedTo { get; }
    public abstract string IndexBehind(long events);
}
