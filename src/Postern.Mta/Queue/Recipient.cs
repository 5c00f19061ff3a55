using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>One person on one message: the unit of work. A snapshot of its row; the queue alone writes a new
/// one.</summary>
public sealed record Recipient
{
    public required QueueId Message { get; init; }

    /// <summary>From 1, unique within the message.</summary>
    public required int Number { get; init; }

    /// <summary>The recipient it was expanded from. Null: it came with the envelope.</summary>
    public int? Parent { get; init; }

    public required Mailbox Address { get; init; }

    /// <summary>The address before aliases, where it differs.</summary>
    public Mailbox? Original { get; init; }

    public RcptParameters Dsn { get; init; } = RcptParameters.None;

    /// <summary>Expansion chose its transport: the route is not asked again.</summary>
    public string? BoundTransport { get; init; }

    /// <summary>The place in <see cref="QueuedMessage.Lists"/>, from 1, of the mailing list it is a member
    /// of. Null: it has the message from none.</summary>
    public int? List { get; init; }

    public required RecipientState State { get; init; }
    public RecipientOutcome Outcome { get; init; }

    /// <summary>The lane it waits in. Empty while no route fits.</summary>
    public string Lane { get; init; } = "";

    /// <summary>In the queue's time (<see cref="QueueClock"/>). For Deferred: not before this moment. For
    /// Ready: its turn, always in the past (<see cref="TurnOrder"/>). For Active: when
    /// it is tried again should this process vanish.</summary>
    public DateTimeOffset DueAt { get; init; }

    /// <summary>Epoch of the process that leased it; counts only while Active.</summary>
    public long Lease { get; init; }

    /// <summary>Attempts that proved something about this recipient or message.</summary>
    public int Attempts { get; init; }

    /// <summary>How often an attempt ended with an unknown outcome.</summary>
    public int Uncertain { get; init; }

    /// <summary>Name of the route of the last decision. Null: none yet.</summary>
    public string? Route { get; init; }

    public string? Transport { get; init; }

    /// <summary>Blame of the last deferral. Null: none.</summary>
    public Blame? LastBlame { get; init; }

    /// <summary>The last deferral raised an alarm: the end of its lifetime holds it instead of failing
    /// it.</summary>
    public bool UnderAlarm { get; init; }

    /// <summary>The sender was told that it takes long.</summary>
    public bool DelayTold { get; init; }

    /// <summary>Last status and text, as <c>4.4.1 connect to ...</c>. Null: none.</summary>
    public string? LastText { get; init; }

    /// <summary>
    /// In the queue's time. A Done row and its message stay until then. Null: they may go. Of any other row:
    /// it was released, and its lifetime does not end before then. Null: its message's age alone decides.
    /// </summary>
    public DateTimeOffset? KeepUntil { get; init; }

    /// <summary>It failed for good and is kept for an operator.</summary>
    public bool IsDeadLetter =>
        Outcome is RecipientOutcome.Failed or RecipientOutcome.Expired && KeepUntil is not null;
}

public enum RecipientState
{
    /// <summary>May be attempted as soon as its lane is open.</summary>
    Ready,

    /// <summary>Leased by the running process: an attempt is being made or is the next thing to
    /// happen.</summary>
    Active,

    /// <summary>Waits for its own retry time.</summary>
    Deferred,

    /// <summary>Waits for an operator.</summary>
    Held,

    /// <summary>Ended; see <see cref="RecipientOutcome"/>.</summary>
    Done,
}

public enum RecipientOutcome
{
    /// <summary>Not done yet.</summary>
    None,
    Relayed,
    Delivered,
    Failed,
    Expanded,
    Cancelled,
    Expired,
}
