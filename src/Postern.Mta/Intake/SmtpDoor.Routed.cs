using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>Mail that routes of the API take: for sending domains, where no route of the file does.</summary>
sealed partial class SmtpDoor
{
    /// <summary>A header section is matched up to here, in characters of each field.</summary>
    const int FieldCharactersMax = 16 << 10;

    /// <summary>Whose mail it would be. Null: no route of the API can take it, or one of the file
    /// does.</summary>
    RoutedAs? AskRoutes(SessionFacts session, MailTransaction transaction, Mailbox mailbox)
    {
        if (routes.All.Count == 0 || FindSendingDomain(mailbox) is not { } domain
            || Ask(session, transaction, mailbox) is not RoutingDecision.NoRoute)
            return null;
        return routes.Judge(mailbox) switch
        {
            RouteVerdict.Yes => new RoutedAs(domain, IsSure: true),
            RouteVerdict.Maybe => new RoutedAs(domain, IsSure: false),
            _ => null,
        };
    }

    /// <summary>As the configuration spells it. Null: none of ours.</summary>
    string? FindSendingDomain(Mailbox mailbox) => queue.SendingDomains.FindName(mailbox.Domain);

    /// <summary>Somebody there has mail: so its postmaster has, too.</summary>
    bool ServesByApi(Mailbox mailbox) => queue.SendingDomains.Find(mailbox.Domain) is { } domain
        && (routes.All.Count > 0 || queue.Lists.Serves(domain));

    /// <summary>One reply stands at the end of the content for all recipients: whoever may still be refused
    /// then comes alone. And the mail of a domain is its own: others come by themselves.</summary>
    static bool MayJoin(List<NewRecipient> notes, Mailbox mailbox, RoutedAs? routed) => notes.All(known =>
    {
        var other = (known as RoutedRecipient)?.As ?? (known as ListRecipient)?.As;
        if (other is null && routed is null)
            return true;
        return (other?.IsSure ?? true) && (routed?.IsSure ?? true) && string.Equals(
            known.Recipient.Path.Mailbox.Domain, mailbox.Domain, StringComparison.OrdinalIgnoreCase);
    });

    /// <summary>The content is whole: routes are asked what they make of their recipients.</summary>
    /// <param name="domain">Whose mail it is. Null: no route of the API takes it.</param>
    /// <returns>What it is refused for. Null: it may be taken; what is wrong with the content itself is
    /// found elsewhere.</returns>
    Reply? Expand(IntakeSink sink, ref IReadOnlyList<NewRecipient> recipients, out string? domain)
    {
        domain = null;
        if (!recipients.Any(one => one is RoutedRecipient) || sink.Refusal is not null
            || sink.Complete() is not null)
            return null;
        KeyValuePair<string, string>[] fields = [.. sink.Fields!.Fields.Select(field => KeyValuePair.Create(
            field.Name, field.Value[..Math.Min(field.Value.Length, FieldCharactersMax)]))];
        var all = new List<NewRecipient>();
        foreach (var recipient in recipients)
        {
            if (recipient is not RoutedRecipient routed)
            {
                all.Add(recipient);
                continue;
            }
            var mailbox = routed.Recipient.Path.Mailbox;
            // Routes may have changed meanwhile.
            if (routes.Expand(mailbox, fields) is not { } expansion)
                return recipients.Count == 1 ? Replies.NoSuchUser(mailbox) : Replies.TryLater;
            if (expansion.IsTooMuch)
                return Replies.TryLater;
            domain = routed.As.Domain;
            all.Add(new NewRecipient(routed.Recipient, [], Held: false) { Expansion = expansion });
        }
        recipients = all;
        return null;
    }

    /// <param name="Domain">The sending domain.</param>
    /// <param name="IsSure">Some route takes it whatever the content is.</param>
    sealed record RoutedAs(string Domain, bool IsSure);

    /// <summary>A recipient that routes of the API may take.</summary>
    sealed record RoutedRecipient(EnvelopeRecipient Recipient, RoutedAs As)
        : NewRecipient(Recipient, [], Held: false);
}
