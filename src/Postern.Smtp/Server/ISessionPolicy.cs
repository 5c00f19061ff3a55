using System.Net;
using System.Security.Authentication;

namespace Postern.Smtp.Server;

/// <summary>What a session decides with: who may come in, send, be reached, and what happens to the
/// content.</summary>
/// <remarks>
/// The rules of the protocol are the session's; the rules of the house are the policy's. A null reply means
/// yes. Calls of one session never overlap. No method throws for what a peer said.
/// </remarks>
public interface ISessionPolicy
{
    /// <summary>Asked before the greeting. A 4xx or 5xx reply is sent instead of it, and the connection
    /// ends.</summary>
    ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel);

    /// <summary>Asked before a TLS handshake; on a listener with immediate TLS that is before
    /// <see cref="ConnectAsync"/>. False: this client has begun too many; STARTTLS is refused with 454, a
    /// connection with immediate TLS is closed.</summary>
    bool MayHandshake(SessionFacts session);

    /// <summary>Asked at MAIL once its syntax, its parameters and the phase are right.</summary>
    ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters, CancellationToken cancel);

    /// <summary>Asked at RCPT once its syntax, its parameters, the phase and the count are right.</summary>
    ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
            CancellationToken cancel);

    /// <summary>Where the content goes. A sink whose <see cref="ContentSink.Refusal"/> is set at once refuses
    /// before 354.</summary>
    ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel);

    /// <summary>All content is in the sink: make it durable and give the reply. 250 only after the durable
    /// commit.</summary>
    ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel);

    /// <summary>The verifier of an account, or a reply that refuses any attempt now (throttled).</summary>
    /// <remarks>An unknown account gets a verifier that no password fits and that takes as long.</remarks>
    ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel);

    /// <summary>An AUTH exchange ended. The returned time is waited before the reply goes out.</summary>
    TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded);

    /// <summary>A command was refused with <paramref name="reply"/>; for the log and the counters.</summary>
    void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply);

    /// <summary>The session is over. Called once, also when <see cref="ConnectAsync"/> refused.</summary>
    void Ended(SessionFacts session, SessionEnd end);
}

/// <summary>A stored SCRAM-SHA-256 verifier (RFC 5802 §3); PLAIN and LOGIN are checked against it
/// too.</summary>
public sealed record Credential(ReadOnlyMemory<byte> Salt, int Iterations, ReadOnlyMemory<byte> StoredKey,
    ReadOnlyMemory<byte> ServerKey);

/// <summary>The answer of <see cref="ISessionPolicy.FindCredentialAsync"/>: exactly one of the two is
/// set.</summary>
public readonly record struct CredentialLookup(Credential? Credential, Reply? Refusal);

/// <summary>What kind of peers a listener is for.</summary>
public enum ListenerKind
{
    /// <summary>Other MTAs, port 25.</summary>
    Mx,

    /// <summary>Our own users' programs, ports 587 and 465 (RFC 6409).</summary>
    Submission,
}

/// <summary>Facts of one session, beside the phase: they only grow, and TLS and login are among
/// them.</summary>
public sealed class SessionFacts
{
    public required string Listener { get; init; }
    public required ListenerKind Kind { get; init; }
    public required IPEndPoint Remote { get; init; }
    public required IPEndPoint Local { get; init; }
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>The addresses come from a PROXY header; such a session is never trusted by its
    /// address.</summary>
    public bool IsProxied { get; init; }

    /// <summary>The argument of the last EHLO or HELO, as it came. Null before it.</summary>
    public string? Helo { get; set; }

    /// <summary>EHLO was used, not HELO.</summary>
    public bool IsExtended { get; set; }

    /// <summary>Null before TLS.</summary>
    public TlsFacts? Tls { get; set; }

    /// <summary>The account that logged in, as the policy knows it. Null before AUTH.</summary>
    public string? UserName { get; set; }

    /// <summary>The SASL mechanism of the login. Null before AUTH.</summary>
    public string? Mechanism { get; set; }

    /// <summary>Set by the policy in <see cref="ISessionPolicy.ConnectAsync"/>: this address may submit
    /// without AUTH.</summary>
    public bool IsTrusted { get; set; }

    /// <summary>Set by the policy in <see cref="ISessionPolicy.ConnectAsync"/>: how long an mx listener waits
    /// for an early talker before the greeting. Zero only looks.</summary>
    public TimeSpan GreetingDelay { get; set; }

    /// <summary>Set by the policy in <see cref="ISessionPolicy.MailAsync"/>: when the last MAIL came. Null:
    /// it does not need to know.</summary>
    public DateTimeOffset? MailBegunAt { get; set; }

    /// <summary>The policy's own notes on this session.</summary>
    public object? Notes { get; set; }

    /// <summary>Commands seen and answered well, per verb, for the disconnect line: <c>mail=1
    /// rcpt=2/3</c>.</summary>
    public CommandCounts Counts { get; init; } = new();

    /// <summary>RFC 3848: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, and the UTF8 forms of RFC 6531
    /// §4.3.</summary>
    public string ProtocolName(bool smtpUtf8)
    {
        if (!IsExtended)
            return "SMTP";
        var name = smtpUtf8 ? "UTF8SMTP" : "ESMTP";
        if (Tls is not null)
            name += "S";
        if (UserName is not null)
            name += "A";
        return name;
    }
}

/// <summary>What the handshake agreed on.</summary>
public sealed record TlsFacts(SslProtocols Protocol, string Cipher);

/// <summary>How often each verb came and how often it was answered well.</summary>
public sealed class CommandCounts
{
    readonly Dictionary<string, (int Good, int All)> counts = new(StringComparer.Ordinal);

    /// <summary>The verb of the last command, as <see cref="Add"/> was given it. Null: none came.</summary>
    public string? Last { get; private set; }

    public void Add(string verb, Reply reply)
    {
        Last = verb;
        var (good, all) = counts.GetValueOrDefault(verb);
        counts[verb] = (reply.Code < 400 ? good + 1 : good, all + 1);
    }

    public IEnumerable<(string Verb, int Good, int All)> All =>
        counts.Select(c => (c.Key, c.Value.Good, c.Value.All));
}

/// <summary>How a session ended: the same name in log, metric and dashboard.</summary>
public enum SessionEnd
{
    /// <summary>QUIT and 221.</summary>
    Quit,

    /// <summary>The peer closed the connection.</summary>
    PeerClosed,

    /// <summary>The connection broke.</summary>
    ConnectionLost,

    /// <summary>No octet, or too few, within the time limit.</summary>
    TimedOut,

    /// <summary>The policy refused the connection.</summary>
    Refused,

    /// <summary>The peer spoke before the greeting, or pipelined where it may not.</summary>
    EarlyTalker,

    /// <summary>Too many errors or junk commands.</summary>
    TooManyErrors,

    /// <summary>Commands or content broke the protocol beyond repair.</summary>
    ProtocolError,

    /// <summary>The TLS handshake failed.</summary>
    TlsFailed,

    /// <summary>Postern is stopping: 421.</summary>
    Stopping,

    /// <summary>A bug of ours: 421, and the exception went to the listener.</summary>
    Failed,
}
