using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Postern.Mta.Configuration;

/// <summary>Where a listener listens: <c>0.0.0.0:25</c>, <c>[::1]:587</c>; port 0 takes a free one.</summary>
public static class ListenAddress
{
    /// <param name="mend">What is wrong; null when it was read.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out IPEndPoint? address, out string? mend)
    {
        address = null;
        mend = $"\"{text}\" is no address with a port; write \"0.0.0.0:25\", \"127.0.0.1:587\" or \"[::]:25\"";
        var colon = text.LastIndexOf(':');
        if (colon < 1)
            return false;
        if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            if (!text.EndsWith(']'))
                mend = $"\"{text[(colon + 1)..]}\" is no port; a port is 0 to 65535";
            return false;
        }
        var host = text[..colon];
        var isBracketed = host.StartsWith('[') && host.EndsWith(']');
        if (!Network.TryParseAddress(isBracketed ? host[1..^1] : host, out var ip))
            return false;
        if (ip.AddressFamily == AddressFamily.InterNetworkV6 != isBracketed)
        {
            mend = isBracketed ? $"an IPv4 address has no brackets; write \"{ip}:{port}\"" : $"write \"[{ip}]:{port}\"";
            return false;
        }
        address = new IPEndPoint(ip, port);
        mend = null;
        return true;
    }
}
