using System.Collections.Concurrent;
using Postern.Mta.Routing;
using Postern.Mta.Transports;

namespace Postern.Mta.Queue;

/// <summary>Which lanes are closed, why, and when each is probed (DESIGN §9.2).</summary>
/// <remarks>
/// A lane is open unless it stands here. Only <c>NextHop</c> blame closes one, only a success opens it. While
/// it is closed one recipient at a time may try it: the one that claims the probe. Each claim has a number,
/// so that other attempts of the lane, still under way from before it closed, are not taken for the probe.
/// Waits are monotonic. The next probe may be read without the lock; whoever wants to act on it must claim
/// it.
/// </remarks>
public sealed class RelayHealth(TimeProvider clock)
{
    static readonly TimeSpan[] UnreachableSteps =
        [.. new[] { 1, 2, 4, 8 }.Select(s => TimeSpan.FromSeconds(s))];
    static readonly TimeSpan UnreachableStep = TimeSpan.FromSeconds(10);
    static readonly TimeSpan UnreachableStepLate = TimeSpan.FromSeconds(30);
    static readonly TimeSpan LateAfter = TimeSpan.FromMinutes(15);
    static readonly TimeSpan RefusingStep = TimeSpan.FromSeconds(30);
    static readonly TimeSpan RefusingStepMax = TimeSpan.FromMinutes(5);

    readonly ConcurrentDictionary<string, Closed> closed = new(StringComparer.Ordinal);

    /// <summary>Grows whenever a lane closes or opens.</summary>
    public int Generation => Volatile.Read(ref generation);

    int generation;
    long claims;

    public LaneCondition ConditionOf(string lane)
    {
        if (!closed.TryGetValue(lane, out var state))
            return LaneCondition.Open;
        return IsProbeDue(state) ? LaneCondition.ProbeDue : LaneCondition.Closed;
    }

    /// <summary>Takes the probe of a closed lane; false when another has it or it is not due.</summary>
    /// <param name="probe">The number of the claim; never 0.</param>
    public bool TryClaimProbe(string lane, out long probe)
    {
        probe = 0;
        if (!closed.TryGetValue(lane, out var state))
            return false;
        lock (state)
        {
            if (!IsProbeDue(state))
                return false;
            state.Probe = probe = Interlocked.Increment(ref claims);
            return true;
        }
    }

    /// <summary>An attempt may be made now: the lane is open, or this claim is its probe.</summary>
    public bool MayTry(string lane, long probe) => !closed.TryGetValue(lane, out var state)
        || (probe != 0 && Volatile.Read(ref state.Probe) == probe);

    /// <summary>A claimed probe that was not made.</summary>
    /// <param name="probe">The claim. 0, or one that is over: nothing happens.</param>
    public void ReturnProbe(string lane, long probe)
    {
        if (probe == 0 || !closed.TryGetValue(lane, out var state))
            return;
        lock (state)
        {
            if (state.Probe == probe)
                state.Probe = 0;
        }
    }

    /// <summary>A claimed probe whose outcome is unknown: the next one waits as after an outage.</summary>
    /// <param name="probe">The claim. 0, or one that is over: nothing happens.</param>
    public void FailProbe(string lane, long probe)
    {
        if (probe == 0 || !closed.TryGetValue(lane, out var state))
            return;
        lock (state)
        {
            var now = clock.GetTimestamp();
            if (state.Probe == probe)
                MoveProbe(state, StepAfter(state, NextHopTrouble.Unreachable, now), now);
        }
    }

    /// <summary>An attempt in this lane met a next hop that is to blame.</summary>
    /// <param name="probe">The claim it was made under. 0: none.</param>
    /// <returns>True when the lane was open before.</returns>
    public bool Close(string lane, AttemptResult.NextHopDown why, long probe = 0)
    {
        var now = clock.GetTimestamp();
        var fresh = new Closed { Since = clock.GetUtcNow(), SinceTicks = now };
        var state = closed.GetOrAdd(lane, fresh);
        var wasOpen = ReferenceEquals(state, fresh);
        lock (state)
        {
            // Attempts that were under way when the lane closed say nothing new: only the probe moves the
            // schedule.
            if (wasOpen || (probe != 0 && state.Probe == probe))
                MoveProbe(state, why.RetryAfter ?? StepAfter(state, why.Trouble, now), now);
            state.Text = why.Text;
        }
        if (wasOpen)
            Interlocked.Increment(ref generation);
        return wasOpen;
    }

