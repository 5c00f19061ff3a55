using System.Net;

namespace Postern.Listeners;

/// <summary>Networks named in the configuration: <c>10.0.0.0/8</c>, or a lone address.</summary>
sealed class NetworkList(IReadOnlyList<IPNetwork> networks)
{
    public static readonly NetworkList None = new([]);

    public bool IsEmpty => networks.Count == 0;

    /// <summary>Reads what the configuration check has let through; anything else is left out.</summary>
    public static NetworkList Parse(IReadOnlyList<string> texts)
    {
        var networks = new List<IPNetwork>(texts.Count);
        foreach (var text in texts)
        {
            if (IPNetwork.TryParse(text, out var network))
                networks.Add(network);
            else if (IPAddress.TryParse(text.AsSpan().Trim("[]"), out var address))
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
        }
        return new NetworkList(networks);
    }

    public bool Contains(IPAddress address)
    {
        var plain = Plain(address);
        foreach (var network in networks)
        {
            if (network.Contains(plain))
                return true;
        }
        return false;
    }

    /// <summary>An IPv4 address that came through an IPv6 socket is IPv4 again.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
