using Postern.Mta.Suppressions;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string NameOf(SuppressionKind kind) => kind switch
    {
        SuppressionKind.Bounce => "bounce",
        SuppressionKind.Unsubscribe => "unsubscribe",
        SuppressionKind.Complaint => "complaint",
        _ => "allow",
    };

    public override string Address => "Address";
    public override string SuppressionAddressBegins => "Address begins with";
    public override string SuppressionEveryDomain => "all domains";
    public override string SuppressionKindWord => "List";
    public override string SuppressionSince => "Since";
    public override string Reason => "Reason";
    public override string SuppressionAddTitle => "Add an address";
    public override string Add => "Add";
    public override string Remove => "Remove…";
    public override string SuppressionRemoveTitle => "Remove from the list";
    public override string RemoveIt => "Remove it";
    public override string SuppressionRemoveMeans => "Mail to this address goes out again.";
    public override string SuppressionAllowMeans => "Hard bounces will put this address on the list again.";
    public override string SuppressionExport => "Export as CSV";
    public override string SuppressionExchange => "Lists are exchanged with Mailgun by command:";
    public override string SuppressionNothing => "Nobody is on this list.";
    public override string SuppressionNothingHere => "None so far. There is more to look through.";
    public override string SuppressionUnread => "There is no such list.";
    public override string KeepIt => "Keep it";
}
