using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Transports;

namespace Postern.Tests.Simulation;

/// <summary>Attempts: that each one may be made, and what it proved.</summary>
sealed partial class Ledger
{
    static readonly TimeSpan[] ProbeSteps = [.. new[] { 1, 2, 4, 8 }.Select(s => TimeSpan.FromSeconds(s))];

    readonly Dictionary<string, LaneRecord> lanes = [];
    readonly Dictionary<string, TokenBucket> buckets = [];

    /// <summary>Attempts that were begun before they are made, and not made or given up since.</summary>
    public int BegunCount { get; set; }

    void ForgetLanes()
    {
        BegunCount = 0;
        lanes.Clear();
        buckets.Clear();
    }

    /// <summary>An attempt begins.</summary>
    public void BeginAttempt(Flight flight)
    {
        NoteThread();
        AttemptCount++;
        var attempt = flight.Attempt;
        Trace?.Add($"  {flight.Transport} is given {attempt.Message.Id} for "
            + string.Join(", ", attempt.Recipients.Select(row => row.Number)));
        var lane = LaneOf(attempt.Lane);
        foreach (var row in attempt.Recipients)
        {
            if (!fates.TryGetValue(KeyOf(row), out var fate))
            {
                Break($"recipient {row.Number} of {row.Message} is attempted and not stored");
                continue;
            }
            CheckMayBegin(fate, row, flight);
            fate.Flight = flight;
            fate.Unsupported = null;
        }
        CheckOrder(flight);
        flight.BeganAt = Now;
        lane.InFlight++;
        if (lane.InFlight > lane.ConcurrencyMax)
            Break($"{lane.InFlight} attempts at once in lane {attempt.Lane}, {lane.ConcurrencyMax} may be");
        if (BucketOf(flight.Transport) is { } bucket && !bucket.TryTake(Now))
            Break($"transport {flight.Transport} is used faster than its rate");
        if (lane.IsClosed)
            BeginInClosedLane(flight, lane);
    }

    void CheckMayBegin(Fate fate, Recipient row, Flight flight)
    {
        if (row != fate.Row)
            Break($"{Describe(fate)} is attempted as {row}, which is not stored");
        if (row.State != RecipientState.Active || row.Lease != Epoch)
            Break($"{Describe(fate)} is attempted without a lease of epoch {Epoch}");
        if (row.Lane != flight.Attempt.Lane || row.Transport != flight.Transport)
            Break($"{Describe(fate)} is attempted through {flight.Transport}");
        if (fate.Flight is not null)
            Break($"{Describe(fate)} is attempted twice at once");
        if (fate.Proof is not null)
            Break($"{Describe(fate)} is attempted again after {fate.Proof.Text}");
        if (Now < fate.NotBefore)
            Break($"{Describe(fate)} is attempted at {Now:O}, before {fate.NotBefore:O}");
        if (fate.BoundTo is { } bound && bound != flight.Transport)
            Break($"{Describe(fate)} may be at {bound} already and goes through {flight.Transport}");
        if (fate.Taken > fate.Excuses)
            Break($"{Describe(fate)} has been taken {fate.Taken} times and is attempted again");
    }

    /// <summary>Where order is kept, nothing that was acknowledged before this one came waits behind
    /// it.</summary>
    void CheckOrder(Flight flight)
    {
        if (!OrderingKey.IsKeptIn(flight.Attempt.Lane))
            return;
        foreach (var row in flight.Attempt.Recipients)
        {
            var came = arrivals.GetValueOrDefault(row.Message);
            var fate = fates[KeyOf(row)];
            foreach (var key in Open)
            {
                var other = fates[key];
                if (key.Message < row.Message && fate.KeepsPlace && other.KeepsPlace
                    && other.Row.Lane == row.Lane && other.Row.Address == row.Address
                    && acknowledged.TryGetValue(key.Message, out var when) && when < came)
                    Break($"{row.Message} goes before {Describe(other)}, which came first");
            }
        }
    }

