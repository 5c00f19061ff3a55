using System.Text.Json.Serialization;

namespace Postern.Api.Mailgun;

/// <summary>The body of a request for metrics.</summary>
sealed record MetricsQuestion
{
    const int NamesMax = 100;
    const int DimensionsMax = 3;

    static readonly string[] Counted = ["time", "domain", "tag"];

    /// <summary>Mailgun's, for what is not counted here.</summary>
    static readonly string[] Absent =
    [
        "ip", "ip_pool", "recipient_domain", "recipient_provider", "country", "subaccount", "bot", "device",
    ];

    [JsonPropertyName("start")] public string? Start { get; init; }
    [JsonPropertyName("end")] public string? End { get; init; }
    [JsonPropertyName("resolution")] public string? Resolution { get; init; }
    [JsonPropertyName("duration")] public string? Duration { get; init; }
    [JsonPropertyName("dimensions")] public string?[]? Dimensions { get; init; }
    [JsonPropertyName("metrics")] public string?[]? Metrics { get; init; }
    [JsonPropertyName("filter")] public MetricsFilter? Filter { get; init; }
    [JsonPropertyName("include_aggregates")] public bool IncludeAggregates { get; init; }
    [JsonPropertyName("pagination")] public AnalyticsPagination? Pagination { get; init; }

    /// <summary>Each once, in the order of the request; without any, all.</summary>
    /// <exception cref="ApiException">One is not known, or not counted.</exception>
    public IReadOnlyList<string> ReadMetrics()
    {
        string[] names = [.. (Metrics ?? []).Select(name => name ?? "").Distinct(StringComparer.Ordinal)];
        if (names.Length > NamesMax || names.Any(name => !Metric.IsKnown(name) && !Metric.IsAbsent(name)))
            throw new ApiException(400, "'metrics' attribute is invalid");
        return names.FirstOrDefault(Metric.IsAbsent) is { } absent
            ? throw new ApiException(501, $"the metric {absent} is not counted")
            : names.Length == 0 ? [.. Metric.All] : names;
    }

    /// <exception cref="ApiException">One is not known, or not counted.</exception>
    public IReadOnlyList<string> ReadDimensions()
    {
        string[] names = [.. (Dimensions ?? []).Select(name => name ?? "").Distinct(StringComparer.Ordinal)];
        if (names.Length > DimensionsMax
            || names.Any(name => !Counted.Contains(name) && !Absent.Contains(name)))
            throw new ApiException(400, "'dimensions' attribute is invalid");
        return names.FirstOrDefault(Absent.Contains) is { } absent
            ? throw new ApiException(501, $"nothing is counted by {absent}") : names;
    }

    /// <summary>Conditions that all hold.</summary>
    /// <exception cref="ApiException">One cannot be understood, or not be answered.</exception>
    public IReadOnlyList<MetricsCondition> ReadFilter()
    {
        MetricsCondition[] conditions = [.. (Filter?.And ?? []).Select(one => one ?? new MetricsCondition())];
        foreach (var condition in conditions)
        {
            if (Absent.Contains(condition.Attribute))
                throw new ApiException(501, $"nothing is counted by {condition.Attribute}");
            if (conditions.Length > NamesMax || condition.Attribute is not ("domain" or "tag")
                || condition.Comparator is not ("=" or "!=" or "contains" or "not contains")
                || condition.Values is not { Length: > 0 and <= NamesMax })
                throw new ApiException(400, "'filter' attribute is invalid");
        }
        return conditions;
    }
}

sealed record MetricsFilter
{
    [JsonPropertyName("AND")] public MetricsCondition?[]? And { get; init; }
}

sealed record MetricsCondition
{
    [JsonPropertyName("attribute")] public string? Attribute { get; init; }
    [JsonPropertyName("comparator")] public string? Comparator { get; init; }
    [JsonPropertyName("values")] public MetricsValue?[]? Values { get; init; }

    /// <summary>One of its values is what is asked for, or none.</summary>
    public bool Holds(string value) => Holds([value]);

    /// <summary>The same of something that has several values, or none.</summary>
    public bool Holds(IReadOnlyList<string> values)
    {
        var isMet = Comparator is "=" or "!="
            ? Values!.Any(one => one?.Value is { } whole
                && values.Contains(whole, StringComparer.OrdinalIgnoreCase))
            : Values!.Any(one => one?.Value is { } part
                && values.Any(value => value.Contains(part, StringComparison.OrdinalIgnoreCase)));
        return isMet == (Comparator is "=" or "contains");
    }
}

sealed record MetricsValue
{
    [JsonPropertyName("value")] public string? Value { get; init; }
}
