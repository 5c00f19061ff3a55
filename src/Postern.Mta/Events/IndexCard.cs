using Postern.Mta.Queue;

namespace Postern.Mta.Events;

/// <summary>A message in one line: what a list shows of it.</summary>
/// <param name="At">When it was accepted.</param>
/// <param name="Sender">Empty: the null sender.</param>
/// <param name="Recipients">The first ones.</param>
/// <param name="Subject">Null: there was none, or it is not recorded.</param>
/// <param name="Door">The listener it came through, or how.</param>
/// <param name="Account">Who submitted it. Null: nobody logged in.</param>
/// <param name="Octets">Null: not known.</param>
/// <param name="Counts">Recipients by <see cref="Fate"/>, in its order.</param>
/// <param name="LastSeq">Its last event.</param>
public sealed record IndexCard(
    QueueId Id, DateTimeOffset At, string Sender, IReadOnlyList<string> Recipients, string? Subject,
    IReadOnlyList<string> Tags, string Door, string? Account, long? Octets, string MessageId, Fate State,
    IReadOnlyList<int> Counts, CardMarks Marks, long LastSeq)
{
    public int Total => Counts.Sum();

    public int Of(Fate fate) => Counts[(int)fate];
}

/// <summary>What else is known of a message; once true, for good.</summary>
[Flags]
public enum CardMarks
{
    None = 0,
    Opened = 1,
    Clicked = 2,
    Complained = 4,
    Unsubscribed = 8,

    /// <summary>The outcome of an attempt was unknown.</summary>
    Uncertain = 16,

    DeadLetter = 32,
}

/// <summary>Some of the messages that were looked for, newest first.</summary>
/// <param name="Next">What to go on behind. Null: all were looked at.</param>
/// <param name="LookedTo">How far back it looked, where time ran out. Null: it did not.</param>
public sealed record IndexPage(
    IReadOnlyList<IndexCard> Cards, QueueId? Next, DateTimeOffset? LookedTo, IndexProgress Progress)
{
    /// <summary>More words begin so than could be gathered in time: no message was looked at.</summary>
    public bool IsTooBroad { get; init; }
}

/// <summary>How far the index is.</summary>
/// <param name="IndexedTo">The moment of the last event it knows. Null: it knows none.</param>
/// <param name="Behind">Events it does not know yet.</param>
public readonly record struct IndexProgress(DateTimeOffset? IndexedTo, long Behind);

/// <summary>Messages by state.</summary>
public sealed record IndexCounts(IReadOnlyDictionary<Fate, long> Messages, IndexProgress Progress);

/// <summary>Something that an operator did.</summary>
/// <param name="Count">How many things were changed. Null: not told.</param>
public sealed record OperatedEntry(long Seq, DateTimeOffset At, string Actor, string What, int? Count);