    /// <summary>Only the probe, when it is due.</summary>
    void BeginInClosedLane(Flight flight, LaneRecord lane)
    {
        if (lane.Probe is not null)
            Break($"a second probe of lane {flight.Attempt.Lane} while one is under way");
        if (Now < lane.NextProbeAt)
            Break($"lane {flight.Attempt.Lane} is probed at {Now:O}, before {lane.NextProbeAt:O}");
        lane.Probe = flight;
    }

    /// <summary>The next hop took some of its recipients, whatever we will hear of it.</summary>
    public void Take(Flight flight, int index) => fates[KeyOf(flight.Attempt.Recipients[index])].Taken++;

    /// <summary>An attempt ended with an exception, or was cut off.</summary>
    /// <param name="unknown">It may have been taken.</param>
    public void EndAttempt(Flight flight, bool unknown)
    {
        // What a stop cuts off stays in front where order is kept.
        var staysInFront = unknown && OrderingKey.IsKeptIn(flight.Attempt.Lane);
        foreach (var row in flight.Attempt.Recipients)
        {
            var fate = fates[KeyOf(row)];
            fate.Flight = null;
            fate.KeepsPlace &= staysInFront;
            if (unknown)
                BecomeUncertain(fate, flight);
            else
                fate.NotBefore = Now + RetryMin(row);
            if (staysInFront)
                fate.NotBefore = default;
        }
        var lane = LaneOf(flight.Attempt.Lane);
        lane.InFlight--;
        if (lane.Probe == flight)
            lane.Probe = null;
    }

    /// <summary>The result is given to the dispatcher.</summary>
    public void EndAttempt(Flight flight, IReadOnlyList<AttemptResult> results)
    {
        Trace?.Add($"  {flight.Transport} says {results[0].Text} of {flight.Attempt.Message.Id}");
        for (var i = 0; i < results.Count; i++)
        {
            var fate = fates[KeyOf(flight.Attempt.Recipients[i])];
            fate.Flight = null;
            fate.KeepsPlace &= results[i] is AttemptResult.NextHopDown;
            switch (results[i])
            {
                case AttemptResult.Relayed or AttemptResult.Failed:
                    fate.Proof = results[i];
                    break;
                case AttemptResult.Unsupported:
                    // Another transport may have what it needs.
                    (fate.Unsupported, fate.BoundTo) = (results[i], null);
                    break;
                case AttemptResult.Deferred deferred:
                    var least = RetryMin(fate.Row);
                    // Decision 0012.
                    var throttled = RetrySchedule.ThrottledDelayMax * 0.9;
                    fate.NotBefore = Now + (deferred.SlowDown && least > throttled ? throttled : least);
                    break;
                case AttemptResult.Uncertain:
                    BecomeUncertain(fate, flight);
                    break;
            }
        }
        Judge(flight, results);
    }

    void BecomeUncertain(Fate fate, Flight flight)
    {
        fate.Excuses++;
        fate.BoundTo = flight.Transport;
        fate.NotBefore = Now + options.Queue.UncertainWait;
    }

    TimeSpan RetryMin(Recipient row) => row.Route is { } route ? routes[route].Retry : TimeSpan.Zero;

    /// <summary>What the results say of the lane (DESIGN §9.2).</summary>
    void Judge(Flight flight, IReadOnlyList<AttemptResult> results)
    {
        var lane = LaneOf(flight.Attempt.Lane);
        lane.InFlight--;
        var wasProbe = lane.Probe == flight;
        if (wasProbe)
            lane.Probe = null;
        if (results.OfType<AttemptResult.NextHopDown>().FirstOrDefault() is { } down)
        {
            lane.ConcurrencyMax = Math.Max(1, lane.ConcurrencyMax / 2);
            if (!lane.IsClosed)
                (lane.IsClosed, lane.ClosedAt, lane.Probes, wasProbe) = (true, Now, 0, true);
            if (wasProbe)
            {
                var step = StepAfter(lane, down.Trouble);
                lane.NextProbeAt = Now + (down.RetryAfter ?? step);
            }
        }
        else if (results.Any(result => result is AttemptResult.Uncertain))
        {
            lane.ConcurrencyMax = Math.Max(1, lane.ConcurrencyMax / 2);
            if (wasProbe)
                lane.NextProbeAt = Now + StepAfter(lane, NextHopTrouble.Unreachable);
        }
        else
        {
            (lane.IsClosed, lane.Probe) = (false, null);
            if (results.Any(result => result is AttemptResult.Deferred { SlowDown: true }))
                Throttle(flight, lane);
            else if (results.Any(result => result is AttemptResult.Relayed))
                lane.ConcurrencyMax = Math.Min(lane.ConcurrencyMax + 1, MaxOf(flight.Attempt.Lane));
        }
    }

