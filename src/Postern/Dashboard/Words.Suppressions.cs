using Postern.Mta.Suppressions;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string NameOf(SuppressionKind kind);
    public abstract string Address { get; }
    public abstract string SuppressionAddressBegins { get; }
    public abstract string SuppressionEveryDomain { get; }
    public abstract string SuppressionKindWord { get; }
    public abstract string SuppressionSince { get; }
    public abstract string Reason { get; }
    public abstract string SuppressionAddTitle { get; }
    public abstract string Add { get; }
    public abstract string Remove { get; }
    public abstract string SuppressionRemoveTitle { get; }
    public abstract string RemoveIt { get; }
    public abstract string SuppressionRemoveMeans { get; }
    public abstract string SuppressionAllowMeans { get; }
    public abstract string SuppressionExport { get; }
    public abstract string SuppressionExchange { get; }
    public abstract string SuppressionNothing { get; }
    public abstract string SuppressionNothingHere { get; }
    public abstract string SuppressionUnread { get; }
    public abstract string KeepIt { get; }
}
