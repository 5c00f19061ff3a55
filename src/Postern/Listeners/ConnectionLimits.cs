using System.Net;
using System.Net.Sockets;
using Postern.Mta.Intake;

namespace Postern.Listeners;

/// <summary>How many SMTP connections are open, all together, for each client and for each
/// network.</summary>
/// <param name="perClientMax">Asked each time: a reload may change it; open connections stay.</param>
/// <remarks>An IPv6 client is its /64, since one host may use every address of it.</remarks>
sealed class ConnectionLimits(int totalMax, Func<int> perClientMax)
{
    readonly Lock gate = new();
    readonly Dictionary<IPAddress, int> clients = [];
    readonly Dictionary<ClientNetwork, int> networks = [];
    int total;

    public int TotalMax { get; } = totalMax;

    public int Total => Volatile.Read(ref total);

    /// <summary>Nine places of ten are taken: who is slow now keeps others out.</summary>
    public bool IsUnderStress => Total > TotalMax - (TotalMax / 10);

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

    /// <summary>Takes one of the places of a network. False: it has as many as it may. Given back with
    /// <see cref="LeaveNetwork"/>, whatever a reload makes of networks meanwhile.</summary>
    public bool TryEnterNetwork(ClientNetwork network, int max)
    {
        lock (gate)
        {
            var open = networks.GetValueOrDefault(network);
            if (open >= max)
                return false;
            networks[network] = open + 1;
            return true;
        }
    }

    public void LeaveNetwork(ClientNetwork network)
    {
        lock (gate)
        {
            var open = networks[network] - 1;
            if (open == 0)
                networks.Remove(network);
            else
                networks[network] = open;
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
