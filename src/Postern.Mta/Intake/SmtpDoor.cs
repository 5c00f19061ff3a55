using System.Diagnostics;
using System.Globalization;
using System.Net;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Suppressions;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>What the sessions of one SMTP listener decide with: who may submit, whom we take mail
/// for.</summary>
/// <remarks>
/// Submission takes mail from accounts and trusted addresses for whatever a route takes; MX takes mail from
/// anybody for what an mx route or an alias takes, and nothing else: there is no relaying by omission
/// (DESIGN §1.1 law 10).
/// </remarks>
sealed partial class SmtpDoor(
    ListenOptions listener, MailIntake intake, MessageQueue queue, InboundRoutes routes, AccountLimits limits,
    LoginThrottle throttle, HandshakeThrottle handshakes, RelayHealth health, SessionLog sessionLog,
    Metrics metrics, Func<DoorSettings> current) : ISessionPolicy
{
    static readonly Network[] Loopback = [Network.Parse("127.0.0.0/8"), Network.Parse("::1")];

    MailDoors Door => listener.For == ListenFor.Mx ? MailDoors.Mx : MailDoors.Submission;

    public ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel)
    {
        session.IsTrusted = IsTrusted(session);
        sessionLog.Connected(session);
        return new(Welcome(session, cancel));
    }

    public bool MayHandshake(SessionFacts session) =>
        IsTrusted(session) || handshakes.TryBegin(session.Remote.Address);

    /// <summary>The peer is in the list, and the local address is loopback or the listener has a list of its
    /// own (DESIGN §9.5).</summary>
    bool IsTrusted(SessionFacts session)
    {
        if (session.Kind != ListenerKind.Submission || session.IsProxied)
            return false;
        if (listener.Trusted is { } own)
            return Contains(own, session.Remote.Address);
        return Loopback.Any(network => network.Contains(session.Local.Address))
            && Contains(current().Options.Submission.Trusted, session.Remote.Address);
    }

    static bool Contains(IReadOnlyList<Network> networks, IPAddress address) =>
        networks.Any(network => network.Contains(address));

    public ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters, CancellationToken cancel)
    {
        session.MailBegunAt = queue.Traces?.Begin(null, null)?.At;
        if (session.Kind == ListenerKind.Mx)
        {
            if (reversePath.Mailbox is { Domain: "" })
                return new(Replies.DomainMissing(reversePath.Mailbox));
            if (TakeDeed(session, ClientDeed.Message) is { } tooMuch)
                return new(tooMuch);
            ChecksOf(session)?.BeginMail(session.Helo ?? "", reversePath, cancel);
            return new(intake.Refusal);
        }
        if (session.UserName is null && !session.IsTrusted)
            return new(Replies.AuthenticationRequired);
        if (RulesOf(session) is { } rules && !rules.AllowsReversePath(Complete(reversePath.Mailbox)))
            return new(Replies.SenderNotOwned(reversePath.Mailbox, session.UserName!));
        return new(intake.Refusal);
    }

    public ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
            CancellationToken cancel)
    {
        if (TakeDeed(session, ClientDeed.Recipient) is { } tooMuch)
            return new(tooMuch);
        return IsGreylisted(session, out var guest)
            ? TakeUnlessNewAsync(guest, session, transaction, recipient, cancel)
            : TakeRecipientAsync(session, transaction, recipient, cancel);
    }

    ValueTask<Reply?> TakeRecipientAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
            CancellationToken cancel)
    {
        var notes = (List<NewRecipient>)(transaction.Notes ??= new List<NewRecipient>());
        var settings = current();
        var mailbox = recipient.Path.Mailbox;
        if (session.Kind == ListenerKind.Submission)
            mailbox = Complete(mailbox)!;
        if (notes.Any(known => IsSame(known.Recipient.Path.Mailbox, mailbox)))
            return default;
        recipient = recipient with { Path = new ForwardPath(mailbox) };
        if (session.Kind == ListenerKind.Mx && IsReturnPath(mailbox))
            return TakeReturnAsync(transaction.ReversePath, notes, recipient, cancel);
        var aliases = settings.Aliases.Expand(mailbox);
        if (aliases is AliasExpansion.TooMuch)
            return new(Replies.TryLater);
        var targets = aliases is AliasExpansion.To to ? to.Targets : [];
        if (FindLists(mailbox, targets) is { Count: > 0 } lists)
            return TakeListsAsync(session, transaction, recipient, targets, lists, cancel);
        var routed = session.Kind == ListenerKind.Mx && targets.Count == 0
            ? AskRoutes(session, transaction, mailbox) : null;
        if (!MayJoin(notes, mailbox, routed))
            return new(Replies.TooManyRecipients);
        if (routed is not null)
        {
            notes.Add(new RoutedRecipient(recipient, routed));
            return default;
        }
        var reply = session.Kind == ListenerKind.Mx
            ? CheckMx(session, transaction, recipient, ref targets, out var held)
            : CheckSubmission(session, transaction, mailbox, targets, out held);
        var admitted = new NewRecipient(recipient, targets, held);
        if (reply is not null)
            return new(reply);
        if (session.Kind == ListenerKind.Submission)
        {
            var asked = queue.FindSuppressionAsync(SenderOf(session, transaction), mailbox, cancel);
            // The list is in memory for all but those it names.
            if (!asked.IsCompletedSuccessfully)
                return AdmitUnlessSuppressedAsync(asked, session, notes, admitted);
            if (asked.Result is { } found)
                return new(IntakeReplies.Suppressed(mailbox, found));
        }
        return new(Admit(session, notes, admitted));
    }

    async ValueTask<Reply?> AdmitUnlessSuppressedAsync(
        ValueTask<FoundSuppression?> asked, SessionFacts session, List<NewRecipient> notes,
        NewRecipient admitted) =>
        await asked.ConfigureAwait(false) is { } found
            ? IntakeReplies.Suppressed(admitted.Recipient.Path.Mailbox, found)
            : Admit(session, notes, admitted);

    Reply? Admit(SessionFacts session, List<NewRecipient> notes, NewRecipient admitted)
    {
        if (CheckLimits(session, notes.Count) is { } reply)
            return reply;
        notes.Add(admitted);
        return null;
    }

    /// <summary>An address that only we can have made, or whoever guesses.</summary>
    bool IsReturnPath(Mailbox mailbox) => ReturnPaths.IsOne(mailbox) && (IsListsReturnPath(mailbox)
        || string.Equals(
            current().Options.Forward.ReturnDomain, mailbox.Domain, StringComparison.OrdinalIgnoreCase)
        || current().Options.Transports.Values.Any(transport => string.Equals(
            transport.ReturnDomain, mailbox.Domain, StringComparison.OrdinalIgnoreCase)));

    /// <summary>What comes back is passed on to who sent the message; nobody else is told by it.</summary>
    async ValueTask<Reply?> TakeReturnAsync(
        ReversePath from, List<NewRecipient> notes, EnvelopeRecipient recipient, CancellationToken cancel)
    {
        var mailbox = recipient.Path.Mailbox;
        var kind = ReturnPaths.KindOf(mailbox);
        if (queue.ReturnPaths?.Find(mailbox) is not { } message || !queue.IsInTime(message, kind))
            return Replies.NoSuchUser(mailbox);
        // Whoever gets forwarded mail sees its return path, and could write to its sender through us.
        if (!from.IsNull && kind is (ReturnKind.Forwarded or ReturnKind.Unproven))
            return IntakeReplies.ReportsAlone(mailbox);
        if (DropsReturn(kind) is { } why)
        {
            notes.Add(new NewRecipient(recipient, [], Held: false) { ReturnOf = message, Dropped = why });
            return null;
        }
        if (await queue.FindSenderAsync(message, cancel).ConfigureAwait(false) is not { } sender)
            return Replies.NoSuchUser(mailbox);
        notes.Add(new NewRecipient(recipient, [sender], Held: false) { ReturnOf = message });
        return null;
    }

    /// <summary>Why nobody is told. Null: the sender is.</summary>
    static string? DropsReturn(ReturnKind kind) => kind switch
    {
        ReturnKind.List => "what comes back from a mailing list is passed on to nobody",
        ReturnKind.Unproven => "its sender did not send it: SPF fail",
        ReturnKind.Own or ReturnKind.Forwarded => null,
        _ => throw new UnreachableException(),
    };

    Reply? CheckSubmission(
        SessionFacts session, MailTransaction transaction, Mailbox mailbox, IReadOnlyList<Mailbox> targets,
            out bool held)
    {
        held = false;
        foreach (var target in targets.Count == 0 ? [mailbox] : targets)
        {
            if (Ask(session, transaction, target) is RoutingDecision.NoRoute)
                return Replies.NoRoute(target);
        }
        return null;
    }

    Reply? CheckLimits(SessionFacts session, int pending)
    {
        if (AccountOf(session) is not { } account)
            return null;
        switch (limits.Admit(account, pending))
        {
            case LimitVerdict.Within:
                return null;
            case LimitVerdict.OverRate:
                return IntakeReplies.RateExceeded(account);
            case LimitVerdict.OverQuota:
                NoteQuota(account);
                return IntakeReplies.QuotaSpent(account);
            default:
                throw new UnreachableException();
        }
    }

    void NoteQuota(Account account)
    {
        if (limits.IsSpent(account))
            queue.NoteQuotaSpent(account);
    }

    Reply? CheckMx(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
        ref IReadOnlyList<Mailbox> targets, out bool held)
    {
        held = false;
        var mailbox = recipient.Path.Mailbox;
        if (targets.Count > 0)
            return null;
        var isOurs = mailbox.Domain.Length == 0 || queue.Routes.ServesDomain(mailbox.Domain)
            || ServesByApi(mailbox);
        var isPostmaster = string.Equals(mailbox.LocalPart, "postmaster", StringComparison.OrdinalIgnoreCase);
        if (mailbox.Domain.Length > 0 && Ask(session, transaction, mailbox) is not RoutingDecision.NoRoute)
            return null;
        // RFC 5321 §4.5.1: postmaster is always taken, with a domain of ours or without one.
        if (isPostmaster && isOurs)
        {
            if (current().Options.Inbound.Postmaster is { } named && Mailbox.TryParse(named, out var target))
                targets = [target];
            else
                held = true;
            return null;
        }
        return isOurs && mailbox.Domain.Length > 0 ? Replies.NoSuchUser(mailbox)
            : Replies.RelayDenied(mailbox);
    }

    RoutingDecision Ask(SessionFacts session, MailTransaction transaction, Mailbox recipient) =>
        Router.Decide(
        queue.Routes,
        new RoutingQuestion(
            SenderOf(session, transaction), recipient, Door, session.UserName, session.Listener),
        health);

    ReversePath SenderOf(SessionFacts session, MailTransaction transaction) =>
        session.Kind == ListenerKind.Submission
            ? new ReversePath(Complete(transaction.ReversePath.Mailbox))
            : transaction.ReversePath;

    /// <summary>RFC 6409 §8.1: a lone local part gets our own domain when it is submitted.</summary>
    Mailbox? Complete(Mailbox? mailbox) => mailbox is { Domain: "" }
        ? mailbox.WithDomain(current().Options.Submission.Origin ?? current().Options.Hostname)
        : mailbox;

    static bool IsSame(Mailbox one, Mailbox other) => one.LocalPart == other.LocalPart
        && string.Equals(one.Domain, other.Domain, StringComparison.OrdinalIgnoreCase);

    public ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel)
    {
        if (transaction.ReversePath.Mailbox is null && IsGreylisted(session, out var guest))
            return OpenUnlessNewAsync(guest, transaction, cancel);
        return new(OpenContent(transaction));
    }

    IntakeSink OpenContent(MailTransaction transaction)
    {
        var notes = (List<NewRecipient>)transaction.Notes!;
        return notes.Exists(static to => to.ReturnOf is not null) ? intake.OpenReportSink()
            : notes.Exists(static to => to is RoutedRecipient) ? intake.OpenRoutedSink()
            : intake.OpenSink();
    }

    public ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel)
    {
        return AccountOf(session) is { Quota: not null } account
            ? AcceptChargedAsync(account, session, transaction, content, cancel)
            : AcceptAsync(session, transaction, content, charge: null, cancel);
    }

    async ValueTask<Reply> AcceptChargedAsync(
        Account account, SessionFacts session, MailTransaction transaction, ContentSink content,
        CancellationToken cancel)
    {
        if (!limits.TryCharge(account, ((List<NewRecipient>)transaction.Notes!).Count, out var charge))
            return IntakeReplies.QuotaSpent(account);
        var isStored = false;
        try
        {
            var reply = await AcceptAsync(session, transaction, content, charge, cancel)
                .ConfigureAwait(false);
            isStored = reply.IsPositive;
            return reply;
        }
        finally
        {
            if (isStored)
                NoteQuota(account);
            else
                charge?.GiveBack();
        }
    }

    ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, AccountCharge? charge,
        CancellationToken cancel)
    {
        var sink = (IntakeSink)content;
        IReadOnlyList<NewRecipient> recipients = (List<NewRecipient>)transaction.Notes!;
        if (Expand(sink, ref recipients, out var domain) is { } refusal)
            return new(refusal);
        domain ??= recipients.OfType<ListRecipient>().FirstOrDefault()?.As.Domain;
        var request = new IntakeRequest(
            Door, current().Options.Hostname, SenderOf(session, transaction), transaction.Parameters,
            Describe(session, transaction.Parameters.SmtpUtf8), recipients, AuthorCheckOf(session))
        {
            Charge = charge,
            Options = domain is null ? null : new MailOptions { Domain = domain },
            Begun = session.MailBegunAt is { } at ? new SubmissionStart(at, default) : null,
        };
        return ChecksOf(session) is { } checks ? AcceptCheckedAsync(checks, request, sink, cancel)
            : intake.AcceptAsync(request, sink, cancel);
    }

    /// <summary>Null: nobody logged in, or the account is gone.</summary>
    Account? AccountOf(SessionFacts session) =>
        session.UserName is { } user && current().Accounts.TryFind(user, out var account) ? account : null;

    SenderRules? RulesOf(SessionFacts session) =>
        AccountOf(session) is { Senders.Count: > 0 } account
            ? new SenderRules(account.Senders, queue.Routes.Delimiter)
            : null;

    Func<HeaderScan, Reply?>? AuthorCheckOf(SessionFacts session)
    {
        if (RulesOf(session) is not { } rules)
            return null;
        return header => AuthorFields.AreAllowed(header, rules) ? null : IntakeReplies.AuthorNotOwned;
    }

    static ClientFacts Describe(SessionFacts session, bool smtpUtf8) => new()
    {
        Address = session.Remote.Address.ToString(),
        Port = session.Remote.Port,
        Helo = session.Helo ?? "",
        Protocol = session.ProtocolName(smtpUtf8),
        Listener = session.Listener,
        Account = session.UserName,
        Mechanism = session.Mechanism,
        Tls = session.Tls is { } tls ? NameOf(tls) : null,
    };

    static string NameOf(TlsFacts tls) => string.Create(CultureInfo.InvariantCulture, $"{tls.Protocol switch
    {
        System.Security.Authentication.SslProtocols.Tls12 => "TLSv1.2",
        System.Security.Authentication.SslProtocols.Tls13 => "TLSv1.3",
        var other => other.ToString(),
    }} with cipher {tls.Cipher}");

    public ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel)
    {
        if (throttle.RefusedFor(session.Remote.Address, userName) is not null)
            return new(new CredentialLookup(null, Replies.AuthenticationThrottled));
        return new(new CredentialLookup(current().Accounts.FindCredential(userName), null));
    }

    public TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded)
    {
        if (!succeeded)
            return throttle.Failed(session.Remote.Address, userName);
        throttle.Succeeded(session.Remote.Address);
        return TimeSpan.Zero;
    }

    public void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply)
    {
        sessionLog.Refused(session, transaction, verb, argument, reply);
        metrics.Refused(session, verb, reply);
    }

    public void Ended(SessionFacts session, SessionEnd end)
    {
        sessionLog.Ended(session, end);
        metrics.SessionEnded(session, end);
    }
}

/// <summary>What a reload changes for the doors; a session asks for it at each command.</summary>
sealed record DoorSettings(PosternOptions Options, AccountDirectory Accounts, AliasTable Aliases);
