using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Inbound;
using Postern.Mta.Lists;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Accepting: one durable commit with everything in it, then straight to the dispatcher.</summary>
public sealed partial class MessageQueue
{
    /// <summary>Stores a message; completes once it is on stable storage.</summary>
    /// <exception cref="StoreException">It is not stored: nothing may be acknowledged.</exception>
    public ValueTask AcceptAsync(NewMail mail) => AcceptAsync([mail]);

    /// <summary>Stores messages, all of them or none; completes once they are on stable storage.</summary>
    /// <param name="charge">Stored in the same commit. Null: they count against no quota.</param>
    /// <exception cref="StoreException">Nothing is stored: nothing may be acknowledged.</exception>
    internal async ValueTask AcceptAsync(IReadOnlyList<NewMail> mails, AccountCharge? charge = null)
    {
        var change = new StoreChange();
        var fresh = new Fresh[mails.Count];
        var suppressed = Suppressions.IsEmpty ? null
            : await FindSuppressedAsync(mails).ConfigureAwait(false);
        for (var i = 0; i < fresh.Length; i++)
            fresh[i] = Prepare(mails[i], change, suppressed?[i]);
        var begunAt = clock.GetTimestamp();
        try
        {
            if (charge is not null)
                await charge.CommitAsync(change, store).ConfigureAwait(false);
            else
                await store.CommitAsync(change).ConfigureAwait(false);
        }
        catch
        {
            foreach (var one in fresh)
                Forget(one);
            alarms.TakeBack(change);
            throw;
        }
        metrics.CommitTook(clock.GetElapsedTime(begunAt));
        await Suppressions.NoteAsync(change.Objects).ConfigureAwait(false);
        for (var i = 0; i < fresh.Length; i++)
        {
            metrics.Accepted(mails[i].Message.Client.Listener, mails[i].Message.ContentOctets);
            DispatchWorks(fresh[i]);
        }
        NoteWaiting(change);
    }

    /// <summary>Fills the change, and says what goes on without being read back.</summary>
    /// <param name="suppressed">By address. Null: nobody is.</param>
    Fresh Prepare(
        NewMail mail, StoreChange change,
        IReadOnlyDictionary<SuppressedRecipient, FoundSuppression>? suppressed = null)
    {
        NoteWithin(mail.Message);
        change.Messages.Add(new NewMessage(mail.Message, mail.Content));
        change.Events.AddRange(mail.Told.Events);
        change.Objects.AddRange(mail.Told.Feeds);
        change.Objects.AddRange(mail.Objects);
        var told = Options.Log.Subject ? mail.Message : mail.Message with { Subject = null };
        var placing = new Placing(told, mail.Recipients.Count, clock.GetUtcNow(), change)
        {
            Suppressed = suppressed,
            Lists = mail.Lists,
            Quarantine = mail.Quarantine,
        };
        SharedContent? content = null;
        if (mail.Content is { } octets)
        {
            var flow = Flow.Of(mail.Message, route: null);
            placing.MayPassBy = freshMemory.Take(flow, octets.Octets);
            content = new SharedContent(octets, freshMemory, flow);
        }
        foreach (var recipient in mail.Recipients)
            Place(placing, recipient);
        return new Fresh(GroupIntoWorks(mail.Message, placing.Leased, content), content);
    }

    void Place(Placing placing, NewRecipient recipient)
    {
        var change = placing.Change;
        placing.Trouble = recipient.Trouble;
        var row = new Recipient
        {
            Message = placing.Message.Id,
            Number = placing.NextNumber(),
            Address = recipient.Recipient.Path.Mailbox,
            Dsn = recipient.Recipient.Parameters,
            State = recipient.Held || placing.Quarantine is not null ? RecipientState.Held
                : RecipientState.Ready,
            DueAt = Time.Now,
        };
        if (recipient.Dropped is { } why)
        {
            PlaceExpanded(placing, row, why, []);
            return;
        }
        if (recipient.Expansion is { } expansion)
        {
            PlaceExpanded(placing, row, $"route {expansion.Routes}", expansion.To);
            return;
        }
        if (recipient.Aliases.Count == 0 || recipient.Held)
        {
            PlaceOne(placing, row);
            return;
        }
        change.Recipients.Add(row with { State = RecipientState.Done, Outcome = RecipientOutcome.Expanded });
        var accepted = AcceptedEvent(placing.Message, placing.Count, row, null);
        var expanded = EventOf(EventKind.Expanded, placing.Message, row, placing.Now);
        change.Events.Add(accepted with { Why = "an alias" });
        change.Events.Add(expanded with { RecipientCount = recipient.Aliases.Count });
        foreach (var target in recipient.Aliases)
        {
            PlaceOne(placing, row with
            {
                Number = placing.NextNumber(),
                Parent = row.Number,
                Address = target,
                Original = row.Address,
            });
        }
    }

