using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Dashboard;

/// <summary>Which entries of the suppression list a page is about; null means any.</summary>
/// <param name="Domain">As <see cref="SuppressionKey.DomainOf"/> gives it.</param>
/// <param name="Address">How addresses begin, in small letters. Empty: anyhow.</param>
sealed record SuppressionQuery(string? Domain, SuppressionKind? Kind, string Address)
{
    public const int AddressCharactersMax = 320;

    /// <summary>Reads of the store for one page: a list of a domain takes one.</summary>
    public const int AsksMax = 300;

    /// <summary>In the order in which the store has a domain's lists.</summary>
    static readonly SuppressionKind[] kinds = [.. Enum.GetValues<SuppressionKind>()
        .OrderBy(SuppressionKey.ListOf, StringComparer.Ordinal)];

    public static bool TryRead(
        Func<string, string> field, [NotNullWhen(true)] out SuppressionQuery? query)
    {
        query = null;
        var (domain, word, address) = (field("domain"), field("kind"), field("address"));
        SuppressionKind? kind = null;
        if (word.Length > 0)
        {
            if (!Enum.TryParse<SuppressionKind>(word, ignoreCase: true, out var read)
                || !word.All(char.IsAsciiLetter))
                return false;
            kind = read;
        }
        query = new SuppressionQuery(
            domain.Length is 0 or > AddressCharactersMax ? null : SuppressionKey.DomainOf(domain), kind,
            address[..Math.Min(address.Length, AddressCharactersMax)].ToLowerInvariant());
        return true;
    }

    /// <summary>The same for an address of ours, without its first character.</summary>
    public string Text => QueryString.Create(new Dictionary<string, string?>
    {
        ["domain"] = Domain,
        ["kind"] = Kind?.ToString().ToLowerInvariant(),
        ["address"] = Address.Length > 0 ? Address : null,
    }.Where(pair => pair.Value is not null)).Value is { Length: > 0 } text ? text[1..] : "";

    /// <summary>Entries behind a name, by name.</summary>
    /// <param name="after">Null: from the first.</param>
    public async Task<SuppressionFound> ReadAsync(
        ObjectTable<Suppression> entries, string? after, int limit, CancellationToken cancel)
    {
        var found = new List<Named<Suppression>>();
        var asks = 0;
        await foreach (var (prefix, behind) in ListsAsync(entries, after, cancel))
        {
            if (++asks > AsksMax)
                return new SuppressionFound(found, prefix);
            var page = await entries.ListAsync(
                prefix + Address, limit - found.Count + 1, range => range with { After = behind }, cancel);
            found.AddRange(page);
            // One more than asked for shows that there is a next page.
            if (found.Count > limit)
                return new SuppressionFound([.. found.Take(limit)], found[limit - 1].Name);
        }
        return new SuppressionFound(found, null);
    }

    /// <summary>All of them, a stretch at a time.</summary>
    public async IAsyncEnumerable<Named<Suppression>> AllAsync(
        ObjectTable<Suppression> entries, [EnumeratorCancellation] CancellationToken cancel)
    {
        const int stretch = 1000;
        for (string? after = null; ;)
        {
            var page = await ReadAsync(entries, after, stretch, cancel);
            foreach (var entry in page.Entries)
                yield return entry;
            if (page.Next is null)
                yield break;
            after = page.Next;
        }
    }

    /// <summary>What the names of each list that may fit begin with, and how far in it to begin.</summary>
    async IAsyncEnumerable<(string Prefix, string? Behind)> ListsAsync(
        ObjectTable<Suppression> entries, string? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var domain in DomainsAsync(entries, after, cancel))
        {
            foreach (var kind in kinds.Where(one => (Kind ?? one) == one))
            {
                var prefix = SuppressionKey.PrefixOf(domain, kind);
                if (after is null || string.CompareOrdinal(after, prefix) <= 0)
                    yield return (prefix, null);
                else if (after.StartsWith(prefix, StringComparison.Ordinal))
                    yield return (prefix, after);
            }
        }
    }

    /// <summary>Domains that have entries, also such as are not configured any more: each is found behind the
    /// one before it.</summary>
    async IAsyncEnumerable<string> DomainsAsync(
        ObjectTable<Suppression> entries, string? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (Domain is { } only)
        {
            yield return only;
            yield break;
        }
        // The lists behind a place in a domain's lists belong to the same domain.
        for (var place = after?[..(after.IndexOf('/', StringComparison.Ordinal) + 1)]; ;)
        {
            var next = await entries.ListAsync("", 1, range => range with { After = place }, cancel);
            if (next is not [var first])
                yield break;
            var domain = SuppressionKey.Parse(first.Name).Domain;
            yield return domain;
            place = domain + "/" + ObjectRange.End;
        }
    }
}

/// <param name="Next">What to go on behind. Null: there are no more.</param>
sealed record SuppressionFound(IReadOnlyList<Named<Suppression>> Entries, string? Next);
