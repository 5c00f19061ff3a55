using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>Counts the events of sending domains and of their tags, hour by hour, beside delivery.</summary>
/// <remarks>
/// It reads the events behind a place that is kept in the store, and commits counters and place together:
/// what happened is counted once, whenever the process ends. Nothing waits for it but who asks for the
/// counters. A tag is known from accepted mail that carried it. What is older than <see cref="Kept"/> goes, a
/// page at a time. A step that fails is logged and tried again after a minute.
/// </remarks>
public sealed partial class StatsIndex
{
    /// <summary>About 13 months.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(400);

    /// <summary>Of one domain: mail with further ones is counted for the domain alone.</summary>
    public const int TagsMax = 5000;

    const string CursorKind = "stats-cursor";
    const string CursorName = "events";
    const int TagCharactersMax = 128;
    const int EventsPerStep = 500;
    const int SweepPageMax = 500;
    const int CatchUpStepsMax = 40;
    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    readonly MessageQueue queue;
    readonly IMailStore store;
    readonly Func<IEnumerable<string>> domains;
    readonly TimeProvider clock;
    readonly ILogger log;
    readonly ObjectTable<StatsCursor> cursors;
    readonly Dictionary<string, string> sweptTo = new(StringComparer.Ordinal);

    /// <param name="domains">The sending domains, as they are spelled: the events of others are not
    /// counted.</param>
    internal StatsIndex(
        MessageQueue queue, IMailStore store, Func<IEnumerable<string>> domains, TimeProvider clock,
        ILogger log)
    {
        (this.queue, this.store, this.domains, this.clock, this.log) = (queue, store, domains, clock, log);
        cursors = new(store, CursorKind, StatsJson.Default.StatsCursor);
        Days = new(store, StatsDay.Kind, StatsJson.Default.StatsDay);
        TagDays = new(store, StatsDay.TagKind, StatsJson.Default.StatsDay);
        Tags = new(store, StoredTag.Kind, StatsJson.Default.StoredTag);
    }

    internal ObjectTable<StatsDay> Days { get; }
    internal ObjectTable<StatsDay> TagDays { get; }

    /// <summary>By domain in small letters, a slash, and tag in small letters.</summary>
    public ObjectTable<StoredTag> Tags { get; }

