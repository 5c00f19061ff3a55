using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>The workers: each makes one attempt after the other, and says what it found out about the next
/// hop.</summary>
public sealed partial class Dispatcher
{
    /// <summary>How long work waits for the worker that has taken it ahead.</summary>
    static readonly TimeSpan AheadMax = TimeSpan.FromSeconds(1);

    /// <summary>How long nothing is taken ahead where that was too long.</summary>
    const int AheadRestSeconds = 600;

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
        var worker = new Worker(lane);
        worker.TakeNext = () => TakeAheadAsync(worker);
        try
        {
            while (await TakeAsync(worker).ConfigureAwait(false) is { } errand)
            {
                try
                {
                    // Its lane closed while its lease was being written: only the probe goes on.
                    if (health.MayTry(lane.Name, errand.Work.Decision.Probe))
                        await AttemptAsync(worker, errand).ConfigureAwait(false);
                    else
                        await RerouteAsync([errand.Work]).ConfigureAwait(false);
                }
                // Its result could not be written: the recipients count as uncertain after a restart.
#pragma warning disable CA1031
                catch (Exception bug)
#pragma warning restore CA1031
                {
                    LogResultLost(bug, errand.Work.Message.Id, errand.Work.Decision.Transport);
                }
                finally
                {
                    await errand.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
        finally
        {
            worker.Dispose();
            Interlocked.Decrement(ref working);
        }
    }

    /// <summary>Null: there is nothing to do, and the worker is none any more.</summary>
    async ValueTask<Errand?> TakeAsync(Worker worker)
    {
        var ahead = worker.TakeAhead();
        var errand = Take(worker.Lane, ahead);
        if (ahead is not null && errand != ahead)
            await ahead.DisposeAsync().ConfigureAwait(false);
        return errand;
    }

    Errand? Take(Lane lane, Errand? ahead)
    {
        lock (lane)
        {
            var mayWork = lane.Workers <= lane.Concurrency && !stopping.IsCancellationRequested;
            if (ahead is not null)
            {
                if (mayWork && !lane.IsPaced)
                    return ahead;
                // A pace was set meanwhile, or there are too many workers: it waits like the others.
                lane.Waiting.Enqueue(ahead.Work);
            }
            if (mayWork && TryTakeWaiting(lane, out var errand))
                return errand;
            lane.Workers--;
            // For want of pace: the pump starts another one in time. Where order is kept, it was waiting.
            if (mayWork && (lane.Waiting.Count > 0 ? !lane.PumpKnowsPace
                : lane.KeepsOrder ? lane.MayHoldDue : IsWaitedFor(lane)))
                Wake();
            return null;
        }
    }

    bool TryTakeWaiting(Lane lane, [NotNullWhen(true)] out Errand? errand)
    {
        errand = null;
        if (lane.Waiting.Count == 0 || !lane.TryTakePace() || !lane.Waiting.TryDequeue(out var work))
            return false;
        if (lane.MayHoldDue && lane.Waiting.FetchedCount is 0 or Lane.WindowMax / 2)
            Wake();
        if (lane.IsWanted && lane.GuestRoom > 0)
        {
            lane.IsWanted = false;
            Wake();
        }
        errand = new Errand(work);
        return true;
    }

    /// <summary>A transport can begin one more message with the end of the one it sends: the next that waits,
    /// since all workers of the lane are busy.</summary>
    async ValueTask<Attempt?> TakeAheadAsync(Worker worker)
    {
        var lane = worker.Lane;
        if (health.ConditionOf(lane.Name) != LaneCondition.Open)
            return null;
        Errand? errand;
        lock (lane)
        {
            // A pace is kept by beginning late, not early; order, by waiting for what comes of it.
            if (lane.IsPaced || lane.KeepsOrder || clock.GetTimestamp() < lane.NoneAheadUntil
                || lane.Workers > lane.Concurrency || stopping.IsCancellationRequested
                || !TryTakeWaiting(lane, out errand))
                return null;
        }
        try
        {
            return await OpenAsync(worker, errand).ConfigureAwait(false);
        }
        // The message that is being sent has no part in it; its own attempt meets it again and says so.
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
        finally
        {
            worker.PutAhead(errand, clock, GiveBack);
        }
    }

    /// <summary>The next hop takes its time for the content before: another worker makes the
    /// attempt.</summary>
    void GiveBack(Worker worker)
    {
        if (worker.TakeAhead() is not { } errand)
            return;
        lock (worker.Lane)
            worker.Lane.NoneAheadUntil = clock.GetTimestamp() + (clock.TimestampFrequency * AheadRestSeconds);
        Offer(errand.Work);
        // Nothing of it was kept yet: who has begun it is still busy, and ends it then.
        _ = errand.DisposeAsync().AsTask();
    }

    async ValueTask AttemptAsync(Worker worker, Errand errand)
    {
        var (lane, work) = (worker.Lane, errand.Work);
        var startedAt = clock.GetTimestamp();
        AttemptReport report;
        try
        {
            report = await MakeAsync(worker, errand).ConfigureAwait(false);
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
            errand.LetGo();
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

    async ValueTask<AttemptReport> MakeAsync(Worker worker, Errand errand)
    {
        var work = errand.Work;
        if (transports.Find(work.Decision.Transport) is not { } transport)
        {
            var text = $"transport {work.Decision.Transport} is not configured";
            return ForAll(work, new AttemptResult.NextHopDown(
                Statuses.BadConfiguration, text, NextHopTrouble.Refusing));
        }
        var attempt = errand.Attempt ?? await OpenAsync(worker, errand).ConfigureAwait(false);
        return await transport.AttemptAsync(attempt, aborting.Token).ConfigureAwait(false);
    }

    async ValueTask<Attempt> OpenAsync(Worker worker, Errand errand)
    {
        var work = errand.Work;
        var content = work.Content?.Content ?? (
            errand.Opened = await store.OpenContentAsync(work.Message, aborting.Token).ConfigureAwait(false))
            ?? throw new ContentDamagedException(work.Message.Id.ToString(), "it is not there any more");
        var edits = await queue.EditsOfAsync(work, content, aborting.Token).ConfigureAwait(false);
        return errand.Attempt = new Attempt(
            work.Message, work.Recipients,
            queue.SenderOf(work.Message, work.Recipients[0], work.Decision),
            new EditedContent(work.Message, content, edits),
            work.Decision.Lane)
        {
            TakeNext = worker.TakeNext,
        };
    }

    async ValueTask SettleAsync(Lane lane, Work work, AttemptReport report, long startedAt)
    {
        await AdjustAsync(lane, work, report, startedAt).ConfigureAwait(false);
        // It goes back to its place, in front of what waits here.
        if (lane.KeepsOrder && report.Results.Any(result => result is AttemptResult.NextHopDown))
            await RerouteAsync(TakeWaiting(lane)).ConfigureAwait(false);
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
            {
                lane.Lower();
                // From here on it is the probes that spare the next hop.
                lane.EndPause();
            }
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
            var isSlowDown = report.Results.Any(
                result => result is AttemptResult.Deferred { SlowDown: true });
            if (report.Results.Any(result => result is AttemptResult.Relayed))
                lane.Raise();
            else if (!isSlowDown)
                lane.NoteAnswered();
            if (isSlowDown)
                lane.Throttle(startedAt);
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

    /// <summary>One of a lane's workers.</summary>
    sealed class Worker(Lane lane) : IDisposable
    {
        ITimer? patience;
        Errand? ahead;

        public Lane Lane => lane;

        public Func<ValueTask<Attempt?>>? TakeNext { get; set; }

        /// <summary>What it does next, taken while it is still busy; not for long.</summary>
        public void PutAhead(Errand errand, TimeProvider clock, Action<Worker> giveBack)
        {
            Volatile.Write(ref ahead, errand);
            patience ??= clock.CreateTimer(
                _ => giveBack(this), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            patience.Change(AheadMax, Timeout.InfiniteTimeSpan);
        }

        /// <summary>Null: whatever waits.</summary>
        public Errand? TakeAhead() => Interlocked.Exchange(ref ahead, null);

        public void Dispose() => patience?.Dispose();
    }

    /// <summary>Work that a worker has taken, and what was opened for it.</summary>
    sealed class Errand(Work work) : IAsyncDisposable
    {
        public Work Work => work;

        /// <summary>Content that is not in memory; it belongs to the errand. Null: not opened.</summary>
        public StoredContent? Opened { get; set; }

        /// <summary>Null: its content was not opened yet.</summary>
        public Attempt? Attempt { get; set; }

        /// <summary>The attempt is over, and its content is not needed any more.</summary>
        public void LetGo()
        {
            work.Content?.LetGo();
            Opened?.Dispose();
            Opened = null;
        }

        /// <summary>It may have been given up with its attempt begun.</summary>
        public ValueTask DisposeAsync()
        {
            Opened?.Dispose();
            return Attempt?.GiveUpAsync() ?? ValueTask.CompletedTask;
        }
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
