using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Postern.Mta.Configuration;

/// <summary>A network in CIDR form, or one address. An IPv4 address mapped into IPv6 counts as IPv4.</summary>
public sealed record Network
{
    readonly IPNetwork range;

    Network(IPNetwork range, string text)
    {
        this.range = range;
        Text = text;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    public bool Contains(IPAddress address) =>
        range.Contains(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <summary>Reads <c>192.0.2.0/24</c>, <c>2001:db8::/32</c>, <c>[2001:db8::1]</c> or a lone address.</summary>
    /// <param name="mend">What is wrong; null when it was read.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out Network? network, out string? mend)
    {
        network = null;
        mend = "write a network such as \"192.0.2.0/24\", \"2001:db8::/32\" or one address";
        var slash = text.IndexOf('/');
        var host = slash < 0 ? text : text[..slash];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        if (!TryParseAddress(host, out var address))
            return false;
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var prefix = bits;
        if (slash >= 0 && (!int.TryParse(text[(slash + 1)..], out prefix) || prefix < 0 || prefix > bits
            || !char.IsAsciiDigit(text[slash + 1])))
        {
            mend = $"the number after the slash is 0 to {bits}";
            return false;
        }
        var start = Masked(address, prefix);
        if (!start.Equals(address))
        {
            mend = $"host bits are set; did you mean \"{start}/{prefix}\"?";
            return false;
        }
        network = new Network(new IPNetwork(start, prefix), text);
        mend = null;
        return true;
    }

    /// <exception cref="FormatException">It is no network.</exception>
    public static Network Parse(string text) =>
        TryParse(text, out var network, out var mend) ? network : throw new FormatException($"\"{text}\": {mend}");

    public bool Equals(Network? other) => other is not null && range.Equals(other.range);

    public override int GetHashCode() => range.GetHashCode();

    public override string ToString() => Text;

    /// <summary>An address in full form only: <c>127.1</c> and <c>0x7f.1</c> are typing errors here.</summary>
    internal static bool TryParseAddress(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (text.Contains('%', StringComparison.Ordinal) || !IPAddress.TryParse(text, out var read))
            return false;
        if (read.AddressFamily == AddressFamily.InterNetwork && read.ToString() != text)
            return false;
        address = read.IsIPv4MappedToIPv6 ? read.MapToIPv4() : read;
        return true;
    }

    static IPAddress Masked(IPAddress address, int prefix)
    {
        var octets = address.GetAddressBytes();
        for (var i = 0; i < octets.Length; i++)
        {
            var kept = Math.Clamp(prefix - i * 8, 0, 8);
            octets[i] &= (byte)(0xff << (8 - kept));
        }
        return new IPAddress(octets);
    }
}
