using System.Collections.Concurrent;
using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>Operators' commands. A recipient with an attempt under way gets the wish when the attempt has
/// proved nothing.</summary>
public sealed partial class MessageQueue
{
    const int CommandPageMax = 500;

    readonly SemaphoreSlim objectGate = new(1, 1);

    /// <summary>Wishes for recipients that were Active when the command came.</summary>
    readonly ConcurrentDictionary<RecipientKey, Wish> intents = new();

    enum WishKind { Hold, Release, Retry, Cancel, Expire, Replay, ReplayDone }

    /// <summary>Ready and Deferred recipients become Held.</summary>
    /// <returns>How many recipients changed or will, once the attempt under way has ended.</returns>
    public ValueTask<int> HoldAsync(QueueSelection which, string actor, CancellationToken cancel) =>
        CommandAsync(which, new Wish(WishKind.Hold, actor), cancel);

    /// <summary>Held recipients become Ready.</summary>
    public ValueTask<int> ReleaseAsync(QueueSelection which, string actor, CancellationToken cancel) =>
        CommandAsync(which, new Wish(WishKind.Release, actor), cancel);

    /// <summary>Deferred recipients become Ready, and closed lanes are probed now, of one message those it
    /// waits in: Ready ones need no more.</summary>
    public async ValueTask<Retried> RetryAsync(
        QueueSelection which, string actor, CancellationToken cancel)
    {
        // Before the rows: a long queue drains while the command goes through it.
        var probed = which is QueueSelection.One one ? await ProbeLanesOfAsync(one.Id, cancel)
            .ConfigureAwait(false) : health.ProbeNow(null);
        Dispatcher.EndPauses();
        var changed = await CommandAsync(which, new Wish(WishKind.Retry, actor), cancel)
            .ConfigureAwait(false);
        Dispatcher.LookEverywhere();
        return new Retried(changed, probed);
    }

    async ValueTask<int> ProbeLanesOfAsync(QueueId id, CancellationToken cancel)
    {
        if (await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is not { } stored)
            return 0;
        var waiting = stored.Recipients.Where(row => row.State != RecipientState.Done);
        var lanes = waiting.SelectMany(row => Decide(stored.Message, row) is RoutingDecision.Via via
            ? (string[])[row.Lane, via.Lane] : [row.Lane]).Distinct();
        return lanes.Sum(lane => health.ProbeNow(lane));
    }

    /// <summary>Recipients that are not done become Done (cancelled), without a report.</summary>
    public ValueTask<int> CancelAsync(QueueSelection which, string actor, CancellationToken cancel) =>
        CommandAsync(which, new Wish(WishKind.Cancel, actor), cancel);

    /// <summary>Recipients that are not done become Done (expired), with a report where the route
    /// bounces.</summary>
    public ValueTask<int> ExpireAsync(QueueSelection which, string actor, CancellationToken cancel) =>
        CommandAsync(which, new Wish(WishKind.Expire, actor), cancel);

    /// <summary>Records what an operator did beside the queue; it has happened already.</summary>
    /// <param name="what">In words, as a log shows it.</param>
    /// <param name="count">How many things were changed. Null: that has no number.</param>
    public async ValueTask NoteOperatedAsync(string actor, string what, int? count)
    {
        var change = new StoreChange();
        change.Events.Add(new MailEvent
        {
            Kind = EventKind.Operated,
            At = clock.GetUtcNow(),
            Actor = actor,
            Why = what,
            RecipientCount = count,
        });
        await store.CommitAsync(change).ConfigureAwait(false);
    }

    /// <summary>Puts or removes objects that commands made: accounts and the like.</summary>
    public ValueTask PutObjectAsync(ObjectChange changed) => PutObjectsAsync([changed]);

    /// <summary>The same for several, all of them or none.</summary>
    public async ValueTask PutObjectsAsync(IEnumerable<ObjectChange> changed)
    {
        var change = new StoreChange();
        change.Objects.AddRange(changed);
        await store.CommitAsync(change).ConfigureAwait(false);
        await Suppressions.NoteAsync(change.Objects).ConfigureAwait(false);
    }

    /// <summary>Puts or removes objects with the next commit; nobody waits for it, but what is committed
    /// later never is without them.</summary>
    public void PostObjects(IReadOnlyCollection<ObjectChange> changed)
    {
        if (changed.Count == 0)
            return;
        var change = new StoreChange();
        change.Objects.AddRange(changed);
        store.Post(change);
    }

