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
            try
            {
                foreach (var lane in lanes.Values)
                    await FillAsync(lane).ConfigureAwait(false);
            }
            // The other end of rule 12's dispatcher loop: whatever went wrong in one round, mail must not
            // stop.
#pragma warning disable CA1031
            catch (Exception bug)
#pragma warning restore CA1031
            {
                LogPumpFailed(bug);
                if (stopping.IsCancellationRequested)
                    return;
                await Task.Delay(TimeSpan.FromSeconds(1), clock, CancellationToken.None)
                    .ConfigureAwait(false);
            }
            timer.Change(UntilNext(), Timeout.InfiniteTimeSpan);
            await wake.Reader.ReadAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    async ValueTask FillAsync(Lane lane)
    {
        var limit = RoomIn(lane);
        if (limit == 0)
            return;
        var generation = health.Generation;
        var now = clock.GetUtcNow();
        var window = await store.FetchDueAsync(lane.Name, now, limit, stopping.Token).ConfigureAwait(false);
        lock (lane)
        {
            lane.MayHoldDue = window.Recipients.Count == limit;
            lane.NextDueAt = window.NextDueAt;
        }
        if (window.Recipients.Count == 0)
            return;
        var works = await queue.LeaseAsync(window.Recipients, stopping.Token).ConfigureAwait(false);
        foreach (var work in works)
            Offer(work);
        NoteSearch(lane, generation, moved: works.Count);
    }

    /// <summary>How many recipients to fetch now; 0 when there is no need or no room.</summary>
    int RoomIn(Lane lane)
    {
        var condition = lane.Name.Length == 0 ? LaneCondition.Closed : health.ConditionOf(lane.Name);
        lock (lane)
        {
            if (lane.NextDueAt <= clock.GetUtcNow())
                lane.MayHoldDue = true;
            if (!lane.MayHoldDue)
                return 0;
            return condition switch
            {
                // Refill when half of the window is used up, so that workers never wait for a fetch.
                LaneCondition.Open => lane.Waiting.Count <= WindowMax / 2 ? WindowMax : 0,
                LaneCondition.ProbeDue => 1,
                // Nothing here may go on, but another transport may be open for some of it.
                _ => lane.SearchedGeneration != health.Generation ? FailoverWindowMax : 0,
            };
        }
    }

    void NoteSearch(Lane lane, int generation, int moved)
    {
        if (lane.Name.Length > 0 && health.ConditionOf(lane.Name) == LaneCondition.Open)
            return;
        lock (lane)
        {
            lane.MayHoldDue = true;
            // Only rows that must wait were found: do not look again before something changes.
            if (moved == 0)
                lane.SearchedGeneration = generation;
        }
        if (moved > 0)
            Wake();
    }

    TimeSpan UntilNext()
    {
        var wait = WaitMax;
        var now = clock.GetUtcNow();
        foreach (var lane in lanes.Values)
        {
            lock (lane)
            {
                if (lane.NextDueAt is { } due && due - now < wait)
                    wait = due - now;
            }
        }
        if (health.UntilNextProbe(lanes.Keys) is { } probe && probe < wait)
            wait = probe;
        // A lane whose rows are all held back must not turn the pump into a spinning loop.
        return wait < TimeSpan.FromMilliseconds(10) ? TimeSpan.FromMilliseconds(10) : wait;
    }
}
