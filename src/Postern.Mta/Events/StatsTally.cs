using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>What one step of the <see cref="StatsIndex"/> counts, until it is put beside what was counted
/// before.</summary>
sealed class StatsTally(StatsIndex index, IMailStore store)
{
    readonly Dictionary<string, StatsDay> days = new(StringComparer.Ordinal);
    readonly Dictionary<string, StatsDay> tagDays = new(StringComparer.Ordinal);

    /// <summary>Null: there is none of this name, and none is to be.</summary>
    readonly Dictionary<string, StoredTag?> tags = new(StringComparer.Ordinal);
    readonly HashSet<string> changedTags = new(StringComparer.Ordinal);
    readonly Dictionary<string, int> tagTotals = new(StringComparer.Ordinal);
    readonly Dictionary<QueueId, IReadOnlyList<StoredEvent>> histories = [];

    public async ValueTask CountAsync(string domain, StoredEvent stored, CancellationToken cancel)
    {
        if (PublicEvents.Find(stored) is not { Event: var fact })
            return;
        var counts = new StatsCounts();
        foreach (var name in NamesOf(fact))
            counts.Increment(name);
        if (fact.Kind is EventKind.Opened or EventKind.Clicked
            && await IsFirstAsync(stored, cancel).ConfigureAwait(false))
            counts.Increment(EventNames.Of(fact.Kind) + ".unique");
        Add(days, StatsIndex.KeyOf(domain, null), fact.At, counts);
        foreach (var tag in (fact.Options?.Tags ?? []).Where(StatsIndex.IsTag)
            .DistinctBy(tag => tag.ToLowerInvariant()))
        {
            if (await KnowsAsync(domain, tag, fact, cancel).ConfigureAwait(false))
                Add(tagDays, StatsIndex.KeyOf(domain, tag), fact.At, counts);
        }
    }

    /// <summary>Adds what was counted before, and what is to be stored.</summary>
    public async ValueTask AddToAsync(ICollection<ObjectChange> changes, CancellationToken cancel)
    {
        await AddToAsync(changes, index.Days, days, cancel).ConfigureAwait(false);
        await AddToAsync(changes, index.TagDays, tagDays, cancel).ConfigureAwait(false);
        foreach (var name in changedTags)
            changes.Add(index.Tags.Put(name, tags[name]!));
    }

    static async ValueTask AddToAsync(
        ICollection<ObjectChange> changes, ObjectTable<StatsDay> table, Dictionary<string, StatsDay> counted,
        CancellationToken cancel)
    {
        foreach (var (name, day) in counted)
        {
            var sum = await table.FindAsync(name, cancel).ConfigureAwait(false) ?? new StatsDay();
            foreach (var (hour, counts) in day.Hours)
                CountsOf(sum, hour).Join(counts);
            changes.Add(table.Put(name, sum));
        }
    }

    static void Add(
        Dictionary<string, StatsDay> table, string prefix, DateTimeOffset at, StatsCounts counts)
    {
        var name = $"{prefix}/{StatsDay.NameOf(at)}";
        if (!table.TryGetValue(name, out var day))
            table.Add(name, day = new StatsDay());
        CountsOf(day, at.UtcDateTime.Hour).Join(counts);
    }

    static StatsCounts CountsOf(StatsDay day, int hour)
    {
        if (!day.Hours.TryGetValue(hour, out var counts))
            day.Hours.Add(hour, counts = []);
        return counts;
    }

    /// <summary>What an event is counted as, in all of them.</summary>
    static IEnumerable<string> NamesOf(MailEvent fact)
    {
        var name = EventNames.Of(fact.Kind);
        yield return name;
        if (fact.Kind == EventKind.Delivered && fact.Attempt is { } attempt)
            yield return attempt == 1 ? "delivered.first" : "delivered.later";
        if (fact.Kind != EventKind.Failed)
            yield break;
        var severity = fact.Severity == EventSeverity.Temporary ? "failed.temporary" : "failed.permanent";
        yield return severity;
        var reason = fact.Remote?.Source == "report" ? "delayed-bounce" : EventJson.ReasonOf(fact);
        if (reason is "bounce" or "delayed-bounce" or "suppress-bounce" or "suppress-unsubscribe"
            or "suppress-complaint" or "old" or "espblock" or "generic" or "greylisted" or "blacklisted")
            yield return $"{severity}.{reason}";
    }

    /// <summary>Nobody opened or clicked it before for this recipient.</summary>
    async ValueTask<bool> IsFirstAsync(StoredEvent stored, CancellationToken cancel)
    {
        if (stored.Event.Message is not { } message)
            return true;
        if (!histories.TryGetValue(message, out var history))
            histories.Add(message, history = await store.ReadEventsOfAsync(message, cancel)
                .ConfigureAwait(false));
        return !history.Any(other => other.Seq < stored.Seq && other.Event.Kind == stored.Event.Kind
            && string.Equals(
                other.Event.RecipientAddress, stored.Event.RecipientAddress,
                StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Accepted mail makes a tag known, while there is room.</summary>
    async ValueTask<bool> KnowsAsync(
        string domain, string tag, MailEvent fact, CancellationToken cancel)
    {
        var name = StatsIndex.KeyOf(domain, tag);
        if (!tags.TryGetValue(name, out var known))
            tags.Add(name, known = await index.Tags.FindAsync(name, cancel).ConfigureAwait(false));
        if (fact.Kind != EventKind.Accepted)
            return known is not null;
        if (known is null && await TotalAsync(domain, cancel).ConfigureAwait(false) >= StatsIndex.TagsMax)
            return false;
        if (known is null)
            tagTotals[domain]++;
        known ??= new StoredTag { Tag = tag, FirstSeen = fact.At, LastSeen = fact.At };
        tags[name] = known with { LastSeen = fact.At > known.LastSeen ? fact.At : known.LastSeen };
        changedTags.Add(name);
        return true;
    }

    async ValueTask<int> TotalAsync(string domain, CancellationToken cancel)
    {
        if (tagTotals.TryGetValue(domain, out var total))
            return total;
        var all = await index.Tags.ListAsync(
            StatsIndex.KeyOf(domain, null) + "/", StatsIndex.TagsMax, null, cancel).ConfigureAwait(false);
        return tagTotals[domain] = all.Count;
    }
}
