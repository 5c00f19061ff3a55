using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports.Forward;

/// <summary>Connections to hosts that whoever has an account key may name: none of them leads to ourselves
/// or into a private network, unless the configuration allows it.</summary>
/// <remarks>The address is looked at that is connected to, so that a name cannot mean another one
/// meanwhile. No redirects, no proxies, no cookies.</remarks>
static class WebConnections
{
    const int AddressesMax = 4;
    const int ResponseHeaderKibMax = 32;
    static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(20);
    static readonly TimeSpan ConnectionAgeMax = TimeSpan.FromMinutes(5);

    /// <summary>Networks of translators: behind such an address another one may stand.</summary>
    static readonly Network[] Translated =
    [
        Network.Parse("64:ff9b::/96"), Network.Parse("64:ff9b:1::/48"), Network.Parse("2002::/16"),
        Network.Parse("192.0.0.0/24"), Network.Parse("198.18.0.0/15"),
    ];

    /// <param name="allowed">Networks that may be connected to although they are private or our own; asked
    /// for each connection.</param>
    public static SocketsHttpHandler MakeHandler(Func<IReadOnlyList<Network>> allowed)
    {
        var policy = AddressPolicy.ForThisMachine(PrivateAddresses.Refused);
        return new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = ConnectMax,
            PooledConnectionLifetime = ConnectionAgeMax,
            MaxResponseHeadersLength = ResponseHeaderKibMax,
            MaxResponseDrainSize = 0,
            ConnectCallback = (context, cancel) => ConnectAsync(
                context.DnsEndPoint, address => MayConnect(policy, allowed(), address), cancel),
        };
    }

    public static bool MayConnect(AddressPolicy policy, IReadOnlyList<Network> allowed, IPAddress address) =>
        allowed.Any(network => network.Contains(address))
        || (policy.Judge(address) == AddressVerdict.Fine
            && !Translated.Any(network => network.Contains(address)));

    static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint to, Func<IPAddress, bool> mayConnect, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(to.Host, cancel).ConfigureAwait(false);
        Exception? last = null;
        foreach (var address in addresses.Where(mayConnect).Take(AddressesMax))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
            };
            try
            {
                await socket.ConnectAsync(address, to.Port, cancel).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw new HttpRequestException(
            last?.Message ?? "none of its addresses may be connected to; see inbound.forward-networks", last);
    }
}
