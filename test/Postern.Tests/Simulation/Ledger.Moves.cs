using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;

namespace Postern.Tests.Simulation;

/// <summary>Changes of state: which ones are legal, and that each has its event.</summary>
sealed partial class Ledger
{
    /// <summary>The shortest time a route ever gave, and the shortest wait between two attempts.</summary>
    readonly Dictionary<string, (TimeSpan GiveUp, TimeSpan Retry)> routes = [];

    void Remember(RouteOptions route)
    {
        var (giveUp, retry) = routes.GetValueOrDefault(route.Name, (TimeSpan.MaxValue, TimeSpan.MaxValue));
        var curve = RetrySchedule.DelayMin * 0.9;
        routes[route.Name] = (
            route.GiveUp is { } own && own < giveUp ? own : giveUp,
            route.Retry?.Min() is { } least && least < retry ? least : retry < curve ? retry : curve);
    }

    /// <summary>A change is committed.</summary>
    public void Commit(StoreChange change)
    {
        CommitCount++;
        if (Trace is not null)
            Tell(change);
        foreach (var added in change.Messages)
            messages.Add(added.Message.Id, added.Message);
        var seen = new HashSet<RecipientKey>();
        foreach (var row in change.Recipients)
        {
            if (!seen.Add(KeyOf(row)))
                Break($"recipient {row.Number} of {row.Message} stands twice in one change");
            Move(change, row);
        }
        foreach (var (seq, fact) in change.Rewritten)
        {
            if (fact.Message is { } rewritten && Open.Any(key => key.Message == rewritten))
                Break($"event {seq} of {rewritten} is rewritten, and that is not done");
        }
        foreach (var fact in change.Events)
        {
            if (fact is { Message: { } message, Recipient: { } number }
                && !seen.Contains(new RecipientKey(message, number)))
                Break($"{fact.Kind} of recipient {number} of {message} without a change of its state");
        }
    }

    void Tell(StoreChange change)
    {
        foreach (var row in change.Recipients)
        {
            Trace!.Add($"    {row.Message}/{row.Number} {row.State} {row.Outcome} \"{row.Lane}\" due "
                + $"{row.DueAt:MM-dd HH:mm:ss.fff}, attempts {row.Attempts}, uncertain {row.Uncertain}, "
                + $"bound {row.BoundTransport}");
        }
        foreach (var fact in change.Events)
            Trace!.Add($"    {fact.Message}/{fact.Recipient} {fact.Kind} "
                + (fact.Reply ?? fact.Why ?? fact.Alarm?.Subject));
    }

    /// <summary>Content was kept of somebody who asked to be forgotten.</summary>
    static bool IsKeptNoLonger(Fate fate, Recipient row)
    {
        if (fate.Row is not { State: RecipientState.Done, KeepUntil: not null } kept
            || row != kept with { KeepUntil = null })
            return false;
        fate.Row = row;
        return true;
    }

