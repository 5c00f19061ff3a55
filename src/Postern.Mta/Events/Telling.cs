using Postern.Mta.Queue;

namespace Postern.Mta.Events;

/// <summary>What a provider, or one of our own links, tells of a message that had left.</summary>
public sealed record Telling
{
    /// <summary>The transport it is told by, or that the message left by. Null: not known.</summary>
    public required string? Transport { get; init; }

    /// <summary>Delivered, Failed, Rejected, Opened, Clicked, Unsubscribed or Complained.</summary>
    public required EventKind Kind { get; init; }

    /// <summary>Of a failure. Null: it is none.</summary>
    public EventSeverity? Severity { get; init; }

    /// <summary>Whom it is about. Empty: the whole message.</summary>
    public required string Recipient { get; init; }

    /// <summary>Our own mark, which came back with it. Null: it has none.</summary>
    public QueueId? Mark { get; init; }

    /// <summary>Without its brackets. Null: not told.</summary>
    public string? MessageId { get; init; }

    /// <summary>As in <c>5.1.1</c>. Null: not told.</summary>
    public string? Status { get; init; }

    /// <summary>What the recipient's server said, with its code. Null: not told.</summary>
    public string? Reply { get; init; }

    public required RemoteFacts Facts { get; init; }

    /// <summary>What signed it counts once. Null: it came another way.</summary>
    public string? Token { get; init; }
}

/// <summary>What became of it.</summary>
public enum TellingOutcome
{
    /// <summary>It is an event of its message now, on stable storage.</summary>
    Appended,

    /// <summary>No message of ours is meant; it is kept as an event without one.</summary>
    Unmatched,

    /// <summary>It was told before, or its token was used: nothing has changed.</summary>
    Repeated,
}
