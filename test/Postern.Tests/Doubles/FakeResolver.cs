using System.Net;
using System.Net.Sockets;
using Postern.Mta.Transports;

namespace Postern.Tests.Doubles;

/// <summary>DNS from a table; a name that is not in it does not exist.</summary>
sealed class FakeResolver : IResolver
{
    readonly Dictionary<string, MxLookup> mx = [];
    readonly Dictionary<string, AddressLookup> addresses = [];
    readonly Dictionary<string, TextLookup> texts = [];
    readonly Dictionary<IPAddress, NameLookup> names = [];

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

    public FakeResolver Text(string name, params string[] found)
    {
        texts[name] = new TextLookup(LookupOutcome.Found, found);
        return this;
    }

    public FakeResolver Names(string address, params string[] found)
    {
        names[IPAddress.Parse(address)] = new NameLookup(LookupOutcome.Found, found);
        return this;
    }

    public FakeResolver Unknown(string name)
    {
        texts[name] = new TextLookup(LookupOutcome.Unknown, []);
        mx[name] = new MxLookup(LookupOutcome.Unknown, []);
        addresses[name] = new AddressLookup(LookupOutcome.Unknown, []);
        return this;
    }

    public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
    {
        Asked.Add($"MX {domain}");
        return new(mx.GetValueOrDefault(domain, new MxLookup(LookupOutcome.NoSuchName, [])));
    }

    public ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
    {
        Asked.Add($"TXT {name}");
        return new(texts.GetValueOrDefault(name, new TextLookup(LookupOutcome.NoSuchName, [])));
    }

    public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel)
    {
        Asked.Add($"A {host}");
        return new(addresses.GetValueOrDefault(host, new AddressLookup(LookupOutcome.NoSuchName, [])));
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel)
    {
        var both = await LookupAddressesAsync(host, cancel);
        IPAddress[] found = [.. both.Addresses.Where(address => address.AddressFamily == family)];
        return new AddressLookup(
            both.Outcome == LookupOutcome.Found && found.Length == 0 ? LookupOutcome.NoRecords : both.Outcome,
            found);
    }

    public ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel)
    {
        Asked.Add($"PTR {address}");
        return new(names.GetValueOrDefault(address, new NameLookup(LookupOutcome.NoSuchName, [])));
    }
}
