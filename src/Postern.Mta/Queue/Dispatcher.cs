using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Takes leased work lane by lane, within each lane's concurrency and health, and makes the
/// attempts.</summary>
/// <remarks>
/// Two kinds of activity. Workers: at most <see cref="Lane.Concurrency"/> of a lane, each making one attempt
/// after the other while there is work. The pump: one loop that fetches due recipients from the store, leases
/// them through <see cref="MessageQueue"/> and sends probes into closed lanes. Legal moves of a recipient are
/// the queue's; here is decided only when. Fresh mail is offered by the queue right after its commit and
/// never read back. Log levels: Information when a lane closes or opens; Error for a bug in a transport.
/// </remarks>
public sealed partial class Dispatcher : IDisposable
{
    /// <summary>How many recipients one fetch takes from a lane.</summary>
    const int WindowMax = 400;

    /// <summary>A closed lane is searched in steps of so many for recipients that another transport may
    /// take.</summary>
    const int SearchStepMax = 1000;

    readonly MessageQueue queue;
    readonly IMailStore store;
    readonly RelayHealth health;
    readonly TransportTable transports;
    readonly TimeProvider clock;
    readonly ILogger log;
    readonly ConcurrentDictionary<string, Lane> lanes = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, Pace?> paces = new(StringComparer.Ordinal);
    readonly Channel<bool> wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    readonly CancellationTokenSource stopping = new();
    readonly CancellationTokenSource aborting = new();
    Task pump = Task.CompletedTask;
    readonly ConcurrentQueue<Lane> starting = new();
    bool isStarting;
    int working;

    internal Dispatcher(
        MessageQueue queue, IMailStore store, RelayHealth health, TransportTable transports,
        TimeProvider clock, ILogger log)
    {
        this.queue = queue;
        this.store = store;
        this.health = health;
        this.transports = transports;
        this.clock = clock;
        this.log = log;
    }

    /// <summary>Runs a worker. Null: on the thread pool; a simulation runs them itself, one after the
    /// other.</summary>
    internal Action<Func<Task>>? RunWorker { get; set; }

    /// <summary>The stop has run out of patience: what still waits gives up.</summary>
    internal CancellationToken Aborting => aborting.Token;

    /// <summary>Begins with the lanes the store knows; others come with their first mail.</summary>
    public async ValueTask StartAsync(CancellationToken cancel)
    {
        foreach (var total in await store.ReadLanesAsync(cancel).ConfigureAwait(false))
            Know(total);
        pump = Task.Run(PumpAsync, CancellationToken.None);
    }

