using System.Net;

namespace Postern.Mta.Transports;

/// <summary>DNS, as far as mail needs it. Answers are values; nothing is thrown for what a server
/// said.</summary>
public interface IResolver
{
    ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel);

    ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel);

    /// <summary>TXT records.</summary>
    ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel);
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

/// <summary>Hosts in order of preference, equal ones shuffled. A null MX (RFC 7505) is one host with an empty
/// name.</summary>
public sealed record MxLookup(LookupOutcome Outcome, IReadOnlyList<MxHost> Hosts);

public sealed record MxHost(string Name, int Preference);

/// <summary>Each record as one text, its strings joined (RFC 7208 §3.3).</summary>
public sealed record TextLookup(LookupOutcome Outcome, IReadOnlyList<string> Texts);

public sealed record AddressLookup(LookupOutcome Outcome, IReadOnlyList<IPAddress> Addresses);
