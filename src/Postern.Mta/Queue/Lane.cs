using Postern.Mta.Routing;

namespace Postern.Mta.Queue;

/// <summary>Recipients waiting for one transport: work in memory, who works on it, and what the store may
/// still hold.</summary>
/// <remarks>Guarded by itself (<c>lock (lane)</c>); nothing is awaited under the lock.</remarks>
sealed class Lane(string name, string transport, int concurrencyMax, Pace? pace, TimeProvider clock)
{
    /// <summary>Where a lane's concurrency starts (DESIGN §9.2).</summary>
    public const int ConcurrencyStart = 20;

    /// <summary>How many recipients one fetch takes from a lane.</summary>
    public const int WindowMax = 400;

    readonly Dictionary<int, TurnOrder> orders = [];
    readonly LearntPace learnt = new(clock);

    /// <summary>A lane's name is its transport's, and after a space the destination where there is no set
    /// next hop.</summary>
    public static string TransportOf(string name)
    {
        var space = name.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? name : name[..space];
    }

    public string Name { get; } = name;
    public string Transport { get; } = transport;

    /// <summary>Work that is leased and waits for a free worker.</summary>
    public WaitingLine Waiting { get; } = new(OrderingKey.IsKeptIn(name));

    /// <summary>Mail goes in the order in which it came: one attempt at a time, all of it through the store,
    /// and nothing is fetched while anything is on its way, which might come back.</summary>
    public bool KeepsOrder { get; } = OrderingKey.IsKeptIn(name);

    /// <summary>Nothing of it is on its way.</summary>
    public bool IsIdle => Workers == 0 && Waiting.Count == 0;

    /// <summary>No work is taken before its worker is free until then, a timestamp of the clock: the next hop
    /// answers slowly.</summary>
    public long NoneAheadUntil { get; set; }

    /// <summary>Attempts being made.</summary>
    public int Workers { get; set; }

    /// <summary>How many attempts may be made at once now.</summary>
    public int Concurrency { get; private set; } = Math.Min(ConcurrencyStart, MaxOf(name, concurrencyMax));

    public int ConcurrencyMax { get; private set; } = MaxOf(name, concurrencyMax);

    /// <summary>The transport's, shared by its lanes. Null: no limit.</summary>
    public Pace? Pace { get; private set; } = pace;

    /// <summary>A pace is set, or the next hop has asked for one.</summary>
    public bool IsPaced => Pace is not null || learnt.IsLimiting;

    /// <summary>Messages a second, as the next hop's throttling taught it. Null: nothing was
    /// learnt.</summary>
    public double? LearntPerSecond => learnt.PerSecond;

    /// <summary>How many attempts the pace lets begin now.</summary>
    public int Available => Math.Min(Pace?.Available ?? int.MaxValue, learnt.Available);

    /// <summary>How many are waited for before anything is fetched.</summary>
    public int Batch => Math.Min(Pace?.Batch ?? int.MaxValue, learnt.Batch);

    /// <summary>How long until the pace lets a batch begin.</summary>
    public TimeSpan UntilBatch
    {
        get
        {
            var set = Pace?.UntilBatch ?? TimeSpan.Zero;
            return set > learnt.UntilBatch ? set : learnt.UntilBatch;
        }
    }

    /// <summary>The pace lets one more attempt begin.</summary>
    public bool TryTakePace() => learnt.Available > 0 && Pace?.TryTake() != false && learnt.TryTake();

    /// <summary>The pump wakes up when the pace lets a batch begin.</summary>
    public bool PumpKnowsPace { get; set; }

    /// <summary>The store may hold recipients of this lane that are due: the pump must look.</summary>
    public bool MayHoldDue { get; set; } = true;

    /// <summary>When the store's next recipient of this lane falls due, as far as known. Null:
    /// none.</summary>
    public DateTimeOffset? NextDueAt { get; set; }

    /// <summary>Searches for recipients that may leave the lane while it is closed, by target.</summary>
    public Dictionary<string, LaneSearch> Searches { get; } = [];

    /// <summary>Where every recipient belongs is asked again.</summary>
    public void SearchAnew() => Searches[""] = new LaneSearch("", generation: 0);

    /// <summary>The highest priority of what waits in the store and is not passed by, as far as known; of
    /// deferred mail it is lower than any route's.</summary>
    public int Priority { get; private set; } = int.MinValue;

    /// <summary>The store is about to be read: what comes meanwhile may not be in its answer.</summary>
    public void BeginFetch() => Priority = int.MinValue;

