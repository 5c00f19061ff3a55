namespace Postern.Mta.Events;

/// <summary>Events as Mailgun's API shows and counts them: whose they are, and which kind each counts
/// as.</summary>
public static class DomainEvents
{
    /// <summary>Kinds that Mailgun has.</summary>
    static readonly HashSet<EventKind> Shown =
    [
        EventKind.Accepted, EventKind.Rejected, EventKind.Delivered, EventKind.Failed, EventKind.Opened,
        EventKind.Clicked, EventKind.Unsubscribed, EventKind.Complained, EventKind.Stored,
    ];

    public static bool IsShown(EventKind kind) => Shown.Contains(kind);

    /// <summary>Whose it is: the domain it was handed in for, else the sender's. Null: nobody's.</summary>
    public static string? DomainOf(MailEvent fact) => fact.Options?.Domain
        ?? (fact.Sender is { } sender ? sender[(sender.LastIndexOf('@') + 1)..] : null);

    /// <summary>What a next hop took counts as delivered where nobody will say more of it; an attempt that
    /// proved nothing is a failure for the time being.</summary>
    public static MailEvent Told(MailEvent fact) => fact.Kind switch
    {
        EventKind.Relayed => fact with { Kind = EventKind.Delivered },
        EventKind.Attempted => fact with { Kind = EventKind.Failed, Severity = EventSeverity.Temporary },
        _ => fact,
    };
}
