using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>A next hop that takes everything and writes down who got what and when. No TLS, no extensions but
/// one.</summary>
sealed class SmtpSink : IAsyncDisposable
{
    readonly TcpListener listener;
    readonly CancellationTokenSource stop = new();
    readonly Task accepting;

    public SmtpSink(int port = 0)
    {
        listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start(512);
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        accepting = AcceptAsync();
    }

    public int Port { get; }
    public Moments Moments { get; } = new();

    /// <summary>What it takes is kept, with its stuffed dots and the final one.</summary>
    public bool KeepsContent { get; init; }

    /// <summary>What it says of a recipient instead of taking him; null where it takes him.</summary>
    public Func<string, string?> Refuses { get; set; } = static _ => null;

    public ConcurrentQueue<SinkDelivery> Deliveries { get; } = new();

    /// <summary>Recipients that got something, each counted once.</summary>
    public int Arrived => Deliveries.Select(delivery => delivery.Recipient).Distinct().Count();

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    async Task AcceptAsync()
    {
        var sessions = new List<Task>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop.Token);
                sessions.Add(ServeAsync(client, Moments.Next()));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(sessions);
        }
    }

    async Task ServeAsync(TcpClient client, long connected)
    {
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await ConverseAsync(client.GetStream(), connected);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // A sender that was killed: what it had not finished was never taken.
            }
        }
    }

    async Task ConverseAsync(NetworkStream stream, long connected)
    {
        var reader = new SinkReader(stream, stop.Token);
        var recipients = new List<string>();
        await stream.WriteAsync("220 sink.test ESMTP\r\n"u8.ToArray(), stop.Token);
        while (await reader.ReadLineAsync() is { } line)
        {
            var reply = "250 2.0.0 Ok";
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            if (verb == "EHLO")
                reply = "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n250 8BITMIME";
            else if (verb == "RCPT")
            {
                var recipient = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line
                    .IndexOf('>', StringComparison.Ordinal)];
                if (Refuses(recipient) is { } refusal)
                    reply = refusal;
                else
                    recipients.Add(recipient);
            }
            else if (verb == "DATA" && recipients.Count == 0)
                reply = "554 5.5.1 No valid recipients";
            else if (verb == "DATA")
            {
                await stream.WriteAsync("354 Go on\r\n"u8.ToArray(), stop.Token);
                using var content = KeepsContent ? new MemoryStream() : null;
                await reader.ReadContentAsync(content);
                var taken = Moments.Next();
                recipients.ForEach(recipient => Deliveries.Enqueue(
                    new SinkDelivery(recipient, connected, taken) { Content = content?.ToArray() }));
            }
            if (verb is "DATA" or "RSET" or "MAIL")
                recipients.Clear();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(reply + "\r\n"), stop.Token);
            if (verb == "QUIT")
                return;
        }
    }
}

/// <summary>Lines of one connection.</summary>
sealed class SinkReader(Stream stream, CancellationToken cancel)
{
    readonly byte[] buffer = new byte[16384];
    int start;
    int end;

    /// <summary>The next line without its end; null when the peer is gone.</summary>
    public async ValueTask<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (start == end && !await FillAsync())
                return null;
            var found = Array.IndexOf(buffer, (byte)'\n', start, end - start);
            var stop = found < 0 ? end : found;
            line.Append(Encoding.Latin1.GetString(buffer, start, stop - start));
            start = found < 0 ? end : found + 1;
            if (found >= 0)
                return line.ToString().TrimEnd('\r');
        }
    }

    /// <summary>Reads up to CRLF, dot, CRLF and nothing like it.</summary>
    /// <exception cref="EndOfStreamException">The peer went away before the final dot.</exception>
    /// <param name="copy">Gets all of it. Null: nobody wants it.</param>
    public async Task ReadContentAsync(Stream? copy)
    {
        const ulong mask = 0xFF_FFFF_FFFF;
        const ulong finalDot = 0x0D_0A_2E_0D_0A;
        var last = 0x0D_0AUL;
        while ((last & mask) != finalDot)
        {
            if (start == end && !await FillAsync())
                throw new EndOfStreamException();
            copy?.WriteByte(buffer[start]);
            last = last << 8 | buffer[start++];
        }
    }

    async ValueTask<bool> FillAsync()
    {
        start = 0;
        end = await stream.ReadAsync(buffer, cancel);
        return end > 0;
    }
}

/// <summary>One recipient of one message, as the sink took it, before its 250 left.</summary>
/// <param name="Connected">When its connection was accepted.</param>
/// <param name="Taken">When the final dot had been read.</param>
readonly record struct SinkDelivery(string Recipient, long Connected, long Taken)
{
    /// <summary>Null: it was not kept.</summary>
    public byte[]? Content { get; init; }
}

/// <summary>One order for what several tasks see, without a clock: who asks later gets a greater
/// number.</summary>
sealed class Moments
{
    long last;

    public long Next() => Interlocked.Increment(ref last);
}
