using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Configuration;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Where a filter listens: <c>unix:/run/clamav/clamd.ctl</c>, <c>127.0.0.1:3310</c>,
/// <c>[::1]:3310</c> or <c>clamav.internal:3310</c>.</summary>
/// <param name="Text">As written in the configuration.</param>
public sealed record FilterAddress(string Text, EndPoint EndPoint)
{
    const string Unix = "unix:";

    /// <summary>As Postfix writes it; it changes nothing.</summary>
    const string Inet = "inet:";

    /// <summary>The longest path of a unix socket on Linux, in octets (sun_path, unix(7)).</summary>
    const int SocketOctetsMax = 107;

    /// <param name="mend">What is wrong; null when it was read.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out FilterAddress? address, [NotNullWhen(false)] out string? mend)
    {
        mend = $"\"{text}\" is no address of a filter; write \"unix:/\" and the path of its "
            + "socket, or its host and port, as in \"127.0.0.1:11332\"";
        address = null;
        var endPoint = text.StartsWith(Unix, StringComparison.Ordinal)
            ? OfSocket(text[Unix.Length..])
            : OfHost(text.StartsWith(Inet, StringComparison.Ordinal)
                && text.IndexOf(':', Inet.Length) > 0 ? text[Inet.Length..] : text);
        if (endPoint is null)
            return false;
        address = new FilterAddress(text, endPoint);
        mend = null;
        return true;
    }

    /// <exception cref="SocketException">Nobody listens, or the name has no address.</exception>
    public async ValueTask<Stream> ConnectAsync(CancellationToken cancel)
    {
        var socket = EndPoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(EndPoint, cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public override string ToString() => Text;

    static UnixDomainSocketEndPoint? OfSocket(string path) =>
        path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal)
            && Encoding.UTF8.GetByteCount(path) <= SocketOctetsMax
                ? new UnixDomainSocketEndPoint(path) : null;

    static EndPoint? OfHost(string text)
    {
        if (ListenAddress.TryParse(text, out var literal, out _))
            return literal.Port == 0 ? null : literal;
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !HostName.IsValid(text[..colon]) || IPAddress.TryParse(text[..colon], out _)
            || !ushort.TryParse(
                text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port == 0)
            return null;
        return new DnsEndPoint(HostName.ToALabels(text[..colon]).ToLowerInvariant(), port);
    }
}

/// <summary>Connects to a filter; for what can go wrong see
/// <see cref="FilterAddress.ConnectAsync"/>.</summary>
delegate ValueTask<Stream> FilterConnect(FilterAddress address, CancellationToken cancel);
