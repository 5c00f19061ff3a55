using System.Buffers;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Bench;

/// <summary>A policy that takes everything and keeps nothing.</summary>
sealed class WillingHouse : ISessionPolicy
{
    static readonly Reply Accepted = Replies.QueuedAs("BENCH");

    public ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel) => default;

    public bool MayHandshake(SessionFacts session) => true;

    public ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters,
        CancellationToken cancel) => default;

    public ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
        CancellationToken cancel) => default;

    public ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel) => new(new Sink());

    /// <summary>250 for the whole letter and for nothing else.</summary>
    public ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel) =>
        new(((Sink)content).Octets == Letter.Octets.Length ? Accepted : Replies.TryLater);

    public ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel) =>
        new(new CredentialLookup(null, Replies.AuthenticationThrottled));

    public TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded) => TimeSpan.Zero;

    public void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply)
    {
    }

    public void Ended(SessionFacts session, SessionEnd end)
    {
    }

    sealed class Sink : ContentSink
    {
        public long Octets { get; private set; }

        public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            Octets += octets.Length;
            return ValueTask.CompletedTask;
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
