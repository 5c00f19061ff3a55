using System.Text;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>What age brings: a warning to the sender, the end of a recipient's time, and the reports that
/// follow a failure.</summary>
public sealed partial class MessageQueue
{
    /// <summary>The least <see cref="MailOptions.DeliverWithin"/> of mail that may wait, in ticks; since the
    /// start it only falls.</summary>
    long leastWithin = long.MaxValue;

    /// <summary>What an earlier process left was looked at: <see cref="leastWithin"/> knows it.</summary>
    volatile bool hasLookedAtAll;

    /// <summary>The message is older than the route or the queue keeps it, and nobody gave it more
    /// time.</summary>
    bool IsOver(QueuedMessage message, Recipient row)
    {
        if (!IsPast(message, row))
            return false;
        // By a clock that jumped just now anything may be past.
        WatchClock();
        return !Time.IsQuiet && IsPast(message, row);
    }

    bool IsPast(QueuedMessage message, Recipient row) =>
        Time.AgeOf(message.BeginsAt) > LifetimeOf(message, row)
        && (row.KeepUntil is not { } until || Time.Now > until);

    TimeSpan LifetimeOf(QueuedMessage message, Recipient row)
    {
        var lifetime = message.Sender.IsNull ? Options.Queue.BounceLifetime : Options.Queue.Lifetime;
        lifetime = Routes.FindRoute(row.Route)?.GiveUp ?? lifetime;
        return message.Options?.DeliverWithin is { } within && within < lifetime ? within : lifetime;
    }

    /// <summary>Held while an alarm stands, since somebody can mend it; else failed 4.4.7 (DESIGN
    /// §9.2).</summary>
    void EndLifetime(
        QueuedMessage message, Recipient row, DateTimeOffset now, StoreChange change,
        List<DueReport> reports)
    {
        if (CanBeMended(row))
        {
            change.Recipients.Add(row with { State = RecipientState.Held });
            change.Events.Add(EventOf(
                EventKind.Held, message, row, now) with
            { Why = "its lifetime ended under an alarm" });
            return;
        }
        Expire(message, row, now, change, reports);
    }

    /// <summary>Its last try raised an alarm, or one keeps it from being tried at all: no route, a closed
    /// lane.</summary>
    bool CanBeMended(Recipient row) => row.UnderAlarm || row.Lane.Length == 0
        || (alarms.Count > 0 && alarms.Raised.Any(alarm => alarm.Subject == row.Transport));

    /// <param name="actor">Whose command it is. Null: its time is over.</param>
    void Expire(
        QueuedMessage message, Recipient row, DateTimeOffset now, StoreChange change,
        List<DueReport> reports, string? actor = null)
    {
        var text = row.LastText is { } last ? $"delivery time expired, last: {last}"
            : "delivery time expired";
        var what = EventOf(
            EventKind.Failed, message, row, now) with
        { Status = Statuses.Expired.ToString(), Reply = text, Actor = actor };
        change.Events.Add(what with { Kind = EventKind.Expired });
        Fail(message, row, new AttemptResult
            .Failed(Statuses.Expired, text), RecipientOutcome.Expired, what, now, change, reports);
    }

    /// <summary>The route wants its senders told that it takes long, this one wants it, and was not told
    /// yet.</summary>
    bool IsLate(QueuedMessage message, Recipient row) =>
        !row.DelayTold && Routes.FindRoute(row.Route) is { DelayWarning: { } patience } route
        && Time.AgeOf(message.BeginsAt) > patience
        && BouncePolicy.IsDueFor(ReportKind.Delayed, message, row, route);

    /// <summary>The sender is told once; nothing else changes.</summary>
    void Warn(
        QueuedMessage message, Recipient row, DateTimeOffset now, StoreChange change,
        List<DueReport> reports)
    {
        var text = row.LastText ?? health.Find(row.Lane)?.Text ?? "it waits for its turn";
        var status = EnhancedStatus.TryParse(Encoding.UTF8.GetBytes(text), out var last, out var octets)
            ? last : Statuses.Delayed;
        text = text[octets..].TrimStart();
        row = row with { DelayTold = true };
        change.Recipients.Add(row);
        change.Events.Add(EventOf(
            EventKind.Delayed, message, row, now) with
        { Status = status.ToString(), Reply = text });
        var until = message.BeginsAt + LifetimeOf(message, row);
        if (row.KeepUntil is { } kept && Time.ToWall(kept) > until)
            until = Time.ToWall(kept);
        reports.Add(new DueReport(
            ReportKind.Delayed, new ReportedRecipient(row, status, text, WillRetryUntil: until)));
    }

