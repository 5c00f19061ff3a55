using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>A door that does as the real one says and remembers what it was asked.</summary>
sealed class WatchedDoor(ISessionPolicy door) : ISessionPolicy
{
    public List<string> Lookups { get; } = [];
    public List<(string Verb, string Argument, Reply Reply)> Refusals { get; } = [];
    public List<SessionEnd> Ends { get; } = [];

    public ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel) =>
        door.ConnectAsync(session, cancel);

    public bool MayHandshake(SessionFacts session) => door.MayHandshake(session);

    public ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters, CancellationToken cancel) =>
        door.MailAsync(session, reversePath, parameters, cancel);

    public ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
            CancellationToken cancel) =>
        door.RcptAsync(session, transaction, recipient, cancel);

    public ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel) =>
        door.OpenContentAsync(session, transaction, cancel);

    public ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel) =>
        door.AcceptAsync(session, transaction, content, cancel);

    public ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel)
    {
        Lookups.Add(userName);
        return door.FindCredentialAsync(session, userName, cancel);
    }

    /// <summary>Counted as ever, but never waited for: nobody moves the clock here.</summary>
    public TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded)
    {
        door.Authenticated(session, userName, succeeded);
        return TimeSpan.Zero;
    }

    public void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply)
    {
        Refusals.Add((verb, argument, reply));
        door.Refused(session, transaction, verb, argument, reply);
    }

    public void Ended(SessionFacts session, SessionEnd end)
    {
        Ends.Add(end);
        door.Ended(session, end);
    }
}
