using Postern.Mta.Suppressions;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string NameOf(SuppressionKind kind);
    public abstract string SuppressionAddress { get; }
    public abstract string SuppressionAddressBegins { get; }
    public abstract string SuppressionDomain { get; }
    public abstract string SuppressionEveryDomain { get; }
    public abstract string SuppressionAnyDomain { get; }
    public abstract string SuppressionKindWord { get; }
    public abstract string SuppressionReason { get; }
    public abstract string SuppressionMessage { get; }
    public abstract string SuppressionAddTitle { get; }
    public abstract string SuppressionAdd { get; }
    public abstract string SuppressionRemove { get; }
    public abstract string SuppressionRemoveTitle { get; }
    public abstract string SuppressionRemoveNow { get; }
    public abstract string SuppressionRemoveMeans { get; }
    public abstract string SuppressionAllowMeans { get; }
    public abstract string SuppressionExport { get; }
    public abstract string SuppressionExchange { get; }
    public abstract string SuppressionNothing { get; }
    public abstract string SuppressionNothingHere { get; }
    public abstract string SuppressionUnread { get; }
    public abstract string SuppressionKeep { get; }
}
