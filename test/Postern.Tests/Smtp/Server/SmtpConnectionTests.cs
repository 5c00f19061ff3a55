using System.IO.Pipelines;
using System.Net.Security;
using Microsoft.Extensions.Time.Testing;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Server;

public sealed class SmtpConnectionTests
{
    static readonly PipeOptions Inline = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline,
        useSynchronizationContext: false);

    static readonly SmtpServerOptions OverTls = TestPeer.Defaults with
    {
        Tls = TlsMode.Immediate,
        TlsOptions = static () => new SslServerAuthenticationOptions
        {
            ServerCertificate = TestCertificates.Shared.Good,
        },
    };

    /// <summary>All on one thread: the session goes on, to the end of its pipes, inside the call with which
    /// its timer cancels the read.</summary>
    [Fact]
    public async Task TimeLimit_OverTls_EndsTheSessionInsideItsTimer()
    {
        // The caller of an async method keeps its own.
        SynchronizationContext.SetSynchronizationContext(null);
        await using var peer = new TestPeer(OverTls);
        var (toServer, toClient) = (new Pipe(Inline), new Pipe(Inline));
        var clock = new FakeTimeProvider();
        var serving = SmtpServer.ServeAsync(
            new Side(toServer.Reader, toClient.Writer), peer.Facts, peer.Options, peer.Policy, clock,
            CancellationToken.None).AsTask();
        await using var tls = new SslStream(
            new DuplexPipeStream(new Side(toClient.Reader, toServer.Writer)), leaveInnerStreamOpen: true);
        var handshake = tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                // What is tested is the server.
                RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
            },
            TestContext.Current.CancellationToken);
        Assert.True(handshake.IsCompletedSuccessfully, "the handshake left its thread");
        Assert.False(serving.IsCompleted);

        clock.Advance(peer.Options.CommandTimeout);

        Assert.True(serving.IsCompleted, "the session goes on after its time limit, or on another thread");
        Assert.Equal(SessionEnd.TimedOut, await serving);
    }

    sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
