using System.Net.Security;
using System.Net.Sockets;

namespace Postern.Interop.Crash;

/// <summary>A stop, a reload and a new certificate under load cost nothing.</summary>
public sealed class StopTests
{
    const int Sessions = 20;
    const int MessagesPerRun = 200;
    const int StopSecondsMax = 10;

    static int Runs => CrashTable.IsAtLength ? 20 : 3;

    [Fact]
    public async Task Stop_UnderLoad_EndsSessionsWith421AndRepeatsNothing()
    {
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess(CrashRun.Settings(sink.Port));
        var run = new CrashRun(
            "SIGTERM under load", Runs, MessagesPerRun, postern, sink,
            () => postern.StopAsync(StopSecondsMax));
        var outcome = await run.DoAsync();
        Assert.Empty(outcome.Repeats);
        // A session that the stop met between its connection and its EHLO has no reply to count.
        Assert.InRange(outcome.Refusals.Count, Runs * Sessions / 2, Runs * Sessions);
        Assert.All(outcome.Refusals, reply => Assert.StartsWith("421", reply, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Reload_UnderLoad_DropsNoSessionAndLosesNothing()
    {
        using var directory = new TemporaryDirectory();
        using var ledger = new Ledger(directory.PathOf("ledger"));
        await using var sink = new SmtpSink();
        await using var postern = await PosternProcess.StartAsync(CrashRun.Settings(sink.Port));
        var load = new LoadGenerator(ledger, sink.Moments, Sessions);
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(postern.Port("submission"), stop.Token);
        for (var i = 1; i <= Runs; i++)
        {
            var goal = i * MessagesPerRun;
            await Eventually.TrueAsync(
                () => load.Acknowledged >= goal, $"{goal} acknowledged", evidence: () => postern.Said);
            await postern.ReloadAsync(CrashRun.Settings(sink.Port, Sessions + i));
        }
        await stop.CancelAsync();
        await running;
        var verdict = new CrashVerdict(ledger.Read(), [], Sessions + Runs);
        try
        {
            await Eventually.TrueAsync(
                () => !verdict.Lost(sink.Deliveries).Any(), "everything arrives", 60, () => postern.Said);
        }
        finally
        {
            CrashTable.Add(new CrashRow(
                "reload under load", Runs, load.Acknowledged, verdict.Lost(sink.Deliveries).Count(),
                verdict.Repeats(sink.Deliveries).Count, load.Refusals.Count));
        }
        Assert.Equal(0, load.Dropped);
        Assert.Empty(load.Refusals);
        Assert.Empty(verdict.Repeats(sink.Deliveries));
    }

    [Fact]
    public async Task Certificate_Reloaded_IsShownToNewSessionsAndOldOnesGoOn()
    {
        Assert.SkipUnless(CrashTable.IsAtLength, "it waits for the next look at the files: ./do crash");
        var cancel = TestContext.Current.CancellationToken;
        await using var postern = new PosternProcess("");
        var (certificate, key) = Certificate.Make(postern.Directory);
        postern.Settings = $"""
            [tls]
            certificate = "{certificate}"
            key = "{key}"
            """;
        await postern.StartAsync();
        var (old, first) = await ConnectAsync(postern.Port("submissions"));
        Certificate.Make(postern.Directory);
        await postern.ReloadAsync(postern.Settings);
        var wanted = Certificate.Load(certificate).Thumbprint;
        Assert.NotEqual(first, wanted);
        await Eventually.TrueAsync(
            async () =>
            {
                var (next, shown) = await ConnectAsync(postern.Port("submissions"));
                await next.DisposeAsync();
                return shown == wanted;
            },
            "the new certificate is shown", 60, () => postern.Said);
        using var reader = new StreamReader(old);
        Assert.StartsWith("220", await reader.ReadLineAsync(cancel), StringComparison.Ordinal);
        await old.WriteAsync("NOOP\r\n"u8.ToArray(), cancel);
        Assert.StartsWith("250", await reader.ReadLineAsync(cancel), StringComparison.Ordinal);
    }

    static async Task<(SslStream Session, string Thumbprint)> ConnectAsync(int port)
    {
        var cancel = TestContext.Current.CancellationToken;
        var tcp = new TcpClient();
        await tcp.ConnectAsync("127.0.0.1", port, cancel);
        var session = new SslStream(tcp.GetStream());
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
        };
        await session.AuthenticateAsClientAsync(options, cancel);
        return (session, session.RemoteCertificate!.GetCertHashString());
    }
}
