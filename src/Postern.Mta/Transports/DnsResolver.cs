using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;

namespace Postern.Mta.Transports;

/// <summary>DNS through the system's name servers.</summary>
/// <param name="chance">Shuffles hosts of equal preference (RFC 5321 §5.1).</param>
public sealed class DnsResolver(ILookupClient client, TimeProvider clock, Random chance) : IResolver
{
    /// <summary>One whole look-up, all servers and repeats together.</summary>
    static readonly TimeSpan LookupMax = TimeSpan.FromSeconds(20);

    readonly Lock gate = new();

    /// <summary>The name servers of this machine, or one given.</summary>
    public static DnsResolver Create(TimeProvider clock, Random chance, IPEndPoint? server = null)
    {
        var options = server is null ? new LookupClientOptions() : new LookupClientOptions(server);
        options.Timeout = TimeSpan.FromSeconds(5);
        options.Retries = 2;
        options.UseCache = true;
        options.ThrowDnsErrors = false;
        return new DnsResolver(new LookupClient(options), clock, chance);
    }

    public async ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
    {
        var (outcome, answer) = await AskAsync(domain, QueryType.MX, cancel);
        if (answer is null)
            return new MxLookup(outcome, []);
        MxHost[] hosts = [.. answer.MxRecords().Select(r => new MxHost(NameOf(r.Exchange), r.Preference))];
        lock (gate)
            chance.Shuffle(hosts);
        return hosts.Length == 0
            ? new MxLookup(LookupOutcome.NoRecords, [])
            : new MxLookup(LookupOutcome.Found, [.. hosts.OrderBy(h => h.Preference)]);
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel)
    {
        var fours = AskAsync(host, QueryType.A, cancel);
        var (sixOutcome, sixes) = await AskAsync(host, QueryType.AAAA, cancel);
        var (fourOutcome, found) = await fours;
        // The families take turns, so that the first two addresses are of both.
        var four = Addresses(found?.ARecords(), AddressFamily.InterNetwork);
        var six = Addresses(sixes?.AaaaRecords(), AddressFamily.InterNetworkV6);
        var all = four.Select((a, i) => (a, i * 2)).Concat(six.Select((a, i) => (a, (i * 2) + 1)))
            .OrderBy(p => p.Item2).Select(p => p.a).ToArray();
        if (all.Length > 0)
            return new AddressLookup(LookupOutcome.Found, all);
        var isUnknown = LookupOutcome.Unknown == fourOutcome || LookupOutcome.Unknown == sixOutcome;
        return new AddressLookup(isUnknown ? LookupOutcome.Unknown : fourOutcome, []);
    }

    public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
    {
        var (outcome, answer) = await AskAsync(name, QueryType.TXT, cancel);
        string[] texts = [.. (answer ?? []).TxtRecords().Select(record => string.Concat(record.Text))];
        return new TextLookup(
            outcome == LookupOutcome.Found && texts.Length == 0 ? LookupOutcome.NoRecords : outcome, texts);
    }

    async Task<(LookupOutcome, IEnumerable<DnsResourceRecord>?)> AskAsync(
        string name, QueryType type, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(LookupMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            var response = await client.QueryAsync(name, type, QueryClass.IN, either.Token);
            return response.Header.ResponseCode switch
            {
                DnsHeaderResponseCode.NoError when response.Answers.Count == 0 => (
                    LookupOutcome.NoRecords, null),
                DnsHeaderResponseCode.NoError => (LookupOutcome.Found, response.Answers),
                DnsHeaderResponseCode.NotExistentDomain => (LookupOutcome.NoSuchName, null),
                _ => (LookupOutcome.Unknown, null),
            };
        }
        catch (Exception e) when (!cancel.IsCancellationRequested
            && e is DnsResponseException or OperationCanceledException
                or SocketException or ArgumentException)
        {
            return (LookupOutcome.Unknown, null);
        }
    }

    static IPAddress[] Addresses(IEnumerable<AddressRecord>? records, AddressFamily family) =>
        [.. (records ?? []).Select(r => r.Address).Where(a => a.AddressFamily == family)];

    // The root alone is the null MX (RFC 7505 §3).
    static string NameOf(DnsString name) => name.Value.TrimEnd('.').ToLowerInvariant();
}
