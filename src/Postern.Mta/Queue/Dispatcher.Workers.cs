using System.Collections.Concurrent;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>The workers: each makes one attempt after the other, and says what it found out about the next
/// hop.</summary>
public sealed partial class Dispatcher
{
    readonly ConcurrentQueue<Lane> starting = new();
    bool isStarting;

    /// <summary>Runs a worker. Null: on the thread pool; a simulation runs them itself, one after the
    /// other.</summary>
    internal Action<Func<Task>>? RunWorker { get; set; }

    void StartWorker(Lane lane)
    {
        Interlocked.Increment(ref working);
        if (RunWorker is { } run)
        {
            run(() => WorkAsync(lane));
            return;
        }
        starting.Enqueue(lane);
        if (!Interlocked.Exchange(ref isStarting, true))
            ThreadPool.UnsafeQueueUserWorkItem(static me => me.StartWorkers(), this, preferLocal: false);
    }

    /// <summary>Each begins here and goes on wherever its first answer comes in: one thread is woken for all
    /// that a commit brought.</summary>
    void StartWorkers()
    {
        do
        {
            while (starting.TryDequeue(out var lane))
                _ = WorkAsync(lane);
            Interlocked.Exchange(ref isStarting, false);
        }
        while (!starting.IsEmpty && !Interlocked.Exchange(ref isStarting, true));
    }

    async Task WorkAsync(Lane lane)
    {
        try
        {
            while (TryTake(lane, out var work))
            {
                try
                {
                    // Its lane closed while its lease was being written: only the probe goes on.
                    if (health.MayTry(lane.Name, work.Decision.Probe))
                        await AttemptAsync(lane, work).ConfigureAwait(false);
                    else
                        await RerouteAsync([work]).ConfigureAwait(false);
                }
                // Its result could not be written: the recipients count as uncertain after a restart.
#pragma warning disable CA1031
                catch (Exception bug)
#pragma warning restore CA1031
                {
                    LogResultLost(bug, work.Message.Id, work.Decision.Transport);
                }
            }
        }
        finally
        {
            Interlocked.Decrement(ref working);
        }
    }

    bool TryTake(Lane lane, out Work work)
    {
        lock (lane)
        {
            var mayWork = lane.Workers <= lane.Concurrency && !stopping.IsCancellationRequested;
            if (mayWork && lane.Waiting.Count > 0 && lane.TryTakePace()
                && lane.Waiting.TryDequeue(out work!))
            {
                if (lane.MayHoldDue && lane.Waiting.FetchedCount is 0 or Lane.WindowMax / 2)
                    Wake();
                if (lane.IsWanted && lane.GuestRoom > 0)
                {
                    lane.IsWanted = false;
                    Wake();
                }
                return true;
            }
            lane.Workers--;
            // For want of pace: the pump starts another one in time.
            if (mayWork && lane.Waiting.Count > 0 && !lane.PumpKnowsPace)
                Wake();
            work = null!;
            return false;
        }
    }

