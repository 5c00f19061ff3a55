using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;

namespace Postern.Mta.Queue;

/// <summary>Leases: what was fetched becomes Active in one commit before any of it is attempted.</summary>
public sealed partial class MessageQueue
{
    bool isRecovered;

    /// <summary>
    /// Fetches due recipients of a lane and decides on them again; those that may go are leased, for their
    /// own lane or one that has room for them, the others stay or are moved to where they must wait. What
    /// was read cannot change in between: commands wait at the same gate.
    /// </summary>
    /// <param name="step">Of a search. Null: what is first in turn.</param>
    internal async ValueTask<LeasedWindow> LeaseDueAsync(
        string lane, SearchStep? step, int limit, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        var leasing = new Leasing(step?.Target, clock.GetUtcNow(), new GuestRooms(Dispatcher));
        try
        {
            var (due, nextDueAt) = step is { } search
                ? await store.SearchDueAsync(lane, Time.Now, search.After, limit, cancel)
                    .ConfigureAwait(false)
                : await store.FetchDueAsync(lane, Time.Now, limit, cancel).ConfigureAwait(false);
            var last = step?.After ?? default;
            DueKey? stop = null;
            foreach (var (message, row) in due)
            {
                var before = last;
                last = DueKey.Of(row);
                stop ??= await LeaseOneAsync(message, row, leasing).ConfigureAwait(false) switch
                {
                    Passage.Full => before,
                    Passage.Probe => last,
                    _ => null,
                };
            }
            var change = leasing.Change;
            if (change.Recipients.Count > 0 || change.Events.Count > 0)
                await CommitAsync(change).ConfigureAwait(false);
            Dispatcher.NoteServed(lane, due.Select(one => one.Recipient), change.Recipients);
            NoteWaiting(change);
            var works = leasing.Leased.GroupBy(l => l.Row.Message)
                .SelectMany(g => GroupIntoWorks(
                    g.First().Message, [.. g.Select(l => (l.Row, l.Decision))], content: null));
            return new LeasedWindow(
                [.. works], due.Count, leasing.Leased.Count, nextDueAt, last, stop, leasing.Full,
                leasing.Closed);
        }
        catch
        {
            // Not stored, not leased: a probe that stayed claimed would keep its lane closed for good.
            foreach (var (_, _, decision) in leasing.Leased)
                health.ReturnProbe(decision.Lane, decision.Probe);
            throw;
        }
        finally
        {
            gate.Release();
        }
    }

    async ValueTask<Passage> LeaseOneAsync(QueuedMessage message, Recipient row, Leasing leasing)
    {
        var change = leasing.Change;
        if (IsOver(message, row))
        {
            var end = new StoreChange();
            var reports = new List<DueReport>();
            EndLifetime(message, row, leasing.Now, end, reports);
            await CommitReportsAsync(message, end, reports).ConfigureAwait(false);
            return Passage.None;
        }
        switch (Decide(message, row))
        {
            case RoutingDecision.Via decided when !IsElsewhere(decided, row)
                && !IsOutOfTurn(decided, row, leasing) && HasRoom(decided, row, leasing.Rooms)
                && MayGo(decided, out var via):
                Lease(message, row, via, leasing);
                return via.Probe != 0 && via.Transport == leasing.Target ? Passage.Probe : Passage.None;
            case RoutingDecision.Via via:
                if (via.Home != row.Lane)
                    MoveHome(message, row, via, leasing);
                else if (via.Transport == leasing.Target)
                {
                    leasing.Full.Add(via.Lane);
                    return Passage.Full;
                }
                else
                    NoteClosed(via.Route, row, leasing);
                break;
            case RoutingDecision.Split split:
                SplitStored(message, row, split, leasing.Now, change);
                break;
            case var none:
                RaiseNoRoute(row, none, change);
                if (row.Lane.Length > 0)
                    change.Recipients.Add(Wait(message, row, none));
                break;
        }
        return Passage.None;
    }

    /// <summary>Where the target has a lane for each domain, each of them has probes of its own.</summary>
    void NoteClosed(RouteOptions route, Recipient row, Leasing leasing)
    {
        if (leasing.Target is { Length: > 0 } target && route.Via.Contains(target)
            && Routes.LaneOf(target, row.Address) is { } lane && lane != target
            && health.ConditionOf(lane) == LaneCondition.Closed)
            leasing.Closed.TryAdd(lane, DueKey.Of(row));
    }

