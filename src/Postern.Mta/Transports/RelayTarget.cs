using System.Net;

namespace Postern.Mta.Transports;

/// <summary>One address of one host.</summary>
/// <param name="Host">The name as found, or the address where there is none.</param>
public sealed record RelayTarget(string Host, IPAddress Address, int Port)
{
    /// <summary>The path of a unix socket, in the place of address and port. Null: TCP.</summary>
    public string? Socket { get; init; }

    /// <summary>As in Postfix's texts: <c>host[ip]</c>, <c>host[path]</c>.</summary>
    public string HostAndAddress => Socket is null ? $"{Host}[{Address}]" : $"{Host}[{Socket}]";

    /// <summary>As in Postfix's relay field: <c>host[ip]:port</c>, <c>host[path]</c>.</summary>
    public override string ToString() =>
        Socket is null ? string.Create(null, $"{Host}[{Address}]:{Port}") : HostAndAddress;
}

/// <summary>Where a next hop leads, or what its names prove.</summary>
public abstract record TargetSearch
{
    TargetSearch()
    {
    }

    /// <summary>In the order to try.</summary>
    public sealed record Found(IReadOnlyList<RelayTarget> Targets) : TargetSearch;

    /// <summary>There is no way, for this reason.</summary>
    public sealed record Nowhere(AttemptResult Result) : TargetSearch;
}

/// <summary>
/// From a next hop to addresses: MX, null MX, A and AAAA, the address policy, and at most 5 hosts of 2
/// addresses.
/// </summary>
public sealed class TargetFinder(IResolver resolver, AddressPolicy policy)
{
    /// <summary>DESIGN §9.1.</summary>
    public const int HostsMax = 5;

    /// <summary>DESIGN §9.1.</summary>
    public const int AddressesMax = 2;

    public async ValueTask<TargetSearch> FindAsync(NextHop hop, CancellationToken cancel)
    {
        if (hop.Lookup == NextHopLookup.Literal)
            return OfLiteral(hop);
        string[] hosts = [hop.Host];
        if (hop.Lookup == NextHopLookup.Mx)
        {
            var mx = await resolver.LookupMxAsync(hop.Host, cancel);
            switch (mx.Outcome)
            {
                case LookupOutcome.NoSuchName or LookupOutcome.Unknown:
                    return Nowhere(SmtpBlame.OfName(hop, mx.Outcome, hop.Host, "MX"));
                // RFC 7505 §3: this domain takes no mail.
                case LookupOutcome.Found when mx.Hosts is [{ Name: "" }]:
                    return Nowhere(SmtpBlame.OfNullMx(hop));
                // RFC 5321 §5.1: without MX the domain is its own.
                case LookupOutcome.Found:
                    hosts = [.. mx.Hosts.Where(h => h.Name.Length > 0).Take(HostsMax).Select(h => h.Name)];
                    break;
            }
        }
        return await OfHostsAsync(hop, hosts, cancel);
    }

    async ValueTask<TargetSearch> OfHostsAsync(NextHop hop, string[] hosts, CancellationToken cancel)
    {
        var targets = new List<RelayTarget>();
        AttemptResult? trouble = null;
        foreach (var host in hosts)
        {
            var lookup = await resolver.LookupAddressesAsync(host, cancel);
            if (lookup.Outcome != LookupOutcome.Found)
            {
                // What is unknown now may be known later: it outweighs what is known to be missing.
                if (trouble is null or AttemptResult.Failed || lookup.Outcome == LookupOutcome.Unknown)
                    trouble = SmtpBlame.OfName(hop, lookup.Outcome, host, "A");
                continue;
            }
            var taken = 0;
            foreach (var address in lookup.Addresses)
            {
                var verdict = policy.Judge(address);
                if (verdict == AddressVerdict.Ourselves && hop.Lookup == NextHopLookup.Mx)
                {
                    // RFC 5321 §5.1: hosts as far as ourselves and behind are no way for us.
                    return targets.Count > 0
                        ? OnEachPort(hop, targets)
                        : Nowhere(
                            SmtpBlame.OfAddress(hop, new RelayTarget(host, address, hop.Ports[0]), verdict));
                }
                if (verdict != AddressVerdict.Fine)
                    trouble ??= SmtpBlame.OfAddress(
                        hop, new RelayTarget(host, address, hop.Ports[0]), verdict);
                else if (taken++ < AddressesMax)
                    targets.Add(new RelayTarget(host, address, hop.Ports[0]));
            }
        }
        return targets.Count > 0
            ? OnEachPort(hop, targets)
            : Nowhere(trouble ?? SmtpBlame.OfName(hop, LookupOutcome.NoRecords, hop.Host, "A"));
    }

    TargetSearch OfLiteral(NextHop hop)
    {
        var target = new RelayTarget(hop.Host, hop.Address, hop.Ports[0]) { Socket = hop.Socket };
        // A literal in the configuration may be anything; one in an address is a stranger's wish.
        var verdict = hop.Origin == NextHopOrigin.Configured
            ? AddressVerdict.Fine
            : policy.Judge(target.Address);
        return verdict == AddressVerdict.Fine
            ? OnEachPort(hop, [target])
            : Nowhere(SmtpBlame.OfAddress(hop, target, verdict));
    }

    /// <summary>
    /// All ports of a host before the next host, so that the order of the MX records stands (RFC 5321 §5.1).
    /// </summary>
    static TargetSearch.Found OnEachPort(NextHop hop, List<RelayTarget> targets) =>
        new([.. targets.SelectMany(target => hop.Ports.Select(port => target with { Port = port }))]);

    static TargetSearch.Nowhere Nowhere(AttemptResult result) => new(result);
}