    void Move(StoreChange change, Recipient row)
    {
        var facts = change.Events.FindAll(
            fact => fact.Message == row.Message && fact.Recipient == row.Number);
        var isNew = !fates.TryGetValue(KeyOf(row), out var fate);
        if (fate is not null && IsKeptNoLonger(fate, row))
            return;
        if (isNew)
        {
            fates.Add(KeyOf(row), fate = new Fate { Row = row });
            Open.Add(KeyOf(row));
            if (about is null || about == row.Message)
                fate.Commands = underWay;
            CheckNew(fate, facts, change);
            // A reload split what was there, or it is a report.
            fate.KeepsPlace = change.Messages.Exists(added => added.Message.Id == row.Message);
        }
        var old = isNew ? null : fate!.Row;
        fate!.Row = row;
        fate.KeepsPlace &= row.State is RecipientState.Ready or RecipientState.Active
            && row.Lane == (old ?? row).Lane;
        // An operator wants it tried, and the transport that may have it was not configured; a reload may
        // have brought it back before the commit.
        if (old is { BoundTransport: { } bound } && row.BoundTransport is null
            && facts.Exists(fact => fact.Kind is EventKind.Released or EventKind.Retried)
            && !(options.Transports.ContainsKey(bound) && earlier.Transports.ContainsKey(bound)))
            fate.BoundTo = null;
        var ends = facts.Count(fact => fact.Kind is EventKind.Relayed or EventKind.Failed
            or EventKind.Expanded or EventKind.Cancelled);
        fate.Ends += ends;
        if ((row.State == RecipientState.Done) != (row.Outcome != RecipientOutcome.None)
            || ends != (row.State == RecipientState.Done ? 1 : 0))
            Break($"{Describe(fate)} with {ends} events of its end");
        if (old?.State == RecipientState.Done)
            Break($"{Describe(fate)} was done already: {old.Outcome}");
        if (old is { State: RecipientState.Active } && old.Lease < Epoch)
            CheckRecovered(fate, old, facts);
        switch (row.State)
        {
            case RecipientState.Active:
                CheckLeased(fate, old);
                break;
            case RecipientState.Deferred:
                if (old?.State != RecipientState.Active || !Has(facts, EventKind.Attempted))
                    Break($"{Describe(fate)} was {old?.State} and is deferred without an attempt");
                break;
            case RecipientState.Ready:
                CheckReady(fate, old, facts);
                break;
            case RecipientState.Held:
                CheckHeld(fate, old, facts);
                break;
            case RecipientState.Done:
                CheckDone(fate, facts, change);
                break;
        }
    }

    static bool Has(List<MailEvent> facts, EventKind kind) => facts.Exists(fact => fact.Kind == kind);

    void CheckNew(Fate fate, List<MailEvent> facts, StoreChange change)
    {
        var row = fate.Row;
        if (row.Parent is not { } parent)
        {
            envelopes[row.Message] = envelopes.GetValueOrDefault(row.Message) + 1;
            if (!Has(facts, EventKind.Accepted))
                Break($"{Describe(fate)} without an event that it was accepted");
        }
        else if (!change.Recipients.Exists(
            other => other.Message == row.Message && other.Number == parent
                && other.Outcome == RecipientOutcome.Expanded))
            Break($"{Describe(fate)} came from recipient {parent}, which is not expanded with it");
        if (!messages.ContainsKey(row.Message))
            Break($"{Describe(fate)} without its message");
    }

    /// <summary>Whoever finds the lease of an earlier process writes down that nothing is
    /// known.</summary>
    void CheckRecovered(Fate fate, Recipient old, List<MailEvent> facts)
    {
        var row = fate.Row;
        if (OrderingKey.IsKeptIn(row.Lane) && row.State == RecipientState.Ready)
        {
            fate.NotBefore = default;
            if (!facts.Exists(fact => fact is { Kind: EventKind.Attempted, Uncertain: true }))
                Break($"{Describe(fate)} was left Active, and nothing says so");
        }
        else if (row.State is RecipientState.Active or RecipientState.Ready)
            Break($"{Describe(fate)} was leased by epoch {old.Lease} and is taken as if nothing had been");
        if (row.State == RecipientState.Deferred
            && (row.DueAt != old.DueAt || row.Uncertain != old.Uncertain + 1
                || !facts.Exists(fact => fact is { Kind: EventKind.Attempted, Uncertain: true })))
            Break($"{Describe(fate)} was left Active and is not marked uncertain");
    }

    void CheckLeased(Fate fate, Recipient? old)
    {
        if (fate.Row.Lease != Epoch)
            Break($"{Describe(fate)} is Active without a lease of epoch {Epoch}");
        if (fate.Row.DueAt == default)
            Break($"{Describe(fate)} is Active without an end of its lease");
        if (old?.State == RecipientState.Held)
            Break($"{Describe(fate)} was held and is attempted");
        if (old is { State: RecipientState.Deferred } && old.DueAt > Now)
            Break($"{Describe(fate)} was deferred until {old.DueAt:O} and is leased at {Now:O}");
        if (fate.Flight is not null)
            Break($"{Describe(fate)} is leased while an attempt is under way");
    }

