using System.Diagnostics;
using Postern.Mta.Routing;

namespace Postern.Mta.Queue;

/// <summary>The pump: due recipients from the store into the lanes, and probes into closed ones.</summary>
public sealed partial class Dispatcher
{
    static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);

    async Task PumpAsync()
    {
        using var timer = clock
            .CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        while (!stopping.IsCancellationRequested)
        {
            if (!await FillAllAsync().ConfigureAwait(false))
            {
                await Task.Delay(TimeSpan.FromSeconds(1), clock, CancellationToken.None)
                    .ConfigureAwait(false);
                continue;
            }
            timer.Change(UntilNext(), Timeout.InfiniteTimeSpan);
            await wake.Reader.ReadAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>One round over all lanes.</summary>
    /// <returns>False: something went wrong in a lane, which is to be looked at again soon.</returns>
    internal async ValueTask<bool> FillAllAsync()
    {
        var good = true;
        foreach (var lane in lanes.Values)
        {
            try
            {
                await FillAsync(lane).ConfigureAwait(false);
                // A pace that let nobody go on may be forgotten by now: whoever waited for it still does.
                AddWorkers(lane);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return true;
            }
            // The other end of rule 12's dispatcher loop: whatever went wrong in one lane, mail goes on.
#pragma warning disable CA1031
            catch (Exception bug)
#pragma warning restore CA1031
            {
                LogPumpFailed(bug);
                good = false;
                lock (lane)
                    lane.MayHoldDue = true;
            }
        }
        return good;
    }

    async ValueTask FillAsync(Lane lane)
    {
        var look = LookFor(lane);
        if (look == Look.Nothing)
            return;
        var sweep = look == Look.Search ? BeginSweep(lane) : null;
        // Forgotten before the fetch: what is noted while it runs may not be in its answer.
        lock (lane)
        {
            lane.MayHoldDue = false;
            lane.NextDueAt = null;
        }
        var limit = LimitOf(look, lane);
        var window = await queue.LeaseDueAsync(lane.Name, sweep?.To, limit, stopping.Token)
            .ConfigureAwait(false);
        lock (lane)
        {
            lane.MayHoldDue |= window.Fetched == limit;
            if (window.NextDueAt is { } next)
                lane.NoteDue(next);
        }
        foreach (var work in window.Works)
            Offer(work);
        if (sweep is not null)
            EndStep(lane, sweep, window);
    }

    /// <summary>What to look for in the store now, if there is a need and room.</summary>
    Look LookFor(Lane lane)
    {
        var condition = lane.Name.Length == 0 ? LaneCondition.Closed : health.ConditionOf(lane.Name);
        lock (lane)
        {
            if (lane.NextDueAt <= queue.Time.Now)
            {
                lane.MayHoldDue = true;
                lane.NextDueAt = null;
            }
            if (!lane.MayHoldDue)
                return Look.Nothing;
            return condition switch
            {
                // Refill when half of the window is used up, so that workers never wait for a fetch.
                LaneCondition.Open => lane.Waiting.FetchedCount <= WindowMax / 2 && RoomOf(lane) > 0
                    ? Look.Window : Look.Nothing,
                LaneCondition.ProbeDue => Look.Probe,
                // Nothing here may go on, but another transport may be open for some of it.
                _ => lane.SearchedGeneration != health.Generation ? Look.Search : Look.Nothing,
            };
        }
    }

    /// <summary>What a pace leaves, so that little waits leased; whole batches alone are worth a
    /// commit.</summary>
    static int RoomOf(Lane lane)
    {
        if (!lane.IsPaced)
            return WindowMax;
        var room = lane.Available - lane.Waiting.Count;
        return room < lane.Batch ? 0 : Math.Min(room, WindowMax);
    }

    static int LimitOf(Look look, Lane lane) => look switch
    {
        Look.Window => RoomOf(lane),
        Look.Probe => 1,
        Look.Search => SearchStepMax,
        _ => throw new UnreachableException(),
    };

    /// <summary>A search goes through the whole lane, a step at a round; one that is under way goes
    /// on.</summary>
    Sweep BeginSweep(Lane lane)
    {
        lock (lane)
            return lane.Sweep ??= new Sweep(health.Generation, default);
    }

    void EndStep(Lane lane, Sweep sweep, LeasedWindow window)
    {
        lock (lane)
        {
            // What has to wait is still there.
            lane.MayHoldDue |= window.Fetched > 0 || sweep.To != default;
            // Whoever asked for a new search meanwhile gets one.
            if (!ReferenceEquals(lane.Sweep, sweep))
                return;
            if (window.Fetched < SearchStepMax)
            {
                lane.Sweep = null;
                lane.SearchedGeneration = sweep.Generation;
                return;
            }
            lane.Sweep = sweep with { To = window.Last };
        }
        Wake();
    }

    /// <summary>How long the pump may sleep: until mail falls due, or a lane that holds due mail may be
    /// probed.</summary>
    internal TimeSpan UntilNext()
    {
        var wait = WaitMax;
        var now = queue.Time.Now;
        foreach (var lane in lanes.Values)
        {
            lock (lane)
            {
                if (lane.NextDueAt is { } due && due - now < wait)
                    wait = due - now;
                // A closed lane waits for its probe, however much its rate would let go.
                lane.PumpKnowsPace =
                    WaitsForPace(lane) && health.ConditionOf(lane.Name) == LaneCondition.Open;
                if (lane.PumpKnowsPace && lane.UntilBatch is var batch && batch < wait)
                    wait = batch;
            }
        }
        if (health.UntilNextProbe(lanes.Values.Where(lane => lane.MayHoldDue).Select(lane => lane.Name))
            is { } probe && probe < wait)
            wait = probe;
        // A lane whose rows are all held back must not turn the pump into a spinning loop.
        return wait < TimeSpan.FromMilliseconds(10) ? TimeSpan.FromMilliseconds(10) : wait;
    }

    /// <summary>Nothing but its pace holds the lane up. While all workers are busy it is they who go
    /// on.</summary>
    static bool WaitsForPace(Lane lane) => lane.IsPaced
        && (lane.Waiting.Count > 0 ? lane.Workers < lane.Concurrency : lane.MayHoldDue);

    enum Look { Nothing, Window, Probe, Search }
}
