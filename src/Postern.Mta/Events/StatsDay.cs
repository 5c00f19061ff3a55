using System.Globalization;
using System.Text.Json.Serialization;

namespace Postern.Mta.Events;

/// <summary>What was counted on one day (UTC), hour by hour.</summary>
public sealed record StatsDay
{
    /// <summary>The kind of the store's objects of a domain; the name is the domain, a slash, the
    /// day.</summary>
    public const string Kind = "stats";

    /// <summary>Of a domain's tag; the tag in small letters, with a slash, stands in front of the
    /// day.</summary>
    public const string TagKind = "tag-stats";

    /// <summary>How long a day is in a name.</summary>
    public const int NameCharacters = 8;

    /// <summary>By hour, from 0.</summary>
    [JsonPropertyName("h")]
    public Dictionary<int, StatsCounts> Hours { get; init; } = [];

    /// <summary>In the order of time.</summary>
    public static string NameOf(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    /// <summary>Null: it is no day.</summary>
    public static DateTimeOffset? DayOf(string name) =>
        DateTimeOffset.TryParseExact(
            name.AsSpan(Math.Max(0, name.Length - NameCharacters)), "yyyyMMdd", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal, out var day) ? day : null;
}

/// <summary>Counters by name; one that is not there is 0.</summary>
public sealed class StatsCounts : Dictionary<string, long>
{
    public StatsCounts() : base(StringComparer.Ordinal) { }

    public long Of(string name) => TryGetValue(name, out var count) ? count : 0;

    public void Increment(string name) => this[name] = Of(name) + 1;

    public void Join(StatsCounts more)
    {
        foreach (var (name, count) in more)
            this[name] = Of(name) + count;
    }
}

/// <summary>A tag of a domain's mail.</summary>
public sealed record StoredTag
{
    /// <summary>The kind of the store's objects; the name is the domain, a slash, and the tag in small
    /// letters.</summary>
    public const string Kind = "tag";

    /// <summary>As it was spelled first.</summary>
    public required string Tag { get; init; }

    public string Description { get; init; } = "";
    public required DateTimeOffset FirstSeen { get; init; }
    public required DateTimeOffset LastSeen { get; init; }
}

/// <param name="Seq">Events up to here are counted.</param>
sealed record StatsCursor(long Seq);

[JsonSerializable(typeof(StatsDay))]
[JsonSerializable(typeof(StoredTag))]
[JsonSerializable(typeof(StatsCursor))]
sealed partial class StatsJson : JsonSerializerContext;
