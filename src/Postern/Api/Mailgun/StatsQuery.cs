using System.Globalization;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>A time in steps of an hour, a day or a month (UTC), which the stats are asked for.</summary>
/// <param name="Start">The beginning of the first step.</param>
/// <param name="End">The beginning of the last step, which is in it.</param>
sealed record StatsQuery(DateTimeOffset Start, DateTimeOffset End, StatsResolution Resolution)
{
    const int BucketsMax = 10_000;
    const int DurationMax = 10_000;
    static readonly TimeSpan StartDefault = TimeSpan.FromDays(7);

    /// <summary>Beginnings of all steps.</summary>
    public IEnumerable<DateTimeOffset> Buckets
    {
        get
        {
            for (var at = Start; at <= End; at = Next(at))
                yield return at;
        }
    }

    /// <summary>Behind the last step.</summary>
    public DateTimeOffset Behind => Next(End);

    public string Word => Resolution.ToString().ToLowerInvariant();

    /// <exception cref="ApiException">One of them is wrong, or there are too many steps.</exception>
    public static StatsQuery Read(
        string? start, string? end, string? resolution, string? duration, DateTimeOffset now)
    {
        var step = resolution switch
        {
            null or "" or "day" => StatsResolution.Day,
            "hour" => StatsResolution.Hour,
            "month" => StatsResolution.Month,
            _ => throw new ApiException(400, "'resolution' attribute is invalid"),
        };
        var last = MomentOf("end", end) ?? now;
        var first = duration is { Length: > 0 } ? Before(last, duration)
            : MomentOf("start", start) ?? last - StartDefault;
        if (first > last)
            throw new ApiException(400, "'start' is after 'end'");
        // Nothing is kept longer, so nothing is left out.
        if (first < now - StatsIndex.Kept)
            first = now - StatsIndex.Kept;
        if (last < first)
            last = first;
        var query = new StatsQuery(Floor(first, step), Floor(last, step), step);
        return query.Buckets.Take(BucketsMax + 1).Count() <= BucketsMax ? query
            : throw new ApiException(400, $"the time has more than {BucketsMax} steps");
    }

    public DateTimeOffset BucketOf(DateTimeOffset at) => Floor(at, Resolution);

    DateTimeOffset Next(DateTimeOffset at) => Resolution switch
    {
        StatsResolution.Hour => at.AddHours(1),
        StatsResolution.Day => at.AddDays(1),
        _ => at.AddMonths(1),
    };

    static DateTimeOffset Floor(DateTimeOffset at, StatsResolution step)
    {
        var utc = at.UtcDateTime;
        return new DateTimeOffset(
            utc.Year, utc.Month, step == StatsResolution.Month ? 1 : utc.Day,
            step == StatsResolution.Hour ? utc.Hour : 0, 0, 0, TimeSpan.Zero);
    }

    /// <summary>Null: there is none.</summary>
    /// <exception cref="ApiException">It is no moment.</exception>
    public static DateTimeOffset? MomentOf(string name, string? text) =>
        text is not { Length: > 0 } ? null
            : ApiDates.TryParse(text, out var at) && at.Year is > 1900 and < 9000 ? at
            : throw new ApiException(
                400, $"'{name}' attribute is invalid: '{ApiException.Shown(text)}' is no date");

    /// <summary><c>24h</c>, <c>30d</c>, <c>2m</c>.</summary>
    static DateTimeOffset Before(DateTimeOffset end, string duration)
    {
        if (!int.TryParse(
            duration.AsSpan(0, duration.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture,
            out var count) || count > DurationMax)
            throw new ApiException(400, "'duration' attribute is invalid");
        return duration[^1] switch
        {
            'h' => end.AddHours(-count),
            'd' => end.AddDays(-count),
            'm' => end.AddMonths(-count),
            _ => throw new ApiException(400, "'duration' attribute is invalid"),
        };
    }
}

enum StatsResolution { Hour, Day, Month }
