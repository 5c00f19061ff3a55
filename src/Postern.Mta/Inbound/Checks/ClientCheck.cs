using System.Net;
using System.Net.Sockets;
using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>What DNS says of a client's address: a name that leads back to it, lists that name it.</summary>
sealed class ClientCheck(IResolver resolver)
{
    /// <summary>Names of one address that are followed; RFC 7208 §4.6.4 has the same figure for the same
    /// reason.</summary>
    const int NamesMax = 10;

    /// <summary>RFC 8601 §3: the name is looked up, and leads back to the address.</summary>
    public async ValueTask<IprevVerdict> FindNameAsync(IPAddress client, CancellationToken cancel)
    {
        var found = await resolver.LookupNamesAsync(client, cancel).ConfigureAwait(false);
        if (found.Names.Count == 0)
            return new IprevVerdict(
                found.Outcome == LookupOutcome.Unknown ? AuthenticationResult.Temperror
                    : AuthenticationResult.Permerror,
                null);
        var isUnknown = false;
        foreach (var name in found.Names.Take(NamesMax))
        {
            var back = await resolver.LookupAddressesAsync(name, client.AddressFamily, cancel)
                .ConfigureAwait(false);
            if (back.Addresses.Contains(client))
                return new IprevVerdict(AuthenticationResult.Pass, name);
            isUnknown |= back.Outcome == LookupOutcome.Unknown;
        }
        return new IprevVerdict(
            isUnknown ? AuthenticationResult.Temperror : AuthenticationResult.Fail, null);
    }

    /// <summary>The block lists that name the client; none of them where an allow list does.</summary>
    public async ValueTask<IReadOnlyList<string>> FindListsAsync(
        IPAddress client, InboundOptions options, CancellationToken cancel)
    {
        if (options.BlockLists.Count == 0)
            return [];
        var allowed = await AskAsync(client, options.AllowLists, cancel).ConfigureAwait(false);
        return allowed.Count > 0 ? []
            : await AskAsync(client, options.BlockLists, cancel).ConfigureAwait(false);
    }

    /// <summary>An allow list names the client.</summary>
    public async ValueTask<bool> IsAllowedAsync(
        IPAddress client, IReadOnlyList<string> allowLists, CancellationToken cancel) =>
        (await AskAsync(client, allowLists, cancel).ConfigureAwait(false)).Count > 0;

    async ValueTask<IReadOnlyList<string>> AskAsync(
        IPAddress client, IReadOnlyList<string> zones, CancellationToken cancel)
    {
        var answers = await Task.WhenAll(zones.Select(zone => resolver
            .LookupAddressesAsync(DnsNames.ReverseOf(client, zone), AddressFamily.InterNetwork, cancel)
            .AsTask())).ConfigureAwait(false);
        return [.. zones.Where((_, i) => answers[i].Addresses.Any(Names))];
    }

    /// <summary>RFC 5782 §2.1. What else a zone answers means that it did not look: 127.255.255.0/24 is how
    /// some refuse whoever asks.</summary>
    static bool Names(IPAddress answer)
    {
        var octets = answer.GetAddressBytes();
        return octets is [127, ..] and not [127, 255, 255, _];
    }
}
