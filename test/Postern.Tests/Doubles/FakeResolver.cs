using System.Net;
using Postern.Mta.Transports;

namespace Postern.Tests.Doubles;

/// <summary>DNS from a table; a name that is not in it does not exist.</summary>
sealed class FakeResolver : IResolver
{
    readonly Dictionary<string, MxLookup> mx = [];
    readonly Dictionary<string, AddressLookup> addresses = [];

    /// <summary>Names asked for, in order.</summary>
    public List<string> Asked { get; } = [];

    public FakeResolver Mx(string domain, params string[] hosts)
    {
        mx[domain] = new MxLookup(LookupOutcome.Found, [.. hosts.Select((h, i) => new MxHost(h, i))]);
        return this;
    }

    public FakeResolver Address(string host, params string[] found)
    {
        addresses[host] = new AddressLookup(LookupOutcome.Found, [.. found.Select(IPAddress.Parse)]);
        mx.TryAdd(host, new MxLookup(LookupOutcome.NoRecords, []));
        return this;
    }

    public FakeResolver Unknown(string name)
    {
        mx[name] = new MxLookup(LookupOutcome.Unknown, []);
        addresses[name] = new AddressLookup(LookupOutcome.Unknown, []);
        return this;
    }

    public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
    {
        Asked.Add($"MX {domain}");
        return new(mx.GetValueOrDefault(domain, new MxLookup(LookupOutcome.NoSuchName, [])));
    }

    public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel)
    {
        Asked.Add($"A {host}");
        return new(addresses.GetValueOrDefault(host, new AddressLookup(LookupOutcome.NoSuchName, [])));
    }
}
