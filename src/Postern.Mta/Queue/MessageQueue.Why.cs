using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Routing;
using Postern.Mta.Transports;

namespace Postern.Mta.Queue;

/// <summary>Why a recipient waits: what the row, its lane, the alarms and its events say together.</summary>
public sealed partial class MessageQueue
{
    /// <summary>The true cause for each recipient, in plain words; of a message that is gone, how it
    /// ended.</summary>
    /// <returns>Empty: nothing is known of the message.</returns>
    public async ValueTask<IReadOnlyList<Explanation>> WhyAsync(QueueId id, CancellationToken cancel)
    {
        var stored = await store.ReadMessageAsync(id, cancel).ConfigureAwait(false);
        var events = await store.ReadEventsOfAsync(id, cancel).ConfigureAwait(false);
        var histories = events.Select(one => one.Event).Where(fact => fact.Recipient is not null)
            .ToLookup(fact => fact.Recipient!.Value);
        if (stored is null)
            return [.. histories.Select(history => ExplainEnd(
                history.Key, history.First().RecipientAddress ?? "", [.. history]))];
        return [.. stored.Recipients.Select(
            row => Explain(stored.Message, row, [.. histories[row.Number]]))];
    }

    Explanation Explain(QueuedMessage message, Recipient row, IReadOnlyList<MailEvent> history) =>
        row.State switch
        {
            RecipientState.Done => ExplainEnd(row.Number, row.Address.ToString(), history) with
            {
                Mend = MendOfEnd(message, row),
            },
            RecipientState.Held => ExplainHeld(row, history),
            RecipientState.Active => ExplainActive(row),
            RecipientState.Deferred when row.DueAt > Time.Now => ExplainDeferred(message, row),
            RecipientState.Deferred or RecipientState.Ready => ExplainReady(message, row),
            _ => throw new UnreachableException(),
        };

    Explanation ExplainActive(Recipient row)
    {
        if (row.Lease != store.Epoch)
            return Because(row, WaitCause.Uncertain,
                "Postern ended while it was being attempted; it may have been delivered, so it waits"
                + $" until {ToWall(row.DueAt):u}", null) with
            { Until = ToWall(row.DueAt) };
        var load = Dispatcher.LoadOf(row.Lane, KeyOf(row));
        return load.IsAmongWaiting ? ExplainTurn(row, row.Lane, row.Transport!, load)
            : Because(row, WaitCause.BeingAttempted,
                $"it is being attempted through {row.Transport} now", null);
    }

    Explanation ExplainDeferred(QueuedMessage message, Recipient row)
    {
        var now = $"to try it now: postern queue retry {row.Message}";
        if (message.Options?.DeliverAt is not null && row is { Attempts: 0, LastText: null })
            return Because(row, WaitCause.Scheduled,
                $"its sender wants it sent at {ToWall(row.DueAt):u}, and not before",
                now) with
            {
                Until = ToWall(row.DueAt),
            };
        var (cause, text, mend) = row switch
        {
            { Uncertain: > 0, LastBlame: Blame.NextHop } => (
                WaitCause.Uncertain, $"the answer to its attempt was lost, and {row.Transport} may have it",
                $"ask the provider of {row.Transport}; {now}, which may make a second copy"),
            _ when SaysGreylisted(row.LastText ?? "") => (
                WaitCause.Greylisted, $"the far side greylists it: {row.LastText}",
                "nothing need be done, the next try is mostly taken; " + now),
            _ => (WaitCause.RetryTime, $"attempt {row.Attempts} was put off: {row.LastText}", now),
        };
        return Because(row, cause, $"{text}; it is tried again at {ToWall(row.DueAt):u}", mend) with
        {
            Until = ToWall(row.DueAt),
        };
    }

    Explanation ExplainReady(QueuedMessage message, Recipient row)
    {
        var decision = Decide(message, row);
        if (decision is not RoutingDecision.Via via)
            return decision is RoutingDecision.Split
                ? Because(row, WaitCause.BehindOthers, $"it is about to be copied: {decision.Why}", null)
                : ExplainNoRoute(row, decision);
        if (health.Find(via.Lane) is { } closed)
            return ExplainClosed(row, via, closed);
        var turn = ExplainTurn(row, via.Lane, via.Transport, Dispatcher.LoadOf(via.Lane, KeyOf(row)));
        return via.Lane == row.Lane || health.Find(row.Lane) is not { } own ? turn : turn with
        {
            Text = $"lane {row.Lane} is closed since {own.Since:u}: {own.Text}; it goes through"
                + $" {via.Transport} as soon as there is room: {turn.Text}",
            Since = own.Since,
        };
    }

    Explanation ExplainNoRoute(Recipient row, RoutingDecision decision) => IsBoundToNothing(row)
        ? Because(row, WaitCause.NoRoute,
            $"the answer to its attempt was lost, and {row.BoundTransport} may have it; that one is"
            + " not configured any more, and no other one sends it again by itself",
            $"put transport {row.BoundTransport} back, then: postern reload; or, which may make a second"
            + $" copy: postern queue hold {row.Message}, then postern queue release {row.Message}")
        : Because(row, WaitCause.NoRoute, decision.Why,
            "add a route and a transport that take it, then: postern reload");

