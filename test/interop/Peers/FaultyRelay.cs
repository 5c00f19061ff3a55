using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>A next hop that does one thing wrong until it is mended. No TLS; a login where it has
/// one.</summary>
sealed class FaultyRelay : IAsyncDisposable
{
    readonly TcpListener listener;
    readonly CancellationTokenSource stop = new();
    readonly Task accepting;
    volatile RelayFault fault;

    public FaultyRelay(RelayFault fault = RelayFault.None, int port = 0)
    {
        this.fault = fault;
        listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary><c>user:password</c>, the only one it takes. Null: it wants none.</summary>
    public string? Login { get; init; }

    /// <summary>Who got something, once for each copy, also where the reply was lost.</summary>
    public ConcurrentQueue<string> Taken { get; } = new();

    public void Mend() => fault = RelayFault.None;

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
            client.NoDelay = true;
            try
            {
                await ConverseAsync(client.GetStream());
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client is gone, or this one.
            }
        }
    }

    async Task ConverseAsync(NetworkStream stream)
    {
        var reader = new SinkReader(stream, stop.Token);
        var recipients = new List<string>();
        await SayAsync(stream, "220 faulty.test ESMTP");
        while (await reader.ReadLineAsync() is { } line)
        {
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            if (verb == "DATA")
            {
                await SayAsync(stream, "354 Go on");
                await reader.ReadContentAsync(copy: null);
                recipients.ForEach(Taken.Enqueue);
                if (fault == RelayFault.LosesReply)
                    return;
            }
            var reply = ReplyTo(verb, line);
            if (verb == "RCPT" && reply[0] == '2')
                recipients.Add(line[(line.IndexOf('<') + 1)..line.IndexOf('>')]);
            if (verb is "DATA" or "RSET" or "MAIL")
                recipients.Clear();
            await SayAsync(stream, reply);
            if (verb == "QUIT")
                return;
        }
    }

    string ReplyTo(string verb, string line) => (verb, fault) switch
    {
        ("EHLO", _) => Login is null ? "250 faulty.test" : "250-faulty.test\r\n250 AUTH PLAIN",
        ("AUTH", _) => line.Split(' ')[^1] == Credentials ? "235 2.7.0 Welcome"
            : "535 5.7.8 Authentication credentials invalid",
        ("RCPT", RelayFault.UnknownRecipient) => "550 5.1.1 No such user here",
        ("RCPT", RelayFault.Greylists) => "451 4.7.1 Greylisted, please try again later",
        ("RCPT", RelayFault.FullMailbox) => "452 4.2.2 Mailbox full",
        ("QUIT", _) => "221 2.0.0 Bye",
        _ => "250 2.0.0 Ok",
    };

    string Credentials => Convert.ToBase64String(Encoding.UTF8.GetBytes("\0" + Login!.Replace(':', '\0')));

    async Task SayAsync(NetworkStream stream, string reply) =>
        await stream.WriteAsync(Encoding.ASCII.GetBytes(reply + "\r\n"), stop.Token);
}

enum RelayFault
{
    None,
    UnknownRecipient,
    Greylists,
    FullMailbox,

    /// <summary>Takes the message, and closes instead of an answer.</summary>
    LosesReply,
}
