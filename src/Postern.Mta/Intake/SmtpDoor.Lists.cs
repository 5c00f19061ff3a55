using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>Mailing lists as recipients: who may post is asked at RCPT, their members are read when the
/// content is whole.</summary>
sealed partial class SmtpDoor
{
    /// <summary>Lists among what a recipient stands for.</summary>
    List<MailingList> FindLists(Mailbox mailbox, IReadOnlyList<Mailbox> targets) => queue.Lists.IsEmpty ? []
        : [.. (targets.Count == 0 ? [mailbox] : targets).Select(queue.FindList).OfType<MailingList>()];

    async ValueTask<Reply?> TakeListsAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
        IReadOnlyList<Mailbox> targets, List<MailingList> lists, CancellationToken cancel)
    {
        var notes = (List<NewRecipient>)transaction.Notes!;
        var mailbox = recipient.Path.Mailbox;
        foreach (var list in lists)
        {
            if (!IsOfTheHouse(session.UserName, list) && !await queue.Lists
                .MayPostAsync(list, SenderOf(session, transaction), cancel).ConfigureAwait(false))
                return IntakeReplies.NoPoster(mailbox);
        }
        if (session.Kind == ListenerKind.Mx)
            return TakeInbound(notes, recipient, targets);
        Mailbox[] others = [.. targets.Where(target => queue.FindList(target) is null)];
        return (others.Length > 0 ? CheckSubmission(session, transaction, mailbox, others, out _) : null)
            ?? Admit(session, notes, new NewRecipient(recipient, targets, Held: false));
    }

    /// <summary>Who has logged in is, but for the login of another sending domain: that one is a stranger, as
    /// its mail by the API is.</summary>
    bool IsOfTheHouse(string? user, MailingList list) => user is not null
        && (user.LastIndexOf('@') is not (> 0 and var at)
            || queue.SendingDomains.Find(user[(at + 1)..]) is not { } domain || domain == list.Domain);

    /// <summary>A list needs no route. Its mail is its domain's, unless an alias led there.</summary>
    Reply? TakeInbound(
        List<NewRecipient> notes, EnvelopeRecipient recipient, IReadOnlyList<Mailbox> targets)
    {
        var mailbox = recipient.Path.Mailbox;
        var taken = targets.Count == 0 && FindSendingDomain(mailbox) is { } domain
            ? new RoutedAs(domain, IsSure: true) : null;
        if (!MayJoin(notes, mailbox, taken))
            return Replies.TooManyRecipients;
        notes.Add(taken is null ? new NewRecipient(recipient, targets, Held: false)
            : new ListRecipient(recipient, taken));
        return null;
    }

    /// <summary>Made for mail of a list: it may be of any sending domain.</summary>
    bool IsListsReturnPath(Mailbox mailbox) => ReturnPaths.IsOfList(mailbox)
        && queue.ReturnPaths?.Find(mailbox) is not null
        && queue.SendingDomains.Find(mailbox.Domain) is not null;

    /// <summary>A recipient that is a mailing list.</summary>
    sealed record ListRecipient(EnvelopeRecipient Recipient, RoutedAs As)
        : NewRecipient(Recipient, [], Held: false);
}
