using System.Net;
using Postern.Mta.Transports;

namespace Postern.Tests.Doubles;

/// <summary>DNS from a table; a name that is not in it does not exist.</summary>
sealed class FakeResolver : IResolver
{
    readonly Dictionary<string, MxLookup> mx = [];
    readonly Dictionary<string, AddressLookup> addresses = [];
    readonly Dictionary<string, TextLookup> texts = [];

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
}
