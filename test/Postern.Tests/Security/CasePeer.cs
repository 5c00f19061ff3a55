using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Postern.Mta;
using Postern.Mta.Transports;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>An attacker at one listener: speaks in clear or in TLS, over memory, to the real session and the
/// real door.</summary>
sealed class CasePeer : IAsyncDisposable
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    readonly byte[] buffer = new byte[64 * 1024];
    readonly TestPeer peer;
    Stream stream;
    SslStream? tls;
    int start, end;

    /// <param name="mode">mx25, sub587 or sub465.</param>
    public CasePeer(
        string mode, ListenerKind kind, SmtpServerOptions? options = null,
        LogFormat format = LogFormat.Console, IResolver? checks = null, VerdictOptions? verdict = null)
    {
        Kind = kind;
        House = new SecurityHouse(
            kind == ListenerKind.Mx ? ListenFor.Mx : ListenFor.Submission, format: format,
            checks: checks, verdict: verdict);
        options ??= OptionsOf(mode);
        peer = new TestPeer(options, kind, door: House.Door) { Clock = Clock };
        stream = new DuplexPipeStream(peer.ClientSide);
        peer.Start();
    }

    public static X509Certificate2 Certificate => TestCertificates.Shared.Good;

    public ListenerKind Kind { get; }
    public SecurityHouse House { get; }
    public WatchedClock Clock { get; } = new();

    /// <summary>Every reply so far.</summary>
    public List<string> Replies { get; } = [];

    public static SmtpServerOptions OptionsOf(string mode) => TestPeer.Defaults with
    {
        Tls = mode == "sub465" ? TlsMode.Immediate : TlsMode.StartTls,
        Auth = mode == "mx25" ? AuthOffer.Never : AuthOffer.UnderTls,
        TlsOptions = static () => new SslServerAuthenticationOptions { ServerCertificate = Certificate },
    };

    public async Task HandshakeAsync(SslClientAuthenticationOptions? options = null)
    {
        tls = new SslStream(stream, leaveInnerStreamOpen: true);
        options ??= new SslClientAuthenticationOptions();
        options.TargetHost = "mx.relay.example";
        options.RemoteCertificateValidationCallback = static (_, shown, _, _) => Certificate.Equals(shown);
        await tls.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken)
            .WaitAsync(Patience, TimeProvider.System);
        stream = tls;
    }

    /// <summary>Each character is one octet.</summary>
    public Task SendAsync(string octets) => SendAsync(Encoding.Latin1.GetBytes(octets));

    public async Task SendAsync(byte[] octets)
    {
        await stream.WriteAsync(octets, TestContext.Current.CancellationToken);
        await stream.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Octets on the connection itself, where the other end expects TLS.</summary>
    public Task SendBesideTlsAsync(string octets) => peer.SendAsync(octets);

    /// <summary>Until the server has done all it can with what was sent.</summary>
    public Task IdleAsync() => peer.IdleAsync();

    /// <summary>The next whole reply, lines joined by LF; octets that are none as they are;
    /// <c>&lt;closed&gt;</c> at the end.</summary>
    public async Task<string> ReplyAsync()
    {
        var lines = new List<string>();
        do
        {
            lines.Add(await LineAsync());
        }
        while (lines[^1].Length > 3 && lines[^1][3] == '-' && lines[^1] != "<closed>");
        Replies.Add(string.Join('\n', lines));
        return Replies[^1];
    }

    async Task<string> LineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (start == end)
            {
                (start, end) = (0, await ReadAsync());
                if (end == 0)
                    return line.Length == 0 ? "<closed>" : line.ToString();
            }
            var octet = (char)buffer[start++];
            if (octet == '\n')
                return line.ToString().TrimEnd('\r');
            line.Append(octet);
        }
    }

    async Task<int> ReadAsync()
    {
        try
        {
            return await stream.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask()
                .WaitAsync(Patience, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"no reply after:\n{string.Join('\n', Replies)}");
        }
        catch (IOException)
        {
            // In TLS an end without close_notify.
            return 0;
        }
    }

    /// <summary>The end of TLS as RFC 8446 §6.1 wants it.</summary>
    public Task CloseNotifyAsync() => tls!.ShutdownAsync();

    /// <summary>The end of the connection alone, with or without TLS inside.</summary>
    public void Close() => peer.Close();

    public void Break() => peer.Break();
    public Task<SessionEnd> EndAsync() => peer.EndAsync();

    /// <summary>The server ended it by itself.</summary>
    public bool HasEnded => peer.EndAsync().IsCompleted;

    /// <summary>One octet, and the server has taken it.</summary>
    public Task SendToIdleAsync(string octets) => peer.SendToIdleAsync(octets);

    public async ValueTask DisposeAsync()
    {
        if (tls is not null)
            await tls.DisposeAsync();
        await peer.DisposeAsync();
        await House.DisposeAsync();
    }
}
