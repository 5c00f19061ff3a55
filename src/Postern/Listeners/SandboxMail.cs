using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Listeners;

/// <summary>The provider of the sandbox: a relay in this process, over a real SMTP connection with STARTTLS
/// and AUTH.</summary>
/// <remarks>It keeps the last messages it got, in memory, and sends nothing anywhere.</remarks>
sealed class SandboxMail : ISessionPolicy
{
    internal const int MessagesMax = 1000;

    /// <summary>Of all that is kept; what is longer is cut there.</summary>
    internal const int OctetsMax = 64 << 20;

    const string Password = "sandbox-relay";

    readonly Lock gate = new();
    readonly Queue<SandboxMessage> messages = new();
    readonly Credential credential = AccountDirectory.CreateCredential(Password);
    readonly ServerCertificate certificate;
    readonly TimeProvider clock;
    readonly string certificateFile;
    int number;
    long octetsKept;

    public SandboxMail(string data, TimeProvider clock)
    {
        this.clock = clock;
        certificateFile = Path.Combine(data, "sandbox-relay.pem");
        if (!File.Exists(certificateFile))
            ServerCertificate.MakeSelfSigned(certificateFile, "localhost", clock);
        certificate = ServerCertificate.Open(
            new Mta.TlsOptions { Certificate = certificateFile, Key = certificateFile }, "localhost", data,
                clock);
        Socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    }

    public Socket Socket { get; }

    public IPEndPoint Address => (IPEndPoint)Socket.LocalEndPoint!;

    /// <summary>What the sandbox's transport must know of it.</summary>
    public SandboxRelay Relay => new($"[127.0.0.1]:{Address.Port}", CertificateOnly(), $"sandbox:{Password}");

    /// <summary>What it got, oldest first.</summary>
    public IReadOnlyList<SandboxMessage> Messages
    {
        get
        {
            lock (gate)
                return [.. messages];
        }
    }

    /// <summary>Null: it never came, or is kept no more.</summary>
    public SandboxMessage? Find(int wanted)
    {
        lock (gate)
            return messages.FirstOrDefault(message => message.Number == wanted);
    }

    /// <summary>Keeps one; the oldest go when there are too many, or they are too large together.</summary>
    /// <returns>Its number.</returns>
    internal int Keep(SandboxMessage message)
    {
        lock (gate)
        {
            messages.Enqueue(message with { Number = ++number });
            octetsKept += message.Octets.Length;
            while (messages.Count > MessagesMax || octetsKept > OctetsMax)
                octetsKept -= messages.Dequeue().Octets.Length;
            return number;
        }
    }

    public async Task ServeAsync(ConnectionContext connection)
    {
        var facts = new SessionFacts
        {
            Listener = "sandbox-relay",
            Kind = ListenerKind.Submission,
            Remote = (IPEndPoint)connection.RemoteEndPoint!,
            Local = (IPEndPoint)connection.LocalEndPoint!,
            StartedAt = clock.GetUtcNow(),
        };
        var options = new SmtpServerOptions
        {
            Hostname = "sandbox-relay.localhost",
            Tls = TlsMode.StartTls,
            TlsOptions = () => certificate.Options,
            Auth = AuthOffer.UnderTls,
        };
        // At a stop the kept connection of our own transport gets its 421 at once.
        var closing = connection.Features
            .Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            ?? connection.ConnectionClosed;
        await SmtpServer
            .ServeAsync(connection.Transport, facts, options, this, clock, closing);
    }

    string CertificateOnly()
    {
        var pem = File.ReadAllText(certificateFile);
        return pem[..pem.IndexOf("-----BEGIN PRIVATE", StringComparison.Ordinal)];
    }

    public ValueTask<Reply?> ConnectAsync(SessionFacts session, CancellationToken cancel) => default;

    public ValueTask<Reply?> MailAsync(
        SessionFacts session, ReversePath reversePath, MailParameters parameters, CancellationToken cancel) =>
        new(session.UserName is null ? Replies.AuthenticationRequired : null);

    public ValueTask<Reply?> RcptAsync(
        SessionFacts session, MailTransaction transaction, EnvelopeRecipient recipient,
            CancellationToken cancel) => default;

    public ValueTask<ContentSink> OpenContentAsync(
        SessionFacts session, MailTransaction transaction, CancellationToken cancel) => new(new Sink());

    public ValueTask<Reply> AcceptAsync(
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel) =>
        new(Replies.QueuedAs($"sandbox-{Keep(SandboxMessage.Of(
            clock.GetUtcNow(), transaction.ReversePath.Mailbox?.ToString() ?? "",
            [.. transaction.Recipients.Select(recipient => recipient.Path.Mailbox.ToString())],
            ((Sink)content).Octets))}"));

    public ValueTask<CredentialLookup> FindCredentialAsync(
        SessionFacts session, string userName, CancellationToken cancel) =>
            new(new CredentialLookup(credential, null));

    public bool MayHandshake(SessionFacts session) => true;

    public TimeSpan Authenticated(SessionFacts session, string userName, bool succeeded) => TimeSpan.Zero;

    public void Refused(
        SessionFacts session, MailTransaction? transaction, string verb, string argument, Reply reply)
    {
        // Its sessions are Postern's own: the transport's side of them is in the log.
    }

    public void Ended(SessionFacts session, SessionEnd end)
    {
        // As above.
    }

    /// <summary>A content, up to what may be kept of all.</summary>
    sealed class Sink : ContentSink
    {
        readonly ArrayBufferWriter<byte> kept = new();

        /// <summary>Without the room that was left for more.</summary>
        public ReadOnlyMemory<byte> Octets => kept.WrittenSpan.ToArray();

        public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            foreach (var piece in octets)
                kept.Write(
                    piece.Span[..Math.Min(piece.Length, Math.Max(0, OctetsMax - kept.WrittenCount))]);
            return default;
        }

        public override ValueTask DisposeAsync() => default;
    }
}
