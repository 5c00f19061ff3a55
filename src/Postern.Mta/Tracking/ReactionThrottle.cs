using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Tracking;

/// <summary>Caps what one link may write: events of one recipient and kind in an hour.</summary>
/// <remarks>Counts begin anew each hour, or when there are too many of them: nobody's first events are lost
/// because of others'. Safe for several threads.</remarks>
sealed class ReactionThrottle(TimeProvider clock)
{
    /// <summary>Of one recipient and kind in one hour.</summary>
    public const int EventsMax = 20;

    const int EntriesMax = 200_000;
    static readonly TimeSpan Window = TimeSpan.FromHours(1);

    readonly Lock gate = new();
    readonly Dictionary<(QueueId, int, EventKind), int> counts = [];
    long begunAt = clock.GetTimestamp();

    /// <returns>False: there have been enough.</returns>
    public bool TryTake(QueueId message, int recipient, EventKind kind)
    {
        lock (gate)
        {
            if (counts.Count >= EntriesMax || clock.GetElapsedTime(begunAt) >= Window)
            {
                counts.Clear();
                begunAt = clock.GetTimestamp();
            }
            var count = counts.GetValueOrDefault((message, recipient, kind));
            if (count >= EventsMax)
                return false;
            counts[(message, recipient, kind)] = count + 1;
            return true;
        }
    }
}
