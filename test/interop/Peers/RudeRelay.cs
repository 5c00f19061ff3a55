using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>A next hop that refuses every recipient, in words of the test's own.</summary>
sealed class RudeRelay : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource stop = new();
    readonly Task accepting;

    public RudeRelay()
    {
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>The reply to RCPT, by the local part of its address; a reply that defers for all
    /// others.</summary>
    public Dictionary<string, byte[]> Replies { get; } = [];

    async Task AcceptAsync()
    {
        var sessions = new List<Task>();
        try
        {
            while (true)
                sessions.Add(ServeAsync(await listener.AcceptTcpClientAsync(stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(sessions);
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var reader = new SinkReader(stream, stop.Token);
                await stream.WriteAsync("220 rude.test ESMTP\r\n"u8.ToArray(), stop.Token);
                while (await reader.ReadLineAsync() is { } line)
                    await stream.WriteAsync(ReplyTo(line), stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // Who asked has gone.
            }
        }
    }

    byte[] ReplyTo(string line)
    {
        if (!line.StartsWith("RCPT TO:<", StringComparison.OrdinalIgnoreCase))
            return "250 2.0.0 Ok\r\n"u8.ToArray();
        var local = line["RCPT TO:<".Length..].Split('@')[0];
        return Replies.TryGetValue(local, out var reply) ? reply
            : Encoding.ASCII.GetBytes("450 4.2.1 later\r\n");
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }
}
