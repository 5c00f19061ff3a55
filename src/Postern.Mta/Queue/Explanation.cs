namespace Postern.Mta.Queue;

/// <summary>Why a recipient waits, or how it ended: the answer of <c>queue why</c>.</summary>
/// <param name="Text">In plain words; a peer's reply in it is as it came.</param>
/// <param name="Mend">What an operator can do. Null: nothing is to be done.</param>
public sealed record Explanation(int Number, string Address, WaitCause Cause, string Text, string? Mend)
{
    /// <summary>Since when it is so. Null: not known.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>When something happens by itself: a retry, a probe. Null: not known, or never.</summary>
    public DateTimeOffset? Until { get; init; }
}

public enum WaitCause
{
    BeingAttempted,

    /// <summary>Its lane is open and busy.</summary>
    BehindOthers,
    RateLimit,

    /// <summary>Its own attempt found the next hop to blame.</summary>
    NextHopDown,

    /// <summary>Others found the next hop to blame.</summary>
    LaneClosed,

    /// <summary>The lane is closed and only an operator can mend it.</summary>
    Alarm,
    NoRoute,
    Held,
    Greylisted,
    RetryTime,

    /// <summary>Its sender has named a time.</summary>
    Scheduled,

    /// <summary>The answer to its attempt was lost.</summary>
    Uncertain,

    /// <summary>It ended; the text says how.</summary>
    Done,
}