    async ValueTask AttemptAsync(Lane lane, Work work)
    {
        var startedAt = clock.GetTimestamp();
        AttemptReport report;
        try
        {
            report = await MakeAsync(work).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (aborting.IsCancellationRequested)
        {
            report = ForAll(work, new AttemptResult.Uncertain(
                Statuses.SystemStopping, "Postern was stopped while this attempt was being made"));
        }
        catch (ContentDamagedException damaged)
        {
            queue.HoldDamaged(work, damaged.Message);
            await RecordOwnTroubleAsync(lane, work, Statuses.ContentLost, damaged.Message, startedAt)
                .ConfigureAwait(false);
            return;
        }
        // One of the two places where a bug is caught (STYLE rule 12): mail waits, the dispatcher goes on.
#pragma warning disable CA1031
        catch (Exception bug)
#pragma warning restore CA1031
        {
            LogAttemptFailed(bug, work.Message.Id, work.Decision.Transport);
            await RecordOwnTroubleAsync(
                lane, work, Statuses.InternalTrouble, "internal error, see the log", startedAt)
                .ConfigureAwait(false);
            return;
        }
        finally
        {
            work.Content?.LetGo();
        }
        await SettleAsync(lane, work, report, startedAt).ConfigureAwait(false);
    }

    /// <summary>It says nothing of the next hop: a closed lane stays closed, its alarms stay
    /// raised.</summary>
    async ValueTask RecordOwnTroubleAsync(
        Lane lane, Work work, EnhancedStatus status, string text, long startedAt)
    {
        health.ReturnProbe(lane.Name, work.Decision.Probe);
        Wake();
        var report = ForAll(work, new AttemptResult.Deferred(status, text, Blame.Message));
        await queue.RecordAsync(work, report, startedAt).ConfigureAwait(false);
    }

    static AttemptReport ForAll(Work work, AttemptResult result) =>
        new([.. Enumerable.Repeat(result, work.Recipients.Count)], AttemptFacts.None);

    async ValueTask<AttemptReport> MakeAsync(Work work)
    {
        if (transports.Find(work.Decision.Transport) is not { } transport)
        {
            var text = $"transport {work.Decision.Transport} is not configured";
            return ForAll(work, new AttemptResult.NextHopDown(
                Statuses.BadConfiguration, text, NextHopTrouble.Refusing));
        }
        if (work.Content is { } shared)
            return await transport.AttemptAsync(ToAttempt(work, shared.Content), aborting.Token)
                .ConfigureAwait(false);

        using var stored = await store.OpenContentAsync(work.Message, aborting.Token).ConfigureAwait(false);
        if (stored is null)
            throw new ContentDamagedException(work.Message.Id.ToString(), "it is not there any more");
        return await transport.AttemptAsync(ToAttempt(work, stored), aborting.Token).ConfigureAwait(false);
    }

    static Attempt ToAttempt(Work work, StoredContent stored) => new(
        work.Message, work.Recipients, work.Message.Sender,
        new EditedContent(work.Message, stored), work.Decision.Lane);

    async ValueTask SettleAsync(Lane lane, Work work, AttemptReport report, long startedAt)
    {
        await AdjustAsync(lane, work, report, startedAt).ConfigureAwait(false);
        var again = await queue.RecordAsync(work, report, startedAt).ConfigureAwait(false);
        foreach (var next in again)
            Offer(next);
    }

    /// <summary>What the report says of the next hop: its lane opens or closes, its concurrency rises or
    /// falls.</summary>
    async ValueTask AdjustAsync(Lane lane, Work work, AttemptReport report, long startedAt)
    {
        var down = report.Results.OfType<AttemptResult.NextHopDown>().FirstOrDefault();
        if (down is { SlowDown: true } && IsOnlyThrottled(lane, startedAt))
        {
            Wake();
            return;
        }
        if (down is not null)
        {
            lock (lane)
                lane.Lower();
            if (health.Close(lane.Name, down, work.Decision.Probe))
            {
                LogLaneClosed(lane.Name, down.Text);
                await RerouteAsync(TakeWaiting(lane)).ConfigureAwait(false);
            }
            queue.NoteLaneClosed(work.Decision.Transport, down);
            Wake();
            return;
        }
        if (report.Results.Any(result => result is AttemptResult.Uncertain))
        {
            health.FailProbe(lane.Name, work.Decision.Probe);
            lock (lane)
                lane.Lower();
            return;
        }
        if (health.Open(lane.Name))
        {
            LogLaneOpened(lane.Name);
            LookEverywhere();
        }
        queue.NoteLaneOpen(work.Decision.Transport);
        lock (lane)
        {
            if (report.Results.Any(result => result is AttemptResult.Deferred { SlowDown: true }))
                lane.Throttle(startedAt);
            else if (report.Results.Any(result => result is AttemptResult.Relayed))
                lane.Raise();
        }
        AddWorkers(lane);
    }

    /// <summary>The next hop asks for a lower pace but takes mail: its lane stays open (DESIGN §5).</summary>
    bool IsOnlyThrottled(Lane lane, long startedAt)
    {
        if (health.ConditionOf(lane.Name) != LaneCondition.Open)
            return false;
        lock (lane)
            return lane.Throttle(startedAt);
    }

    async ValueTask RerouteAsync(List<Work> works)
    {
        foreach (var next in await queue.RerouteAsync(works).ConfigureAwait(false))
            Offer(next);
    }

    void AddWorkers(Lane lane)
    {
        int count;
        lock (lane)
        {
            if (stopping.IsCancellationRequested)
                return;
            count = Math.Min(lane.Concurrency - lane.Workers, lane.Waiting.Count);
            count = Math.Min(count, lane.Available);
            lane.Workers += Math.Max(count, 0);
        }
        for (; count > 0; count--)
            StartWorker(lane);
    }

    static List<Work> TakeWaiting(Lane lane)
    {
        lock (lane)
        {
            var all = new List<Work>(lane.Waiting.Count);
            while (lane.Waiting.TryDequeue(out var work))
                all.Add(work);
            return all;
        }
    }
}
