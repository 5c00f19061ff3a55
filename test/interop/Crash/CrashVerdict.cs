namespace Postern.Interop.Crash;

/// <summary>Judges a run with kills: what was promised, and what the next hop got.</summary>
/// <remarks>
/// When may a message come twice? When the result of its delivery had not reached the disk at the kill. The
/// store is one queue: a result rides along with the first commit after it (DESIGN §3), so a 250 proves not
/// only its own message but every result that was written down before that message's final dot was sent.
/// That moment is <see cref="Kill.Proven"/>. A delivery that the next hop took later may be repeated. One
/// that it took earlier may be repeated only while the attempt still ran, between the next hop's final dot
/// and the writing down of its answer; a lane makes as many attempts at a time as it has connections.
/// </remarks>
/// <param name="promised">Ids from the ledger; the local parts of recipients.</param>
/// <param name="kills">In their order.</param>
/// <param name="connections">The most attempts that are made at a time.</param>
sealed class CrashVerdict(IReadOnlyList<string> promised, IReadOnlyList<Kill> kills, int connections)
{
    /// <summary>Promised and not delivered.</summary>
    public IEnumerable<string> Lost(IEnumerable<SinkDelivery> deliveries)
    {
        var arrived = deliveries.Select(Id).ToHashSet();
        return promised.Where(id => !arrived.Contains(id));
    }

    /// <summary>Delivered again without a kill in between; and what was delivered again although its result
    /// was due on disk, where that is more than can have been in flight at the kill.</summary>
    public IReadOnlyList<string> NeedlessRepeats(IEnumerable<SinkDelivery> deliveries)
    {
        var repeats = Repeats(deliveries);
        var tooLate = repeats.Where(repeat => repeat.Cause == RepeatCause.Unfinished)
            .GroupBy(repeat => repeat.Life).Where(life => life.Count() > connections)
            .SelectMany(life => life);
        return
        [
            .. repeats.Where(repeat => repeat.Cause == RepeatCause.None).Concat(tooLate)
                .Select(repeat => repeat.Id),
        ];
    }

    /// <summary>Every delivery that was followed by another one of the same message.</summary>
    public IReadOnlyList<Repeat> Repeats(IEnumerable<SinkDelivery> deliveries)
    {
        var repeats = new List<Repeat>();
        foreach (var copies in deliveries.GroupBy(Id).Where(copies => copies.Skip(1).Any()))
        {
            var inOrder = copies.OrderBy(copy => copy.Connected).ToArray();
            for (var i = 0; i + 1 < inOrder.Length; i++)
            {
                var life = LifeOf(inOrder[i]);
                var cause = life == LifeOf(inOrder[i + 1]) ? RepeatCause.None
                    : inOrder[i].Taken > kills[life].Proven ? RepeatCause.NotYetDue
                    : RepeatCause.Unfinished;
                repeats.Add(new Repeat(copies.Key, life, cause));
            }
        }
        return repeats;
    }

    /// <summary>The number of kills before it. A connection that the dead left waiting to be accepted
    /// delivers nothing: its greeting comes too late.</summary>
    int LifeOf(SinkDelivery delivery) => kills.Count(kill => kill.Gone < delivery.Connected);

    static string Id(SinkDelivery delivery) => delivery.Recipient.Split('@')[0];
}

/// <summary>The end of one life of the program. Moments are those of <see cref="Moments"/>.</summary>
/// <param name="Proven">When the content of a message that got its 250 was sent, the last such
/// message.</param>
/// <param name="Gone">The process does not exist any more.</param>
readonly record struct Kill(long Proven, long Gone);

/// <summary>One copy too many.</summary>
/// <param name="Life">Which life of the program made the delivery that was not enough, from 0.</param>
readonly record struct Repeat(string Id, int Life, RepeatCause Cause);

enum RepeatCause
{
    /// <summary>No kill came between the two deliveries.</summary>
    None,

    /// <summary>The next hop took it after the last moment for which the disk is known to be up to
    /// date.</summary>
    NotYetDue,

    /// <summary>Taken before that; only an attempt that was still being made explains it.</summary>
    Unfinished,
}
