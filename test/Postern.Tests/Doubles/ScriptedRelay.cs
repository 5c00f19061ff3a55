using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Postern.Tests.Doubles;

/// <summary>
/// A relay on a free port of the loopback interface that plays a script to every connection.
/// </summary>
/// <remarks>
/// The script is code over a <see cref="RelayConversation"/>; a script that throws is shown by
/// <see cref="Failures"/> and by disposing. In memory the same scripts run by <see cref="PlayInMemory"/>.
/// </remarks>
sealed class ScriptedRelay : IAsyncDisposable
{
    readonly TcpListener listener;
    readonly Func<RelayConversation, Task> script;
    readonly CancellationTokenSource stop = new();
    readonly ConcurrentBag<Task> conversations = [];
    readonly Task accepting;
    int connections;

    ScriptedRelay(TcpListener listener, Func<RelayConversation, Task> script)
    {
        this.listener = listener;
        this.script = script;
        accepting = AcceptAsync();
    }

    public IPEndPoint EndPoint => (IPEndPoint)listener.LocalEndpoint;
    public int Port => EndPoint.Port;

    /// <summary>Connections accepted so far.</summary>
    public int Connections => Volatile.Read(ref connections);

    /// <summary>What went wrong in scripts.</summary>
    public ConcurrentQueue<Exception> Failures { get; } = new();

    public static ScriptedRelay Start(Func<RelayConversation, Task> script, IPAddress? address = null)
    {
        var listener = new TcpListener(address ?? IPAddress.Loopback, 0);
        listener.Start();
        return new ScriptedRelay(listener, script);
    }

    /// <summary>
    /// Plays the script over a connection in memory. The task ends with the script and throws what it threw.
    /// </summary>
    public static (DuplexStream Client, Task Script) PlayInMemory(Func<RelayConversation, Task> script)
    {
        var (client, relay) = DuplexStream.CreatePair();
        return (client, PlayAsync(relay, script, CancellationToken.None));
    }

    /// <summary>A connected stream to this relay.</summary>
    public async Task<Stream> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(EndPoint);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        await Task.WhenAll(conversations);
        stop.Dispose();
    }

    async Task AcceptAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.AcceptSocketAsync(stop.Token);
                Interlocked.Increment(ref connections);
                conversations.Add(ServeAsync(socket));
            }
            catch (Exception e) when (
                e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    async Task ServeAsync(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
            await PlayAsync(new NetworkStream(socket, ownsSocket: true), script, stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client left, or the test is over.
        }
        catch (Exception e)
        {
            Failures.Enqueue(e);
        }
    }

    static async Task PlayAsync(Stream stream, Func<RelayConversation, Task> script, CancellationToken stop)
    {
        await using var conversation = new RelayConversation(stream, stop);
        await script(conversation);
    }
}