    /// <summary>All attempts that were under way say the same thing once.</summary>
    void Throttle(Flight flight, LaneRecord lane)
    {
        if (flight.BeganAt < lane.ThrottledAt)
            return;
        lane.ThrottledAt = Now;
        lane.ConcurrencyMax = Math.Max(1, lane.ConcurrencyMax / 2);
    }

    TimeSpan StepAfter(LaneRecord lane, NextHopTrouble trouble)
    {
        var probes = lane.Probes++;
        if (trouble == NextHopTrouble.Refusing)
            return TimeSpan.FromSeconds(Math.Min(30 * Math.Pow(2, Math.Min(probes, 4)), 300));
        if (probes < ProbeSteps.Length)
            return ProbeSteps[probes];
        return TimeSpan.FromSeconds(Now - lane.ClosedAt < TimeSpan.FromMinutes(15) ? 10 : 30);
    }

    /// <summary>An operator's retry is done: closed lanes may be probed now.</summary>
    public void ProbeNow()
    {
        foreach (var lane in lanes.Values)
            (lane.NextProbeAt, lane.Probes) = (Now, 0);
    }

    void ResetLanes(string transport)
    {
        buckets.Remove(transport);
        foreach (var (name, lane) in lanes)
        {
            if (Lane.TransportOf(name) != transport)
                continue;
            (lane.IsClosed, lane.Probe) = (false, null);
            lane.ConcurrencyMax = Math.Min(Lane.ConcurrencyStart, MaxOf(name));
        }
    }

    int MaxOf(string lane) => OrderingKey.IsKeptIn(lane) ? 1
        : options.Transports.TryGetValue(Lane.TransportOf(lane), out var own) ? own.MaxConnections
        : int.MaxValue;

    LaneRecord LaneOf(string name)
    {
        if (!lanes.TryGetValue(name, out var lane))
        {
            lanes.Add(name, lane = new LaneRecord
            {
                ConcurrencyMax = Math.Min(Lane.ConcurrencyStart, MaxOf(name)),
            });
        }
        return lane;
    }

    TokenBucket? BucketOf(string transport)
    {
        if (!options.Transports.TryGetValue(transport, out var own) || own.Rate is not { } rate)
            return null;
        if (!buckets.TryGetValue(transport, out var bucket))
            buckets.Add(transport, bucket = new TokenBucket(rate, Now));
        return bucket;
    }

    /// <summary>What a lane may do, as DESIGN §9.2 says it.</summary>
    sealed class LaneRecord
    {
        public int InFlight;
        public int ConcurrencyMax;
        public DateTimeOffset ThrottledAt;
        public bool IsClosed;
        public DateTimeOffset ClosedAt;
        public DateTimeOffset NextProbeAt;
        public int Probes;
        public Flight? Probe;
    }

    /// <summary>A transport's rate; a hair's breadth of rounding is forgiven.</summary>
    sealed class TokenBucket(Postern.Mta.Configuration.Rate rate, DateTimeOffset start)
    {
        double tokens = rate.Count;
        DateTimeOffset filledAt = start;

        public bool TryTake(DateTimeOffset now)
        {
            tokens = Math.Min(
                rate.Count, tokens + ((now - filledAt) / rate.Per * rate.Count));
            filledAt = now;
            return --tokens > -0.001;
        }
    }
}