    void CheckReady(Fate fate, Recipient? old, List<MailEvent> facts)
    {
        var isAsked = Has(facts, EventKind.Released) || Has(facts, EventKind.Retried);
        if (isAsked)
            fate.NotBefore = default;
        if (old?.State == RecipientState.Held && !Has(facts, EventKind.Released))
            Break($"{Describe(fate)} was held and is ready without a release");
        if (old?.State == RecipientState.Deferred && old.DueAt > Now && !Has(facts, EventKind.Retried))
            Break($"{Describe(fate)} was deferred until {old.DueAt:O} and is ready at {Now:O}");
        if (old?.State == RecipientState.Active && fate.Proof is not null)
            Break($"{Describe(fate)} is ready, though the next hop said {fate.Proof.Text}");
    }

    void CheckHeld(Fate fate, Recipient? old, List<MailEvent> facts)
    {
        if (old is null)
            return;
        var held = facts.Find(fact => fact.Kind == EventKind.Held);
        if (held is null)
            Break($"{Describe(fate)} is held without an event");
        else if (held.Actor is not null ? !fate.Commands.HasFlag(SimulatedCommand.Hold)
            : !IsOver(fate))
            Break($"{Describe(fate)} is held, and nobody asked for it");
    }

    void CheckDone(Fate fate, List<MailEvent> facts, StoreChange change)
    {
        Open.Remove(KeyOf(fate.Row));
        var isRight = fate.Row.Outcome switch
        {
            RecipientOutcome.Relayed => fate.Proof is AttemptResult.Relayed && Has(facts, EventKind.Relayed),
            RecipientOutcome.Failed => Has(facts, EventKind.Failed)
                && (fate.Proof is AttemptResult.Failed || fate.Unsupported is not null),
            RecipientOutcome.Expired => Has(facts, EventKind.Expired) && Has(facts, EventKind.Failed)
                && (fate.Commands.HasFlag(SimulatedCommand.Expire)
                    || (IsOver(fate) && !fate.Row.UnderAlarm)),
            RecipientOutcome.Cancelled => Has(facts, EventKind.Cancelled)
                && fate.Commands.HasFlag(SimulatedCommand.Cancel),
            RecipientOutcome.Expanded => Has(facts, EventKind.Expanded) && change.Recipients.Exists(
                child => child.Message == fate.Row.Message && child.Parent == fate.Row.Number),
            _ => false,
        };
        if (!isRight)
            Break($"{Describe(fate)} ended without a reason; proved: {fate.Proof?.Text ?? "nothing"}");
        if (fate.Row.Outcome is RecipientOutcome.Failed or RecipientOutcome.Expired)
            CheckTold(fate, facts, change);
    }

    /// <summary>A failure is told to the sender in the same commit, or the mail is kept.</summary>
    void CheckTold(Fate fate, List<MailEvent> facts, StoreChange change)
    {
        var message = messages[fate.Row.Message];
        var told = facts.Find(fact => fact.Kind == EventKind.BouncedToSender);
        if (told is null != Has(facts, EventKind.DeadLettered))
            Break($"{Describe(fate)} failed, and it is not either told or kept");
        if (told is not null && (message.Sender.IsNull || message.ReportOn is not null
            || !change.Messages.Exists(report => report.Message.Id == told.Other
                && report.Message.ReportOn == message.Id && report.Message.Sender.IsNull)))
            Break($"{Describe(fate)} has a report that it may not have, or none");
    }

    /// <summary>Its time is over by the shortest lifetime that it ever had.</summary>
    bool IsOver(Fate fate)
    {
        var message = messages[fate.Row.Message];
        var lifetime = message.Sender.IsNull ? options.Queue.BounceLifetime : options.Queue.Lifetime;
        if (fate.Row.Route is { } route && routes[route].GiveUp < lifetime)
            lifetime = routes[route].GiveUp;
        return Now - message.ArrivedAt > lifetime;
    }
}
