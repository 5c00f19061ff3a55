using System.Net;
using System.Net.Sockets;

namespace Postern.Mta.Transports;

/// <summary>DNS, as far as mail needs it. Answers are values; nothing is thrown for what a server
/// said.</summary>
/// <remarks>Names in answers are whatever their owner wrote, garbage too: they are asked for and compared,
/// never believed. A name that no question can be made of does not exist.</remarks>
public interface IResolver
{
    ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel);

    /// <summary>Addresses of both families, which take turns.</summary>
    ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel);

    /// <summary>A records alone, or AAAA records alone.</summary>
    ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel);

    /// <summary>TXT records.</summary>
    ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel);

    /// <summary>PTR records of an address, in the order of the answer. What they say is a claim.</summary>
    ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel);
}

public enum LookupOutcome
{
    Found,

    /// <summary>The name exists without such records.</summary>
    NoRecords,

    /// <summary>NXDOMAIN.</summary>
    NoSuchName,

    /// <summary>Time-out, SERVFAIL: nothing is known.</summary>
    Unknown,
}

/// <summary>An answer of the DNS.</summary>
public abstract record DnsLookup(LookupOutcome Outcome)
{
    /// <summary>How long it may be kept, by the word of who answered; of a name or record that is not there,
    /// by the zone's SOA (RFC 2308 §5). Null: nothing was said.</summary>
    public TimeSpan? TimeToLive { get; init; }
}

/// <summary>Hosts in order of preference, equal ones shuffled. A null MX (RFC 7505) is one host with an empty
/// name.</summary>
public sealed record MxLookup(LookupOutcome Outcome, IReadOnlyList<MxHost> Hosts) : DnsLookup(Outcome)
{
    /// <summary>The same with equal ones in another order.</summary>
    internal MxLookup Shuffled(Random chance)
    {
        if (Hosts.Select(host => host.Preference).Distinct().Count() == Hosts.Count)
            return this;
        MxHost[] hosts = [.. Hosts];
        chance.Shuffle(hosts);
        return this with { Hosts = [.. hosts.OrderBy(host => host.Preference)] };
    }
}

public sealed record MxHost(string Name, int Preference);

/// <summary>Each record as one text, its strings joined (RFC 7208 §3.3).</summary>
public sealed record TextLookup(LookupOutcome Outcome, IReadOnlyList<string> Texts) : DnsLookup(Outcome);

public sealed record AddressLookup(LookupOutcome Outcome, IReadOnlyList<IPAddress> Addresses)
    : DnsLookup(Outcome)
{
    internal static AddressLookup OfBoth(AddressLookup four, AddressLookup six)
    {
        // The families take turns, so that the first two addresses are of both.
        IPAddress[] all = [.. four.Addresses.Select((a, i) => (Address: a, Turn: i * 2))
            .Concat(six.Addresses.Select((a, i) => (Address: a, Turn: (i * 2) + 1)))
            .OrderBy(found => found.Turn).Select(found => found.Address)];
        if (all.Length > 0)
            return new AddressLookup(LookupOutcome.Found, all);
        return new AddressLookup(
            six.Outcome == LookupOutcome.Unknown ? LookupOutcome.Unknown : four.Outcome, []);
    }
}

/// <summary>Names that an address claims, as A-labels in lower case.</summary>
public sealed record NameLookup(LookupOutcome Outcome, IReadOnlyList<string> Names) : DnsLookup(Outcome);
