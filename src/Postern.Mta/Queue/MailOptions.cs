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
}
