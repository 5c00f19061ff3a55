using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Queue;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>What strangers meet at an mx listener before their mail is looked at: the wait for the greeting,
/// rates, and the greylist. Why: docs/decisions/0016.</summary>
/// <remarks>Whatever stands here answers 4xx, but to who breaks the protocol; where memory is full or DNS
/// does not answer, the mail is taken.</remarks>
sealed partial class SmtpDoor
{
    /// <summary>An allow list that is slower than this is taken to name the client.</summary>
    static readonly TimeSpan AllowListWithin = TimeSpan.FromSeconds(5);

    /// <summary>Null: nothing is counted.</summary>
    public ClientRates? Rates { get; init; }

    /// <summary>Null: there is none.</summary>
    public Greylist? Greylist { get; init; }

    /// <summary>A client of an mx listener that is none of ours. Null: it is, or came another way.</summary>
    static Guest? GuestOf(SessionFacts session) => (Guest?)session.Notes;

    static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <returns>What it is turned away with. Null: it may come in.</returns>
    Reply? Welcome(SessionFacts session, CancellationToken cancel)
    {
        var options = current().Options;
        var client = Plain(session.Remote.Address);
        if (session.Kind != ListenerKind.Mx || Contains(options.Inbound.Unchecked, client))
            return null;
        if (Rates?.TryTake(ClientDeed.Connection, client, options) == false)
        {
            var tooMany = Replies.TooManyConnections(options.Hostname);
            Refused(session, null, "CONNECT", "", tooMany);
            return tooMany;
        }
        session.GreetingDelay = options.Inbound.GreetWait;
        session.Notes = new Guest(client, BeginChecks(session, client, cancel));
        return null;
    }

    /// <returns>Null: the client may do it.</returns>
    Reply? TakeDeed(SessionFacts session, ClientDeed deed) =>
        Rates is null || GuestOf(session) is not { } guest
            || Rates.TryTake(deed, guest.Client, current().Options) ? null
            : IntakeReplies.TooMuchMail(deed == ClientDeed.Message ? "messages" : "recipients");

    bool IsGreylisted(SessionFacts session, [NotNullWhen(true)] out Guest? guest)
    {
        var options = current().Options.Inbound.Greylist;
        guest = GuestOf(session);
        return guest is not null && Greylist is not null && options.IsOn
            && !Contains(options.Allow, guest.Client);
    }

    /// <summary>A recipient that would be taken, unless its sender has to come again.</summary>
    async ValueTask<Reply?> TakeUnlessNewAsync(
        Guest guest, SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
        CancellationToken cancel)
    {
        var before = CountOf(transaction);
        var reply = await TakeRecipientAsync(session, transaction, recipient, cancel).ConfigureAwait(false);
        // RFC 6647 §2.5: who only asks whether an address is there does so with the null sender, and wants to
        // hear of it now. Such mail is told at DATA.
        if (reply is not null || CountOf(transaction) == before || transaction.ReversePath.Mailbox is null)
            return reply;
        var notes = (List<NewRecipient>)transaction.Notes!;
        reply = await AskToComeAgainAsync(guest, transaction, notes[^1], cancel).ConfigureAwait(false);
        if (reply is not null)
            notes.RemoveAt(notes.Count - 1);
        return reply;
    }

    static int CountOf(MailTransaction transaction) => ((List<NewRecipient>?)transaction.Notes)?.Count ?? 0;

    async ValueTask<ContentSink> OpenUnlessNewAsync(
        Guest guest, MailTransaction transaction, CancellationToken cancel)
    {
        // What comes back to a return path of ours has proved that it may; nobody else who is named beside.
        var reply = ((List<NewRecipient>)transaction.Notes!).Find(to => to.ReturnOf is null) is { } first
            ? await AskToComeAgainAsync(guest, transaction, first, cancel).ConfigureAwait(false) : null;
        return reply is null ? OpenContent(transaction) : new RefusedSink(reply);
    }

    /// <returns>Null: the mail is taken.</returns>
    async ValueTask<Reply?> AskToComeAgainAsync(
        Guest guest, MailTransaction transaction, NewRecipient to, CancellationToken cancel)
    {
        var options = current().Options.Inbound;
        // Of such a path, at RCPT.
        if (to.ReturnOf is not null || Greylist!.Knows(guest.Client, options.Greylist)
            || await IsTrustworthyAsync(guest, options, cancel).ConfigureAwait(false))
            return null;
        var mailbox = to.Recipient.Path.Mailbox;
        var left = Greylist.Ask(
            guest.Client, transaction.ReversePath, mailbox, options.Greylist, out var kept);
        // Behind it comes the commit of the mail: no crash forgets who has passed and was answered with 250.
        if (kept is not null)
            queue.PostObjects([kept]);
        return left is { } wait ? IntakeReplies.Greylisted(mailbox, wait) : null;
    }

    /// <summary>Somebody answers for the sender, or nobody can be asked now.</summary>
    async ValueTask<bool> IsTrustworthyAsync(Guest guest, InboundOptions options, CancellationToken cancel)
    {
        if (options.Greylist.SkipSpf && guest.Checks is { } checks
            && await checks.FindSpfAsync().ConfigureAwait(false)
                is AuthenticationResult.Pass or AuthenticationResult.Temperror)
            return true;
        if (Checker is null || options.AllowLists.Count == 0)
            return false;
        using var limit = new CancellationTokenSource(AllowListWithin, Checker.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await Checker.Client.IsAllowedAsync(guest.Client, options.AllowLists, either.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
            when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return true;
        }
    }

    /// <param name="Client">An IPv4 address is no mapped one.</param>
    /// <param name="Checks">Null: nothing is checked.</param>
    sealed record Guest(IPAddress Client, SessionChecks? Checks);

    /// <summary>Content that is refused before it comes.</summary>
    sealed class RefusedSink : ContentSink
    {
        public RefusedSink(Reply refusal) => Refusal = refusal;

        public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel) =>
            default;

        public override ValueTask DisposeAsync() => default;
    }
}
