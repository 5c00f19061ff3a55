using Postern.Mta.Queue;
using Postern.Mta.Transports;

namespace Postern.Mta.Events;

/// <summary>One fact of a message's life, or of the server's; written in the commit that changes the
/// state.</summary>
/// <remarks>Only what applies is set. Texts of peers are as they came: escape them wherever they are
/// shown.</remarks>
public sealed record MailEvent
{
    public required EventKind Kind { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>Null for events without a message: alarms, rejections.</summary>
    public QueueId? Message { get; init; }

    /// <summary>Number of the recipient. Null: the whole message.</summary>
    public int? Recipient { get; init; }

    public string? RecipientAddress { get; init; }

    /// <summary>Before aliases, where it differs.</summary>
    public string? OriginalAddress { get; init; }

    /// <summary>The reverse-path without brackets; empty for the null sender. Null: not told in this
    /// event.</summary>
    public string? Sender { get; init; }

    public string? MessageId { get; init; }

    /// <summary>Accepted: the Subject field, decoded, on one line, at most 200 characters. Null: there is
    /// none, or it is not recorded.</summary>
    public string? Subject { get; init; }

    public long? ContentOctets { get; init; }

    /// <summary>Accepted: recipients of the envelope as committed. Expanded: how many this one became.
    /// Operated: how many things were changed.</summary>
    public int? RecipientCount { get; init; }

    public ClientFacts? Client { get; init; }
    public string? Route { get; init; }
    public string? Transport { get; init; }

    /// <summary>Why this route and transport, in words. Operated: what was done.</summary>
    public string? Why { get; init; }

    /// <summary>Accepted: what the checks found, as in <c>spf=pass dkim=none</c>. Null: nothing was
    /// checked.</summary>
    public string? Checks { get; init; }

    /// <summary>From 1.</summary>
    public int? Attempt { get; init; }

    public AttemptFacts? Facts { get; init; }

    /// <summary>Delays a (arrival to active) and b (active to start of connection set-up); c and d are in
    /// <see cref="Facts"/>.</summary>
    public TimeSpan? DelayBeforeActive { get; init; }

    public TimeSpan? DelayActive { get; init; }

    /// <summary><c>2.0.0</c>.</summary>
    public string? Status { get; init; }

    /// <summary>The peer's reply or our own words for what happened.</summary>
    public string? Reply { get; init; }

    /// <summary>The next hop's id for the message.</summary>
    public string? RemoteId { get; init; }

    public Blame? Blame { get; init; }

    /// <summary>The attempt's outcome is unknown.</summary>
    public bool Uncertain { get; init; }

    /// <summary>Failed: temporary or permanent, in Mailgun's sense.</summary>
    public EventSeverity? Severity { get; init; }

    /// <summary>Another message: the bounce, the message reported on, the one replayed.</summary>
    public QueueId? Other { get; init; }

    /// <summary>Who did it, for what an operator does. Null: Postern itself.</summary>
    public string? Actor { get; init; }

    public Alarm? Alarm { get; init; }

    /// <summary>Of the message. Null: it came without any.</summary>
    public MailOptions? Options { get; init; }

    /// <summary>Who told it of the message after it had left. Null: Postern saw it itself.</summary>
    public RemoteFacts? Remote { get; init; }
}

/// <summary>What a provider, a report that came back or a reader told of a message that had left.</summary>
/// <param name="Source"><c>webhook</c>, <c>events</c>, <c>report</c>, <c>tracking</c>.</param>
/// <param name="EventId">Its name where it comes from: the same one again is a repeat.</param>
/// <param name="At">When it happened there; the event's own moment is when Postern learnt of it.</param>
/// <param name="Reason">Mailgun's word for why it failed. Null: none was given.</param>
/// <param name="Details">A JSON object with members of Mailgun's event: <c>delivery-status</c>, <c>ip</c>,
/// <c>geolocation</c>, <c>client-info</c>, <c>url</c>. Null: there are none.</param>
public sealed record RemoteFacts(
    string Source, string EventId, DateTimeOffset At, string? Reason, string? Details);

/// <summary>What happened; the names are Mailgun's where it has one (DESIGN §6).</summary>
public enum EventKind
{
    Accepted,
    Rejected,
    Delivered,
    Failed,
    Opened,
    Clicked,
    Unsubscribed,
    Complained,
    Stored,
    Routed,
    Attempted,
    Relayed,
    Held,
    Released,
    Retried,
    Cancelled,
    Expired,
    Expanded,
    Delayed,
    BouncedToSender,
    DeadLettered,
    Replayed,
    AlarmRaised,
    AlarmCleared,

    /// <summary>An operator did something that is no message's: changed a setting, a list, an
    /// account.</summary>
    Operated,
}

public enum EventSeverity { Temporary, Permanent }

/// <summary>Something an operator must mend; raised once, cleared once (DESIGN §9.2).</summary>
/// <param name="Kind">login, account, tls, pipe, topic, no-route, disk, ...</param>
/// <param name="Subject">What it is about: a transport, a listener, a recipient's route.</param>
public sealed record Alarm(string Kind, string Subject, DateTimeOffset Since, string Text, string Mend);

/// <summary>An event with its place in commit order.</summary>
public sealed record StoredEvent(long Seq, MailEvent Event);