    /// <summary>Decides on one new row and adds it; a route to several transports adds its children
    /// too.</summary>
    void PlaceOne(Placing placing, Recipient row)
    {
        if (placing.Trouble is { } trouble)
        {
            AddLoopedRow(placing, row, trouble);
            return;
        }
        if (placing.Lists?.Find(row.Address) is { } list)
        {
            PlaceMembers(placing, row, list);
            return;
        }
        var (message, change) = (placing.Message, placing.Change);
        var decision = Decide(message, row);
        change.Events.Add(row.Parent is null
            ? AcceptedEvent(message, placing.Count, row, decision)
            : EventOf(EventKind.Routed, message, row, placing.Now) with { Why = decision.Why });
        if (message.Options is { IsTest: true })
        {
            AddTestRow(placing, row);
            return;
        }
        if (placing.Suppressed?.GetValueOrDefault(SuppressedRecipient.Of(row)) is { } found)
        {
            AddFailedRow(placing, row, Statuses.Suppressed, found.Text, found.FailureName);
            return;
        }
        if (decision is not RoutingDecision.Split split)
        {
            AddRow(placing, row, decision);
            return;
        }
        change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Expanded,
            Route = split.Route.Name,
        });
        change.Events.Add(ExpandedEvent(message, row, split, placing.Now));
        foreach (var transport in split.Transports)
        {
            var child = row with
            {
                Number = placing.NextNumber(),
                Parent = row.Number,
                BoundTransport = transport,
                Route = split.Route.Name,
            };
            AddRow(placing, child, Decide(message, child));
        }
    }

    /// <summary>It is delivered without having gone anywhere.</summary>
    static void AddTestRow(Placing placing, Recipient row)
    {
        placing.Change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Delivered,
        });
        placing.Change.Events.Add(EventOf(EventKind.Delivered, placing.Message, row, placing.Now) with
        {
            Status = Statuses.TestMode.ToString(),
            Reply = "a test: it was taken and goes nowhere",
        });
    }

    /// <summary>Active when it may go at once, else Ready in its lane; without a route it waits for a
    /// reload.</summary>
    void AddRow(Placing placing, Recipient row, RoutingDecision decision)
    {
        if (placing.Quarantine is { } why)
            placing.Change.Events.Add(
                EventOf(EventKind.Held, placing.Message, row, placing.Now) with { Why = why });
        if (decision is not RoutingDecision.Via via)
        {
            placing.Change.Recipients.Add(row);
            RaiseNoRoute(row, decision, placing.Change);
            return;
        }
        if (row.State == RecipientState.Held)
            row = row with { Lane = via.Lane, Route = via.Route.Name, Transport = via.Transport };
        else if (placing.Message.BeginsAt is var begins && begins > placing.Now)
            row = row with
            {
                State = RecipientState.Deferred,
                Lane = via.Home,
                Route = via.Route.Name,
                DueAt = Time.Now + (begins - placing.Now),
            };
        else if (placing.MayPassBy && placing.Leased.Count < Placing.LeasedMax
            && Dispatcher.HasRoomFor(placing.Message, via) && MayGo(via, out var going))
        {
            row = Lease(row with { Lane = via.Lane, Route = via.Route.Name, Transport = via.Transport });
            placing.Leased.Add((row, going));
        }
        else
            row = Wait(placing.Message, row with { Route = via.Route.Name }, via);
        placing.Change.Recipients.Add(row);
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
            foreach (var group in rows.GroupBy(
                row => (row.Decision.Lane, row.Decision.Probe, row.Row.List,
                    ForwardedFor(message, row.Row, row.Decision))))
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

    static MailEvent AcceptedEvent(
        QueuedMessage message, int count, Recipient row, RoutingDecision? decision) =>
        EventOf(EventKind.Accepted, message, row, message.ArrivedAt) with
        {
            ContentOctets = message.ContentOctets + message.Edits.Prefix.Length,
            RecipientCount = count,
            Subject = message.Subject,
            Client = message.Client,
            Route = (decision as RoutingDecision.Via)?.Route.Name ?? row.Route,
            Transport = (decision as RoutingDecision.Via)?.Transport,
            Why = decision?.Why,
            Checks = CheckWords.LineOf(message.Checks),
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
        Options = message.OptionsOf(row),
    };

    /// <summary>The rows of one new message while they are made.</summary>
    sealed class Placing(QueuedMessage message, int count, DateTimeOffset now, StoreChange change)
    {
        /// <summary>Of one message, at once: what a thousand recipients of an envelope are.</summary>
        public const int LeasedMax = 1000;

        int number;

        public QueuedMessage Message => message;

        /// <summary>Recipients of the envelope.</summary>
        public int Count => count;

        public DateTimeOffset Now => now;
        public StoreChange Change => change;

        /// <summary>There is memory for it until its first attempt.</summary>
        public bool MayPassBy { get; set; } = true;

        /// <summary>What goes on at once.</summary>
        public List<(Recipient Row, RoutingDecision.Via Decision)> Leased { get; } = [];

        /// <summary>Who gets no mail of its domain. Null: nobody.</summary>
        public IReadOnlyDictionary<SuppressedRecipient, FoundSuppression>? Suppressed { get; init; }

        /// <summary>Null: it goes to no mailing list.</summary>
        public ListExpansion? Lists { get; init; }

        /// <summary>Why it is held. Null: it is not.</summary>
        public string? Quarantine { get; init; }

        /// <summary>Why what the recipient stands for does not get it. Null: it does.</summary>
        public string? Trouble { get; set; }

        /// <summary>Addresses of lists that have it.</summary>
        public HashSet<string> Opened { get; } = new(StringComparer.Ordinal);

        /// <summary>Addresses of their members.</summary>
        public HashSet<string> Listed { get; } = new(StringComparer.Ordinal);

        public int NextNumber() => ++number;
    }

    sealed record Fresh(IReadOnlyList<Work> Works, SharedContent? Content);
}

