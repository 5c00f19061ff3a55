using Postern.Mta.Events;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Accepting: one durable commit with everything in it, then straight to the dispatcher.</summary>
public sealed partial class MessageQueue
{
    /// <summary>Stores a message; completes once it is on stable storage.</summary>
    /// <exception cref="StoreException">It is not stored: nothing may be acknowledged.</exception>
    public async ValueTask AcceptAsync(NewMail mail)
    {
        var change = new StoreChange();
        var fresh = Prepare(mail, change);
        var begunAt = clock.GetTimestamp();
        try
        {
            await store.CommitAsync(change).ConfigureAwait(false);
        }
        catch
        {
            Forget(fresh);
            throw;
        }
        metrics.CommitTook(clock.GetElapsedTime(begunAt));
        metrics.Accepted(mail.Message.Client.Listener, mail.Message.ContentOctets);
        DispatchWorks(fresh);
        NoteWaiting(change);
    }

    /// <summary>Fills the change, and says what goes on without being read back.</summary>
    Fresh Prepare(NewMail mail, StoreChange change)
    {
        var now = clock.GetUtcNow();
        change.Messages.Add(new NewMessage(mail.Message, mail.Content));
        var content = mail.Content is null ? null : new SharedContent(mail.Content, ReturnFresh);
        Interlocked.Add(ref freshOctets, OctetsHeld(mail.Content?.Octets ?? 0));
        var rows = new List<(Recipient Row, RoutingDecision.Via Decision)>();
        var number = 0;
        foreach (var recipient in mail.Recipients)
            Place(mail, recipient, ref number, now, change, rows);
        return new Fresh(GroupIntoWorks(mail.Message, rows, content), content);
    }

    void Place(
        NewMail mail, NewRecipient recipient, ref int number, DateTimeOffset now, StoreChange change,
        List<(Recipient Row, RoutingDecision.Via Decision)> rows)
    {
        var row = new Recipient
        {
            Message = mail.Message.Id,
            Number = ++number,
            Address = recipient.Recipient.Path.Mailbox,
            Dsn = recipient.Recipient.Parameters,
            State = recipient.Held ? RecipientState.Held : RecipientState.Ready,
            DueAt = now,
        };
        if (recipient.Aliases.Count == 0 || recipient.Held)
        {
            number = PlaceOne(mail.Message, mail.Recipients.Count, row, number, now, change, rows);
            return;
        }
        change.Recipients.Add(row with { State = RecipientState.Done, Outcome = RecipientOutcome.Expanded });
        var accepted = AcceptedEvent(mail.Message, mail.Recipients.Count, row, null);
        var expanded = EventOf(EventKind.Expanded, mail.Message, row, now);
        change.Events.Add(accepted with { Why = "an alias" });
        change.Events.Add(expanded with { RecipientCount = recipient.Aliases.Count });
        foreach (var target in recipient.Aliases)
        {
            var child =
                row with { Number = ++number, Parent = row.Number, Address = target, Original = row.Address };
            number = PlaceOne(mail.Message, mail.Recipients.Count, child, number, now, change, rows);
        }
    }

    /// <summary>Decides on one new row and adds it; a route to several transports adds its children
    /// too.</summary>
    /// <returns>The last number used.</returns>
    int PlaceOne(
        QueuedMessage message, int count, Recipient row, int number, DateTimeOffset now, StoreChange change,
        List<(Recipient Row, RoutingDecision.Via Decision)> rows)
    {
        var decision = Decide(message, row);
        change.Events.Add(row.Parent is null
            ? AcceptedEvent(message, count, row, decision)
            : EventOf(EventKind.Routed, message, row, now) with { Why = decision.Why });
        switch (decision)
        {
            case RoutingDecision.Split split:
                change.Recipients.Add(row with
                {
                    State = RecipientState.Done,
                    Outcome = RecipientOutcome.Expanded,
                    Route = split.Route.Name
                });
                change.Events.Add(ExpandedEvent(message, row, split, now));
                foreach (var transport in split.Transports)
                {
                    var child = row with
                    {
                        Number = ++number,
                        Parent = row.Number,
                        BoundTransport = transport,
                        Route = split.Route.Name
                    };
                    AddRow(child, Decide(message, child), now, change, rows);
                }
                return number;
            default:
                AddRow(row, decision, now, change, rows);
                return number;
        }
    }

