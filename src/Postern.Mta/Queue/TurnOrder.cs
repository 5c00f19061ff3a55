namespace Postern.Mta.Queue;

/// <summary>The order in which Ready mail of one lane and one priority waits in the store.</summary>
/// <remarks>
/// Start-time fair queueing (Goyal, Vin and Cheng 1996) with a cost of 1 for each recipient. A new one takes
/// the turn being served, or the one after the last of its flow: a flow with one message stands near the
/// front however long the others are. Each recipient that leaves moves the turn being served on by at least
/// one, so that new flows cannot hold up an old one for ever. A turn is stored as the due time of its row: a
/// moment long past, earlier for a higher priority. After a restart flows begin anew.
/// </remarks>
sealed class TurnOrder(int priority)
{
    /// <summary>Of a route (RouteOptions.Priority).</summary>
    const int PriorityMax = 100;

    /// <summary>Ticks between two priorities: turns that no lane ever uses up. 200 of them end before
    /// today.</summary>
    static readonly long Band = TimeSpan.FromDays(3650).Ticks;

    readonly Dictionary<Flow, long> last = [];
    int forgetAt = 1024;
    long serving;

    public static int PriorityOf(DateTimeOffset turn) => PriorityMax - (int)(turn.UtcTicks / Band);

    /// <summary>In front of everything of this priority.</summary>
    public DateTimeOffset Front => At(serving);

    /// <summary>Where order is kept: a turn in the order of arrival, the same whenever it is asked
    /// for.</summary>
    /// <remarks>Milliseconds; of one of them, rows lie in the order of their ids.</remarks>
    public DateTimeOffset TurnOf(QueueId message) => At(message.Value >> 22);

    /// <summary>The turn of a flow's next recipient.</summary>
    public DateTimeOffset Take(Flow flow)
    {
        var turn = last.TryGetValue(flow, out var before) ? Math.Max(serving, before + 1) : serving;
        last[flow] = turn;
        if (last.Count > forgetAt)
            Forget();
        return At(turn);
    }

    /// <summary>Mail of this flow waits in the store.</summary>
    public bool Holds(Flow flow) => last.TryGetValue(flow, out var turn) && turn >= serving;

    /// <summary>A recipient with this turn has left the lane.</summary>
    public void NoteServed(DateTimeOffset turn) => serving = Math.Max(serving, turn.UtcTicks % Band) + 1;

    /// <summary>What an earlier process left: nothing stands before this turn.</summary>
    public void Begin(DateTimeOffset first) => serving = Math.Max(serving, first.UtcTicks % Band);

    /// <summary>A flow whose turns are over is a new one.</summary>
    void Forget()
    {
        foreach (var (flow, turn) in last)
        {
            if (turn < serving)
                last.Remove(flow);
        }
        forgetAt = Math.Max(1024, last.Count * 2);
    }

    DateTimeOffset At(long turn) => new(((PriorityMax - priority) * Band) + turn, TimeSpan.Zero);
}
