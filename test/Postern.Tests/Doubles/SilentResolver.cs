using System.Net;
using System.Net.Sockets;
using Postern.Mta.Transports;

namespace Postern.Tests.Doubles;

/// <summary>Never answers, but for texts of names that another knows.</summary>
sealed class SilentResolver(FakeResolver? texts = null) : IResolver
{
    public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel) =>
        NeverAsync<MxLookup>(cancel);

    public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
        NeverAsync<AddressLookup>(cancel);

    public ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel) => NeverAsync<AddressLookup>(cancel);

    public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel) =>
        texts is not null
            && await texts.LookupTextAsync(name, cancel) is { Outcome: LookupOutcome.Found } found
            ? found : await NeverAsync<TextLookup>(cancel);

    public ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel) =>
        NeverAsync<NameLookup>(cancel);

    static ValueTask<T> NeverAsync<T>(CancellationToken cancel) =>
        new(new TaskCompletionSource<T>().Task.WaitAsync(cancel));
}
