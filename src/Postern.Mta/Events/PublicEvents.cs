using System.Collections.Frozen;

namespace Postern.Mta.Events;

/// <summary>Events as Mailgun would tell them: the events API and webhooks show the same.</summary>
public static class PublicEvents
{
    /// <summary>Kinds that Mailgun has.</summary>
    static readonly FrozenSet<EventKind> Shown = FrozenSet.Create(
        EventKind.Accepted, EventKind.Rejected, EventKind.Delivered, EventKind.Failed, EventKind.Opened,
        EventKind.Clicked, EventKind.Unsubscribed, EventKind.Complained, EventKind.Stored);

    /// <summary>Whose it is: the domain it was handed in for, else the sender's. Null: nobody's.</summary>
    public static string? DomainOf(MailEvent fact) => fact.Options?.Domain
        ?? (fact.Sender is { } sender ? sender[(sender.LastIndexOf('@') + 1)..] : null);

    /// <summary>The event as it is told. Null: Mailgun has none like it.</summary>
    public static StoredEvent? Find(StoredEvent stored)
    {
        var told = Told(stored.Event);
        return Shown.Contains(told.Kind) ? stored with { Event = told } : null;
    }

    /// <summary>What a next hop took counts as delivered; an attempt that proved nothing is a failure for
    /// the time being.</summary>
    static MailEvent Told(MailEvent fact) => WithoutTalk(fact) switch
    {
        { Kind: EventKind.Relayed } told => told with { Kind = EventKind.Delivered },
        { Kind: EventKind.Attempted } told =>
            told with { Kind = EventKind.Failed, Severity = EventSeverity.Temporary },
        var told => told,
    };

    /// <summary>What was said to the next hop is for operators alone.</summary>
    static MailEvent WithoutTalk(MailEvent fact) => fact.Facts is { Conversation: not null } facts
        ? fact with { Facts = facts with { Conversation = null } }
        : fact;
}
