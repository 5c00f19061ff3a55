namespace Postern.Mta.Queue;

/// <summary>What the submitter asked for beside the envelope, and what all events of the message
/// carry.</summary>
public sealed record MailOptions
{
    /// <summary>The sending domain whose mail this is, as the configuration spells it.</summary>
    public required string Domain { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>A JSON object of the submitter's own; its values are texts. Null: none.</summary>
    public string? Variables { get; init; }

    /// <summary>It is taken and goes nowhere.</summary>
    public bool IsTest { get; init; }

    /// <summary>No attempt is made before. Null: at once.</summary>
    public DateTimeOffset? DeliverAt { get; init; }

    /// <summary>It leaves over encrypted sessions alone; a next hop without one lacks what it
    /// needs.</summary>
    public bool RequiresTls { get; init; }

    /// <summary>Its lifetime, where that is shorter than the route's or the queue's; counted from when
    /// attempts may begin. Null: theirs.</summary>
    public TimeSpan? DeliverWithin { get; init; }

    /// <summary>Of an event: the mailing list whose member it is about. Null: none.</summary>
    public string? List { get; init; }
}