    /// <summary>Active when it may go at once, else Ready in its lane; without a route it waits for a
    /// reload.</summary>
    void AddRow(
        Recipient row, RoutingDecision decision, DateTimeOffset now, StoreChange change,
        List<(Recipient Row, RoutingDecision.Via Decision)> rows)
    {
        if (decision is not RoutingDecision.Via via)
        {
            change.Recipients.Add(row);
            RaiseNoRoute(row, decision, change);
            return;
        }
        row = row with { Lane = via.Lane, Route = via.Route.Name, Transport = via.Transport };
        if (row.State != RecipientState.Held && Interlocked.Read(ref freshOctets) <= FreshOctetsMax
            && MayGo(via))
        {
            row = row with { State = RecipientState.Active, Lease = store.Epoch, DueAt = LeaseEnd(now) };
            rows.Add((row, via));
        }
        change.Recipients.Add(row);
    }

    List<Work> GroupIntoWorks(
        QueuedMessage message, List<(Recipient Row, RoutingDecision.Via Decision)> rows,
        SharedContent? content)
    {
        var works = new List<Work>();
        var activeSince = clock.GetTimestamp();
        if (rows is [var only])
            works.Add(new Work(message, [only.Row], only.Decision, content?.Hold(), activeSince));
        else
        {
            foreach (var group in rows.GroupBy(row => row.Decision.Lane))
            {
                var size = transports.RecipientsPerMessageOf(group.First().Decision.Transport);
                foreach (var part in group.Chunk(size))
                {
                    Recipient[] recipients = [.. part.Select(row => row.Row)];
                    works.Add(new Work(message, recipients, part[0].Decision, content?.Hold(), activeSince));
                }
            }
        }
        return works;
    }

    /// <summary>The commit failed: nothing of it goes on.</summary>
    void Forget(Fresh fresh)
    {
        foreach (var work in fresh.Works)
        {
            ReturnProbe(work);
            work.Content?.LetGo();
        }
        fresh.Content?.LetGo();
    }

    void DispatchWorks(Fresh fresh)
    {
        foreach (var work in fresh.Works)
            Dispatcher.Offer(work);
        fresh.Content?.LetGo();
    }

    void ReturnFresh(long octets) => Interlocked.Add(ref freshOctets, -OctetsHeld(octets));

    /// <summary>Content lies in whole segments: many small messages hold far more than their
    /// octets.</summary>
    static long OctetsHeld(long octets) =>
        (octets + PooledContent.SegmentOctets - 1)
        / PooledContent.SegmentOctets * PooledContent.SegmentOctets;

    static MailEvent AcceptedEvent(
        QueuedMessage message, int count, Recipient row, RoutingDecision? decision) =>
        EventOf(EventKind.Accepted, message, row, message.ArrivedAt) with
        {
            ContentOctets = message.ContentOctets + message.Edits.Prefix.Length,
            RecipientCount = count,
            Client = message.Client,
            Route = (decision as RoutingDecision.Via)?.Route.Name ?? row.Route,
            Transport = (decision as RoutingDecision.Via)?.Transport,
            Why = decision?.Why,
        };

    static MailEvent ExpandedEvent(
        QueuedMessage message, Recipient row, RoutingDecision.Split split, DateTimeOffset at) =>
        EventOf(EventKind.Expanded, message, row, at) with
        {
            Why = split.Why,
            RecipientCount = split.Transports.Count
        };

    static MailEvent EventOf(EventKind kind, QueuedMessage message, Recipient row, DateTimeOffset at) => new()
    {
        Kind = kind,
        At = at,
        Message = message.Id,
        Recipient = row.Number,
        RecipientAddress = row.Address.ToString(),
        OriginalAddress = row.Original?.ToString(),
        Sender = message.Sender.Mailbox?.ToString() ?? "",
        MessageId = message.MessageId,
        Route = row.Route,
        Transport = row.Transport,
    };

    sealed record Fresh(IReadOnlyList<Work> Works, SharedContent? Content);
}

/// <summary>A message at the door of the queue: its facts, its content and whom it is for.</summary>
/// <param name="Content">Octets in memory; the queue disposes of them. Null: they are in the message's
/// content file.</param>
public sealed record NewMail(
    QueuedMessage Message, StoredContent? Content, IReadOnlyList<NewRecipient> Recipients);

/// <summary>A recipient of the envelope, with what aliases made of it.</summary>
/// <param name="Aliases">Addresses it stands for. Empty: itself.</param>
/// <param name="Held">It is kept for an operator: mail for a postmaster nobody named.</param>
public sealed record NewRecipient(EnvelopeRecipient Recipient, IReadOnlyList<Mailbox> Aliases, bool Held);
