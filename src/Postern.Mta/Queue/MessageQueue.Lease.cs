using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;

namespace Postern.Mta.Queue;

/// <summary>Leases: what was fetched becomes Active in one commit before any of it is attempted.</summary>
public sealed partial class MessageQueue
{
    /// <summary>Decides on fetched recipients again; those that may go are leased, the others moved to where
    /// they must wait.</summary>
    internal async ValueTask<IReadOnlyList<Work>> LeaseAsync(
        IReadOnlyList<DueRecipient> due, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var now = clock.GetUtcNow();
            var change = new StoreChange();
            var leased = new List<(QueuedMessage Message, Recipient Row, RoutingDecision.Via Decision)>();
            foreach (var (message, row) in due)
                await LeaseOneAsync(message, row, now, change, leased).ConfigureAwait(false);
            if (change.Recipients.Count > 0 || change.Events.Count > 0)
                await store.CommitAsync(change).ConfigureAwait(false);
            NoteWaiting(change);
            return
            [
                .. leased.GroupBy(l => l.Row.Message)
                    .SelectMany(g => GroupIntoWorks(
                        g.First().Message, [.. g.Select(l => (l.Row, l.Decision))], content: null)),
            ];
        }
        finally
        {
            gate.Release();
        }
    }

    async ValueTask LeaseOneAsync(
        QueuedMessage message, Recipient row, DateTimeOffset now, StoreChange change,
        List<(QueuedMessage Message, Recipient Row, RoutingDecision.Via Decision)> leased)
    {
        if (IsOver(message, row, now))
        {
            var end = new StoreChange();
            var reports = new List<ReportedRecipient>();
            EndLifetime(message, row, now, end, reports);
            await CommitReportsAsync(message, end, ReportKind.Failed, reports).ConfigureAwait(false);
            return;
        }
        switch (Decide(message, row))
        {
            case RoutingDecision.Via via when MayGo(via):
                row = row with { Lane = via.Lane, Route = via.Route.Name, Transport = via.Transport };
                leased.Add((message, Lease(row, now), via));
                change.Recipients.Add(leased[^1].Row);
                break;
            case RoutingDecision.Via via when via.Lane != row.Lane:
                change.Recipients.Add(Wait(row, via, now));
                break;
            case RoutingDecision.Via:
                break;
            case RoutingDecision.Split split:
                SplitStored(message, row, split, now, change);
                break;
            case var none:
                alarms.Raise("no-route", row.Address.Domain, none.Why,
                    "add a route that takes it, then: postern reload")?.AddTo(change);
                if (row.Lane.Length > 0)
                    change.Recipients.Add(Wait(row, none, now));
                break;
        }
    }

    Recipient Lease(Recipient row, DateTimeOffset now) =>
        row with { State = RecipientState.Active, Lease = store.Epoch, DueAt = LeaseEnd(now) };

    /// <summary>A route that became <c>all = true</c> while the recipient waited.</summary>
    void SplitStored(QueuedMessage message, Recipient row, RoutingDecision.Split split, DateTimeOffset now,
        StoreChange change)
    {
        change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome =
            RecipientOutcome.Expanded,
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
                Route =
                split.Route.Name
            };
            change.Recipients.Add(Wait(child, Decide(message, child), now));
        }
    }

    /// <summary>Leased work whose lane closed: at once through another transport, else back to
    /// Ready.</summary>
    internal void Reroute(IReadOnlyList<Work> works, Action<Work> offer)
    {
        var now = clock.GetUtcNow();
        foreach (var work in works)
        {
            var change = new StoreChange();
            var reports = new List<ReportedRecipient>();
            List<(Recipient Row, RoutingDecision.Via Decision)>? again = null;
            foreach (var row in work.Recipients)
            {
                if (intents.ContainsKey(KeyOf(row)) || IsOver(work.Message, row, now))
                    change.Recipients.Add(Wait(row, Decide(work.Message, row), now));
                else if (GoElsewhere(work.Message, row, now, change, reports) is { } elsewhere)
                    (again ??= []).Add(elsewhere);
            }
            store.Post(change);
            NoteWaiting(change);
            if (again is not null)
            {
                foreach (var next in GroupIntoWorks(work.Message, again, work.Content))
                    offer(next);
            }
            work.Content?.LetGo();
        }
    }

    /// <summary>Leased work that will not be attempted by this process: Ready again.</summary>
    internal void Unlease(IReadOnlyList<Work> works)
    {
        var change = new StoreChange();
        foreach (var work in works)
        {
            foreach (var row in work.Recipients)
                change.Recipients.Add(row with { State = RecipientState.Ready, DueAt = clock.GetUtcNow() });
            ReturnProbe(work);
            work.Content?.LetGo();
        }
        if (change.Recipients.Count > 0)
            store.Post(change);
    }

    void ReturnProbe(Work work) => health.ReturnProbe(work.Decision.Lane);

    /// <summary>Takes back, page by page, what an earlier process left Active: it may have been
    /// delivered.</summary>
    internal async ValueTask RecoverAsync(CancellationToken cancel)
    {
        var after = default(RecipientKey);
        while (true)
        {
            var page = await store.ReadAbandonedAsync(store.Epoch, after, limit: 500, cancel)
                .ConfigureAwait(false);
            if (page.Count == 0)
                return;
            var change = new StoreChange();
            foreach (var row in page)
            {
                change.Recipients.Add(row with
                {
                    State = RecipientState.Deferred,
                    Uncertain = row.Uncertain + 1,
                    BoundTransport = row.Transport,
                    LastText = "4.4.2 Postern ended while this attempt was being made",
                });
            }
            await store.CommitAsync(change).ConfigureAwait(false);
            NoteWaiting(change);
            after = KeyOf(page[^1]);
        }
    }

    /// <summary>Stored content is damaged: its recipients are held for an operator once the attempt is recorded.</summary>
    internal void HoldDamaged(Work work, string text)
    {
        foreach (var row in work.Recipients)
            intents[KeyOf(row)] = new Wish(WishKind.Hold, "postern");
        var change = new StoreChange();
        alarms.Raise("content", work.Message.Id.ToString(), text,
            "restore the data directory from a copy, or: postern queue cancel")?.AddTo(change);
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

    /// <summary>The next hop answered: its alarms end.</summary>
    internal void NoteLaneOpen(string transport)
    {
        if (alarms.Count == 0)
            return;
        var change = new StoreChange();
        foreach (var alarm in alarms.Raised)
        {
            if (alarm.Subject == transport)
                alarms.Clear(alarm.Kind, transport)?.AddTo(change);
        }
        if (change.Events.Count > 0)
            store.Post(change);
    }
}
