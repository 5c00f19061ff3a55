namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string Search => "Search";

    public override string SearchExplained =>
        "Address, subject, id or tag; or from:, to:, subject:, tag:, id:, state: in front of a word";

    public override string SinceDay => "Since, UTC";
    public override string UntilDay => "Until, UTC";
    public override string NothingFound => "No message fits.";

    public override string TooBroad =>
        "Too many words begin so, and no message was looked at. Write more of the word, or all of it.";

    public override string NoMessages => "No message yet. Send one, and it will be here.";
    public override string LookedTo => "Not everything was looked at: back to";

    public override string IndexBehind(long events) =>
        $"The newest {Number(events)} events are not in this list yet.";
}
