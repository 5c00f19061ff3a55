using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;

namespace Postern.Mta.Queue;

/// <summary>Results of attempts: each Active recipient leaves its state here, and nowhere else.</summary>
public sealed partial class MessageQueue
{
    static readonly TimeSpan FullDiskWait = TimeSpan.FromSeconds(1);

    /// <summary>Writes down what an attempt proved.</summary>
    /// <returns>Work that goes on at once through another transport.</returns>
    internal async ValueTask<IReadOnlyList<Work>> RecordAsync(Work work, AttemptReport report, long startedAt)
    {
        Debug.Assert(report.Results.Count == work.Recipients.Count, "one result per recipient");
        var took = clock.GetElapsedTime(startedAt);
        metrics.AttemptTook(work.Decision.Transport, took);
        Traces?.Attempted(work, report, took);
        var now = clock.GetUtcNow();
        var change = new StoreChange();
        var reports = new List<DueReport>();
        List<(Recipient Row, RoutingDecision.Via Decision)>? again = null;
        var isFed = false;
        for (var i = 0; i < work.Recipients.Count; i++)
        {
            var result = report.Results[i];
            var row = work.Recipients[i];
            var facts = IsTalkKept(result) && report.Talk is { } talk
                ? report.Facts with { Conversation = talk(i) }
                : report.Facts;
            var what = DescribeAttempt(work, row, result, facts, startedAt, now);
            if (Settle(work, row, result, what, now, change, reports) is { } elsewhere)
                (again ??= []).Add(elsewhere);
            isFed |= await FeedAsync(work, report, what, i, change).ConfigureAwait(false);
        }
        await EndDamageAsync(work.Message.Id, change).ConfigureAwait(false);
        // Before the next attempt is made (DESIGN §1.1 law 4), and before the pump is told to look for it.
        if (reports.Count > 0 || again is not null || isFed || change.Recipients.Exists(IsWaiting))
        {
            try
            {
                await CommitReportsAsync(work.Message, change, reports, CommitProofAsync)
                    .ConfigureAwait(false);
            }
            catch
            {
                foreach (var (_, decision) in again ?? [])
                    health.ReturnProbe(decision.Lane, decision.Probe);
                throw;
            }
        }
        else
            store.Post(change);
        if (isFed)
            await Suppressions.NoteAsync(change.Objects).ConfigureAwait(false);
        NoteWaiting(change);
        return again is null ? [] : GroupIntoWorks(work.Message, again, content: null);
    }