    /// <summary>Changes objects on the strength of what is stored: one such change after the other, so that
    /// what it rests on stays true until it is made.</summary>
    /// <param name="change">Adds what is to be put or removed; nothing of it is stored if it throws.</param>
    public async ValueTask<T> ChangeObjectsAsync<T>(
        Func<ICollection<ObjectChange>, ValueTask<T>> change, CancellationToken cancel)
    {
        await objectGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var changes = new List<ObjectChange>();
            var result = await change(changes).ConfigureAwait(false);
            if (changes.Count > 0)
                await PutObjectsAsync(changes).ConfigureAwait(false);
            return result;
        }
        finally
        {
            objectGate.Release();
        }
    }

    /// <summary>Raises an alarm about the server itself. Nothing happens while it stands.</summary>
    public ValueTask RaiseAlarmAsync(string kind, string subject, string text, string mend) =>
        CommitAsync(alarms.Raise(kind, subject, text, mend));

    /// <summary>Clears it. Nothing happens where it does not stand.</summary>
    public ValueTask ClearAlarmAsync(string kind, string subject) => CommitAsync(alarms.Clear(kind, subject));

    ValueTask CommitAsync(AlarmChange? alarm)
    {
        if (alarm is null)
            return ValueTask.CompletedTask;
        var change = new StoreChange();
        alarm.AddTo(change);
        return CommitAsync(change);
    }

    async ValueTask<int> CommandAsync(QueueSelection which, Wish wish, CancellationToken cancel)
    {
        var filter = (which as QueueSelection.Matching)?.Filter ?? QueueFilter.All;
        // The rows that cannot be meant are most of a long queue: they are not read out.
        if (OnlyStateOf(wish.Kind) is { } only)
        {
            if (filter.State is { } asked && asked != only)
                return 0;
            filter = filter with { State = only };
        }
        var changed = 0;
        QueueId? after = default(QueueId);
        // Delivery goes on between the pages.
        while (after is { } key)
        {
            await gate.WaitAsync(cancel).ConfigureAwait(false);
            try
            {
                // Results that were posted but not written yet must not be read as they were before.
                await store.CommitAsync(new StoreChange()).ConfigureAwait(false);
                var page = which is QueueSelection.One one
                    ? await ReadOneAsync(one.Id, cancel).ConfigureAwait(false)
                    : await store.ListAsync(filter, key, CommandPageMax, cancel).ConfigureAwait(false);
                changed += await ApplyAsync(page.Messages, wish, filter).ConfigureAwait(false);
                after = page.Next;
            }
            finally
            {
                gate.Release();
            }
        }
        return changed;
    }

    async ValueTask<MessagePage> ReadOneAsync(QueueId id, CancellationToken cancel) =>
        new(await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is { } found ? [found] : [], null);

    /// <summary>One commit for the page, but for messages that call for a report: those have their
    /// own.</summary>
    async ValueTask<int> ApplyAsync(IReadOnlyList<StoredMessage> page, Wish wish, QueueFilter filter)
    {
        var all = new StoreChange();
        var count = 0;
        var wished = new List<RecipientKey>();
        foreach (var stored in page)
        {
            var reports = new List<DueReport>();
            var change = wish.Kind == WishKind.Expire ? new StoreChange() : all;
            count += Apply(stored, wish, filter, change, reports, wished);
            if (wish.Kind == WishKind.Expire && change.Recipients.Count > 0)
                await CommitReportsAsync(stored.Message, change, reports)
                    .ConfigureAwait(false);
        }
        if (all.Recipients.Count > 0)
            await CommitAsync(all).ConfigureAwait(false);
        NoteWaiting(all);
        await CatchUpAsync(wished, wish).ConfigureAwait(false);
        return count;
    }

    /// <summary>Attempts that ended between the reading of their rows and the wish did not see it: it is
    /// fulfilled now.</summary>
    async ValueTask CatchUpAsync(List<RecipientKey> wished, Wish wish)
    {
        if (wished.Count == 0)
            return;
        await store.CommitAsync(new StoreChange()).ConfigureAwait(false);
        foreach (var (id, number) in wished)
        {
            if (await store.ReadMessageAsync(id, CancellationToken.None).ConfigureAwait(false)
                is not { } stored)
                continue;
            Recipient[] missed = [.. stored.Recipients
                .Where(row => row.Number == number && row.State != RecipientState.Active)];
            if (missed.Length > 0 && intents.TryRemove(new RecipientKey(id, number), out _))
                await ApplyAsync([stored with { Recipients = missed }], wish, QueueFilter.All)
                    .ConfigureAwait(false);
        }
    }

    int Apply(
        StoredMessage stored, Wish wish, QueueFilter filter, StoreChange change,
            List<DueReport> reports,
        List<RecipientKey> wished)
    {
        var now = clock.GetUtcNow();
        var match = new QueueFilterMatch(filter);
        if (wish.Kind is WishKind.Replay or WishKind.ReplayDone)
            return Replay(stored, wish, match, now, change);
        var count = 0;
        foreach (var row in stored.Recipients)
        {
            if (!Concerns(wish.Kind, row.State) || !match.Fits(row))
                continue;
            count++;
            // What an earlier process left Active has no attempt under way that could bring it back.
            if (row.State == RecipientState.Active && row.Lease == store.Epoch)
            {
                intents[KeyOf(row)] = wish;
                wished.Add(KeyOf(row));
            }
            else
                Fulfil(wish, stored.Message, row, now, change, reports);
        }
        EndDamage(stored, change);
        return count;
    }

    /// <summary>Nothing of it is held any more: it is mended or given up. Where the damage is still there,
    /// the next attempt raises the alarm anew.</summary>
    void EndDamage(StoredMessage stored, StoreChange change)
    {
        var subject = stored.Message.Id.ToString();
        if (!alarms.IsRaised(ContentAlarm, subject))
            return;
        var moved = change.Recipients.Where(row => row.Message == stored.Message.Id)
            .ToDictionary(row => row.Number);
        if (moved.Count > 0 && !stored.Recipients.Any(row => moved.GetValueOrDefault(row.Number, row).State
            is RecipientState.Held or RecipientState.Active))
            alarms.Clear(ContentAlarm, subject)?.AddTo(change);
    }

    /// <summary>An attempt may have ended the last recipient that a command left to it.</summary>
    async ValueTask EndDamageAsync(QueueId message, StoreChange change)
    {
        if (alarms.Count > 0 && alarms.IsRaised(ContentAlarm, message.ToString())
            && await store.ReadMessageAsync(message, CancellationToken.None).ConfigureAwait(false)
                is { } stored)
            EndDamage(stored, change);
    }

    static bool Concerns(WishKind wish, RecipientState state) => wish switch
    {
        WishKind.Hold => state is RecipientState.Ready or RecipientState.Deferred or RecipientState.Active,
        WishKind.Release or WishKind.Retry => state == OnlyStateOf(wish),
        WishKind.Cancel or WishKind.Expire => state is not RecipientState.Done,
        _ => throw new UnreachableException(),
    };

    /// <summary>Null: the wish concerns several.</summary>
    static RecipientState? OnlyStateOf(WishKind wish) => wish switch
    {
        WishKind.Release => RecipientState.Held,
        WishKind.Retry => RecipientState.Deferred,
        WishKind.Replay or WishKind.ReplayDone => RecipientState.Done,
        _ => null,
    };

    void Fulfil(
        Wish wish, QueuedMessage message, Recipient row, DateTimeOffset now, StoreChange change,
        List<DueReport> reports)
    {
        var what = EventOf(EventKind.Held, message, row, now) with { Actor = wish.Actor };
        switch (wish.Kind)
        {
            case WishKind.Hold:
                change.Recipients.Add(row with { State = RecipientState.Held });
                change.Events.Add(what);
                break;
            case WishKind.Release:
                // It may be as old as its lifetime: whoever releases it wants it tried, so its time begins
                // anew.
                row = Unbind(row) with
                {
                    UnderAlarm = false,
                    KeepUntil = Time.Now + LifetimeOf(message, row),
                };
                change.Recipients.Add(Wait(message, row, Decide(message, row)));
                change.Events.Add(what with { Kind = EventKind.Released });
                break;
            case WishKind.Retry:
                row = Unbind(row);
                change.Recipients.Add(Wait(message, row, Decide(message, row)));
                change.Events.Add(what with { Kind = EventKind.Retried });
                break;
            case WishKind.Cancel:
                change.Recipients.Add(Finish(row, RecipientOutcome.Cancelled, change));
                change.Events.Add(what with { Kind = EventKind.Cancelled });
                break;
            case WishKind.Expire:
                Expire(message, row, now, change, reports, wish.Actor);
                break;
            default:
                throw new UnreachableException();
        }
    }

    sealed record Wish(WishKind Kind, string Actor);
}

/// <summary>What a retry command did.</summary>
/// <param name="Recipients">Deferred ones that are Ready now.</param>
/// <param name="Lanes">Closed ones that are probed now.</param>
public readonly record struct Retried(int Recipients, int Lanes);

/// <summary>What an operator's command means: one message or all that fit a filter.</summary>
public abstract record QueueSelection
{
    public sealed record One(QueueId Id) : QueueSelection;

    public sealed record Matching(QueueFilter Filter) : QueueSelection;
}