    /// <summary>Ends what is past its lifetime and warns of what is late; one page by key.</summary>
    /// <returns>The key to go on from. Null: all has been looked at.</returns>
    internal async ValueTask<QueueId?> LookAtOldAsync(QueueId after, CancellationToken cancel)
    {
        const int pageMax = 2000;
        var now = clock.GetUtcNow();
        var before = Time.ArrivalOf(AgeMin());
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var page = await store.ListAsync(
                new QueueFilter { ArrivedBefore = before }, after, pageMax, cancel).ConfigureAwait(false);
            foreach (var stored in page.Messages)
                await LookAtOldAsync(stored, now).ConfigureAwait(false);
            // Ids grow with time: what is behind is younger, but for what came while a clock was wrong.
            var next = page.Next?.At - TimeSpan.FromHours(1) > before ? null : page.Next;
            hasLookedAtAll |= next is null;
            return next;
        }
        finally
        {
            gate.Release();
        }
    }

    async ValueTask LookAtOldAsync(StoredMessage stored, DateTimeOffset now)
    {
        var (message, recipients) = stored;
        NoteWithin(message);
        var change = new StoreChange();
        var reports = new List<DueReport>();
        foreach (var row in recipients)
        {
            if (row.State is not (RecipientState.Ready or RecipientState.Deferred))
                continue;
            if (IsOver(message, row))
                EndLifetime(message, row, now, change, reports);
            else if (IsLate(message, row))
                Warn(message, row, now, change, reports);
        }
        if (change.Recipients.Count > 0)
            await CommitReportsAsync(message, change, reports).ConfigureAwait(false);
    }

    void NoteWithin(QueuedMessage message)
    {
        if (message.Options?.DeliverWithin is not { Ticks: var ticks })
            return;
        for (var least = Volatile.Read(ref leastWithin); ticks < least;)
            least = Interlocked.CompareExchange(ref leastWithin, ticks, least);
    }

    /// <summary>The least age at which something is due.</summary>
    TimeSpan AgeMin()
    {
        if (!hasLookedAtAll)
            return TimeSpan.Zero;
        var least = Options.Queue.Lifetime < Options.Queue.BounceLifetime ? Options.Queue.Lifetime
            : Options.Queue.BounceLifetime;
        foreach (var route in Routes.Routes)
        {
            if (route.Options.GiveUp is { } giveUp && giveUp < least)
                least = giveUp;
            if (route.Options.DelayWarning is { } patience && patience < least)
                least = patience;
        }
        var within = new TimeSpan(Volatile.Read(ref leastWithin));
        return within < least ? within : least;
    }

    /// <summary>Commits a change together with the report it calls for; without recipients to report, the
    /// change alone.</summary>
    /// <param name="commit">Null: the store's own, which does not wait for a full disk.</param>
    async ValueTask CommitReportsAsync(
        QueuedMessage message, StoreChange change, List<DueReport> reports,
        Func<StoreChange, ValueTask>? commit = null)
    {
        commit ??= CommitAsync;
        if (reports.Count == 0)
        {
            await commit(change).ConfigureAwait(false);
            return;
        }
        var fresh = new List<Fresh>();
        foreach (var group in reports.GroupBy(due => due.Kind, due => due.About))
        {
            var report = await ComposeAsync(message, group.Key, [.. group]).ConfigureAwait(false);
            foreach (var about in group)
                Tell(group.Key, message, about.Recipient, report.Message, change);
            fresh.Add(Prepare(report, change));
        }
        try
        {
            await commit(change).ConfigureAwait(false);
        }
        catch
        {
            fresh.ForEach(Forget);
            throw;
        }
        foreach (var kind in reports.Select(due => due.Kind).Distinct())
            metrics.Reported(kind.ToString());
        fresh.ForEach(DispatchWorks);
        NoteWaiting(change);
    }

    /// <summary>The recipient's history names its report: an event of its own after a failure, else the one
    /// that says it was relayed or is late.</summary>
    static void Tell(
        ReportKind kind, QueuedMessage message, Recipient row, QueuedMessage report, StoreChange change)
    {
        if (kind == ReportKind.Failed)
        {
            var what = EventOf(EventKind.BouncedToSender, message, row, report.ArrivedAt);
            change.Events.Add(what with { Other = report.Id });
            return;
        }
        var told = kind == ReportKind.Delayed ? EventKind.Delayed : EventKind.Relayed;
        var at = change.Events.FindIndex(fact =>
            fact.Kind == told && fact.Message == row.Message && fact.Recipient == row.Number);
        change.Events[at] = change.Events[at] with { Other = report.Id };
    }

    async ValueTask<NewMail> ComposeAsync(
        QueuedMessage message, ReportKind kind, IReadOnlyList<ReportedRecipient> reports)
    {
        var id = ids.Next();
        var composed = await ComposeAsync(new ReportRequest(kind, id, message, reports))
            .ConfigureAwait(false);
        return MailOf(composed, id, message.Id, MailDoors.Submission);
    }

    /// <summary>What we write ourselves: from the null sender, and nobody is told of its fate.</summary>
    NewMail MailOf(ComposedReport composed, QueueId id, QueueId reportOn, MailDoors door)
    {
        var content = new PooledContent();
        content.Append(composed.Content.Span);
        var queued = new QueuedMessage
        {
            Id = id,
            ArrivedAt = clock.GetUtcNow(),
            Door = door,
            Sender = default,
            Parameters = MailParameters.None with { SmtpUtf8 = composed.SmtpUtf8 },
            Client = new ClientFacts(),
            ContentOctets = composed.Content.Length,
            Traits = composed.SmtpUtf8 ? ContentTraits.EightBit | ContentTraits.EightBitHeader
                : ContentTraits.None,
            MessageId = composed.MessageId,
            Subject = HeaderScan.Of(new(composed.Content)).Subject,
            ReportOn = reportOn,
        };
        var to = new EnvelopeRecipient(
            new ForwardPath(composed.To), RcptParameters.None with { Notify = DsnNotify.Never });
        return new NewMail(queued, content, [new NewRecipient(to, [], Held: false)]);
    }

    /// <summary>A report that an outcome calls for.</summary>
    readonly record struct DueReport(ReportKind Kind, ReportedRecipient About);

    async ValueTask<ComposedReport> ComposeAsync(ReportRequest request)
    {
        var composer = Volatile.Read(ref settings).Composer;
        try
        {
            using var original = await store.OpenContentAsync(request.Message, CancellationToken.None)
                .ConfigureAwait(false);
            return await composer.ComposeAsync(
                request, original is null ? null
                    : new EditedContent(request.Message, original), CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (ContentDamagedException)
        {
            // The sender is told all the same, without the part that cannot be read.
            return await composer.ComposeAsync(request, null, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