    /// <summary>It belongs into another lane, which fetches it when it has room for it.</summary>
    bool IsElsewhere(RoutingDecision.Via via, Recipient row) => via.Lane == via.Home
        && via.Lane != row.Lane && health.ConditionOf(via.Lane) == LaneCondition.Open;

    /// <summary>A search may be anywhere in the lane when its probe falls due, or it opens: where order is
    /// kept, that is for the first.</summary>
    static bool IsOutOfTurn(RoutingDecision.Via via, Recipient row, Leasing leasing) =>
        leasing.Target is not null && via.Lane == row.Lane && OrderingKey.IsKeptIn(row.Lane);

    /// <summary>What waits for a closed transport goes through another one only as that takes it.</summary>
    bool HasRoom(RoutingDecision.Via via, Recipient row, GuestRooms rooms) =>
        (via.Lane == row.Lane && via.Lane == via.Home)
        || health.ConditionOf(via.Lane) != LaneCondition.Open || rooms.TryTake(via.Lane, row.Message);

    /// <summary>The change of the way, if there is one, and the lease are one commit.</summary>
    void Lease(QueuedMessage message, Recipient row, RoutingDecision.Via via, Leasing leasing)
    {
        NoteRouted(message, row, via, leasing);
        row = Lease(row with { Lane = via.Lane, Route = via.Route.Name, Transport = via.Transport });
        leasing.Leased.Add((message, row, via));
        leasing.Change.Recipients.Add(row);
    }

    void MoveHome(QueuedMessage message, Recipient row, RoutingDecision.Via via, Leasing leasing)
    {
        NoteRouted(message, row, via, leasing);
        leasing.Change.Recipients.Add(Wait(message, row, via));
    }

    static void NoteRouted(QueuedMessage message, Recipient row, RoutingDecision.Via via, Leasing leasing)
    {
        if (via.Transport != row.Transport)
            leasing.Change.Events.Add(EventOf(EventKind.Routed, message, row, leasing.Now) with
            {
                Transport = via.Transport,
                Why = via.Why,
            });
    }

    Recipient Lease(Recipient row) =>
        row with { State = RecipientState.Active, Lease = store.Epoch, DueAt = LeaseEnd() };

