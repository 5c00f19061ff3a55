using Postern.Smtp;
using Postern.Smtp.Sasl;
using Postern.Smtp.Server;

namespace Postern.Fuzz;

/// <summary>A policy whose answers depend on what is said alone, so that every kind of reply can be
/// had.</summary>
/// <remarks>
/// Local parts: <c>x...</c> is refused, <c>close</c> gets 421, with <c>full</c> content is refused before
/// 354. Content with the word "refuse" gets 451. The account is "user" with "secret"; "busy" is throttled.
/// </remarks>
sealed class House : ISessionPolicy
{
    // Cheap to check: the work factor has its own tests.
    static readonly Credential User = ScramSha256.CreateCredential("secret", [1, 2, 3, 4], 1);
    static readonly Credential Nobody = new(new byte[] { 5, 6, 7, 8 }, 1, new byte[32], new byte[32]);

    public List<byte[]> Stored { get; } = [];
    public List<SessionEnd> Ends { get; } = [];
    public int SinksOpen { get; private set; }

    public ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel) =>
        new((Reply?)null);

    public ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters, CancellationToken cancel)
    {
        Finding.Unless(session.Helo is not null, "MAIL comes after EHLO or HELO");
        return new(reversePath.Mailbox is { } sender ? ReplyAbout(sender) : null);
    }

    public ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
        CancellationToken cancel) =>
        new(ReplyAbout(recipient.Path.Mailbox));

    public ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel)
    {
        Finding.Unless(transaction.Recipients.Count > 0, "content comes after a recipient");
        var isFull = transaction.Recipients.Any(recipient => recipient.Path.Mailbox.LocalPart == "full");
        SinksOpen++;
        return new(new KeptContent(isFull ? Replies.InsufficientStorage : null, () => SinksOpen--));
    }

    public ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel)
    {
        Finding.Unless(transaction.Recipients.Count > 0, "accepted mail has a recipient");
        var octets = ((KeptContent)content).Octets;
        if (octets.IndexOf("refuse"u8) >= 0)
            return new(Replies.TryLater);
        Stored.Add(octets.ToArray());
        return new(Replies.QueuedAs("FUZZ"));
    }

    public ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel) =>
        new(userName == "busy"
            ? new CredentialLookup(null, Replies.AuthenticationThrottled)
            : new CredentialLookup(userName == "user" ? User : Nobody, null));

    public bool MayHandshake(SessionFacts session) => true;

    public TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded)
    {
        Finding.Unless(!succeeded || userName == "user", "only the account logs in", userName);
        return TimeSpan.Zero;
    }

    public void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply) =>
        Finding.Unless(
            reply.Code >= 400 || reply == Replies.Forbidden, "what is told as refused was refused");

    public void Ended(SessionFacts session, SessionEnd end) => Ends.Add(end);

    static Reply? ReplyAbout(Mailbox mailbox) => mailbox.LocalPart switch
    {
        "close" => Replies.TooManyConnections("mx.local.example"),
        ['x', ..] => Replies.RelayDenied(mailbox),
        _ => null,
    };
}