    internal async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(LookEvery, clock);
        var (sweptAt, failedAt) = (clock.GetTimestamp(), (long?)null);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false))
            {
                if (failedAt is { } failed && clock.GetElapsedTime(failed) < SweepEvery)
                    continue;
                failedAt = await AttemptAsync(CatchUpAsync, cancel).ConfigureAwait(false)
                    ? null : clock.GetTimestamp();
                if (clock.GetElapsedTime(sweptAt) < SweepEvery)
                    continue;
                sweptAt = clock.GetTimestamp();
                await AttemptAsync(SweepAsync, cancel).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The agent is stopping.
        }
    }

    /// <summary>Counts what was committed before the call, up to some ten thousand events.</summary>
    /// <exception cref="StoreException">The store takes no change.</exception>
    public async ValueTask CatchUpAsync(CancellationToken cancel)
    {
        for (var step = 0; step < CatchUpStepsMax; step++)
        {
            if (!await StepAsync(cancel).ConfigureAwait(false))
                return;
        }
    }

    /// <summary>What was counted in the hours of a time, in their order.</summary>
    /// <param name="domain">As it is spelled.</param>
    /// <param name="tag">Null: the domain's own counters.</param>
    /// <param name="end">Not in it.</param>
    public async ValueTask<IReadOnlyList<StatsHour>> ReadAsync(
        string domain, string? tag, DateTimeOffset start, DateTimeOffset end, CancellationToken cancel)
    {
        var table = tag is null ? Days : TagDays;
        var prefix = KeyOf(domain, tag) + "/";
        var hours = new List<StatsHour>();
        var after = prefix + StatsDay.NameOf(start.AddDays(-1));
        while (true)
        {
            var from = after;
            var page = await table.ListAsync(
                prefix, SweepPageMax, range => range with { After = from }, cancel).ConfigureAwait(false);
            foreach (var (name, day) in page)
            {
                // A tag with a slash stands among the days of one without.
                if (name.Length != prefix.Length + StatsDay.NameCharacters
                    || StatsDay.DayOf(name) is not { } midnight)
                    continue;
                if (midnight >= end)
                    return hours;
                hours.AddRange(day.Hours.OrderBy(hour => hour.Key)
                    .Select(hour => new StatsHour(midnight.AddHours(hour.Key), hour.Value))
                    .Where(hour => hour.At >= start && hour.At < end));
            }
            if (page.Count < SweepPageMax)
                return hours;
            after = page[^1].Name;
        }
    }

    /// <summary>The name of a domain's objects, or of a tag's.</summary>
    public static string KeyOf(string domain, string? tag) =>
        tag is null ? domain.ToLowerInvariant() : $"{domain}/{tag}".ToLowerInvariant();

    /// <returns>True: there may be more.</returns>
    internal async ValueTask<bool> StepAsync(CancellationToken cancel)
    {
        var known = domains().ToHashSet(StringComparer.OrdinalIgnoreCase);
        return known.Count > 0 && await queue.ChangeObjectsAsync(async changes =>
        {
            var cursor = await cursors.FindAsync(CursorName, cancel).ConfigureAwait(false);
            var events = await store.ReadEventsAfterAsync(cursor?.Seq ?? 0, EventsPerStep, cancel)
                .ConfigureAwait(false);
            if (events.Count == 0)
                return false;
            var tally = new StatsTally(this, store);
            var keptSince = clock.GetUtcNow() - Kept;
            foreach (var stored in events)
            {
                if (stored.Event.At >= keptSince && PublicEvents.DomainOf(stored.Event) is { } domain
                    && known.Contains(domain))
                    await tally.CountAsync(domain, stored, cancel).ConfigureAwait(false);
            }
            await tally.AddToAsync(changes, cancel).ConfigureAwait(false);
            changes.Add(cursors.Put(CursorName, new StatsCursor(events[^1].Seq)));
            return events.Count == EventsPerStep;
        }, cancel).ConfigureAwait(false);
    }

    /// <summary>A tag that can be kept.</summary>
    internal static bool IsTag(string tag) =>
        tag.Length is > 0 and <= TagCharactersMax && Ascii.IsValid(tag) && !tag.Any(char.IsControl);

    /// <summary>A page of each kind: what is too old goes.</summary>
    internal async ValueTask SweepAsync(CancellationToken cancel)
    {
        var before = StatsDay.NameOf(clock.GetUtcNow() - Kept);
        await SweepAsync(Days, StatsDay.Kind, (name, _) => IsBefore(name, before), cancel)
            .ConfigureAwait(false);
        await SweepAsync(TagDays, StatsDay.TagKind, (name, _) => IsBefore(name, before), cancel)
            .ConfigureAwait(false);
        await SweepAsync(
            Tags, StoredTag.Kind, (_, tag) => tag.LastSeen < clock.GetUtcNow() - Kept, cancel)
            .ConfigureAwait(false);
    }

    static bool IsBefore(string name, string day) =>
        name.Length > StatsDay.NameCharacters
        && string.CompareOrdinal(name, name.Length - StatsDay.NameCharacters, day, 0, day.Length) < 0;

    ValueTask<int> SweepAsync<T>(
        ObjectTable<T> table, string kind, Func<string, T, bool> isOld, CancellationToken cancel)
        where T : class => queue.ChangeObjectsAsync(async changes =>
    {
        var page = await table.ListAsync(
            "", SweepPageMax, range => range with { After = sweptTo.GetValueOrDefault(kind) }, cancel)
            .ConfigureAwait(false);
        foreach (var (name, value) in page)
        {
            if (isOld(name, value))
                changes.Add(table.Remove(name));
        }
        // Through: the next page is the first.
        if (page.Count == SweepPageMax)
            sweptTo[kind] = page[^1].Name;
        else
            sweptTo.Remove(kind);
        return changes.Count;
    }, cancel);

    /// <returns>False: it failed.</returns>
    async ValueTask<bool> AttemptAsync(Func<CancellationToken, ValueTask> run, CancellationToken cancel)
    {
        try
        {
            await run(cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is StoreException or JsonException)
        {
            LogStepFailed(e);
            return false;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Counting events for the stats failed and will be tried again")]
    partial void LogStepFailed(Exception failed);
}

/// <param name="At">The beginning of the hour.</param>
public readonly record struct StatsHour(DateTimeOffset At, StatsCounts Counts);
