using System.Text.Json.Serialization;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>The body of a request for logs.</summary>
sealed record LogsQuestion
{
    const int LimitMax = EventQuery.LimitMax;
    const int LimitDefault = 100;
    const int NamesMax = 100;
    static readonly TimeSpan StartDefault = TimeSpan.FromDays(1);

    static readonly string[] KnownKinds =
    [
        "accepted", "rejected", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained",
        "stored", "list_member_uploaded", "list_member_upload_error", "list_uploaded", "email_validation",
    ];

    [JsonPropertyName("start")] public string? Start { get; init; }
    [JsonPropertyName("end")] public string? End { get; init; }
    [JsonPropertyName("events")] public string?[]? Kinds { get; init; }
    [JsonPropertyName("metric_events")] public string?[]? MetricEvents { get; init; }
    [JsonPropertyName("filter")] public MetricsFilter? Filter { get; init; }
    [JsonPropertyName("include_totals")] public bool IncludeTotals { get; init; }
    [JsonPropertyName("pagination")] public LogsPagination? Pagination { get; init; }

    public static ApiException Wrong(string attribute, string why) =>
        new(400, $"'{attribute}' attribute is invalid: {why}");

    /// <exception cref="ApiException">It cannot be understood, or not be answered.</exception>
    public void Check()
    {
        if (MetricEvents is { Length: > 0 })
            throw new ApiException(501, "'metric_events' is not offered; name them in 'events'");
        if (Kinds is { Length: > NamesMax } || Kinds?.Any(name => !KnownKinds.Contains(name)) == true)
            throw new ApiException(400, "'events' attribute is invalid");
        if (Filter is null)
            return;
        if (Filter.And is not { Length: > 0 and <= NamesMax } conditions)
            throw new ApiException(400, "'filter' attribute is invalid");
        foreach (var condition in conditions)
        {
            if (condition?.Comparator is not ("=" or "!=" or "contains" or "not contains")
                || condition.Values is not { Length: > 0 and <= NamesMax }
                || condition.Values.Any(value => string.IsNullOrEmpty(value?.Value)))
                throw new ApiException(400, "'filter' attribute is invalid");
            if (!IsKnown(condition.Attribute))
                throw Wrong(
                    "filter", $"'{ApiException.Shown(condition.Attribute ?? "")}' is not filtered by");
        }
    }

    /// <exception cref="ApiException">A moment or the order is wrong.</exception>
    public EventQuery ToQuery(DateTimeOffset now)
    {
        var end = StatsQuery.MomentOf("end", End) ?? now;
        var start = StatsQuery.MomentOf("start", Start) ?? end - StartDefault;
        if (start > end)
            throw new ApiException(400, "'start' is after 'end'");
        var isAscending = Pagination?.Sort switch
        {
            null or "" or "timestamp:desc" or "@timestamp:desc" => false,
            "timestamp:asc" or "@timestamp:asc" => true,
            _ => throw new ApiException(400, "'pagination' attribute is invalid: sort"),
        };
        return new EventQuery(start, end, isAscending, ReadLimit(), []);
    }

    /// <exception cref="ApiException">It is out of range.</exception>
    public int ReadLimit() => (Pagination?.Limit ?? LimitDefault) is var limit and >= 1 and <= LimitMax
        ? limit : throw Wrong("pagination", $"limit is 1 to {LimitMax}");

    /// <summary>One of the kinds that are asked for, and all that the filter asks for.</summary>
    public bool Holds(MailEvent fact) =>
        (Kinds is not { Length: > 0 } || Kinds.Contains(EventNames.Of(fact.Kind)))
        && (Filter?.And ?? []).All(condition => condition!.Holds(ValuesOf(fact, condition.Attribute!)));

    static bool IsKnown(string? attribute) => attribute is "domain" or "event" or "recipient"
        or "recipient_domain" or "recipient-domain" or "sender" or "from" or "message_id" or "message-id"
        or "tag" or "tags" or "severity" or "reason";

    static IReadOnlyList<string> ValuesOf(MailEvent fact, string attribute)
    {
        string?[] values = attribute switch
        {
            "domain" => [PublicEvents.DomainOf(fact)],
            "event" => [EventNames.Of(fact.Kind)],
            "recipient" => [fact.RecipientAddress],
            "recipient_domain" or "recipient-domain" =>
                [fact.RecipientAddress is { } to ? to[(to.LastIndexOf('@') + 1)..] : null],
            "sender" or "from" => [fact.Sender],
            "message_id" or "message-id" => [fact.MessageId?.Trim('<', '>')],
            "tag" or "tags" => [.. fact.Options?.Tags ?? []],
            _ when fact.Kind != EventKind.Failed => [],
            "severity" => [fact.Severity == EventSeverity.Temporary ? "temporary" : "permanent"],
            _ => [EventJson.ReasonOf(fact)],
        };
        return [.. values.OfType<string>()];
    }
}

/// <summary><c>pagination</c> of a request for logs.</summary>
/// <param name="Token">Of an earlier answer. Null: from the beginning.</param>
sealed record LogsPagination(
    [property: JsonPropertyName("sort")] string? Sort = null,
    [property: JsonPropertyName("limit")] int? Limit = null,
    [property: JsonPropertyName("token")] string? Token = null);
