using System.Diagnostics;
using System.Globalization;
using Postern.Mta.Accounts;
using Postern.Mta.Inbound;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>Replies of the house that the wire itself never gives.</summary>
static class IntakeReplies
{
    public static readonly Reply HeaderTooLarge =
        new(552, new(5, 3, 4), "Message header section is too large");

    public static readonly Reply SenderNotOwned =
        new(550, new(5, 7, 1), "Sender address rejected: not owned by this account");

    public static readonly Reply AuthorNotOwned =
        new(550, new(5, 7, 1), "From or Sender field rejected: not owned by this account");

    public static readonly Reply MailLoop =
        new(554, new(5, 4, 6), "Mail is looping: it was delivered here before");

    /// <summary>What the checks found is not wanted here, or not until more is known.</summary>
    public static Reply NotWanted(VerdictOptions rule, MailChecks checks)
    {
        var (detail, text) = Verdicts.Explain(rule, checks);
        var isRefusal = rule.Action == VerdictAction.Reject;
        return new(isRefusal ? 550 : 451, new(isRefusal ? 5 : 4, 7, detail),
            $"Message rejected: {Replies.Clean(text, 256)}");
    }

    /// <summary>Mailing list expansion problem (RFC 3463 §3.3).</summary>
    public static readonly Reply TooManyMembers = new(
        550, new(5, 2, 4),
        $"Its mailing lists have over {MailingList.MembersMax} members together; send to them one by one");

    /// <summary>The list is there, and this sender may not post.</summary>
    public static Reply NoPoster(Mailbox list) => new(
        550, new(5, 7, 1),
        $"<{Replies.Clean(list.ToString(), 256)}>: This sender may not post to the mailing list");

    /// <summary>The return path of forwarded mail: RFC 5321 §4.5.5 has reports come from the null
    /// sender.</summary>
    public static Reply ReportsAlone(Mailbox path) => new(
        550, new(5, 7, 1),
        $"<{Replies.Clean(path.ToString(), 256)}>: Only reports are taken here, with MAIL FROM:<>");

    /// <summary>A field of the message asks for something in words that cannot be understood.</summary>
    public static Reply OptionUnreadable(string field, string why) =>
        new(550, new(5, 6, 0), $"{field} rejected: {why}");

    /// <summary>The suppression list keeps mail of the sender's domain from the recipient.</summary>
    public static Reply Suppressed(Mailbox recipient, FoundSuppression found)
    {
        var why = found.Key.Kind switch
        {
            SuppressionKind.Bounce => $"mail to it bounced: {found.Value.Code} {found.Value.Error}",
            SuppressionKind.Unsubscribe => "its owner has unsubscribed",
            SuppressionKind.Complaint => "its owner complained of mail from here",
            _ => throw new UnreachableException(),
        };
        var since = found.Value.Since.ToUniversalTime().ToString(
            "yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
        return new(550, Statuses.Suppressed,
            $"<{Replies.Clean(recipient.ToString(), 256)}>: Recipient address rejected: suppressed since "
            + $"{since}, {Replies.Clean(why.TrimEnd(), 128)}");
    }

    /// <summary>Nobody knows the client: it is to come again (RFC 6647 §2.4).</summary>
    /// <param name="left">From now on.</param>
    public static Reply Greylisted(Mailbox recipient, TimeSpan left) => new(
        451, new(4, 7, 1), string.Create(CultureInfo.InvariantCulture,
            $"<{Replies.Clean(recipient.ToString(), 256)}>: Recipient address rejected: greylisted, "
            + $"try again in {Math.Ceiling(left.TotalSeconds)} s"));

    /// <summary>More messages, or recipients, than <c>inbound.rates</c> has for the client or its
    /// network.</summary>
    public static Reply TooMuchMail(string what) =>
        new(450, new(4, 7, 1), $"Error: too many {what} from your address or network, slow down");

    /// <summary>More recipients than the account's <c>rate</c>.</summary>
    public static Reply RateExceeded(Account account) => new(
        450, new(4, 7, 1),
        $"Account {Replies.Clean(account.Name, 64)} may send to {account.Rate}, slow down");

    /// <summary>The account's <c>quota</c> of this day is used up.</summary>
    /// <remarks>RFC 5321 §4.5.3.1.10: after 452 to RCPT a client sends to the recipients that were taken and
    /// keeps the others for later, which is what is wanted of it here.</remarks>
    public static Reply QuotaSpent(Account account) => new(
        452, new(4, 7, 1),
        $"Account {Replies.Clean(account.Name, 64)} may send to {account.Quota}, go on after 00:00 UTC");

    /// <summary>The store did not take it: a full disk is said to be one.</summary>
    public static Reply NotStored(StoreHealth health) =>
        health == StoreHealth.Full ? Replies.InsufficientStorage : Replies.LocalError;
}