    Explanation ExplainClosed(Recipient row, RoutingDecision.Via via, ClosedLane closed)
    {
        var alarm = alarms.Raised.FirstOrDefault(raised => raised.Subject == via.Transport);
        var probe = closed.NextProbeAt > clock.GetUtcNow() ? $"the next probe is at {closed.NextProbeAt:u}"
            : "a probe is due or under way";
        var state = $"lane {via.Lane} is closed since {closed.Since:u}: {closed.Text}; {probe}";
        var others = via.Route.Via.Count > 1 ? $"; {via.Why}" : "";
        var again = $"to probe now: postern queue retry {row.Message}";
        var because = alarm is not null
            ? Because(row, WaitCause.Alarm, $"alarm {alarm.Kind}: {alarm.Text}; {state}{others}", alarm.Mend)
            : row.LastBlame == Blame.NextHop && row.Lane == via.Lane
                ? Because(row, WaitCause.NextHopDown,
                    $"the next hop is down, its attempt ended with: {row.LastText}; {state}{others}",
                    $"see to {via.Transport}; {again}")
                : Because(row, WaitCause.LaneClosed, $"{state}{others}", $"see to {via.Transport}; {again}");
        return because with { Since = closed.Since, Until = closed.NextProbeAt };
    }

    Explanation ExplainTurn(Recipient row, string lane, string transport, LaneLoad load)
    {
        if (load.UntilRateAllows > TimeSpan.Zero)
        {
            var until = clock.GetUtcNow() + load.UntilRateAllows;
            var because = transports.RateOf(transport) is { } rate
                ? Because(row, WaitCause.RateLimit,
                    $"the rate of {transport}, {rate}, is used up until {until:u}",
                    $"wait, or raise rate of transport {transport}")
                : Because(row, WaitCause.RateLimit,
                    $"{transport} asks for a lower pace, at least until {until:u}",
                    $"nothing need be done; more at once would take more from {transport}'s provider");
            return because with { Until = until };
        }
        if (load is { InFlight: 0, Waiting: 0 })
            return Because(row, WaitCause.BehindOthers, $"lane {lane} is open and its turn is next", null);
        return Because(row, WaitCause.BehindOthers,
            $"others are before it in lane {lane}: {load.InFlight} are being attempted, of at most"
            + $" {load.ConcurrencyMax} now, {load.Waiting} come next and more may wait in the store",
            $"wait, raise max-connections of transport {transport}, or give its route a priority");
    }

    Explanation ExplainHeld(Recipient row, IReadOnlyList<MailEvent> history)
    {
        var held = history.LastOrDefault(fact => fact.Kind == EventKind.Held);
        var release = $"postern queue release {row.Message}, or cancel";
        var damage = alarms.Raised.FirstOrDefault(
            alarm => alarm.Kind == ContentAlarm && alarm.Subject == row.Message.ToString());
        var (text, mend) = held switch
        {
            null => ("nobody is named for the postmaster's mail, so it was held when it came",
                $"set inbound.postmaster for mail to come; this one: {release}"),
            _ when damage is not null => (damage.Text, damage.Mend),
            { Actor: { } actor } => ($"{actor} held it at {held.At:u}", release),
            _ => ($"held at {held.At:u}: {held.Why}; last: {row.LastText}",
                $"mend what it says, then: {release}"),
        };
        return Because(row, WaitCause.Held, text, mend) with { Since = held?.At };
    }

    static Explanation ExplainEnd(int number, string address, IReadOnlyList<MailEvent> history)
    {
        var told = history.LastOrDefault(fact => fact.Kind is EventKind.BouncedToSender);
        var report = told is null ? "no report was due" : $"the sender was told in {told.Other}";
        var end = history.LastOrDefault(fact => fact.Kind is EventKind.Expired)
            ?? history.LastOrDefault(fact => fact.Kind is EventKind.Relayed or EventKind.Failed
                or EventKind.Cancelled or EventKind.Expanded)
            ?? (history.Count > 0 ? history[^1] : null);
        var text = end?.Kind switch
        {
            null => "it ended, and its events are not kept any more",
            EventKind.Relayed => $"{end.Transport} took it at {end.At:u}: {end.Reply}",
            EventKind.Failed => $"it was refused for good at {end.At:u}: {end.Reply}; {report}",
            EventKind.Expired when end.Actor is { } actor =>
                $"{actor} ended it at {end.At:u}: {end.Reply}; {report}",
            EventKind.Expired => $"its time was over at {end.At:u}: {end.Reply}; {report}",
            EventKind.Cancelled => $"{end.Actor} cancelled it at {end.At:u}, without a report",
            EventKind.Expanded => $"it became {end.RecipientCount} others at {end.At:u}",
            _ => $"last: {EventNames.Of(end.Kind)} at {end.At:u} {end.Why ?? end.Reply}",
        };
        return new Explanation(number, address, WaitCause.Done, text, null) { Since = end?.At };
    }

    /// <summary>A dead letter of inbound mail goes its way once more for whoever wants it. Null: it is
    /// none.</summary>
    string? MendOfEnd(QueuedMessage message, Recipient row) =>
        message.Door == MailDoors.Mx && row.IsDeadLetter && IsKept(row)
            ? $"mend what it says, then: postern inbound replay {row.Message}" : null;

    static Explanation Because(Recipient row, WaitCause cause, string text, string? mend) =>
        new(row.Number, row.Address.ToString(), cause, text, mend);

    /// <summary>By the word, or by the reply that most of those give who do not say it.</summary>
    static bool SaysGreylisted(string text) => SmtpBlame.SaysGreylisted(text)
        || text.Contains("450 4.7.1", StringComparison.Ordinal)
        || text.Contains("450-4.7.1", StringComparison.Ordinal);
}
