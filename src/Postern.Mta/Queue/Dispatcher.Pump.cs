using Postern.Mta.Routing;

namespace Postern.Mta.Queue;

/// <summary>The pump: due recipients from the store into the lanes, and probes into closed ones.</summary>
public sealed partial class Dispatcher
{
    static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);

    /// <summary>The lane that a round begins with.</summary>
    uint first;

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
    /// <remarks>Where lanes want the same room, the one with the highest priority comes first, and of those
    /// another one each round.</remarks>
    /// <returns>False: something went wrong in a lane, which is to be looked at again soon.</returns>
    internal async ValueTask<bool> FillAllAsync()
    {
        var good = true;
        var found = false;
        foreach (var lane in InOrder())
        {
            try
            {
                found |= await FillAsync(lane).ConfigureAwait(false);
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
        if (found)
            first++;
        return good;
    }

    List<Lane> InOrder()
    {
        var all = lanes.Values.ToArray();
        var order = new List<Lane>(all.Length);
        var isSame = true;
        for (var i = 0; i < all.Length; i++)
        {
            var lane = all[(int)((first + i) % all.Length)];
            lock (lane)
                lane.IsWanted = false;
            isSame &= lane.Priority == all[0].Priority;
            order.Add(lane);
        }
        return isSame ? order : [.. order.OrderByDescending(lane => lane.Priority)];
    }

    /// <returns>Work was found.</returns>
    async ValueTask<bool> FillAsync(Lane lane)
    {
        var look = LookFor(lane);
        var search = look == Look.Search ? NextSearch(lane) : null;
        if (look == Look.Nothing || (look == Look.Search && search is null))
            return false;
        int limit;
        SearchStep? step = null;
        // Forgotten before the fetch: what is noted while it runs may not be in its answer.
        lock (lane)
        {
            lane.MayHoldDue = false;
            lane.NextDueAt = null;
            lane.BeginFetch();
            limit = search?.Limit ?? (look == Look.Probe ? 1 : lane.Room);
            if (search is not null)
                step = new SearchStep(search.Begin(), search.Target);
        }
        var window = await queue.LeaseDueAsync(lane.Name, step, limit, stopping.Token).ConfigureAwait(false);
        lock (lane)
        {
            search?.End(window);
            // What a search passes by is still there.
            lane.MayHoldDue |= search is null ? window.Fetched == limit
                : window.Fetched > 0 || window.Last != default;
            if ((window.Stop ?? window.Last) is var last && last != default)
                lane.EndFetch(last.DueAt);
            if (window.NextDueAt is { } next)
                lane.NoteDue(next);
            if (!lane.MayHoldDue && IsWaitedFor(lane))
                Wake();
        }
        foreach (var work in window.Works)
            Offer(work);
        if (search is not null)
            Wake();
        return window.Leased > 0;
    }

    /// <summary>What to look for in the store now, if there is a need and room.</summary>
    Look LookFor(Lane lane)
    {
        var comesLater = ComesLater(lane);
        var condition = lane.Name.Length == 0 ? LaneCondition.Closed : health.ConditionOf(lane.Name);
        lock (lane)
        {
            if (lane.NextDueAt <= queue.Time.Now)
            {
                lane.MayHoldDue = true;
                lane.NextDueAt = null;
                foreach (var search in lane.Searches.Values)
                    search.NoteDue();
            }
            if (!lane.MayHoldDue || comesLater || (lane.KeepsOrder && !lane.IsIdle))
                return Look.Nothing;
            return condition switch
            {
                // Refill when half of the window is used up, so that workers never wait for a fetch.
                LaneCondition.Open => lane.Waiting.FetchedCount <= Lane.WindowMax / 2 && lane.Room > 0
                    ? Look.Window : Look.Nothing,
                LaneCondition.ProbeDue => Look.Probe,
                // Nothing here may go on, but another transport may be open for some of it.
                _ => Look.Search,
            };
        }
    }

    /// <summary>Where order is kept, what an earlier process left under way, or waits elsewhere, goes first;
    /// the end of that wakes the pump.</summary>
    bool ComesLater(Lane lane) => lane.KeepsOrder && (!queue.IsRecovered || WaitsForEarlier(lane));

    /// <summary>A reload has switched order on: the mail that waits in the transport's other lane came
    /// earlier, and is put in its place first.</summary>
    bool WaitsForEarlier(Lane lane)
    {
        if (!lanes.TryGetValue(lane.Transport, out var earlier)
            || queue.Routes.FindTransport(lane.Transport)?.Ordering != TransportOrdering.Recipient)
            return false;
        lock (earlier)
            return earlier.MayHoldDue || !earlier.IsIdle;
    }

    /// <summary>Lanes that keep the order of its transport may wait for it.</summary>
    bool IsWaitedFor(Lane lane) => !lane.KeepsOrder && ordered.ContainsKey(lane.Name);

    /// <summary>The search of a closed lane that has waited longest, of those that have somewhere to put what
    /// they find.</summary>
    LaneSearch? NextSearch(Lane lane)
    {
        var generation = health.Generation;
        List<LaneSearch> all = [];
        lock (lane)
        {
            if (lane.Searches.TryGetValue("", out var belonging))
                all.Add(belonging);
            foreach (var target in queue.Routes.StandInsOf(lane.Transport))
            {
                if (!lane.Searches.TryGetValue(target, out var search) || search.Generation != generation)
                    lane.Searches[target] = search = new LaneSearch(target, generation);
                foreach (var due in search.Closed.Where(IsProbeDue).ToArray())
                    search.NoteProbeDue(due);
                all.Add(search);
            }
        }
        return all.Where(MayGoOn).MinBy(search => search.Steps);
    }

    bool IsProbeDue(string lane) => health.ConditionOf(lane) == LaneCondition.ProbeDue;

    bool MayGoOn(LaneSearch search)
    {
        if (search.IsOver || search.Target.Length == 0)
            return !search.IsOver;
        switch (health.ConditionOf(search.Target))
        {
            case LaneCondition.Closed:
                return false;
            case LaneCondition.Open when search.Full.Count > 0 && !search.Full.Any(
                name => RoomForGuests(name) > 0):
                foreach (var name in search.Full)
                    NoteWanted(name);
                return false;
            default:
                return true;
        }
    }

    /// <summary>How long the pump may sleep: until mail falls due, or a lane that holds due mail may be
    /// probed.</summary>
    internal TimeSpan UntilNext()
    {
        var wait = WaitMax;
        var now = queue.Time.Now;
        var looking = new List<Lane>();
        foreach (var lane in lanes.Values)
        {
            var comesLater = ComesLater(lane);
            lock (lane)
            {
                var mayFetch = lane.MayHoldDue && !comesLater && (lane.IsIdle || !lane.KeepsOrder);
                if (mayFetch)
                    looking.Add(lane);
                if (lane.NextDueAt is { } due && due - now < wait)
                    wait = due - now;
                // A closed lane waits for its probe, however much its rate would let go; the probe, for that.
                lane.PumpKnowsPace = WaitsForPace(lane, mayFetch)
                    && (lane.Waiting.Count > 0 || health.ConditionOf(lane.Name) == LaneCondition.Open);
                if (lane.PumpKnowsPace && lane.UntilBatch is var batch && batch < wait)
                    wait = batch;
            }
        }
        if (health.UntilNextProbe(looking.SelectMany(ProbesOf)) is { } probe && probe < wait)
            wait = probe;
        // A lane whose rows are all held back must not turn the pump into a spinning loop.
        return wait < TimeSpan.FromMilliseconds(10) ? TimeSpan.FromMilliseconds(10) : wait;
    }

    /// <summary>The lanes that one recipient of this lane could be the probe of.</summary>
    IEnumerable<string> ProbesOf(Lane lane)
    {
        if (health.ConditionOf(lane.Name) == LaneCondition.Open)
            return [];
        lock (lane)
        {
            return
            [
                lane.Name,
                .. queue.Routes.StandInsOf(lane.Transport)
                    .Where(name => lane.Searches.GetValueOrDefault(name) is not { IsOver: true }),
                .. lane.Searches.Values.SelectMany(search => search.Closed),
            ];
        }
    }

    /// <summary>Nothing but its pace holds the lane up. While all workers are busy it is they who go
    /// on.</summary>
    static bool WaitsForPace(Lane lane, bool mayFetch) => lane.IsPaced
        && (lane.Waiting.Count > 0 ? lane.Workers < lane.Concurrency : mayFetch || lane.IsWanted);

    enum Look { Nothing, Window, Probe, Search }
}
