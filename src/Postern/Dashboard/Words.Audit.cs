namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string AuditWhen { get; }
    public abstract string AuditWho { get; }
    public abstract string AuditFace(string? face);
    public abstract string AuditFrom { get; }
    public abstract string AuditWhat { get; }
    public abstract string AuditCount { get; }
    public abstract string AuditNothing { get; }
    public abstract string AuditMeans { get; }
    public abstract string AuditOlder { get; }
    public abstract string AuditNewest { get; }
}
