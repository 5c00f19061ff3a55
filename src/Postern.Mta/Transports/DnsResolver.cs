using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports;

/// <summary>DNS through the system's name servers; every question is asked, nothing is kept.</summary>
public sealed class DnsResolver : IResolver
{
    /// <summary>One whole look-up, all servers and repeats together.</summary>
    static readonly TimeSpan LookupMax = TimeSpan.FromSeconds(20);

    /// <summary>Records of one answer that are looked at; nobody needs so many.</summary>
    const int RecordsMax = 256;

    /// <summary>An alias of an alias and so on; name servers follow about as many.</summary>
    const int AliasesMax = 16;

    readonly ILookupClient client;
    readonly TimeProvider clock;
    readonly Random chance;
    readonly NameServerWatch watch;
    readonly Lock gate = new();

    /// <param name="chance">Shuffles hosts of equal preference (RFC 5321 §5.1).</param>
    public DnsResolver(ILookupClient client, TimeProvider clock, Random chance)
    {
        (this.client, this.clock, this.chance) = (client, clock, chance);
        watch = new NameServerWatch(AskRootAsync, clock);
    }

    /// <summary>These name servers, or where there are none those of this machine.</summary>
    public static DnsResolver Create(
        TimeProvider clock, Random chance, params IReadOnlyList<IPEndPoint> servers)
    {
        var options = servers.Count == 0 ? new LookupClientOptions()
            : new LookupClientOptions([.. servers]);
        options.Timeout = TimeSpan.FromSeconds(5);
        options.Retries = 2;
        // CachedResolver keeps answers: this one's cache has no limit and keeps no failure.
        options.UseCache = false;
        options.ThrowDnsErrors = false;
        return new DnsResolver(new LookupClient(options), clock, chance);
    }

    public async ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
    {
        var answer = await AskAsync(domain, QueryType.MX, cancel);
        MxHost[] hosts = [.. answer.Records.OfType<MxRecord>()
            .Select(record => new MxHost(NameOf(record.Exchange), record.Preference))
            .OrderBy(host => host.Preference)];
        var found = new MxLookup(answer.OutcomeOf(hosts), hosts) { TimeToLive = answer.TimeToLive };
        lock (gate)
            return found.Shuffled(chance);
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel)
    {
        var fours = LookupAddressesAsync(host, AddressFamily.InterNetwork, cancel);
        var six = await LookupAddressesAsync(host, AddressFamily.InterNetworkV6, cancel);
        return AddressLookup.OfBoth(await fours, six);
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel)
    {
        var type = family == AddressFamily.InterNetwork ? QueryType.A : QueryType.AAAA;
        var answer = await AskAsync(host, type, cancel);
        IPAddress[] found = [.. answer.Records.OfType<AddressRecord>()
            .Select(record => record.Address).Where(address => address.AddressFamily == family)];
        return new AddressLookup(answer.OutcomeOf(found), found) { TimeToLive = answer.TimeToLive };
    }

    public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
    {
        var answer = await AskAsync(name, QueryType.TXT, cancel);
        string[] found = [.. answer.Records.OfType<TxtRecord>().Select(record => string.Concat(record.Text))];
        return new TextLookup(answer.OutcomeOf(found), found) { TimeToLive = answer.TimeToLive };
    }

