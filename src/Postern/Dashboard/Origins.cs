using System.Net;
using Postern.Api;
using Postern.Mta;

namespace Postern.Dashboard;

/// <summary>Where a request came from, and whether what it posts was written on a page of ours.</summary>
/// <remarks>What a client says of itself counts for nothing here, except from the proxy that a listener
/// names.</remarks>
sealed class Origins(Func<DashboardOptions> options)
{
    /// <summary>Of <c>X-Forwarded-For</c>; a longer one says nothing.</summary>
    const int ForwardedCharactersMax = 1000;

    /// <summary>Between browser and us, or our proxy, it was encrypted.</summary>
    public bool IsSecure(HttpContext context) => context.Request.IsHttps || IsOfProxy(context)
        || (options().Url is { } url && new Uri(url) is { Scheme: "https", Authority: var authority }
            && authority.Equals(context.Request.Host.Value, StringComparison.OrdinalIgnoreCase));

    /// <summary>A password may be asked for: nobody else reads it on the way.</summary>
    public bool IsPrivate(HttpContext context) =>
        IsSecure(context) || IPAddress.IsLoopback(PeerOf(context));

    /// <summary>It was sent from a page of the same origin: any browser says that of a POST.</summary>
    public bool IsOurs(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (headers.Origin.Count == 0)
            return headers["Sec-Fetch-Site"].ToString() == "same-origin";
        var origin = headers.Origin.ToString();
        var scheme = IsSecure(context) ? Uri.UriSchemeHttps : Uri.UriSchemeHttp;
        return origin.Equals($"{scheme}://{context.Request.Host.Value}", StringComparison.OrdinalIgnoreCase)
            || origin.Equals(options().Url, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The client as it is counted; what our proxy says of it.</summary>
    public static IPAddress ClientOf(HttpContext context)
    {
        var peer = PeerOf(context);
        var forwarded = context.Request.Headers["X-Forwarded-For"].ToString();
        if (!IsOfProxy(context) || forwarded.Length is 0 or > ForwardedCharactersMax)
            return peer;
        var proxies = HttpDoor.Of(context).BehindProxy;
        // The last one is what our proxy saw; those in front of it are what it was told.
        foreach (var hop in forwarded.Split(',', StringSplitOptions.TrimEntries).Reverse())
        {
            if (!IPEndPoint.TryParse(hop, out var place))
                return peer;
            peer = place.Address;
            if (!proxies.Any(proxy => proxy.Contains(peer)))
                return peer;
        }
        return peer;
    }

    static bool IsOfProxy(HttpContext context) => HttpDoor.Of(context).BehindProxy
        .Any(proxy => proxy.Contains(PeerOf(context)));

    static IPAddress PeerOf(HttpContext context)
    {
        var peer = context.Connection.RemoteIpAddress ?? IPAddress.None;
        return peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer;
    }
}
