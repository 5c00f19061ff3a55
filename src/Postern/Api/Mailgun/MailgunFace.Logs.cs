using System.Globalization;
using System.Text.Json.Nodes;
using Postern.Mta.Accounts;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>The newer twin of the events: one question for several domains, with its filter in JSON and its
/// pages by token.</summary>
sealed partial class MailgunFace
{
    void MapLogs(IEndpointRouteBuilder web) =>
        web.MapPost("/v1/analytics/logs", context => AnswerAsync(context, async key =>
        {
            var reaches = agent.Domains.Keys.Find(key, clock.GetUtcNow());
            // It reads, for all that it is a POST.
            var opened = agent.Domains.All
                .Where(domain => reaches.Any(reach => reach.Opens(domain.Key, KeyUse.Read)))
                .Select(domain => domain.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
            return opened.Count > 0 || reaches.Any(reach => reach.OpensAccount(KeyUse.Read))
                ? await LogsAsync(context, opened) : null;
        }));

    async Task<JsonObject> LogsAsync(HttpContext context, IReadOnlySet<string> domains)
    {
        var question = await ReadBodyAsync(context, AnalyticsJson.Default.LogsQuestion);
        question.Check();
        var place = question.Pagination?.Token is { Length: > 0 } token
            ? PlaceOf(token)
            : await BeginningOfAsync(question.ToQuery(clock.GetUtcNow()), context.RequestAborted);
        // The token knows the time and the order; what is asked for, the body says again.
        place = place with { Query = place.Query with { Limit = question.ReadLimit() } };
        var page = await ReadPageAsync(
            place, stored => Find(place.Query, stored, domains, question), context.RequestAborted);
        var json = new JsonObject
        {
            ["start"] = ApiDates.Zoneless(place.Query.Begin!.Value),
            ["end"] = ApiDates.Zoneless(place.Query.End!.Value),
            ["items"] = new JsonArray([.. page.Found.Select(told => LogOf(context, told))]),
            ["pagination"] = await TokensOfAsync(place, page, context.RequestAborted),
            ["aggregates"] = new JsonObject(),
        };
        if (question.IncludeTotals)
            json["aggregates"] = new JsonObject
            {
                ["all"] = await CountAsync(place.Query, domains, question, context.RequestAborted),
                ["metrics"] = new JsonObject(),
            };
        return json;
    }

    /// <exception cref="ApiException">The token is none of ours.</exception>
    static EventPlace PlaceOf(string token) =>
        EventPlace.Parse(token) is { Query: { Begin: not null, End: not null } } place ? place
            : throw LogsQuestion.Wrong("pagination", "there is no such token");

    static StoredEvent? Find(
        EventQuery query, StoredEvent stored, IReadOnlySet<string> domains, LogsQuestion question) =>
        query.Find(stored, domains.Contains) is { } told && question.Holds(told.Event) ? told : null;

    /// <exception cref="ApiException">There are more than one request looks at.</exception>
    async ValueTask<int> CountAsync(
        EventQuery query, IReadOnlySet<string> domains, LogsQuestion question, CancellationToken cancel)
    {
        var everything = query with { Limit = LookMax };
        var first = await BeginningOfAsync(everything, cancel);
        var page = await ReadPageAsync(
            first, stored => Find(everything, stored, domains, question), cancel);
        return page.IsLast ? page.Found.Count
            : throw new ApiException(400, "'include_totals' is offered for less: ask for less time");
    }

    /// <summary>Tokens of the pages that there are beside this one; without any, none.</summary>
    async ValueTask<JsonObject> TokensOfAsync(EventPlace place, EventPage page, CancellationToken cancel)
    {
        var (first, last) = await EndsOfAsync(place.Query, cancel);
        var isFirst = place.IsBackward ? page.IsLast : place.At == first.At;
        var isLast = place.IsBackward ? place.At == last.At : page.IsLast;
        var tokens = new JsonObject();
        if (isFirst && isLast)
            return tokens;
        if (!isFirst)
            tokens["previous"] = page.Previous.ToToken();
        tokens["first"] = first.ToToken();
        tokens["last"] = last.ToToken();
        if (!isLast)
            tokens["next"] = page.Next.ToToken();
        return tokens;
    }

    /// <summary>The event in the shape of a log: it has members of the events API, some of another
    /// type.</summary>
    static JsonObject LogOf(HttpContext context, StoredEvent told)
    {
        var domain = PublicEvents.DomainOf(told.Event)!;
        var item = EventOf(context, domain, told);
        var log = new JsonObject
        {
            ["id"] = item["id"]!.DeepClone(),
            ["event"] = item["event"]!.DeepClone(),
            ["@timestamp"] = told.Event.At.ToUniversalTime().ToString(
                "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            ["domain"] = new JsonObject { ["name"] = domain },
        };
        foreach (var (name, value) in item.AsObject())
        {
            if (name is not ("id" or "event" or "timestamp" or "domain"))
                log[name] = value?.DeepClone();
        }
        log["user-variables"] = told.Event.Options?.Variables ?? "{}";
        if (log["storage"] is JsonObject storage)
            storage["url"] = new JsonArray(storage["url"]!.DeepClone());
        return log;
    }
}
