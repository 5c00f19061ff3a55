using System.Buffers;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Sasl;
using Postern.Smtp.Server;

namespace Postern.Tests.Smtp.Server;

/// <summary>A small house: local.example with known, user and postmaster; one account; keeps what it
/// accepts.</summary>
sealed class ScriptedPolicy : ISessionPolicy
{
    public const string User = "user@local.example";
    public const string Password = "correct horse";
    static readonly Credential Known = ScramSha256
        .CreateCredential(Password, [1, 2, 3, 4], ScramSha256.IterationsMin);
    static readonly Credential Nobody =
        new(new byte[] { 5, 6, 7, 8 }, ScramSha256.IterationsMin, new byte[32], new byte[32]);
    static readonly HashSet<string> Names = ["known", "user", "postmaster"];

    public List<(Envelope Envelope, byte[] Content)> Stored { get; } = [];
    public List<string> Lookups { get; } = [];
    public List<(string Verb, string Argument, Reply Reply)> Refusals { get; } = [];
    public List<SessionEnd> Ends { get; } = [];
    public Reply? ConnectReply { get; init; }
    public TimeSpan GreetingDelay { get; init; }
    public Reply? OpenReply { get; init; }
    public Reply? AcceptReply { get; init; }
    public TimeSpan LoginDelay { get; init; }
    public bool IsBroken { get; init; }
    public TaskCompletionSource? AcceptGate { get; init; }
    public TaskCompletionSource AcceptStarted { get; } = new();
    public int SinksOpen { get; set; }

    public ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel)
    {
        session.GreetingDelay = GreetingDelay;
        return new(ConnectReply);
    }

    public ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters, CancellationToken cancel) =>
        IsBroken ? throw new InvalidOperationException("broken")
        : new(session.Kind == ListenerKind.Submission && session.UserName is null && !session.IsTrusted
            ? Replies.AuthenticationRequired
            : null);

    public async ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
            CancellationToken cancel)
    {
        await Task.Yield();
        var mailbox = recipient.Path.Mailbox;
        if (session.Kind == ListenerKind.Submission)
            return null;
        if (mailbox.Domain.Length == 0)
            return mailbox.LocalPart.Equals("postmaster", StringComparison.OrdinalIgnoreCase)
                ? null
                : Replies.DomainMissing(mailbox);
        if (DomainName.ToALabel(mailbox.Domain) != "local.example")
            return Replies.RelayDenied(mailbox);
        return Names.Contains(mailbox.LocalPart) || mailbox.LocalPart.StartsWith('r')
            ? null
            : Replies.NoSuchUser(mailbox);
    }

    public ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel)
    {
        SinksOpen++;
        return new(new KeptContent(this, OpenReply));
    }

    public async ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel)
    {
        AcceptStarted.TrySetResult();
        if (AcceptGate is not null)
            await AcceptGate.Task;
        if (AcceptReply is not null)
            return AcceptReply;
        Stored.Add((transaction.ToEnvelope(), ((KeptContent)content).ToArray()));
        return Replies.QueuedAs($"TEST{Stored.Count}");
    }

    public ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel)
    {
        Lookups.Add(userName);
        return new(new CredentialLookup(userName == User ? Known : Nobody, null));
    }

    /// <summary>The client has not begun too many handshakes.</summary>
    public bool AllowsHandshakes { get; set; } = true;

    public bool MayHandshake(SessionFacts session) => AllowsHandshakes;

    public TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded) => LoginDelay;

    public void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply) =>
        Refusals.Add((verb, argument, reply));

    public void Ended(SessionFacts session, SessionEnd end) => Ends.Add(end);

    public string TextOf(int message) => Encoding.Latin1.GetString(Stored[message].Content);

    sealed class KeptContent : ContentSink
    {
        readonly ScriptedPolicy policy;
        readonly MemoryStream octets = new();

        public KeptContent(ScriptedPolicy policy, Reply? refusal)
        {
            this.policy = policy;
            Refusal = refusal;
        }

        public byte[] ToArray() => octets.ToArray();

        public override async ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            await Task.Yield();
            foreach (var memory in octets)
                this.octets.Write(memory.Span);
        }

        public override ValueTask DisposeAsync()
        {
            policy.SinksOpen--;
            return ValueTask.CompletedTask;
        }
    }
}
