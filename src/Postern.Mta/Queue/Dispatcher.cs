using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;

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
    readonly MessageQueue queue;
    readonly IMailStore store;
    readonly RelayHealth health;
    readonly TransportTable transports;
    readonly TimeProvider clock;
    readonly ILogger log;
    readonly ConcurrentDictionary<string, Lane> lanes = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, Pace?> paces = new(StringComparer.Ordinal);
    readonly SpentPaces earlier = new();

    /// <summary>Transports that have lanes which keep order.</summary>
    readonly ConcurrentDictionary<string, bool> ordered = new(StringComparer.Ordinal);

    readonly Channel<bool> wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    readonly CancellationTokenSource stopping = new();
    readonly CancellationTokenSource aborting = new();
    Task pump = Task.CompletedTask;
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

    /// <summary>The stop has run out of patience: what still waits gives up.</summary>
    internal CancellationToken Aborting => aborting.Token;

    /// <summary>Begins with the lanes the store knows; others come with their first mail.</summary>
    public async ValueTask StartAsync(CancellationToken cancel)
    {
        await queue.BeginAsync(cancel).ConfigureAwait(false);
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
            lane.SearchAnew();
            if (total.FirstTurn is { } first)
                lane.BeginTurns(first);
        }
    }

    /// <summary>The place of a recipient that waits in the store.</summary>
    /// <param name="via">Null: no route fits.</param>
    internal DateTimeOffset TakeTurn(QueuedMessage message, RoutingDecision.Via? via)
    {
        var lane = LaneOf(via?.Home ?? "");
        lock (lane)
            return lane.TakeTurn(message, via?.Route.Name, via?.Route.Priority ?? 0);
    }

    /// <summary>The place of leased work that is given back.</summary>
    internal DateTimeOffset FrontTurn(QueuedMessage message, RoutingDecision.Via via)
    {
        var lane = LaneOf(via.Home);
        lock (lane)
            return lane.FrontTurn(message, via.Route.Priority);
    }

    /// <summary>Fresh mail may pass the store by: the pace has room, nothing of its flow waits there, and
    /// order is not kept.</summary>
    internal bool HasRoomFor(QueuedMessage message, RoutingDecision.Via via)
    {
        var lane = LaneOf(via.Lane);
        lock (lane)
        {
            if (lane.KeepsOrder || lane.Available <= lane.Waiting.Count)
                return false;
        }
        var home = LaneOf(via.Home);
        lock (home)
            return !home.Holds(Flow.Of(message, via.Route.Name), via.Route.Priority);
    }

    /// <summary>How much mail of closed lanes may be leased for an open one now.</summary>
    internal int RoomForGuests(string name)
    {
        var lane = LaneOf(name);
        lock (lane)
            return lane.GuestRoom;
    }

    /// <summary>Mail waits for room in this lane: the pump is to be told.</summary>
    internal void NoteWanted(string name)
    {
        var lane = LaneOf(name);
        lock (lane)
            lane.IsWanted = true;
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

    /// <summary>A recipient was stored that waits.</summary>
    internal void NoteWaiting(Recipient row)
    {
        var lane = LaneOf(row.Lane);
        lock (lane)
        {
            if (row.DueAt <= queue.Time.Now)
            {
                lane.MayHoldDue = true;
                foreach (var search in lane.Searches.Values)
                    search.NoteCame(DueKey.Of(row));
            }
            else
                lane.NoteDue(row.DueAt);
        }
        Wake();
    }

    /// <summary>Every lane is looked at again: after a retry command, a lane that opened.</summary>
    internal void LookEverywhere()
    {
        foreach (var lane in lanes.Values)
        {
            lock (lane)
                lane.MayHoldDue = true;
        }
        Wake();
    }

    /// <summary>An operator wants it tried now, whatever next hops have said about their pace.</summary>
    internal void EndPauses()
    {
        foreach (var lane in lanes.Values)
        {
            lock (lane)
                lane.EndPause();
        }
        LookEverywhere();
    }

    /// <summary>All mail is decided on anew: after a reload.</summary>
    internal void SearchEverywhere()
    {
        foreach (var lane in lanes.Values)
        {
            lock (lane)
                lane.SearchAnew();
        }
        LookEverywhere();
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
            // What waited for the old rate waits for nothing now.
            AddWorkers(lane);
        }
    }

    internal IReadOnlyList<LaneStatus> Lanes() =>
    [
        .. lanes.Values.Where(lane => lane.Name.Length > 0).OrderBy(lane => lane.Name, StringComparer.Ordinal)
            .Select(lane => new LaneStatus(
                lane.Name, lane.Transport, lane.Workers, lane.Concurrency, health.Find(lane.Name))
            {
                PerSecond = lane.LearntPerSecond,
            }),
    ];

    /// <summary>What goes on in a lane, as far as one of its recipients is concerned.</summary>
    internal LaneLoad LoadOf(string name, RecipientKey about)
    {
        var lane = LaneOf(name);
        lock (lane)
        {
            return new LaneLoad(
                lane.Workers, lane.Concurrency, lane.Waiting.Count, lane.Waiting.Holds(about),
                lane.UntilBatch);
        }
    }

    public void Dispose()
    {
        stopping.Dispose();
        aborting.Dispose();
    }

    void Wake() => wake.Writer.TryWrite(true);

    /// <summary>A round of the pump was asked for since it was last looked; for who plays the
    /// pump.</summary>
    internal bool TakeWake() => wake.Reader.TryRead(out _);

    Lane LaneOf(string name) => lanes.GetOrAdd(name, static (name, dispatcher) =>
    {
        var transport = Lane.TransportOf(name);
        var lane = new Lane(
            name, transport, dispatcher.transports.ConcurrencyMaxOf(transport),
            dispatcher.paces.GetOrAdd(transport, dispatcher.PaceFor), dispatcher.clock);
        if (lane.KeepsOrder)
            dispatcher.ordered[transport] = true;
        // What has no lane waits for a decision.
        if (name.Length == 0)
            lane.SearchAnew();
        return lane;
    }, this);

    /// <summary>A reload or a restart gives nothing back that was spent.</summary>
    Pace? PaceFor(string transport)
    {
        if (transports.RateOf(transport) is not { } rate)
            return null;
        return new Pace(rate, clock, paces.GetValueOrDefault(transport)?.Spent
            ?? earlier.SpentOf(transport, rate, queue.Time.Now));
    }

    /// <summary>What of long paces has been spent, where that has changed since it was last
    /// stored.</summary>
    internal IReadOnlyList<ObjectChange> TakeSpent() => earlier.TakeChanges(paces, queue.Time.Now);

    /// <summary>What an earlier process has spent.</summary>
    internal void Restore(IEnumerable<StoredObject> stored) => earlier.Restore(stored);
}
