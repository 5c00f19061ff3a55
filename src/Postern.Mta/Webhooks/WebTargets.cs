using System.Collections.Frozen;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Postern.Mta.Configuration;
using Postern.Mta.Transports;

namespace Postern.Mta.Webhooks;

/// <summary>Where requests may go whose address somebody else chose.</summary>
/// <remarks>
/// Public addresses and those of <c>webhooks.networks</c>, on ports that speak HTTP. It is asked when the
/// address is set, and again with each connection, of the very address that is connected to: a name may lead
/// elsewhere by then.
/// </remarks>
public sealed class WebTargets(IResolver resolver, Func<PosternOptions> current)
{
    public const int UrlCharactersMax = 2048;

    /// <summary>A name that is in no DNS, or a DNS that does not answer.</summary>
    internal const string HostNotFound = "host not found";

    /// <summary>Below it only 80 and 443 are for anybody.</summary>
    const int PrivilegedPorts = 1024;

    const int AnswerHeaderKibMax = 64;

    /// <summary>Open connections of one handler. The next one waits, as for a host that is slow to
    /// answer.</summary>
    public const int ConnectionsMax = 64;
    static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(10);

    /// <summary>Databases, caches, desktops and managers of machines, which may take a request for
    /// commands.</summary>
    static readonly FrozenSet<int> ClosedPorts = FrozenSet.Create(
        1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 4505, 4506, 5432, 5672, 5900, 5984, 6000, 6379,
        6443, 6665, 6666, 6667, 6668, 6669, 6697, 9042, 9092, 9200, 9300, 10250, 11211, 27017);

    /// <summary>Loopback, private and unroutable addresses, whatever this machine's own are.</summary>
    static readonly AddressPolicy Reachable =
        new(FrozenSet<IPAddress>.Empty, PrivateAddresses.Refused);

    /// <summary>Set apart, and no business of the public: protocols, benchmarks, site-local, translation
    /// at a place of its own, Teredo, nowhere.</summary>
    static readonly Network[] Closed =
    [
        Network.Parse("192.0.0.0/24"), Network.Parse("198.18.0.0/15"), Network.Parse("fec0::/10"),
        Network.Parse("64:ff9b:1::/48"), Network.Parse("2001::/32"), Network.Parse("100::/64"),
    ];

    static readonly Network Translated = Network.Parse("64:ff9b::/96");
    static readonly Network SixToFour = Network.Parse("2002::/16");
    static readonly Network Compatible = Network.Parse("::/96");

    /// <summary>Why no request may go there, in words that fit behind "is not a valid url". Null: it
    /// may.</summary>
    public async ValueTask<string?> FindTroubleAsync(string text, CancellationToken cancel)
    {
        if (text.Length > UrlCharactersMax)
            return string.Create(null, $"longer than {UrlCharactersMax} characters");
        if (text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)) || text.Contains('\\')
            || !Uri.TryCreate(text, UriKind.Absolute, out var url))
            return "it cannot be read";
        if (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps)
            return "scheme is not http or https";
        if (!IsOpenPort(url.Port))
            return "port is not allowed";
        var addresses = await FindAddressesAsync(url.IdnHost, cancel);
        if (addresses.Count == 0)
            return HostNotFound;
        return addresses.All(IsAllowed) ? null : "address is not allowed";
    }

    /// <summary>Makes requests to where they may go, and nowhere else: no redirect is followed, no proxy of
    /// the environment asked, nothing unpacked. All of its hosts share <see cref="ConnectionsMax"/>.
    /// </summary>
    public SocketsHttpHandler MakeHandler() => HandlerOf(new SemaphoreSlim(ConnectionsMax), IsAllowed);

    /// <summary>The same for this machine alone, where the configuration's own file says so.</summary>
    public SocketsHttpHandler MakeLoopbackHandler() =>
        HandlerOf(new SemaphoreSlim(ConnectionsMax), IPAddress.IsLoopback);

    SocketsHttpHandler HandlerOf(SemaphoreSlim room, Func<IPAddress, bool> isAllowed) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
        ConnectCallback = (context, cancel) => ConnectAsync(context, room, isAllowed, cancel),
        ConnectTimeout = ConnectMax,
        MaxResponseHeadersLength = AnswerHeaderKibMax,
        // What is beyond the limit is not waited for.
        MaxResponseDrainSize = 0,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    };

    /// <exception cref="HttpRequestException">Nothing that may be connected to answered.</exception>
    async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, SemaphoreSlim room, Func<IPAddress, bool> isAllowed,
        CancellationToken cancel)
    {
        await room.WaitAsync(cancel);
        Socket? socket = null;
        try
        {
            socket = await ConnectAsync(context, isAllowed, cancel);
            return new CountedStream(socket, room);
        }
        finally
        {
            if (socket is null)
                room.Release();
        }
    }

    async ValueTask<Socket> ConnectAsync(
        SocketsHttpConnectionContext context, Func<IPAddress, bool> isAllowed, CancellationToken cancel)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = IsOpenPort(port) ? await FindAddressesAsync(host, cancel) : [];
        if (addresses.Count == 0)
            throw new HttpRequestException(HostNotFound);
        SocketException? last = null;
        foreach (var address in addresses.Where(isAllowed))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
            };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
                return socket;
            }
            catch (Exception failed)
            {
                socket.Dispose();
                if (failed is not SocketException refused)
                    throw;
                last = refused;
            }
        }
        throw new HttpRequestException(last?.Message ?? "address is not allowed", last);
    }

    /// <summary>Gives its place back when it is closed.</summary>
    sealed class CountedStream(Socket socket, SemaphoreSlim room) : NetworkStream(socket, ownsSocket: true)
    {
        bool isClosed;

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing && !Interlocked.Exchange(ref isClosed, true))
                room.Release();
        }
    }

    internal static bool IsOpenPort(int port) =>
        port is 80 or 443 || (port >= PrivilegedPorts && !ClosedPorts.Contains(port));

    internal bool IsAllowed(IPAddress address)
    {
        var options = current().Webhooks;
        // One with a scope is still that address.
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            address = new IPAddress(address.GetAddressBytes());
        if (options.Networks.Any(network => network.Contains(address)))
            return true;
        if (!options.Public || Reachable.Judge(address) != AddressVerdict.Fine
            || Closed.Any(network => network.Contains(address)))
            return false;
        return Inner(address) is not { } inner || IsAllowed(inner);
    }

    /// <summary>The IPv4 address that one of IPv6 leads to (RFC 6052, RFC 3056). Null: none.</summary>
    static IPAddress? Inner(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.IsIPv4MappedToIPv6)
            return null;
        var octets = address.GetAddressBytes();
        if (Translated.Contains(address) || Compatible.Contains(address))
            return new IPAddress(octets.AsSpan(12, 4));
        return SixToFour.Contains(address) ? new IPAddress(octets.AsSpan(2, 4)) : null;
    }

    async ValueTask<IReadOnlyList<IPAddress>> FindAddressesAsync(string host, CancellationToken cancel)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var literal))
            return [literal];
        host = host.TrimEnd('.');
        // RFC 6761: whatever the name servers say.
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase))
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        return HostName.IsValid(host) ? (await resolver.LookupAddressesAsync(host, cancel)).Addresses : [];
    }
}
