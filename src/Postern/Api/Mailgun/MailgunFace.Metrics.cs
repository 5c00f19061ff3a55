using System.Globalization;
using System.Text.Json.Nodes;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Metrics of the account by time, domain and tag, from the counters of the stats.</summary>
sealed partial class MailgunFace
{
    /// <summary>Hours of domains and tags that one answer is made of.</summary>
    const int MetricHoursMax = 1_000_000;

    void MapMetrics(IEndpointRouteBuilder web)
    {
        web.MapPost("/v1/analytics/metrics", context => ServeAccountAsync(context, MetricsAsync));
        web.MapPost("/v1/analytics/usage/metrics", context => ServeAccountAsync(context, MetricsAsync));
    }

    async Task<JsonObject> MetricsAsync(HttpContext context)
    {
        var question = await ReadBodyAsync(context, AnalyticsJson.Default.MetricsQuestion);
        var query = StatsQuery.Read(
            question.Start, question.End, question.Resolution, question.Duration, clock.GetUtcNow());
        var (dimensions, metrics) = (question.ReadDimensions(), question.ReadMetrics());
        var isTimed = dimensions.Contains("time");
        var page = AnalyticsPage.Of(
            question.Pagination, isTimed ? 1500 : 10, isTimed ? 1500 : 1000,
            dimensions is [var first, ..] ? first + ":asc" : "", [.. dimensions, .. metrics]);
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        var groups = await GroupsAsync(query, dimensions, question.ReadFilter(), context.RequestAborted);
        var sorted = page.Sort(groups, (group, column) => dimensions.Contains(column)
            ? group.Values[IndexOf(dimensions, column)].Key
            : (IComparable)Metric.ValueOf(column, group.Counts));
        var json = new JsonObject
        {
            ["start"] = ApiDates.Numeric(query.Start),
            ["end"] = ApiDates.Numeric(query.End),
            ["resolution"] = query.Word,
        };
        if (question.Duration is { Length: > 0 } duration)
            json["duration"] = duration;
        json["dimensions"] = new JsonArray([.. dimensions.Select(name => (JsonNode)name)]);
        json["pagination"] = page.ToJson(sorted.Count);
        json["items"] = new JsonArray([.. page.Cut(sorted).Select(
            group => (JsonNode)ItemOf(group, dimensions, metrics))]);
        if (question.IncludeAggregates)
        {
            var all = new StatsCounts();
            foreach (var group in groups)
                all.Join(group.Counts);
            json["aggregates"] = new JsonObject { ["metrics"] = MetricsOf(all, metrics) };
        }
        return json;
    }

    /// <summary>One for each combination of the dimensions that anything was counted in; by time alone, also
    /// where nothing was.</summary>
    async ValueTask<IReadOnlyCollection<MetricGroup>> GroupsAsync(
        StatsQuery query, IReadOnlyList<string> dimensions, IReadOnlyList<MetricsCondition> filter,
        CancellationToken cancel)
    {
        var groups = new Dictionary<string, MetricGroup>(StringComparer.Ordinal);
        if (dimensions is ["time"] or [])
        {
            foreach (var at in dimensions is [] ? [query.Start] : query.Buckets)
                GroupOf(groups, query, dimensions, new MetricSource("", null), at);
        }
        var left = MetricHoursMax;
        foreach (var source in await SourcesAsync(dimensions, filter, cancel))
        {
            var hours = await agent.Stats.ReadAsync(
                source.Domain, source.Tag, query.Start, query.Behind, cancel);
            left -= hours.Count;
            if (left < 0)
                throw new ApiException(
                    400, "that is more than one answer holds: ask for less time or fewer tags");
            foreach (var hour in hours)
                GroupOf(groups, query, dimensions, source, hour.At).Counts.Join(hour.Counts);
        }
        return groups.Values;
    }

    /// <summary>Domains, or tags of domains where they are asked for or told apart.</summary>
    async ValueTask<List<MetricSource>> SourcesAsync(
        IReadOnlyList<string> dimensions, IReadOnlyList<MetricsCondition> filter, CancellationToken cancel)
    {
        var byTag = dimensions.Contains("tag") || filter.Any(condition => condition.Attribute == "tag");
        var sources = new List<MetricSource>();
        foreach (var domain in agent.Domains.Names)
        {
            if (!filter.Where(condition => condition.Attribute == "domain").All(
                condition => condition.Holds(domain)))
                continue;
            if (!byTag)
                sources.Add(new MetricSource(domain, null));
            else
                sources.AddRange((await TagsOfAsync(domain, cancel))
                    .Where(tag => filter.Where(condition => condition.Attribute == "tag").All(
                        condition => condition.Holds(tag.Value.Tag)))
                    .Select(tag => new MetricSource(domain, tag.Value.Tag)));
        }
        return sources;
    }

    static MetricGroup GroupOf(
        Dictionary<string, MetricGroup> groups, StatsQuery query, IReadOnlyList<string> dimensions,
        MetricSource source, DateTimeOffset at)
    {
        var time = query.BucketOf(at);
        MetricValue[] values = [.. dimensions.Select(dimension => dimension switch
        {
            "time" => new MetricValue(
                time.UtcTicks.ToString("D20", CultureInfo.InvariantCulture), ApiDates.Numeric(time)),
            "domain" => new MetricValue(source.Domain, source.Domain),
            _ => new MetricValue(source.Tag!.ToLowerInvariant(), source.Tag!),
        })];
        var key = string.Join('\n', values.Select(value => value.Key));
        if (!groups.TryGetValue(key, out var group))
            groups.Add(key, group = new MetricGroup(values, []));
        return group;
    }

    static JsonObject ItemOf(
        MetricGroup group, IReadOnlyList<string> dimensions, IReadOnlyList<string> metrics)
    {
        var values = dimensions.Zip(group.Values, (dimension, value) => (JsonNode)new JsonObject
        {
            ["dimension"] = dimension,
            ["value"] = value.Shown,
            ["display_value"] = value.Shown,
        });
        return new JsonObject
        {
            ["dimensions"] = new JsonArray([.. values]),
            ["metrics"] = MetricsOf(group.Counts, metrics),
        };
    }

    static JsonObject MetricsOf(StatsCounts counts, IReadOnlyList<string> metrics)
    {
        var json = new JsonObject();
        foreach (var metric in metrics)
            json[metric] = Metric.JsonOf(metric, counts);
        return json;
    }

    static int IndexOf(IReadOnlyList<string> names, string name) =>
        names.TakeWhile(other => other != name).Count();

    /// <param name="Tag">Null: the domain itself.</param>
    readonly record struct MetricSource(string Domain, string? Tag);

    /// <param name="Key">What it is sorted and told apart by.</param>
    readonly record struct MetricValue(string Key, string Shown);

    sealed record MetricGroup(IReadOnlyList<MetricValue> Values, StatsCounts Counts);
}