    /// <summary>An attempt in this lane got an answer from the next hop.</summary>
    /// <returns>True when the lane was closed before.</returns>
    public bool Open(string lane)
    {
        if (!closed.TryRemove(lane, out _))
            return false;
        Interlocked.Increment(ref generation);
        return true;
    }

    /// <summary>Probes now, by an operator's wish; every closed lane when <paramref name="lane"/> is
    /// null.</summary>
    /// <returns>How many lanes that are.</returns>
    public int ProbeNow(string? lane) => ProbeNow(name => lane is null || name == lane);

    /// <summary>The same for the closed lanes of one transport.</summary>
    public int ProbeNowOf(string transport) => ProbeNow(name => Lane.TransportOf(name) == transport);

    int ProbeNow(Func<string, bool> isMeant)
    {
        var count = 0;
        foreach (var (name, state) in closed)
        {
            if (!isMeant(name))
                continue;
            lock (state)
            {
                state.NextProbeTicks = clock.GetTimestamp();
                state.Probes = 0;
            }
            count++;
        }
        Interlocked.Increment(ref generation);
        return count;
    }

    /// <summary>Forgets what is known of a transport's lanes, after a reload changed it.</summary>
    public void Forget(string transport)
    {
        foreach (var lane in closed.Keys)
        {
            if (lane == transport || lane.StartsWith(transport + " ", StringComparison.Ordinal))
                Open(lane);
        }
    }

    /// <summary>Null while the lane is open.</summary>
    public ClosedLane? Find(string lane)
    {
        if (!closed.TryGetValue(lane, out var state))
            return null;
        lock (state)
            return new ClosedLane(state.Text, state.Since, clock.GetUtcNow() + UntilProbe(state));
    }

    /// <summary>How long until a lane of these may be probed. Null: none is closed.</summary>
    public TimeSpan? UntilNextProbe(IEnumerable<string> lanes)
    {
        TimeSpan? soonest = null;
        foreach (var lane in lanes)
        {
            if (!closed.TryGetValue(lane, out var state) || state.IsProbing)
                continue;
            var wait = UntilProbe(state);
            if (soonest is null || wait < soonest)
                soonest = wait;
        }
        return soonest;
    }

    void MoveProbe(Closed state, TimeSpan step, long now)
    {
        state.NextProbeTicks = now + (long)(step.TotalSeconds * clock.TimestampFrequency);
        state.Probes++;
        state.Probe = 0;
    }

    bool IsProbeDue(Closed state) =>
        !state.IsProbing && clock.GetTimestamp() >= Volatile.Read(ref state.NextProbeTicks);

    TimeSpan UntilProbe(Closed state)
    {
        var left = Volatile.Read(ref state.NextProbeTicks) - clock.GetTimestamp();
        return left <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)left / clock.TimestampFrequency);
    }

    TimeSpan StepAfter(Closed state, NextHopTrouble trouble, long now)
    {
        if (trouble == NextHopTrouble.Refusing)
        {
            var step = RefusingStep * Math.Pow(2, Math.Min(state.Probes, 4));
            return step < RefusingStepMax ? step : RefusingStepMax;
        }
        if (state.Probes < UnreachableSteps.Length)
            return UnreachableSteps[state.Probes];
        return clock.GetElapsedTime(state.SinceTicks, now) < LateAfter ? UnreachableStep
            : UnreachableStepLate;
    }

    sealed class Closed
    {
        public required DateTimeOffset Since;
        public required long SinceTicks;
        public long NextProbeTicks;
        public int Probes;

        /// <summary>The claim under way. 0: none.</summary>
        public long Probe;

        public string Text = "";

        public bool IsProbing => Volatile.Read(ref Probe) != 0;
    }
}
