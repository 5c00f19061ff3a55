using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Postern.Interop.Crash;

/// <summary>Sessions that say one octet at a time, and handshakes without end, beside clients that send
/// mail.</summary>
public sealed class FloodTests
{
    const int GoodClients = 20;
    const int SlowAddresses = 6;
    const int SlowSessionsPerAddress = 45; // limits.connections-per-client is 50
    const int HandshakeLoops = 4;

    static readonly TimeProvider Clock = TimeProvider.System;
    static readonly TimeSpan BetweenOctets = TimeSpan.FromMilliseconds(5);

    static int MessagesEach => CrashTable.IsAtLength ? 500 : 20;

    [Fact]
    public async Task Flood_BesideGoodClients_CostsThemNothing()
    {
        await using var sink = new SmtpSink();
        await using var postern = await PosternProcess.StartAsync(CrashRun.Settings(sink.Port));
        var quiet = await SendAsync(postern, "quiet");
        using var stop = new CancellationTokenSource();
        var flood = new Flood(stop.Token);
        Task[] floods =
        [
            .. Enumerable.Range(2, SlowAddresses).Select(
                host => flood.DripAsync(postern.Port("mx"), $"127.0.0.{host}", SlowSessionsPerAddress)),
            .. Enumerable.Range(0, HandshakeLoops).Select(
                _ => flood.ShakeHandsAsync(postern.Port("submissions"), "127.0.0.66")),
        ];
        await Eventually.TrueAsync(
            () => flood.Octets > 500 && flood.Handshakes > 20, "the flood runs", 120, () => postern.Said);
        var flooded = await SendAsync(postern, "flooded");
        await stop.CancelAsync();
        await Task.WhenAll(floods);
        var promised = quiet.Good + flooded.Good;
        try
        {
            await Eventually.TrueAsync(
                () => sink.Arrived == promised, "all arrive", 60, () => postern.Said);
        }
        finally
        {
            var arrived = sink.Arrived;
            CrashTable.Add(new CrashRow(
                "flood beside good clients", 1, promised, promised - arrived, sink.Deliveries.Count - arrived,
                flooded.Failures.Count));
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"p99 of a message: quiet {quiet.P99Ms:0} ms, flooded {flooded.P99Ms:0} ms; "
            + $"{flood.Octets} octets dripped, {flood.Handshakes} handshakes");
        Assert.Empty(flooded.Failures);
        Assert.Equal(GoodClients * MessagesEach, flooded.Good);
    }

    static async Task<Sent> SendAsync(PosternProcess postern, string name)
    {
        var times = new ConcurrentBag<double>();
        var failures = new ConcurrentBag<string>();
        await Task.WhenAll(Enumerable.Range(0, GoodClients).Select(async client =>
        {
            var cancel = TestContext.Current.CancellationToken;
            var content = Encoding.ASCII.GetBytes("From: <a@sender.test>\r\nSubject: x\r\n\r\nhello\r\n");
            await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
            for (var i = 0; i < MessagesEach; i++)
            {
                var recipient = string.Create(
                    CultureInfo.InvariantCulture, $"{name}-{client}-{i}@sink.test");
                var start = Clock.GetTimestamp();
                var reply = await wire.SendAsync(new Letter("a@sender.test", recipient, content), cancel);
                times.Add(Clock.GetElapsedTime(start).TotalMilliseconds);
                if (!reply.StartsWith("250", StringComparison.Ordinal))
                    failures.Add(reply);
            }
        }));
        return new Sent(
            times.Count - failures.Count, [.. failures], times.Order().ElementAt(times.Count * 99 / 100));
    }

    sealed record Sent(int Good, IReadOnlyList<string> Failures, double P99Ms);

    sealed class Flood(CancellationToken stop)
    {
        int octets;
        int handshakes;

        public int Octets => Volatile.Read(ref octets);
        public int Handshakes => Volatile.Read(ref handshakes);

        /// <summary>Sessions that never finish their first line.</summary>
        public async Task DripAsync(int port, string from, int sessions)
        {
            var open = new List<Socket>();
            try
            {
                for (var i = 0; i < sessions; i++)
                    open.Add(await ConnectAsync(port, from));
                for (var i = 0; ; i = (i + 1) % sessions)
                {
                    await open[i].SendAsync("E"u8.ToArray(), stop);
                    Interlocked.Increment(ref octets);
                    await Task.Delay(BetweenOctets, Clock, stop);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                open.ForEach(socket => socket.Dispose());
            }
        }

        /// <summary>Handshakes that are thrown away as soon as they are done, and halves of some.</summary>
        public async Task ShakeHandsAsync(int port, string from)
        {
            byte[] half = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    using var torn = await ConnectAsync(port, from);
                    await torn.SendAsync(half, stop);
                    using var socket = await ConnectAsync(port, from);
                    await using var stream = new SslStream(new NetworkStream(socket));
                    await stream.AuthenticateAsClientAsync(
                        new SslClientAuthenticationOptions
                        {
                            TargetHost = "localhost",
                            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
                        },
                        stop);
                }
                catch (Exception e) when (
                    e is OperationCanceledException or SocketException or IOException
                        or AuthenticationException)
                {
                    // Turned away, as it may be.
                }
                Interlocked.Increment(ref handshakes);
            }
        }

        async Task<Socket> ConnectAsync(int port, string from)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            await socket.ConnectAsync(IPAddress.Loopback, port, stop);
            return socket;
        }
    }
}
