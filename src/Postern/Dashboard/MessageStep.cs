using Postern.Mta.Events;

namespace Postern.Dashboard;

/// <summary>One event of a message as its timeline draws it.</summary>
/// <param name="AfterAccept">How long after the first event.</param>
public sealed record MessageStep(long Seq, MailEvent Fact, TimeSpan AfterAccept)
{
    /// <summary>As it happened there, where somebody told of it later.</summary>
    public DateTimeOffset At => Fact.Remote?.At ?? Fact.At;

    /// <summary>The look of it: <c>good</c>, <c>warn</c>, <c>bad</c>, or nothing.</summary>
    public string Tone => Fact.Kind switch
    {
        EventKind.Relayed or EventKind.Delivered => "good",
        EventKind.Failed when Fact.Severity == EventSeverity.Temporary => "warn",
        _ => EventNames.LevelOf(Fact) switch
        {
            EventLevel.Error => "bad",
            EventLevel.Warn => "warn",
            _ => "",
        },
    };

    /// <summary>Parts of the delay, as Postfix's log names them; none where nothing was attempted.</summary>
    internal IReadOnlyList<DelayPart> Delays => Fact.Facts is not { } facts ? [] :
    [
        new('a', Fact.DelayBeforeActive ?? TimeSpan.Zero), new('b', Fact.DelayActive ?? TimeSpan.Zero),
        new('c', facts.SetUp), new('d', facts.Transmission),
    ];

    internal static IReadOnlyList<MessageStep> All(IReadOnlyList<StoredEvent> events) =>
    [
        .. events.Select(stored => new MessageStep(
            stored.Seq, stored.Event,
            (stored.Event.Remote?.At ?? stored.Event.At) - events[0].Event.At)),
    ];
}

/// <param name="Letter">a, b, c or d.</param>
readonly record struct DelayPart(char Letter, TimeSpan Length);
