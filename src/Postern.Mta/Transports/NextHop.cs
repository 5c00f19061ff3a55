using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports;

/// <summary>
/// A relay as configured, in the syntax of Postfix's relayhost, or the domain of a recipient.
/// </summary>
/// <param name="Text">As written; kept connections are kept under it.</param>
/// <param name="Host">A-labels in lower case, or the text of an address.</param>
/// <param name="Ports">In the order to try; at least one.</param>
public sealed record NextHop(
    string Text, string Host, IReadOnlyList<int> Ports, NextHopLookup Lookup, NextHopOrigin Origin)
{
    /// <summary>The path of a unix socket, in the place of host and port. Null: TCP.</summary>
    public string? Socket { get; init; }

    /// <summary>RFC 5321 §4.5.4.2.</summary>
    public const int SmtpPort = 25;

    /// <summary>What stands beside the path of a socket: LMTP has no port of its own, and 24 is for any
    /// private mail system (IANA).</summary>
    public const int LmtpPort = 24;

    /// <summary>RFC 8314 §7.3: TLS from the first octet.</summary>
    public const int SubmissionsPort = 465;

    const string LocalHost = "localhost";

    /// <summary>The address of a <see cref="NextHopLookup.Literal"/>.</summary>
    public IPAddress Address => Host == LocalHost ? IPAddress.Loopback : IPAddress.Parse(Host);

    /// <summary>Reads one or several, separated by commas or spaces.</summary>
    /// <param name="defaultPorts">For hops that name none.</param>
    public static bool TryParseList(
        string text, IReadOnlyList<int> defaultPorts, out IReadOnlyList<NextHop> hops)
    {
        var found = new List<NextHop>();
        hops = found;
        foreach (var item in text.Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (!TryParse(item, defaultPorts, out var hop))
                return false;
            found.Add(hop);
        }
        return found.Count > 0;
    }

    /// <summary>
    /// Reads <c>host</c>, <c>host:port</c>, <c>[host]</c>, <c>[host]:port</c>, <c>[address]:port</c>.
    /// </summary>
    public static bool TryParse(
        string text, IReadOnlyList<int> defaultPorts, [NotNullWhen(true)] out NextHop? hop)
    {
        hop = null;
        var isBracketed = text.StartsWith('[');
        var end = text.IndexOf(isBracketed ? ']' : ':', StringComparison.Ordinal);
        if (isBracketed && end < 0)
            return false;
        var host = isBracketed ? text[1..end] : end < 0 ? text : text[..end];
        var rest = isBracketed ? text[(end + 1)..] : end < 0 ? "" : text[end..];
        var ports = defaultPorts;
        if (rest.Length > 0)
        {
            if (rest[0] != ':' || !TryParsePort(rest[1..], out var port))
                return false;
            ports = [port];
        }
        hop = Make(text, host, ports, isBracketed);
        return hop is not null;
    }

    /// <summary>The domain of a recipient: its MX.</summary>
    public static NextHop ForDomain(string domain, IReadOnlyList<int> ports)
    {
        var name = HostName.ToALabels(domain).ToLowerInvariant();
        var inner = name.StartsWith('[') && name.EndsWith(']') ? name[1..^1] : "";
        if (inner.StartsWith("ipv6:", StringComparison.Ordinal))
            inner = inner[5..];
        return Network.TryParseAddress(inner, out var address)
            ? new NextHop(
                name, address.ToString(), ports, NextHopLookup.Literal, NextHopOrigin.RecipientDomain)
            : new NextHop(name, name, ports, NextHopLookup.Mx, NextHopOrigin.RecipientDomain);
    }

    static NextHop? Make(string text, string host, IReadOnlyList<int> ports, bool isBracketed)
    {
        if (host.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase))
            host = host[5..];
        if (isBracketed && Network.TryParseAddress(host, out var address))
            return new NextHop(
                text, address.ToString(), ports, NextHopLookup.Literal, NextHopOrigin.Configured);
        // RFC 6761 §6.3: localhost is never asked of the DNS.
        if (host.Equals(LocalHost, StringComparison.OrdinalIgnoreCase))
            return new NextHop(text, LocalHost, ports, NextHopLookup.Literal, NextHopOrigin.Configured);
        var name = HostName.ToALabels(host).ToLowerInvariant();
        var lookup = isBracketed ? NextHopLookup.Addresses : NextHopLookup.Mx;
        return HostName.IsValid(name) && !IPAddress.TryParse(name, out _)
            ? new NextHop(text, name, ports, lookup, NextHopOrigin.Configured)
            : null;
    }

    static bool TryParsePort(string text, out int port)
    {
        port = text switch
        {
            "smtp" => SmtpPort,
            "submission" => 587,
            "smtps" or "submissions" => SubmissionsPort,
            _ => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given)
                ? given
                : 0,
        };
        return port > 0;
    }
}

/// <summary>How the hosts of a next hop are found.</summary>
public enum NextHopLookup
{
    /// <summary>MX, then the addresses of its hosts (RFC 5321 §5.1).</summary>
    Mx,

    /// <summary>Addresses of the name itself: <c>[name]</c>.</summary>
    Addresses,

    /// <summary>The address is given: <c>[192.0.2.1]</c>, or localhost.</summary>
    Literal,
}

/// <summary>Who chose a next hop: it decides what a missing name and an unfit address mean.</summary>
public enum NextHopOrigin
{
    /// <summary>The configuration: trouble with the name is the next hop's.</summary>
    Configured,

    /// <summary>The recipient's domain: trouble with the name is the recipient's.</summary>
    RecipientDomain,
}
