using System.Text.Json.Nodes;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Counters of a domain, of a tag and of the account, in steps of time.</summary>
sealed partial class MailgunFace
{
    static readonly string[] StatsEvents =
    [
        "accepted", "delivered", "failed", "opened", "clicked", "unsubscribed", "complained", "stored",
    ];

    void MapStats(IEndpointRouteBuilder web)
    {
        web.MapGet("/v3/{domain}/stats/total", context => ServeAsync(context, DomainStatsAsync));
        web.MapGet("/v3/stats/total", context => ServeAccountAsync(context, AccountStatsAsync));
    }

    async Task<JsonObject> DomainStatsAsync(HttpContext context, string domain) =>
        await StatsAsync(context, [domain], tag: null);

    async Task<JsonObject> AccountStatsAsync(HttpContext context) =>
        await StatsAsync(context, agent.Domains.Names, tag: null);

    /// <param name="tag">Null: of the domains themselves.</param>
    async ValueTask<JsonObject> StatsAsync(HttpContext context, IEnumerable<string> domains, StoredTag? tag)
    {
        var (asked, cancel) = (context.Request.Query, context.RequestAborted);
        string[] events = [.. asked["event"].OfType<string>().Where(name => name.Length > 0)
            .Distinct(StringComparer.Ordinal)];
        if (events.Length == 0)
            throw new ApiException(400, "Missing mandatory parameter: event");
        if (events.FirstOrDefault(name => !StatsEvents.Contains(name)) is { } unknown)
            throw new ApiException(400, $"Invalid parameter: event {ApiException.Shown(unknown)}");
        var query = StatsQuery.Read(
            asked["start"].LastOrDefault(), asked["end"].LastOrDefault(),
            asked["resolution"].LastOrDefault(), asked["duration"].LastOrDefault(), clock.GetUtcNow());
        await agent.Stats.CatchUpAsync(cancel);
        var counted = query.Buckets.ToDictionary(at => at, _ => new StatsCounts());
        foreach (var domain in domains)
        {
            foreach (var hour in await agent.Stats.ReadAsync(
                domain, tag?.Tag, query.Start, query.Behind, cancel))
                counted[query.BucketOf(hour.At)].Join(hour.Counts);
        }
        var json = new JsonObject();
        if (tag is not null)
            json["tag"] = tag.Tag;
        json["start"] = ApiDates.Utc(query.Start);
        json["end"] = ApiDates.Utc(query.End);
        json["resolution"] = query.Word;
        json["description"] = tag?.Description ?? "";
        json["stats"] = new JsonArray([.. counted.OrderBy(one => one.Key).Select(
            one => (JsonNode)BucketOf(one.Key, one.Value, events))]);
        return json;
    }

    static JsonObject BucketOf(DateTimeOffset at, StatsCounts counts, IEnumerable<string> events)
    {
        var json = new JsonObject { ["time"] = ApiDates.Utc(at) };
        foreach (var name in events.OrderBy(name => Array.IndexOf(StatsEvents, name)))
        {
            json[name] = name switch
            {
                "accepted" => new JsonObject
                {
                    ["incoming"] = 0,
                    ["outgoing"] = counts.Of(name),
                    ["total"] = counts.Of(name),
                },
                "delivered" => new JsonObject
                {
                    ["smtp"] = counts.Of(name),
                    ["http"] = 0,
                    ["optimized"] = 0,
                    ["total"] = counts.Of(name),
                },
                "failed" => FailedOf(counts),
                "opened" or "clicked" => new JsonObject
                {
                    ["total"] = counts.Of(name),
                    ["unique"] = counts.Of(name + ".unique"),
                },
                _ => new JsonObject { ["total"] = counts.Of(name) },
            };
        }
        return json;
    }

    static JsonObject FailedOf(StatsCounts counts)
    {
        var permanent = new JsonObject();
        foreach (var reason in (string[])[
            "bounce", "delayed-bounce", "suppress-bounce", "suppress-unsubscribe", "suppress-complaint",
            "old"])
            permanent[reason] = counts.Of($"failed.permanent.{reason}");
        permanent["webhook"] = 0;
        permanent["optimized"] = 0;
        permanent["total"] = counts.Of("failed.permanent");
        return new JsonObject
        {
            ["temporary"] = new JsonObject
            {
                ["espblock"] = counts.Of("failed.temporary.espblock"),
                ["total"] = counts.Of("failed.temporary"),
            },
            ["permanent"] = permanent,
        };
    }
}
