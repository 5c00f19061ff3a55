using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports;

/// <summary>Keeps names in the DNS from leading us to ourselves or into a private network.</summary>
public sealed class AddressPolicy(IReadOnlySet<IPAddress> own, PrivateAddresses privateOnes)
{
    static readonly Network[] PrivateNetworks =
    [
        Network.Parse("10.0.0.0/8"), Network.Parse("172.16.0.0/12"), Network.Parse("192.168.0.0/16"),
        Network.Parse("100.64.0.0/10"), Network.Parse("fc00::/7"),
    ];

    static readonly Network[] NeverRoutable =
    [
        Network.Parse("169.254.0.0/16"), Network.Parse(
            "224.0.0.0/3"), Network.Parse("fe80::/10"), Network.Parse("ff00::/8"),
    ];

    static readonly Network[] ThisHost =
    [
        Network.Parse(
            "0.0.0.0/8"), Network.Parse("127.0.0.0/8"), Network.Parse("::/128"), Network.Parse("::1/128"),
    ];

    /// <summary>The policy of this machine as it is now.</summary>
    public static AddressPolicy ForThisMachine(PrivateAddresses privateOnes) => new(
        NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => Plain(a.Address))
            .ToHashSet(),
        privateOnes);

    public AddressVerdict Judge(IPAddress address)
    {
        address = Plain(address);
        if (own.Contains(address) || ThisHost.Any(n => n.Contains(address)))
            return AddressVerdict.Ourselves;
        if (NeverRoutable.Any(n => n.Contains(address)))
            return AddressVerdict.Forbidden;
        return privateOnes == PrivateAddresses.Refused && PrivateNetworks.Any(n => n.Contains(address))
            ? AddressVerdict.Forbidden
            : AddressVerdict.Fine;
    }

    // An IPv4 address in IPv6 clothes, or one with a scope, is still that address.
    static IPAddress Plain(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0
            ? new IPAddress(address.GetAddressBytes())
            : address;
    }
}

/// <summary>What an address that came from DNS or from a message means for us (DESIGN §9.1).</summary>
public enum AddressVerdict
{
    Fine,

    /// <summary>Loopback, unspecified, or one of our own: mail would come back to us.</summary>
    Ourselves,

    /// <summary>Link-local, multicast, or private without leave: no business of a mail server.</summary>
    Forbidden,
}

/// <summary>Whether DNS may lead to a private network.</summary>
public enum PrivateAddresses
{
    Refused,
    Allowed,
}
