using System.Net;
using System.Net.Sockets;

namespace Postern.Listeners;

/// <summary>How many SMTP connections are open, all together and for each client, and how many TLS
/// handshakes each client began of late.</summary>
/// <param name="perClientMax">Asked each time: a reload may change it; open connections stay.</param>
/// <remarks>An IPv6 client is its /64, since one host may use every address of it.</remarks>
sealed class ConnectionLimits(int totalMax, Func<int> perClientMax, TimeProvider clock)
{
    /// <summary>TLS handshakes of one client within <see cref="HandshakeWindow"/>. The client can ask for one
    /// with a few octets; RSA 2048 and X25519 alone cost us 0.3 ms (openssl speed), all of it about 1 ms: a
    /// fiftieth of a processor for one client. Postfix has the limit too,
    /// smtpd_client_new_tls_session_rate_limit, without a figure.</summary>
    public const int HandshakesMax = 200;

    public static readonly TimeSpan HandshakeWindow = TimeSpan.FromSeconds(10);

    /// <summary>Clients remembered within a window, each about 100 octets; those beyond it share one
    /// count.</summary>
    const int HandshakeClientsMax = 20_000;

    readonly Lock gate = new();
    readonly Dictionary<IPAddress, int> clients = [];
    readonly Dictionary<IPAddress, int> handshakes = [];
    long windowBeganAt = clock.GetTimestamp();
    int total;

    public int TotalMax { get; } = totalMax;

    public int Total => Volatile.Read(ref total);

    /// <summary>Takes a place for any connection. False: all are taken. Given back with
    /// <see cref="LeaveTotal"/>.</summary>
    public bool TryEnterTotal()
    {
        if (Interlocked.Increment(ref total) <= TotalMax)
            return true;
        Interlocked.Decrement(ref total);
        return false;
    }

    public void LeaveTotal() => Interlocked.Decrement(ref total);

    /// <summary>Takes one of the places of a client. False: it has as many as it may.</summary>
    public bool TryEnterClient(IPAddress address)
    {
        var client = ClientOf(address);
        lock (gate)
        {
            var open = clients.GetValueOrDefault(client);
            if (open >= perClientMax())
                return false;
            clients[client] = open + 1;
            return true;
        }
    }

    public void LeaveClient(IPAddress address)
    {
        var client = ClientOf(address);
        lock (gate)
        {
            var open = clients[client] - 1;
            if (open == 0)
                clients.Remove(client);
            else
                clients[client] = open;
        }
    }

    /// <summary>Counts a TLS handshake that is about to begin. False: the client began too many within the
    /// window, and this one must not be computed.</summary>
    public bool TryBeginHandshake(IPAddress address)
    {
        var client = ClientOf(address);
        lock (gate)
        {
            if (clock.GetElapsedTime(windowBeganAt) >= HandshakeWindow)
            {
                handshakes.Clear();
                windowBeganAt = clock.GetTimestamp();
            }
            if (handshakes.Count >= HandshakeClientsMax && !handshakes.ContainsKey(client))
                client = IPAddress.None;
            var begun = handshakes.GetValueOrDefault(client);
            if (begun >= HandshakesMax)
                return false;
            handshakes[client] = begun + 1;
            return true;
        }
    }

    static IPAddress ClientOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        octets[8..].Clear();
        return new IPAddress(octets);
    }
}
