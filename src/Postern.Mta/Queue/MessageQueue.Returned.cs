using System.Text.Json.Nodes;
using Postern.Mta.Events;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Mail that comes back to a return path of ours: whose message it is about, and what became of
/// it.</summary>
/// <remarks>A token proves that the report is about one message; it does not prove what the report says, so
/// it counts for recipients of that message alone.</remarks>
public sealed partial class MessageQueue
{
    /// <summary>Null: messages keep their reverse-path.</summary>
    internal ReturnPaths? ReturnPaths { get; set; }

    /// <summary>The reverse-path that a message leaves with, to this recipient. Members of a list that keeps
    /// its reports never get the poster's: without a key of ours, the null one.</summary>
    internal ReversePath SenderOf(QueuedMessage message, Recipient row, RoutingDecision.Via via)
    {
        var domain = Options.Transports.GetValueOrDefault(via.Transport)?.ReturnDomain;
        if (IsForwarded(message, row, via))
            return SenderOfForwarded(message, via, domain);
        if (message.ListOf(row) is { KeepsReports: true } list)
            return new ReversePath(ReturnPaths?.OfList(message.Id, domain ?? list.Domain));
        return message.Sender.Mailbox is not null && ReturnPaths is { } ours && domain is not null
            ? new ReversePath(ours.Of(message.Id, domain)) : message.Sender;
    }

    /// <summary>Who sent it. Null: nothing is known of it any more.</summary>
    internal async ValueTask<Mailbox?> FindSenderAsync(QueueId message, CancellationToken cancel)
    {
        // Whoever got the mail can ask as often as he likes, and it may have had thousands of recipients.
        var first = await store.ReadFirstEventOfAsync(message, cancel).ConfigureAwait(false);
        return Mailbox.TryParse(first?.Event.Sender ?? "", out var mailbox) ? mailbox : null;
    }

    /// <summary>What a mail that came to the return path of a message tells of its recipients.</summary>
    /// <param name="report">The mail that came.</param>
    /// <param name="head">Its beginning.</param>
    internal async ValueTask<ToldByMail> ReadReturnedAsync(
        QueueId message, QueueId report, ReadOnlyMemory<byte> head)
    {
        if (BounceReader.Read(head) is not { } returned)
            return ToldByMail.Nothing;
        var history = await store.ReadEventsOfAsync(message, CancellationToken.None).ConfigureAwait(false);
        IReadOnlyList<MailEvent> told = returned switch
        {
            DeliveryReport tells => [.. tells.Recipients.Select(fate => EventOf(fate, history, report))
                .OfType<MailEvent>().Where(fact => IsNew(fact, history))],
            Complaint { IsOfTheRecipient: true } complaint => [.. complaint.Recipients
                .Select(mailbox => SubjectOf(history, mailbox.ToString()))
                .DefaultIfEmpty(SubjectOf(history, null)).OfType<MailEvent>()
                .Select(subject => ReturnedEvent(subject, EventKind.Complained, report, history))],
            _ => [],
        };
        var feeds = new List<ObjectChange>();
        foreach (var fact in told)
        {
            if (await FeedOfAsync(fact, history).ConfigureAwait(false) is { } feed)
                feeds.Add(feed);
        }
        return new ToldByMail(told, feeds);
    }

    /// <summary>Null: it tells nothing new, or it is about nobody the message went to.</summary>
    MailEvent? EventOf(RecipientFate fate, IReadOnlyList<StoredEvent> history, QueueId report)
    {
        EventKind? kind = fate.Action switch
        {
            ReportKind.Failed or ReportKind.Delayed => EventKind.Failed,
            ReportKind.Delivered => EventKind.Delivered,
            _ => null,
        };
        // Behind a forwarding the report names an address that we do not know: of an only recipient it tells
        // all the same.
        var named = new[] { fate.Address, fate.Original }.OfType<Mailbox>()
            .Select(mailbox => SubjectOf(history, mailbox.ToString()))
            .FirstOrDefault(found => found is not null);
        if (kind is not { } told || (named ?? SubjectOf(history, null)) is not { } subject)
            return null;
        var fact = ReturnedEvent(subject, told, report, history);
        return fact with
        {
            Status = fate.Status?.ToString(),
            Reply = fate.Diagnostic,
            Severity = told != EventKind.Failed ? null
                : fate.Action == ReportKind.Failed ? EventSeverity.Permanent : EventSeverity.Temporary,
            Remote = fact.Remote! with
            {
                Reason = told == EventKind.Failed ? fate.Reason.MailgunNameOf() : null,
                Details = new JsonObject { ["delivery-status"] = StatusOf(fate) }.ToJsonString(),
            },
        };
    }

    static JsonObject StatusOf(RecipientFate fate)
    {
        var status = new JsonObject
        {
            ["code"] = fate.ReplyCode ?? (fate.Action == ReportKind.Failed ? 550
                : fate.Action == ReportKind.Delayed ? 450 : 250),
            ["message"] = fate.Diagnostic,
            ["description"] = "",
        };
        if (fate.Status is { } code)
            status["enhanced-code"] = code.ToString();
        if (fate.RemoteMta is { } host)
            status["mx-host"] = host;
        if (fate.Action == ReportKind.Failed)
            status["bounce-type"] = fate.IsHard ? "hard" : "soft";
        return status;
    }

    MailEvent ReturnedEvent(
        MailEvent subject, EventKind kind, QueueId report, IReadOnlyList<StoredEvent> history)
    {
        var now = clock.GetUtcNow();
        return new MailEvent
        {
            Kind = kind,
            At = now,
            Message = subject.Message,
            Recipient = subject.Recipient,
            RecipientAddress = subject.RecipientAddress,
            OriginalAddress = subject.OriginalAddress,
            Sender = subject.Sender,
            MessageId = subject.MessageId,
            Route = subject.Route,
            Transport = subject.Transport,
            Other = report,
            Options = subject.Options,
            Remote = new RemoteFacts("report", report.ToString(), now, null, null),
            Trace = TraceOf(history),
        };
    }

    /// <summary>The last event of the recipient that is meant.</summary>
    /// <param name="address">Null: the message's only one, if it has only one.</param>
    static MailEvent? SubjectOf(IReadOnlyList<StoredEvent> history, string? address)
    {
        var of = history.Select(known => known.Event).Where(fact => fact.Recipient is not null);
        if (address is not null)
            return of.LastOrDefault(fact => IsAbout(fact, address));
        var all = of.Where(fact => fact.Kind != EventKind.Expanded).ToList();
        return all.Select(fact => fact.Recipient).Distinct().Count() == 1 ? all[^1] : null;
    }

    /// <summary>A peer that lost our answer hands the same report over again.</summary>
    static bool IsNew(MailEvent fact, IReadOnlyList<StoredEvent> history) => !history.Any(known =>
        known.Event.Remote?.Source == "report" && known.Event.Kind == fact.Kind
        && known.Event.Severity == fact.Severity && known.Event.Recipient == fact.Recipient
        && known.Event.Reply == fact.Reply);
}