    /// <summary>The store was read up to there; what is behind comes later.</summary>
    public void EndFetch(DateTimeOffset turn) => NotePriority(TurnOrder.PriorityOf(turn));

    /// <summary>Mail waits in a closed lane for room here.</summary>
    public bool IsWanted { get; set; }

    /// <summary>As many as the workers take next; a lane that is slow, or closes soon, was given
    /// little.</summary>
    int GuestsMax => Math.Min(2 * Concurrency, WindowMax);

    /// <summary>How much mail of closed lanes may be leased for this one now: none before half of it is used
    /// up.</summary>
    public int GuestRoom => Waiting.GuestCount <= GuestsMax / 2
        ? Math.Min(GuestsMax - Waiting.GuestCount, Room) : 0;

    /// <summary>What a pace leaves, so that little waits leased; whole batches alone are worth a
    /// commit.</summary>
    public int Room
    {
        get
        {
            if (!IsPaced)
                return WindowMax;
            var room = Available - Waiting.Count;
            return room < Batch ? 0 : Math.Min(room, WindowMax);
        }
    }

    /// <summary>One more for each delivered message, up to the maximum.</summary>
    public void Raise()
    {
        Concurrency = Math.Min(Concurrency + 1, ConcurrencyMax);
        learnt.NoteDelivered();
    }

    /// <summary>The pause that the next hop's throttling made is over. A pace it taught stays.</summary>
    public void EndPause() => learnt.EndPause();

    /// <summary>A reply about a message or a recipient alone: the next hop asks for no lower pace
    /// now.</summary>
    public void NoteAnswered() => learnt.NoteAnswered();

    /// <summary>Halved when the next hop asks for it or stumbles.</summary>
    public void Lower() => Concurrency = Math.Max(1, Concurrency / 2);

    /// <summary>The next hop asks for a lower pace: the concurrency is halved and the pace lowered, once for
    /// all attempts that were under way.</summary>
    /// <param name="startedAt">When the attempt began: a timestamp of the clock.</param>
    /// <returns>False: it takes nothing at all.</returns>
    public bool Throttle(long startedAt)
    {
        var says = learnt.NoteThrottled(startedAt);
        if (says != Throttling.Known)
            Lower();
        return says != Throttling.Refusal;
    }

    /// <summary>The place of a recipient that has to wait in the store. Where order is kept, mail of one
    /// recipient has one priority, whatever routes say of it.</summary>
    public DateTimeOffset TakeTurn(QueuedMessage message, string? route, int priority)
    {
        if (KeepsOrder)
            return OrderOf(0).TurnOf(message.Id);
        NotePriority(priority);
        return OrderOf(priority).Take(Flow.Of(message, route));
    }

    /// <summary>In front of all others: of work that is given back.</summary>
    public DateTimeOffset FrontTurn(QueuedMessage message, int priority)
    {
        if (KeepsOrder)
            return OrderOf(0).TurnOf(message.Id);
        NotePriority(priority);
        return OrderOf(priority).Front;
    }

    /// <summary>A recipient with this turn has left the lane.</summary>
    public void NoteServed(DateTimeOffset turn) => OrderOf(TurnOrder.PriorityOf(turn)).NoteServed(turn);

    /// <summary>The first turn that an earlier process left.</summary>
    public void BeginTurns(DateTimeOffset first)
    {
        NotePriority(TurnOrder.PriorityOf(first));
        OrderOf(TurnOrder.PriorityOf(first)).Begin(first);
    }

    /// <summary>Mail of this flow waits in the store.</summary>
    public bool Holds(Flow flow, int priority) =>
        orders.TryGetValue(priority, out var order) && order.Holds(flow);

    void NotePriority(int priority) => Priority = Math.Max(Priority, priority);

    TurnOrder OrderOf(int priority)
    {
        if (!orders.TryGetValue(priority, out var order))
            orders.Add(priority, order = new TurnOrder(priority));
        return order;
    }

    public void Reset(int max, Pace? pace)
    {
        Pace = pace;
        learnt.Forget();
        ConcurrencyMax = MaxOf(Name, max);
        Concurrency = Math.Min(ConcurrencyStart, ConcurrencyMax);
    }

    static int MaxOf(string name, int transports) => OrderingKey.IsKeptIn(name) ? 1 : transports;

    public void NoteDue(DateTimeOffset dueAt)
    {
        if (NextDueAt is null || dueAt < NextDueAt)
            NextDueAt = dueAt;
    }
}
