using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Postern.Api;
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
    const int MessagesMax = 1000;
    const int ContentOctetsMax = 1 << 20;
    const string Password = "sandbox-relay";

    readonly Lock gate = new();
    readonly Queue<SandboxEntry> messages = new();
    readonly Credential credential = AccountDirectory.CreateCredential(Password);
    readonly ServerCertificate certificate;
    readonly TimeProvider clock;
    readonly string certificateFile;
    int number;

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
    public IReadOnlyList<SandboxEntry> Messages
    {
        get
        {
            lock (gate)
                return [.. messages];
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
        SessionFacts session, MailTransaction transaction, ContentSink content, CancellationToken cancel)
    {
        lock (gate)
        {
            messages.Enqueue(new SandboxEntry(
                ++number, clock.GetUtcNow(), transaction.ReversePath.Mailbox?.ToString() ?? "",
                [.. transaction.Recipients.Select(recipient => recipient.Path.Mailbox.ToString())], (
                    (Sink)content).Text));
            if (messages.Count > MessagesMax)
                messages.Dequeue();
            return new(Replies.QueuedAs($"sandbox-{number}"));
        }
    }

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

    /// <summary>The beginning of a content, which is all that is shown.</summary>
    sealed class Sink : ContentSink
    {
        readonly ArrayBufferWriter<byte> kept = new();

        public string Text => Encoding.UTF8.GetString(kept.WrittenSpan);

        public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            foreach (var piece in octets)
                kept.Write(
                    piece.Span[..Math.Min(piece.Length, Math.Max(0, ContentOctetsMax - kept.WrittenCount))]);
            return default;
        }

        public override ValueTask DisposeAsync() => default;
    }
}