    public async ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel)
    {
        var answer = await AskAsync(DnsNames.ReverseOf(address), QueryType.PTR, cancel);
        string[] found = [.. answer.Records.OfType<PtrRecord>()
            .Select(record => NameOf(record.PtrDomainName)).Where(HostName.IsValid)];
        return new NameLookup(answer.OutcomeOf(found), found) { TimeToLive = answer.TimeToLive };
    }

    async ValueTask<Answer> AskAsync(string name, QueryType type, CancellationToken cancel)
    {
        if (DnsNames.ToQuestion(name) is not { } question)
            return new Answer(LookupOutcome.NoSuchName, [], null);
        if (watch.IsSilent())
            return Answer.Unknown;
        using var limit = new CancellationTokenSource(LookupMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            var response = await watch.AskAsync(
                stop => client.QueryAsync(question, type, QueryClass.IN, stop), either.Token);
            return !IsAbout(question, type, response) ? Answer.Unknown : response.Header.ResponseCode switch
            {
                DnsHeaderResponseCode.NoError => AnswerOf(question, response),
                DnsHeaderResponseCode.NotExistentDomain =>
                    new Answer(LookupOutcome.NoSuchName, [], MissingFor(response)),
                _ => Answer.Unknown,
            };
        }
        catch (Exception) when (!cancel.IsCancellationRequested)
        {
            // An answer that cannot be read, or that has another id, throws what the library's reader
            // stumbled over: of any type, and some of them are not public.
            return Answer.Unknown;
        }
    }

    /// <summary>All name servers at once; any answer will do, a refusal too.</summary>
    async Task AskRootAsync(CancellationToken cancel)
    {
        var all = client.NameServers.Select(server => client.QueryServerAsync(
            [server], ".", QueryType.SOA, QueryClass.IN, cancel));
        await foreach (var one in Task.WhenEach(all))
        {
            if (one.IsCompletedSuccessfully)
                return;
        }
        throw new TimeoutException("no name server answers");
    }

    /// <summary>RFC 5452 §9.1: an answer repeats the question, or it is one to something else.</summary>
    static bool IsAbout(string question, QueryType type, IDnsQueryResponse response) =>
        response.Questions is [var asked] && asked.QuestionType == type
        && (!HostName.IsValid(question) || NameOf(asked.QueryName) == question);

    /// <summary>The records of the name, or of the one that its aliases lead to. What else stands in an
    /// answer was not asked for and is not believed.</summary>
    static Answer AnswerOf(string question, IDnsQueryResponse response)
    {
        DnsResourceRecord[] all = [.. response.Answers.Take(RecordsMax)];
        if (all.Length == 0)
            return new Answer(LookupOutcome.NoRecords, [], MissingFor(response));
        // A name with other characters comes back in a spelling of the library's own.
        var owner = HostName.IsValid(question) ? question : NameOf(all[0].DomainName);
        for (var hops = 0; hops < AliasesMax; hops++)
        {
            var alias = all.OfType<CNameRecord>().FirstOrDefault(record => IsOf(record, owner));
            if (alias is null)
                break;
            owner = NameOf(alias.CanonicalName);
        }
        DnsResourceRecord[] found =
            [.. all.Where(record => IsOf(record, owner) && record is not CNameRecord)];
        return found.Length == 0
            ? new Answer(LookupOutcome.NoRecords, [], MissingFor(response))
            : new Answer(LookupOutcome.Found, found, SecondsOf(all.Min(record => record.InitialTimeToLive)));
    }

    // RFC 2308 §5: the smaller of the two.
    static TimeSpan? MissingFor(IDnsQueryResponse response) =>
        response.Authorities.OfType<SoaRecord>().FirstOrDefault() is { } start
            ? SecondsOf(Math.Min(start.InitialTimeToLive, start.Minimum))
            : null;

    // RFC 2181 §8: one with the highest bit counts as 0.
    static TimeSpan SecondsOf(long seconds) =>
        TimeSpan.FromSeconds(seconds is < 0 or > int.MaxValue ? 0 : seconds);

    static bool IsOf(DnsResourceRecord record, string owner) => NameOf(record.DomainName) == owner;

    // The root alone is the null MX (RFC 7505 §3).
    static string NameOf(DnsString name) => name.Value.TrimEnd('.').ToLowerInvariant();

    readonly record struct Answer(
        LookupOutcome Outcome, IReadOnlyList<DnsResourceRecord> Records, TimeSpan? TimeToLive)
    {
        public static readonly Answer Unknown = new(LookupOutcome.Unknown, [], null);

        /// <summary>An answer without any record that can be used has none.</summary>
        public LookupOutcome OutcomeOf<T>(T[] found) =>
            Outcome == LookupOutcome.Found && found.Length == 0 ? LookupOutcome.NoRecords : Outcome;
    }
}