    /// <summary>A route that became <c>all = true</c> while the recipient waited.</summary>
    void SplitStored(QueuedMessage message, Recipient row, RoutingDecision.Split split, DateTimeOffset now,
        StoreChange change)
    {
        change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Expanded,
            Route = split.Route.Name
        });
        change.Events.Add(ExpandedEvent(message, row, split, now));
        // Numbers beyond any the envelope and its aliases can have used; unique since a row is split once.
        var number = (row.Number * 1000) + 1_000_000;
        foreach (var transport in split.Transports)
        {
            var child = row with
            {
                Number = ++number,
                Parent = row.Number,
                BoundTransport = transport,
                Route = split.Route.Name
            };
            change.Recipients.Add(Wait(message, child, Decide(message, child)));
        }
    }

    /// <summary>Leased work whose lane closed: written down to go at once through another transport, as far
    /// as that has room, or back to Ready.</summary>
    /// <returns>What goes on at once.</returns>
    internal async ValueTask<IReadOnlyList<Work>> RerouteAsync(IReadOnlyList<Work> works)
    {
        var now = clock.GetUtcNow();
        var all = new StoreChange();
        var next = new List<Work>();
        var rooms = new GuestRooms(Dispatcher);
        foreach (var work in works)
        {
            var change = new StoreChange();
            var reports = new List<DueReport>();
            var again = new List<(Recipient Row, RoutingDecision.Via Decision)>();
            foreach (var row in work.Recipients)
            {
                if (GoElsewhere(work.Message, row, rooms, now, change, reports) is { } elsewhere)
                    again.Add(elsewhere);
            }
            if (again.Count > 0)
                next.AddRange(GroupIntoWorks(work.Message, again, work.Content));
            work.Content?.LetGo();
            if (reports.Count == 0)
            {
                Merge(change, all);
                continue;
            }
            await CommitReportsAsync(work.Message, change, reports, CommitProofAsync)
                .ConfigureAwait(false);
            NoteWaiting(change);
        }
        await CommitReroutedAsync(all, next).ConfigureAwait(false);
        return next;
    }

    /// <summary>A full disk is waited for: nobody else holds these recipients.</summary>
    async ValueTask CommitReroutedAsync(StoreChange change, IReadOnlyList<Work> next)
    {
        try
        {
            if (change.Recipients.Count > 0)
                await CommitProofAsync(change).ConfigureAwait(false);
        }
        catch
        {
            foreach (var work in next)
            {
                ReturnProbe(work);
                work.Content?.LetGo();
            }
            throw;
        }
        NoteWaiting(change);
    }

    static void Merge(StoreChange part, StoreChange whole)
    {
        whole.Recipients.AddRange(part.Recipients);
        whole.Events.AddRange(part.Events);
        whole.Objects.AddRange(part.Objects);
    }

    /// <summary>Leased work that will not be attempted by this process: Ready again, or what an operator
    /// wished.</summary>
    internal async ValueTask UnleaseAsync(IReadOnlyList<Work> works)
    {
        var now = clock.GetUtcNow();
        foreach (var work in works)
        {
            var change = new StoreChange();
            var reports = new List<DueReport>();
            foreach (var row in work.Recipients)
            {
                if (intents.TryRemove(KeyOf(row), out var wish))
                    Fulfil(wish, work.Message, row, now, change, reports);
                else
                    change.Recipients.Add(row with
                    {
                        State = RecipientState.Ready,
                        Lane = work.Decision.Home,
                        DueAt = Dispatcher.FrontTurn(work.Message, work.Decision),
                    });
            }
            ReturnProbe(work);
            work.Content?.LetGo();
            if (reports.Count > 0)
                await CommitReportsAsync(work.Message, change, reports)
                    .ConfigureAwait(false);
            else
                store.Post(change);
        }
    }

    void ReturnProbe(Work work) => health.ReturnProbe(work.Decision.Lane, work.Decision.Probe);

    /// <summary>Takes back, page by page, what an earlier process left Active: it may have been
    /// delivered.</summary>
    internal async ValueTask RecoverAsync(CancellationToken cancel)
    {
        RecipientKey? after = default(RecipientKey);
        while (after is { } key)
            after = await RecoverPageAsync(key, cancel).ConfigureAwait(false);
        Volatile.Write(ref isRecovered, true);
        Dispatcher.LookEverywhere();
    }

    /// <returns>The key to go on from. Null: nothing is left.</returns>
    async ValueTask<RecipientKey?> RecoverPageAsync(RecipientKey after, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var page = await store.ReadAbandonedAsync(store.Epoch, after, limit: 500, cancel)
                .ConfigureAwait(false);
            if (page.Count == 0)
                return null;
            var change = new StoreChange();
            QueuedMessage? message = null;
            foreach (var row in page)
            {
                if (message?.Id != row.Message)
                    message =
                        (await store.ReadMessageAsync(row.Message, cancel).ConfigureAwait(false))?.Message;
                if (message is not null)
                    TakeBack(message, row, change);
            }
            await CommitAsync(change).ConfigureAwait(false);
            NoteWaiting(change);
            return KeyOf(page[^1]);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Where order is kept, an attempt that was cut off goes first: whoever wants order drops
    /// repeats. Null: its lane keeps none.</summary>
    Recipient? FindPlaceInFront(QueuedMessage message, Recipient row) =>
        OrderingKey.IsKeptIn(row.Lane) && Decide(message, row) is RoutingDecision.Via via
            && via.Home == row.Lane ? Wait(message, row, via) : null;

    /// <summary>It keeps its due time: the lease was written so that this one is tried again after the
    /// uncertain wait.</summary>
    void TakeBack(QueuedMessage message, Recipient row, StoreChange change)
    {
        const string text = "Postern ended while this attempt was being made";
        var latest = LeaseEnd();
        row = row with
        {
            State = RecipientState.Deferred,
            // Later than that only by a clock that was ahead of this one.
            DueAt = row.DueAt < latest ? row.DueAt : latest,
            Uncertain = row.Uncertain + 1,
            BoundTransport = row.BoundTransport ?? row.Transport,
            LastBlame = Blame.NextHop,
            LastText = $"{Statuses.ConnectionLost} {text}",
        };
        change.Recipients.Add(FindPlaceInFront(message, row) ?? row);
        change.Events.Add(EventOf(EventKind.Attempted, message, row, clock.GetUtcNow()) with
        {
            Blame = Blame.NextHop,
            Uncertain = true,
            Status = Statuses.ConnectionLost.ToString(),
            Reply = text,
        });
        RaiseUncertain(row, change);
    }

    /// <summary>Stored content is damaged: its recipients are held for an operator after the
    /// attempt.</summary>
    internal void HoldDamaged(Work work, string text)
    {
        foreach (var row in work.Recipients)
            intents[KeyOf(row)] = new Wish(WishKind.Hold, "postern");
        var change = new StoreChange();
        alarms.Raise(ContentAlarm, work.Message.Id.ToString(), text,
            "restore the data directory from a copy, then: postern queue release; or cancel")?.AddTo(change);
        if (change.Events.Count > 0)
            store.Post(change);
    }

    /// <summary>A next hop is to blame: its alarm is raised where the transport wants one.</summary>
    internal void NoteLaneClosed(string transport, AttemptResult.NextHopDown down)
    {
        if (down.Alarm is not { } notice)
            return;
        var change = new StoreChange();
        alarms.Raise(notice.Kind, transport, notice.Text, notice.Mend)?.AddTo(change);
        if (change.Events.Count > 0)
            store.Post(change);
    }

    /// <summary>Raises and clears the alarm about what the store can take.</summary>
    internal void WatchStore()
    {
        const string subject = "data";
        var change = new StoreChange();
        switch (store.Health)
        {
            case StoreHealth.Full:
                alarms.Raise(DiskAlarm, subject, "the disk is full: no new mail is taken, delivery goes on",
                    "make room; mail is taken again by itself")?.AddTo(change);
                break;
            case StoreHealth.Failed:
                // Nobody can write this one down; health, metrics and the log show it.
                alarms.Raise(StoreAlarm, subject, "the disk failed: nothing is taken or recorded any more",
                    "look at the disk, then restart Postern");
                return;
            case StoreHealth.Accepting:
                alarms.Clear(DiskAlarm, subject)?.AddTo(change);
                alarms.Clear(StoreAlarm, subject)?.AddTo(change);
                break;
            default:
                throw new UnreachableException();
        }
        if (change.Events.Count > 0)
            store.Post(change);
    }

    /// <summary>The next hop answered: its alarms end.</summary>
    internal void NoteLaneOpen(string transport) => ClearAlarms(alarm => alarm.Subject == transport);

    /// <summary>A fetch while it is decided on.</summary>
    /// <param name="Target">The transport that a search is for. Null: none is.</param>
    sealed record Leasing(string? Target, DateTimeOffset Now, GuestRooms Rooms)
    {
        public StoreChange Change { get; } = new();
        public List<(QueuedMessage Message, Recipient Row, RoutingDecision.Via Decision)> Leased { get; } =
            [];

        /// <summary>Lanes of the target that had no room.</summary>
        public HashSet<string> Full { get; } = [];

        /// <summary>Closed lanes of the target, and the first recipient that waits for each.</summary>
        public Dictionary<string, DueKey> Closed { get; } = [];
    }

    /// <summary>What a recipient says of the way that a search is for.</summary>
    enum Passage
    {
        None,

        /// <summary>It would go there, and there is no room: the search goes on with it.</summary>
        Full,

        /// <summary>It is the probe, and the others behind it wait for what comes of that.</summary>
        Probe,
    }
}

/// <summary>Due recipients of a lane after they were decided on.</summary>
/// <param name="Fetched">How many the store gave, whatever became of them.</param>
/// <param name="Leased">How many of them are attempted now.</param>
/// <param name="NextDueAt">When the next one beyond these falls due. Null: there is none.</param>
/// <param name="Last">Of the fetched ones.</param>
/// <param name="Stop">Where a search goes on from before it comes to the last. Null: it may go on from
/// there.</param>
/// <param name="Full">Lanes whose want of room made it stop.</param>
/// <param name="Closed">Closed lanes of the target, and the first recipient for each.</param>
sealed record LeasedWindow(
    IReadOnlyList<Work> Works, int Fetched, int Leased, DateTimeOffset? NextDueAt, DueKey Last, DueKey? Stop,
    IReadOnlyCollection<string> Full, IReadOnlyDictionary<string, DueKey> Closed);
