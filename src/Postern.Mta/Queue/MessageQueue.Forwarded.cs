using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Mail from outside that goes on to an address elsewhere: in whose name it leaves, what is put in
/// front of it, and where it goes round in a circle.</summary>
/// <remarks>An alias or a route's <c>forward()</c> led there, which the operator wrote: nobody else can make
/// us relay. What the content says stays as it came, so that signatures hold.</remarks>
public sealed partial class MessageQueue
{
    /// <summary>How long what comes back for it is taken: our queue and that of the next hop, each of five
    /// days, and a delay of an operator's.</summary>
    static readonly TimeSpan ReturnTime = TimeSpan.FromDays(21);

    /// <summary>A route that is made for it goes before those of our own mail, wherever it stands; what a
    /// mailing list sends on is the mail of its domain.</summary>
    RoutingDecision DecideLeaving(Recipient row, RoutingQuestion question) => row.List is null
        && Router.Decide(Routes, question with { Door = MailDoors.Forward }, health)
            is var decision and not RoutingDecision.NoRoute ? decision
        : Router.Decide(Routes, question with { Door = MailDoors.Submission }, health);

    /// <summary>No mx route took it: it leaves the house, to another server.</summary>
    bool IsForwarded(QueuedMessage message, Recipient row, RoutingDecision.Via via) =>
        message.Door == MailDoors.Mx && row.Original is not null && !via.Route.Accepts.HasFlag(MailDoors.Mx)
        && Options.Transports.GetValueOrDefault(via.Transport)
            is { Kind: TransportKind.Smtp or TransportKind.Mailgun };

    /// <summary>The address that it was forwarded for; recipients of another one do not hear of it. Null:
    /// it was not.</summary>
    string? ForwardedFor(QueuedMessage message, Recipient row, RoutingDecision.Via via) =>
        IsForwarded(message, row, via) ? row.Original!.ToString() : null;

    /// <param name="domain">Of the transport's own return paths. Null: it has none.</param>
    ReversePath SenderOfForwarded(QueuedMessage message, RoutingDecision.Via via, string? domain)
    {
        if (Options.Transports[via.Transport].Kind == TransportKind.Smtp)
            domain ??= Options.Forward.ReturnDomain;
        return message.Sender.Mailbox is null || domain is null || ReturnPaths is null ? message.Sender
            : new ReversePath(ReturnPaths.OfForwarded(message.Id, KindOf(message.Checks), domain));
    }

    /// <summary>Who did not send it is not told what became of it: it would be backscatter.</summary>
    static ReturnKind KindOf(MailChecks? checks) =>
        checks is { Spf.Result: AuthenticationResult.Fail, Dmarc: not { Result: AuthenticationResult.Pass } }
            ? ReturnKind.Unproven : ReturnKind.Forwarded;

    /// <summary>A report that comes to a return path may still be taken.</summary>
    internal bool IsInTime(QueueId message, ReturnKind kind) =>
        kind is not (ReturnKind.Forwarded or ReturnKind.Unproven)
        || clock.GetUtcNow() - message.At <= ReturnTime;

    /// <summary>What is added and cut on the way to the recipients of one attempt.</summary>
    internal async ValueTask<HeaderEdits> EditsOfAsync(
        Work work, StoredContent content, CancellationToken cancel)
    {
        var (message, row) = (work.Message, work.Recipients[0]);
        var edits = message.EditsOf(row);
        if (!IsForwarded(message, row, work.Decision))
            return edits;
        edits = Before(MarkOf(row), edits);
        if (message.Checks is not { Arc: { } arc } checks)
            return edits;
        var set = await SealAsync(message, content, edits, arc, checks, cancel).ConfigureAwait(false);
        return Before(set, edits);
    }

    /// <summary>Where it comes back with this, it goes round in a circle. Octets beyond ASCII need a next hop
    /// that takes them, and a return path is the end of a way.</summary>
    static byte[] MarkOf(Recipient row) => row.Original is not { IsInternational: false } original
        || ReturnPaths.IsOne(original) ? [] : Encoding.ASCII.GetBytes($"Delivered-To: {original}\r\n");

    static HeaderEdits Before(byte[] fields, HeaderEdits edits) =>
        fields.Length == 0 ? edits : edits with { Prefix = (byte[])[.. fields, .. edits.Prefix.Span] };

    /// <summary>The set for the chain of those who handled it, made of the content as it leaves. Empty: we do
    /// not seal, or the chain takes no more.</summary>
    async ValueTask<byte[]> SealAsync(
        QueuedMessage message, StoredContent content, HeaderEdits edits, ArcVerdict arc, MailChecks checks,
        CancellationToken cancel)
    {
        var options = Options;
        if (options.Forward is not { ArcDomain: { } domain, ArcSelector: { } selector, ArcKey: { } secret })
            return [];
        var leaving = new EditedContent(message, content, edits);
        using var signed = await SignedContent.ReadToSealAsync(leaving.OpenReader(), cancel)
            .ConfigureAwait(false);
        using var key = RSA.Create();
        key.ImportFromPem(secret.Value);
        return ArcSeal.TryMake(
            signed, arc, AuthenticationResults.Payload(options.Hostname, checks),
            new ArcSealer(domain, selector, key), clock.GetUtcNow()) ?? [];
    }

    /// <summary>It came back to an address that sends it on: it ends here, as a dead letter. A report might
    /// go round as well.</summary>
    void AddLoopedRow(Placing placing, Recipient row, string trouble)
    {
        var (message, change) = (placing.Message, placing.Change);
        change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Failed,
            LastText = $"{Statuses.Looping} {trouble}",
            KeepUntil = Time.Now + Options.Inbound.KeepFailed,
        });
        change.Events.Add(EventOf(EventKind.Failed, message, row, placing.Now) with
        {
            Severity = EventSeverity.Permanent,
            Status = Statuses.Looping.ToString(),
            Reply = trouble,
        });
        change.Events.Add(EventOf(EventKind.DeadLettered, message, row, placing.Now) with { Why = trouble });
    }
}