/// <summary>A message at the door of the queue: its facts, its content and whom it is for.</summary>
/// <param name="Content">Octets in memory; the queue disposes of them. Null: they are in the message's
/// content file.</param>
public sealed record NewMail(
    QueuedMessage Message, StoredContent? Content, IReadOnlyList<NewRecipient> Recipients)
{
    /// <summary>What it tells of other messages; stored in the same commit.</summary>
    public ToldByMail Told { get; init; } = ToldByMail.Nothing;

    /// <summary>What mailing lists among its recipients become. Null: there are none.</summary>
    public ListExpansion? Lists { get; init; }

    /// <summary>What else is stored in the same commit.</summary>
    public IReadOnlyList<ObjectChange> Objects { get; init; } = [];

    /// <summary>Why all of it is held until an operator has looked at it. Null: it is not.</summary>
    public string? Quarantine { get; init; }
}

/// <summary>What a report that comes in tells of messages of ours.</summary>
/// <param name="Feeds">What it puts on the suppression list.</param>
public sealed record ToldByMail(IReadOnlyList<MailEvent> Events, IReadOnlyList<ObjectChange> Feeds)
{
    public static readonly ToldByMail Nothing = new([], []);
}

/// <summary>A recipient of the envelope, with what aliases made of it.</summary>
/// <param name="Aliases">Addresses it stands for. Empty: itself.</param>
/// <param name="Held">It is kept for an operator: mail for a postmaster nobody named.</param>
public record NewRecipient(EnvelopeRecipient Recipient, IReadOnlyList<Mailbox> Aliases, bool Held)
{
    /// <summary>The message whose return path it is. Null: it is none of ours.</summary>
    public QueueId? ReturnOf { get; init; }

    /// <summary>What routes of the API make of it. Null: they are not asked.</summary>
    public RouteExpansion? Expansion { get; init; }

    /// <summary>It is taken and goes no further, for this reason. Null: it goes on.</summary>
    public string? Dropped { get; init; }

    /// <summary>What it stands for becomes dead letters, for this reason. Null: it goes on.</summary>
    public string? Trouble { get; init; }

    /// <summary>It is no end: mail for it goes on to other addresses.</summary>
    internal bool LeadsOn => !Held
        && (Aliases.Count > 0 || Expansion?.To.Any(child => child is RouteChild.Address) == true);
}