    /// <summary>Commits what an attempt proved, and waits for a full disk: nobody else knows it, and the
    /// recipients would stay Active until a restart.</summary>
    async ValueTask CommitProofAsync(StoreChange change)
    {
        while (true)
        {
            try
            {
                await store.CommitAsync(change).ConfigureAwait(false);
                return;
            }
            catch (StoreException full) when (full.Health == StoreHealth.Full)
            {
                await Task.Delay(FullDiskWait, clock, Dispatcher.Aborting).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The next state of one recipient. A value means: at once through this other
    /// transport.</summary>
    (Recipient Row, RoutingDecision.Via Decision)? Settle(
        Work work, Recipient row, AttemptResult result, MailEvent what, DateTimeOffset now,
        StoreChange change,
        List<DueReport> reports)
    {
        row = row with { LastText = $"{result.Status} {result.Text}", Attempts = row.Attempts + 1 };
        switch (result)
        {
            case AttemptResult.Relayed relayed:
                Relay(work, row, relayed, what, now, change, reports);
                return null;
            case AttemptResult.Unsupported when NextTransportOf(row) is { } next:
                metrics.Attempted(work.Decision.Transport, AttemptOutcome.Deferred);
                change.Events.Add(what with { Kind = EventKind.Attempted });
                return GoElsewhere(
                    work.Message, row with { BoundTransport = next, UnderAlarm = false },
                    new GuestRooms(Dispatcher), now, change, reports);
            case AttemptResult.Failed or AttemptResult.Unsupported:
                intents.TryRemove(KeyOf(row), out _);
                metrics.Attempted(work.Decision.Transport, AttemptOutcome.Failed);
                Fail(work.Message, row, result, RecipientOutcome.Failed, what, now, change, reports);
                return null;
            case AttemptResult.Deferred deferred:
                metrics.Attempted(work.Decision.Transport, AttemptOutcome.Deferred);
                row = row with { LastBlame = deferred.Blame, UnderAlarm = false };
                change.Events.Add(what with { Kind = EventKind.Attempted, Blame = deferred.Blame });
                Defer(work.Message, row, Time.Now + RetryDelay(work, row, deferred), now, change, reports);
                return null;
            case AttemptResult.Uncertain:
                metrics.Attempted(work.Decision.Transport, AttemptOutcome.Deferred);
                DeferUncertain(work, row, what, now, change, reports);
                return null;
            case AttemptResult.NextHopDown down:
                // Not the recipient's trouble: its own count and time do not move (DESIGN §9.2).
                row = row with
                {
                    Attempts = row.Attempts - 1,
                    LastBlame = Blame.NextHop,
                    UnderAlarm = down.Alarm is not null
                };
                change.Events.Add(what with { Kind = EventKind.Attempted, Blame = Blame.NextHop });
                return GoElsewhere(
                    work.Message, row, new GuestRooms(Dispatcher), now, change, reports);
            default:
                throw new UnreachableException();
        }
    }

    void Relay(
        Work work, Recipient row, AttemptResult.Relayed relayed, MailEvent what, DateTimeOffset now,
        StoreChange change, List<DueReport> reports)
    {
        intents.TryRemove(KeyOf(row), out _);
        change.Events.Add(what with { Kind = EventKind.Relayed, RemoteId = relayed.RemoteId });
        row = Finish(row, RecipientOutcome.Relayed, change);
        change.Recipients.Add(row);
        metrics.Attempted(work.Decision.Transport, AttemptOutcome.Relayed);
        var wanted =
            BouncePolicy.AfterSuccess(relayed.HandedOver, work.Message, row, RouteOf(work, row));
        if (wanted is { } kind && MayReport(kind, work.Message, reports))
            reports.Add(new DueReport(
                kind, new ReportedRecipient(row, relayed.Status, relayed.Text, RemoteOf(what))));
    }

    /// <summary>The transport behind this one in its route, and behind the last one those that were only
    /// resting when it came past them. Null: all have been asked, or its siblings have the others.</summary>
    string? NextTransportOf(Recipient row)
    {
        if (Routes.FindRoute(row.Route) is not { All: false } route)
            return null;
        return route.Via.SkipWhile(name => name != row.Transport).Skip(1).FirstOrDefault()
            ?? route.Via.TakeWhile(name => name != row.Transport).FirstOrDefault(
                name => Routes.LaneOf(name, row.Address) is { } lane
                    && health.ConditionOf(lane) != LaneCondition.Open);
    }

    /// <summary>After <c>NextHop</c> blame: another open transport of the route that has room, the same one
    /// where it only asks for a lower pace, else Ready in the lane of the first. Into a lane that keeps order
    /// the pump alone puts mail.</summary>
    (Recipient Row, RoutingDecision.Via Decision)? GoElsewhere(
        QueuedMessage message, Recipient row, GuestRooms rooms, DateTimeOffset now, StoreChange change,
        List<DueReport> reports)
    {
        if (intents.ContainsKey(KeyOf(row)) || IsOver(message, row))
        {
            Defer(message, row, Time.Now, now, change, reports);
            return null;
        }
        var from = row.Transport;
        var decision = Decide(message, row);
        if (decision is RoutingDecision.Via decided && !OrderingKey.IsKeptIn(decided.Lane)
            && HasRoom(decided, row, rooms) && MayGo(decided, out var via))
        {
            row = Lease(row with { Lane = via.Lane, Route = via.Route.Name, Transport = via.Transport });
            change.Recipients.Add(row);
            if (via.Transport != from)
                change.Events.Add(EventOf(EventKind.Routed, message, row, now) with { Why = via.Why });
            return (row, via);
        }
        // Where it goes is said when it does.
        change.Recipients.Add(Wait(message, row, decision) with { Transport = from });
        return null;
    }

    /// <summary>Ready in the lane of its route's first transport, behind what waits there of its
    /// flow.</summary>
    Recipient Wait(QueuedMessage message, Recipient row, RoutingDecision decision)
    {
        var via = decision as RoutingDecision.Via;
        return row with
        {
            State = RecipientState.Ready,
            DueAt = Dispatcher.TakeTurn(message, via),
            Lane = via?.Home ?? "",
            Transport = via?.Transport ?? row.Transport,
        };
    }

    /// <summary>Deferred until then, unless an operator's wish or the end of its lifetime comes
    /// first.</summary>
    void Defer(
        QueuedMessage message, Recipient row, DateTimeOffset until, DateTimeOffset now, StoreChange change,
        List<DueReport> reports)
    {
        if (intents.TryRemove(KeyOf(row), out var wish))
        {
            Fulfil(wish, message, row, now, change, reports);
            return;
        }
        if (IsOver(message, row))
        {
            EndLifetime(message, row, now, change, reports);
            return;
        }
        change.Recipients.Add(row with { State = RecipientState.Deferred, DueAt = until });
    }

    void DeferUncertain(
        Work work, Recipient row, MailEvent what, DateTimeOffset now, StoreChange change,
        List<DueReport> reports)
    {
        // It stays with the transport that may have taken it: another would make a second copy (DESIGN §9.2).
        row = row with
        {
            Uncertain = row.Uncertain + 1,
            BoundTransport = row.BoundTransport ?? work.Decision.Transport,
            LastBlame = Blame.NextHop
        };
        change.Events.Add(what with { Kind = EventKind.Attempted, Blame = Blame.NextHop, Uncertain = true });
        RaiseUncertain(row, change);
        // A stop has cut it off: the next process begins with it, as after a crash.
        if (Dispatcher.Aborting.IsCancellationRequested && !intents.ContainsKey(KeyOf(row))
            && FindPlaceInFront(work.Message, row) is { } first)
            change.Recipients.Add(first);
        else
            Defer(work.Message, row, Time.Now + Options.Queue.UncertainWait, now, change, reports);
    }

    void RaiseUncertain(Recipient row, StoreChange change)
    {
        if (row.Uncertain < 2)
            return;
        alarms.Raise(UncertainAlarm, row.Message.ToString(),
            $"{row.Uncertain} attempts for {row.Address} through {row.BoundTransport} ended unknown",
            "ask the provider whether it has the message, then: postern queue retry or cancel")?
                .AddTo(change);
    }

    /// <summary>Failed or expired for good: a report where one is due, else a dead letter that is
    /// kept.</summary>
    void Fail(
        QueuedMessage message, Recipient row, AttemptResult result, RecipientOutcome outcome, MailEvent what,
        DateTimeOffset now, StoreChange change, List<DueReport> reports)
    {
        change.Events.Add(what with { Kind = EventKind.Failed, Severity = EventSeverity.Permanent });
        row = Finish(row, outcome, change);
        var isDue = BouncePolicy.IsDueFor(ReportKind.Failed, message, row, Routes.FindRoute(row.Route));
        if (isDue && MayReport(ReportKind.Failed, message, reports))
            reports.Add(new DueReport(
                ReportKind.Failed, new ReportedRecipient(row, result.Status, result.Text, RemoteOf(what))));
        else
        {
            row = row with { KeepUntil = Time.Now + Options.Inbound.KeepFailed };
            change.Events.Add(EventOf(EventKind.DeadLettered, message, row, now) with
            {
                Why = isDue ? "its sender has had as many reports as one address gets in an hour" : null,
            });
        }
        change.Recipients.Add(row);
    }

    /// <summary>The recipients of one message that ended together share one report.</summary>
    bool MayReport(ReportKind kind, QueuedMessage message, List<DueReport> reports) =>
        reports.Exists(due => due.Kind == kind) || reportThrottle.TryTake(message.Sender.Mailbox!);

    static string? RemoteOf(MailEvent what) =>
        what.Facts is { ConnectionUse: > 0 } facts ? facts.Relay : null;

    Recipient Finish(Recipient row, RecipientOutcome outcome, StoreChange change)
    {
        if (row.Uncertain > 1)
            alarms.Clear(UncertainAlarm, row.Message.ToString())?.AddTo(change);
        return row with
        {
            State = RecipientState.Done,
            Outcome = outcome,
            KeepUntil = Options.Queue.KeepContent > TimeSpan.Zero ? Time.Now + Options.Queue.KeepContent
                : null,
        };
    }

    TimeSpan RetryDelay(Work work, Recipient row, AttemptResult.Deferred deferred)
    {
        var longest = deferred.SlowDown ? RetrySchedule.ThrottledDelayMax : RetrySchedule.DelayMax;
        lock (chanceGate)
        {
            return RetrySchedule.DelayAfter(
                Time.AgeOf(work.Message.BeginsAt), row.Attempts, RouteOf(work, row)?.Retry, longest, chance);
        }
    }

    /// <summary>Recipients of several routes travel together when they go the same way; each keeps its
    /// own. Null: a reload has taken it away.</summary>
    RouteOptions? RouteOf(Work work, Recipient row) => row.Route == work.Decision.Route.Name
        ? work.Decision.Route
        : Routes.FindRoute(row.Route);

    MailEvent DescribeAttempt(
        Work work, Recipient row, AttemptResult result, AttemptFacts facts, long startedAt,
        DateTimeOffset now)
    {
        var waited = clock.GetElapsedTime(work.ActiveSince, startedAt);
        var before = Time.AgeOf(work.Message.BeginsAt) - waited - facts.SetUp - facts.Transmission;
        return EventOf(EventKind.Attempted, work.Message, row, now) with
        {
            Transport = work.Decision.Transport,
            Attempt = row.Attempts + 1,
            Facts = facts,
            DelayBeforeActive = before > TimeSpan.Zero ? before : TimeSpan.Zero,
            DelayActive = waited,
            Status = result.Status.ToString(),
            Reply = result.Text,
        };
    }

    bool IsTalkKept(AttemptResult result) => Options.Log.Conversation switch
    {
        KeptConversations.All => true,
        KeptConversations.Troubled => result is not AttemptResult.Relayed,
        KeptConversations.None => false,
        _ => throw new UnreachableException(),
    };

    static bool IsWaiting(Recipient row) => row.State is RecipientState.Ready or RecipientState.Deferred;

    /// <summary>Tells the dispatcher what waits; once it is written, or a fetch would find nothing.</summary>
    void NoteWaiting(StoreChange change)
    {
        foreach (var row in change.Recipients)
        {
            if (IsWaiting(row))
                Dispatcher.NoteWaiting(row);
        }
    }

    static RecipientKey KeyOf(Recipient row) => new(row.Message, row.Number);
}
