using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace Postern.Mta.Intake;

/// <summary>The part of a client's address that is counted: one host may have every address of it.</summary>
/// <param name="Bits">The address from its highest bit on; those behind the prefix are 0.</param>
/// <param name="Prefix">In bits of the family's address.</param>
public readonly record struct ClientNetwork(UInt128 Bits, int Prefix, bool IsIPv6)
{
    /// <summary>One client: an IPv4 address, an IPv6 /64.</summary>
    public static ClientNetwork OfHost(IPAddress address) => Of(address, 32, 64);

    /// <summary>An IPv4 address mapped into IPv6 counts as IPv4.</summary>
    public static ClientNetwork Of(IPAddress address, int ipv4Prefix, int ipv6Prefix)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        Span<byte> octets = stackalloc byte[16];
        octets.Clear();
        address.TryWriteBytes(octets, out var length);
        var isIPv6 = length == 16;
        var prefix = isIPv6 ? ipv6Prefix : ipv4Prefix;
        var mask = prefix == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - prefix);
        return new(BinaryPrimitives.ReadUInt128BigEndian(octets) & mask, prefix, isIPv6);
    }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string text, out ClientNetwork network)
    {
        network = default;
        if (!IPNetwork.TryParse(text, out var parsed))
            return false;
        network = Of(parsed.BaseAddress, parsed.PrefixLength, parsed.PrefixLength);
        return true;
    }

    /// <summary>As <c>192.0.2.0/24</c>.</summary>
    public override string ToString()
    {
        Span<byte> octets = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(octets, Bits);
        var address = new IPAddress(IsIPv6 ? octets : octets[..4]);
        return string.Create(CultureInfo.InvariantCulture, $"{address}/{Prefix}");
    }
}
