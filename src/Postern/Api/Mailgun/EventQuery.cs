using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Which events are asked for, and in which order.</summary>
/// <param name="Begin">Null: from the first, or back to it.</param>
/// <param name="Filters">Names and expressions, as they came.</param>
sealed record EventQuery(
    DateTimeOffset? Begin, DateTimeOffset? End, bool IsAscending, int Limit,
    IReadOnlyList<KeyValuePair<string, string>> Filters)
{
    public const int LimitMax = 300;
    const int LimitDefault = 100;
    const int FiltersMax = 32;

    static readonly HashSet<string> Names = new(StringComparer.Ordinal)
    {
        "event", "list", "attachment", "from", "message-id", "subject", "to", "size", "recipient",
        "recipients", "tags", "severity",
    };

    readonly (string Name, FilterExpression Expression)[] filters =
        [.. Filters.Select(filter => (filter.Key, FilterExpression.Parse(filter.Value)))];

    /// <exception cref="ApiException">A parameter is none.</exception>
    public static EventQuery Read(IQueryCollection query)
    {
        var (begin, end) = (Moment(query, "begin"), Moment(query, "end"));
        // One of them alone says the direction only by `ascending`; both of them say it by themselves.
        var ascending = query["ascending"].LastOrDefault()?.ToLowerInvariant() is "yes" or "true" or "1"
            || (begin is not null && end is not null && begin < end && !query.ContainsKey("ascending"));
        if (begin > end)
            (begin, end) = (end, begin);
        var limit = LimitDefault;
        if (query["limit"].LastOrDefault() is { } text
            && (!int.TryParse(text, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > LimitMax))
            throw new ApiException(400, $"The 'limit' parameter can't be larger than {LimitMax}");
        var filters = query.Where(parameter => Names.Contains(parameter.Key)).SelectMany(
            parameter => parameter.Value.Where(value => !string.IsNullOrWhiteSpace(value)).Select(
                value => new KeyValuePair<string, string>(parameter.Key, value!))).ToArray();
        return filters.Length <= FiltersMax ? new EventQuery(begin, end, ascending, limit, filters)
            : throw new ApiException(400, $"there may be {FiltersMax} filters");
    }

    static DateTimeOffset? Moment(IQueryCollection query, string name) =>
        query[name].LastOrDefault() is not { Length: > 0 } text ? null
            : ApiDates.TryParse(text, out var at) && at.Year is > 1900 and < 9000 ? at
            : throw new ApiException(400, $"'{ApiException.Shown(text)}' is not an RFC-2822 compliant date");

    /// <summary>The event as Mailgun would tell it. Null: it is of no domain that is asked for, or not asked
    /// for.</summary>
    /// <param name="isOf">The domain is asked for.</param>
    public StoredEvent? Find(StoredEvent stored, Func<string, bool> isOf)
    {
        if (PublicEvents.DomainOf(stored.Event) is not { } domain || !isOf(domain)
            || stored.Event.At < Begin || stored.Event.At > End)
            return null;
        return PublicEvents.Find(stored) is { } told && filters.All(
            filter => filter.Expression.Fits(ValueOf(told.Event, filter.Name), IsWhole(filter.Name)))
            ? told : null;
    }

    static bool IsWhole(string name) => name is "event" or "severity" or "message-id" or "size";

    static string? ValueOf(MailEvent fact, string name) => name switch
    {
        "event" => EventNames.Of(fact.Kind),
        "from" => fact.Sender,
        "message-id" => fact.MessageId?.Trim('<', '>'),
        "to" or "recipient" or "recipients" => fact.RecipientAddress,
        "size" => fact.ContentOctets?.ToString(CultureInfo.InvariantCulture),
        "tags" => fact.Options is { } options ? string.Join('\n', options.Tags) : null,
        "list" => fact.Options?.List,
        "severity" when fact.Kind == EventKind.Failed =>
            fact.Severity == EventSeverity.Temporary ? "temporary" : "permanent",
        _ => null,
    };
}

/// <summary>A page of a query: what stands in the URLs of <c>paging</c>.</summary>
/// <param name="At">The page begins beside this event.</param>
/// <param name="IsBackward">It holds what stands before <paramref name="At"/> in the query's order, not what
/// follows.</param>
sealed record EventPlace(EventQuery Query, long At, bool IsBackward)
{
    const int TokenCharactersMax = 16 << 10;

    /// <summary>Older events come first.</summary>
    public bool ReadsUp => Query.IsAscending != IsBackward;

    /// <summary>The last segment of a path.</summary>
    public string ToToken()
    {
        var filters = new JsonArray();
        foreach (var (name, expression) in Query.Filters)
            filters.Add(new JsonArray(name, expression));
        var json = new JsonObject
        {
            ["b"] = Query.Begin?.UtcTicks,
            ["e"] = Query.End?.UtcTicks,
            ["a"] = Query.IsAscending,
            ["l"] = Query.Limit,
            ["f"] = filters,
            ["p"] = At,
            ["r"] = IsBackward,
        };
        return Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(
            json, EventTokenJson.Default.JsonObject));
    }

    /// <summary>Null: it is no token of ours.</summary>
    public static EventPlace? Parse(string token)
    {
        if (token.Length > TokenCharactersMax || !Base64Url.IsValid(token))
            return null;
        try
        {
            using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(token));
            var json = document.RootElement;
            if (json.GetProperty("l").GetInt32() is < 1 or > EventQuery.LimitMax)
                return null;
            var query = new EventQuery(
                TimeOf(json.GetProperty("b")), TimeOf(json.GetProperty("e")),
                json.GetProperty("a").GetBoolean(), json.GetProperty("l").GetInt32(),
                [.. json.GetProperty("f").EnumerateArray().Select(
                    filter => KeyValuePair.Create(filter[0].GetString()!, filter[1].GetString()!))]);
            return new EventPlace(
                query, json.GetProperty("p").GetInt64(), json.GetProperty("r").GetBoolean());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException or IndexOutOfRangeException or ArgumentException)
        {
            return null;
        }
    }

    /// <exception cref="FormatException">No event is of that time.</exception>
    static DateTimeOffset? TimeOf(JsonElement ticks)
    {
        if (ticks.ValueKind == JsonValueKind.Null)
            return null;
        var at = new DateTimeOffset(ticks.GetInt64(), TimeSpan.Zero);
        return at.Year is > 1900 and < 9000 ? at : throw new FormatException();
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
sealed partial class EventTokenJson : System.Text.Json.Serialization.JsonSerializerContext;
