using System.Net;
using System.Net.Sockets;
using Postern.Mta.Transports;

namespace Postern.Tests.Doubles;

/// <summary>DNS from records by name and type, as zone files have them. A name without any does not exist;
/// aliases are followed.</summary>
sealed class ZoneResolver : IResolver
{
    const string TimeOut = "TIMEOUT";

    readonly Dictionary<string, List<(string Type, string Text)>> names =
        new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Questions, in order.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>An MX is its host alone: all have one preference, in the order given.</summary>
    public ZoneResolver Add(string name, string type, string text)
    {
        if (!names.TryGetValue(name, out var records))
            names.Add(name, records = []);
        records.Add((type, text));
        return this;
    }

    /// <summary>Questions about the name that no record answers have no answer.</summary>
    public ZoneResolver Silent(string name) => Add(name, TimeOut, "");

    public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
    {
        var (outcome, found) = Find(domain, "MX");
        return new(new MxLookup(outcome, [.. found.Select(host => new MxHost(host, 10))]));
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
        AddressLookup.OfBoth(
            await LookupAddressesAsync(host, AddressFamily.InterNetwork, cancel),
            await LookupAddressesAsync(host, AddressFamily.InterNetworkV6, cancel));

    public ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel)
    {
        var (outcome, found) = Find(host, family == AddressFamily.InterNetwork ? "A" : "AAAA");
        return new(new AddressLookup(outcome, [.. found.Select(IPAddress.Parse)]));
    }

    public ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
    {
        var (outcome, found) = Find(name, "TXT");
        return new(new TextLookup(outcome, found));
    }

    public ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel)
    {
        var (outcome, found) = Find(DnsNames.ReverseOf(address), "PTR");
        return new(new NameLookup(outcome, found));
    }

    (LookupOutcome Outcome, string[] Found) Find(string name, string type)
    {
        Asked.Add($"{type} {name}");
        for (var hops = 0; hops < 8; hops++)
        {
            if (!names.TryGetValue(name, out var records))
                return (LookupOutcome.NoSuchName, []);
            string[] found =
                [.. records.Where(record => record.Type == type).Select(record => record.Text)];
            if (found.Length > 0)
                return (LookupOutcome.Found, found);
            if (records.Any(record => record.Type == TimeOut))
                return (LookupOutcome.Unknown, []);
            if (records.FirstOrDefault(record => record.Type == "CNAME").Text is not { } alias)
                return (LookupOutcome.NoRecords, []);
            name = alias.TrimEnd('.');
        }
        // A name server that goes round in circles says SERVFAIL.
        return (LookupOutcome.Unknown, []);
    }
}
