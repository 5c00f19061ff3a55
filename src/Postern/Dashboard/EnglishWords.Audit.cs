namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string AuditWhen => "When";
    public override string AuditWho => "Who";

    public override string AuditFace(string? face) => face switch
    {
        "page" => "page",
        "command" => "command",
        _ => "API",
    };

    public override string AuditFrom => "From";
    public override string AuditWhat => "What";
    public override string AuditCount => "Changed";
    public override string AuditNothing => "Nothing has been done yet.";
    public override string AuditMeans =>
        "Every change made over the admin API, after it was done. Messages' own timelines tell "
        + "what it did to each.";
    public override string AuditOlder => "Older";
    public override string AuditNewest => "Newest";
}