    /// <summary>No new attempts; those being made get until the limit, then they are cut off and recorded as
    /// uncertain.</summary>
    public async ValueTask StopAsync(TimeSpan limit)
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        Wake();
        await pump.ConfigureAwait(false);
        using var patience = new CancellationTokenSource(limit, clock);
        while (Volatile.Read(ref working) > 0 && !patience.IsCancellationRequested)
            await Task.Delay(TimeSpan.FromMilliseconds(5), clock, CancellationToken.None)
                .ConfigureAwait(false);
        await aborting.CancelAsync().ConfigureAwait(false);
        while (Volatile.Read(ref working) > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(5), clock, CancellationToken.None)
                .ConfigureAwait(false);
        // Reports that come up on the way are offered too, and given back in the next round.
        while (lanes.Values.SelectMany(TakeWaiting).ToList() is { Count: > 0 } left)
            await queue.UnleaseAsync(left).ConfigureAwait(false);
    }

    /// <summary>A lane that an earlier process left.</summary>
    internal void Know(LaneTotal total)
    {
        var lane = LaneOf(total.Lane);
        lock (lane)
        {
            lane.MayHoldDue = true;
            if (total.FirstTurn is { } first)
                lane.BeginTurns(first);
        }
    }

    /// <summary>The place of a recipient that waits in the store.</summary>
    /// <param name="via">Null: no route fits.</param>
    internal DateTimeOffset TakeTurn(QueuedMessage message, RoutingDecision.Via? via)
    {
        var lane = LaneOf(via?.Lane ?? "");
        lock (lane)
            return lane.TakeTurn(Flow.Of(message, via?.Route.Name), via?.Route.Priority ?? 0);
    }

    /// <summary>The place of leased work that is given back.</summary>
    internal DateTimeOffset FrontTurn(RoutingDecision.Via via)
    {
        var lane = LaneOf(via.Lane);
        lock (lane)
            return lane.FrontTurn(via.Route.Priority);
    }

    /// <summary>Fresh mail may pass the store by.</summary>
    internal bool HasRoomFor(QueuedMessage message, RoutingDecision.Via via)
    {
        var lane = LaneOf(via.Lane);
        lock (lane)
            return lane.HasRoomFor(Flow.Of(message, via.Route.Name), via.Route.Priority);
    }

    /// <summary>Ready recipients that were fetched from a lane and have left it.</summary>
    internal void NoteServed(string lane, IEnumerable<Recipient> fetched, List<Recipient> changed)
    {
        if (changed.Count == 0)
            return;
        var left = changed.Select(row => new RecipientKey(row.Message, row.Number)).ToHashSet();
        var served = LaneOf(lane);
        lock (served)
        {
            foreach (var row in fetched)
            {
                if (row.State == RecipientState.Ready
                    && left.Contains(new RecipientKey(row.Message, row.Number)))
                    served.NoteServed(row.DueAt);
            }
        }
    }

    /// <summary>Leased work, ready to be attempted.</summary>
    internal void Offer(Work work)
    {
        var lane = LaneOf(work.Decision.Lane);
        lock (lane)
        {
            lane.Waiting.Enqueue(work);
            if (lane.Workers >= lane.Concurrency || stopping.IsCancellationRequested)
                return;
            lane.Workers++;
        }
        StartWorker(lane);
    }

    /// <summary>A recipient of this lane was stored that falls due then.</summary>
    internal void NoteDue(string lane, DateTimeOffset dueAt)
    {
        var found = LaneOf(lane);
        lock (found)
        {
            if (dueAt <= clock.GetUtcNow())
            {
                found.MayHoldDue = true;
                // Without a lane it waits for a decision, which no change of health brings about.
                if (lane.Length == 0)
                    found.SearchAnew();
            }
            else
                found.NoteDue(dueAt);
        }
        Wake();
    }

    /// <summary>Every lane is looked through again: after a reload, a retry command, a lane that
    /// opened.</summary>
    internal void LookEverywhere()
    {
        foreach (var lane in lanes.Values)
        {
            lock (lane)
            {
                lane.MayHoldDue = true;
                lane.SearchAnew();
            }
        }
        Wake();
    }

    /// <summary>A reload changed this transport: its lanes begin anew.</summary>
    internal void Reset(string transport)
    {
        health.Forget(transport);
        var pace = paces[transport] = PaceFor(transport);
        foreach (var lane in lanes.Values.Where(lane => lane.Transport == transport))
        {
            lock (lane)
                lane.Reset(transports.ConcurrencyMaxOf(transport), pace);
        }
    }

    internal IReadOnlyList<LaneStatus> Lanes() =>
    [
        .. lanes.Values.Where(lane => lane.Name.Length > 0).OrderBy(lane => lane.Name, StringComparer.Ordinal)
            .Select(lane => new LaneStatus(
                lane.Name, lane.Transport, lane.Workers, lane.Concurrency, health.Find(lane.Name))),
    ];

    public void Dispose()
    {
        stopping.Dispose();
        aborting.Dispose();
    }

    void Wake() => wake.Writer.TryWrite(true);

    Lane LaneOf(string name) => lanes.GetOrAdd(name, static (name, dispatcher) =>
    {
        var transport = Lane.TransportOf(name);
        return new Lane(
            name, transport, dispatcher.transports.ConcurrencyMaxOf(transport),
            dispatcher.paces.GetOrAdd(transport, dispatcher.PaceFor));
    }, this);

    Pace? PaceFor(string transport) =>
        transports.RateOf(transport) is { } rate ? new Pace(rate, clock) : null;

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
                    await AttemptAsync(lane, work).ConfigureAwait(false);
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
            if (mayWork && lane.Waiting.Count > 0 && lane.Pace?.TryTake() != false
                && lane.Waiting.TryDequeue(out work!))
            {
                if (lane.MayHoldDue && lane.Waiting.FetchedCount is 0 or WindowMax / 2)
                    Wake();
                return true;
            }
            lane.Workers--;
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
        health.ReturnProbe(lane.Name);
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
        await AdjustAsync(lane, work, report).ConfigureAwait(false);
        var again = await queue.RecordAsync(work, report, startedAt).ConfigureAwait(false);
        foreach (var next in again)
            Offer(next);
    }

    /// <summary>What the report says of the next hop: its lane opens or closes, its concurrency rises or
    /// falls.</summary>
    async ValueTask AdjustAsync(Lane lane, Work work, AttemptReport report)
    {
        var down = report.Results.OfType<AttemptResult.NextHopDown>().FirstOrDefault();
        if (down is not null)
        {
            lock (lane)
                lane.Lower();
            if (health.Close(lane.Name, down))
            {
                LogLaneClosed(lane.Name, down.Text);
                foreach (var next in await queue.RerouteAsync(TakeWaiting(lane)).ConfigureAwait(false))
                    Offer(next);
            }
            queue.NoteLaneClosed(work.Decision.Transport, down);
            Wake();
            return;
        }
        if (report.Results.Any(result => result is AttemptResult.Uncertain))
        {
            health.FailProbe(lane.Name);
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
                lane.Lower();
            else if (report.Results.Any(result => result is AttemptResult.Relayed))
                lane.Raise();
        }
        AddWorkers(lane);
    }

    void AddWorkers(Lane lane)
    {
        int count;
        lock (lane)
        {
            if (stopping.IsCancellationRequested)
                return;
            count = Math.Min(lane.Concurrency - lane.Workers, lane.Waiting.Count);
            if (lane.Pace is { } pace)
                count = Math.Min(count, pace.Available);
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
