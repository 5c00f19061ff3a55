namespace Postern.Mta.Queue;

/// <summary>The pace of a lane as the next hop's throttling replies taught it (DESIGN §5).</summary>
/// <remarks>
/// Guarded by its lane; waits are monotonic. No limit until the next hop asks for less. From then on the pace
/// falls to a little less than what was delivered in the last second, grows slowly near there and faster the
/// longer nothing is heard, and is forgotten after <see cref="MemoryTime"/>. After each throttling reply the
/// lane pauses, and one attempt at a time goes on until one is answered otherwise; pauses double while none
/// is. A next hop that took nothing of late teaches no pace: it is spared by the pauses alone, and has all of
/// it again once it takes mail. An attempt that began before the last reaction says nothing new.
/// </remarks>
sealed class LearntPace(TimeProvider clock)
{
    /// <summary>A provider that takes nothing has refused so often in a row, within some 13 s: the pace is
    /// not the trouble.</summary>
    const int RefusalsMax = 7;

    /// <summary>What a decrease leaves: little less, since growth finds the limit again in
    /// seconds.</summary>
    const double Decrease = 0.95;

    const double PerSecondMin = 1;

    /// <summary>A pace that has grown so far limits nothing.</summary>
    const double PerSecondMax = 10_000;

    /// <summary>Growth of the first second, as a part of the pace. It doubles each ten seconds.</summary>
    const double Growth = 0.01;

    const double GrowthMax = 0.5;
    const double GrowthDoublesSeconds = 10;

    static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(10);

    /// <summary>Attempts are let go in batches of so much time.</summary>
    static readonly TimeSpan BatchTime = TimeSpan.FromMilliseconds(100);

    static readonly TimeSpan MemoryTime = TimeSpan.FromMinutes(10);

    /// <summary>Mail taken so long ago says nothing of what the next hop takes now.</summary>
    static readonly TimeSpan RecentTime = TimeSpan.FromMinutes(1);

    double tokens;
    long filledAt;
    long pausedUntil;
    long reactedAt;
    int refusals;
    long deliveredAt;
    long second;
    int deliveredThisSecond;
    int deliveredLastSecond;

    /// <summary>Messages a second. Null: no limit.</summary>
    public double? PerSecond { get; private set; }

    /// <summary>There is a pace, or a pause.</summary>
    public bool IsLimiting => PerSecond is not null || refusals > 0;

    /// <summary>How many are waited for before anything goes on.</summary>
    public int Batch => refusals > 0 ? 1
        : PerSecond is { } pace ? (int)Math.Max(1, pace * BatchTime.TotalSeconds) : int.MaxValue;

    /// <summary>How many attempts may begin now.</summary>
    public int Available
    {
        get
        {
            Fill();
            if (!IsLimiting)
                return int.MaxValue;
            return clock.GetTimestamp() < pausedUntil ? 0 : refusals > 0 ? 1 : (int)tokens;
        }
    }

    /// <summary>How long until a batch may begin.</summary>
    public TimeSpan UntilBatch
    {
        get
        {
            Fill();
            if (!IsLimiting)
                return TimeSpan.Zero;
            var now = clock.GetTimestamp();
            if (now < pausedUntil)
                return clock.GetElapsedTime(now, pausedUntil);
            if (refusals > 0 || PerSecond is not { } pace || Batch <= tokens)
                return TimeSpan.Zero;
            // A tick more, so that rounding does not wake too early.
            return TimeSpan.FromSeconds((Batch - tokens) / pace) + TimeSpan.FromTicks(1);
        }
    }

    public bool TryTake()
    {
        if (Available == 0)
            return false;
        if (refusals > 0)
            Pause();
        else
            tokens--;
        return true;
    }

    /// <summary>The next hop took mail.</summary>
    public void NoteDelivered()
    {
        var now = clock.GetTimestamp();
        Turn(now);
        deliveredThisSecond++;
        deliveredAt = now;
        refusals = 0;
    }

    /// <summary>The next attempt need not wait: whoever closed the lane, or an operator, decides about
    /// it.</summary>
    public void EndPause()
    {
        refusals = 0;
        pausedUntil = 0;
    }

    /// <summary>A reply about a message or a recipient alone.</summary>
    public void NoteAnswered() => refusals = 0;

    /// <summary>A reply that asks for a lower pace.</summary>
    /// <param name="startedAt">When its attempt began: a timestamp of the clock.</param>
    /// <returns>What it says.</returns>
    public Throttling NoteThrottled(long startedAt)
    {
        var now = clock.GetTimestamp();
        if (startedAt < reactedAt)
            return Throttling.Known;
        var hasDelivered = deliveredAt > 0 && clock.GetElapsedTime(deliveredAt, now) < RecentTime;
        Fill();
        reactedAt = now;
        var isRefusal = !hasDelivered || refusals >= RefusalsMax;
        // While nothing goes through, the seconds that are measured are those of the pauses.
        if (!isRefusal && refusals == 0)
        {
            Turn(now);
            var delivered = deliveredThisSecond + (deliveredLastSecond * (1 - PartOfSecond(now)));
            PerSecond = Math.Max(PerSecondMin, Decrease * Math.Min(delivered, PerSecond ?? double.MaxValue));
        }
        tokens = 0;
        refusals++;
        Pause();
        return isRefusal ? Throttling.Refusal : Throttling.Lower;
    }

    /// <summary>Forgets what it knows.</summary>
    public void Forget()
    {
        PerSecond = null;
        refusals = 0;
        tokens = 0;
    }

    void Pause()
    {
        var pause = PauseMin * Math.Pow(2, Math.Clamp(refusals - 1, 0, RefusalsMax));
        pausedUntil = clock.GetTimestamp() + ToTicks(pause < PauseMax ? pause : PauseMax);
        filledAt = pausedUntil;
    }

    /// <summary>Tokens and growth of the time that has passed; a second batch is kept for who comes
    /// late.</summary>
    void Fill()
    {
        var now = clock.GetTimestamp();
        if (PerSecond is not { } pace || now <= filledAt)
            return;
        var sinceReply = clock.GetElapsedTime(reactedAt, now);
        if (sinceReply >= MemoryTime)
        {
            Forget();
            return;
        }
        var passed = clock.GetElapsedTime(filledAt, now).TotalSeconds;
        filledAt = now;
        if (refusals > 0)
            return;
        tokens = Math.Min(2 * Batch, tokens + (passed * pace));
        var growth = Growth * Math.Pow(2, sinceReply.TotalSeconds / GrowthDoublesSeconds);
        PerSecond = pace * (1 + (Math.Min(growth, GrowthMax) * Math.Min(passed, 1)));
        if (PerSecond > PerSecondMax)
            Forget();
    }

    /// <summary>Counts of whole seconds: a sliding second is made of two of them.</summary>
    void Turn(long now)
    {
        var current = now / clock.TimestampFrequency;
        if (current == second)
            return;
        deliveredLastSecond = current == second + 1 ? deliveredThisSecond : 0;
        deliveredThisSecond = 0;
        second = current;
    }

    double PartOfSecond(long now) => (double)(now % clock.TimestampFrequency) / clock.TimestampFrequency;

    long ToTicks(TimeSpan time) => (long)(time.TotalSeconds * clock.TimestampFrequency);
}

/// <summary>What a throttling reply says.</summary>
enum Throttling
{
    /// <summary>It was heeded since its attempt began, however long ago.</summary>
    Known,

    /// <summary>The pace is lower now.</summary>
    Lower,

    /// <summary>The next hop takes nothing, at whatever pace.</summary>
    Refusal,
}
