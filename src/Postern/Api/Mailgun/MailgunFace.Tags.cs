using System.Text.Json.Nodes;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Tags of a sending domain, in both styles: in the path, and as a parameter.</summary>
sealed partial class MailgunFace
{
    void MapTags(IEndpointRouteBuilder web)
    {
        web.MapGet("/v3/{domain}/tags", context => ServeAsync(context, ListTagsAsync));
        web.MapGet("/v3/domains/{domain}/limits/tag", context => ServeAsync(context, TagLimitAsync));
        foreach (var one in (string[])["/v3/{domain}/tags/{tag}", "/v3/{domain}/tag"])
        {
            web.MapGet(one, context => ServeAsync(context, ShowTagAsync));
            web.MapPut(one, context => ServeAsync(context, DescribeTagAsync));
            web.MapDelete(one, context => ServeAsync(context, RemoveTagAsync));
            web.MapGet(one + "/stats", context => ServeAsync(context, TagStatsAsync));
            web.MapGet(one + "/stats/aggregates/{by}", context => ServeAsync(context, TagAggregatesAsync));
        }
    }

    async Task<JsonObject> ListTagsAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        await agent.Stats.CatchUpAsync(cancel);
        var asked = context.Request.Query;
        var home = StatsIndex.KeyOf(domain, null) + "/";
        var found = await agent.Stats.Tags.ListAsync(
            home + (asked["prefix"].LastOrDefault() ?? "").ToLowerInvariant(), ApiPaging.LimitOf(context),
            range => ApiPaging.RangeOf(context, "tag", home, range), cancel);
        return new JsonObject
        {
            ["items"] = new JsonArray([.. found.Select(one => (JsonNode)JsonOf(one.Value))]),
            ["paging"] = ApiPaging.Links(
                context, "tag", found is [var first, ..] ? first.Name[home.Length..] : null,
                found is [.., var last] ? last.Name[home.Length..] : null),
        };
    }

    async Task<JsonObject> ShowTagAsync(HttpContext context, string domain)
    {
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        return JsonOf(await TagAsync(context, domain));
    }

    async Task<JsonObject> DescribeTagAsync(HttpContext context, string domain)
    {
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        await using var form = await ReadFormAsync(context);
        var description = form.Find("description") is null ? null : ShortText(form, "description");
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var tag = await TagAsync(context, domain);
            changes.Add(agent.Stats.Tags.Put(
                StatsIndex.KeyOf(domain, tag.Tag), tag with
                {
                    Description = description ?? tag.Description,
                }));
            return new JsonObject { ["message"] = "Tag updated" };
        }, context.RequestAborted);
    }

    /// <summary>Its counters stay, as at Mailgun; the next mail with it makes it known again.</summary>
    async Task<JsonObject> RemoveTagAsync(HttpContext context, string domain)
    {
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var tag = await TagAsync(context, domain);
            changes.Add(agent.Stats.Tags.Remove(StatsIndex.KeyOf(domain, tag.Tag)));
            return new JsonObject { ["message"] = "Tag deleted" };
        }, context.RequestAborted);
    }

    async Task<JsonObject> TagStatsAsync(HttpContext context, string domain)
    {
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        return await StatsAsync(context, [domain], await TagAsync(context, domain));
    }

    async Task<JsonObject> TagAggregatesAsync(HttpContext context, string domain)
    {
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        _ = await TagAsync(context, domain);
        throw new ApiException(
            501, "countries, providers and devices are not counted; the events tell them one by one");
    }

    async Task<JsonObject> TagLimitAsync(HttpContext context, string domain)
    {
        await agent.Stats.CatchUpAsync(context.RequestAborted);
        return new JsonObject
        {
            ["limit"] = StatsIndex.TagsMax,
            ["count"] = (await TagsOfAsync(domain, context.RequestAborted)).Count,
        };
    }

    async ValueTask<IReadOnlyList<Mta.Store.Named<StoredTag>>> TagsOfAsync(
        string domain, CancellationToken cancel) => await agent.Stats.Tags.ListAsync(
            StatsIndex.KeyOf(domain, null) + "/", StatsIndex.TagsMax, null, cancel);

    /// <summary>The one that the path or the query names.</summary>
    async ValueTask<StoredTag> TagAsync(HttpContext context, string domain)
    {
        // The slash alone is left encoded in a path.
        var tag = (context.GetRouteValue("tag") as string)?.Replace(
            "%2F", "/", StringComparison.OrdinalIgnoreCase) ?? context.Request.Query["tag"].LastOrDefault();
        if (string.IsNullOrEmpty(tag))
            throw new ApiException(400, "Missing mandatory parameter: tag");
        return await agent.Stats.Tags.FindAsync(StatsIndex.KeyOf(domain, tag), context.RequestAborted)
            ?? throw new ApiException(404, "tag not found");
    }

    static JsonObject JsonOf(StoredTag tag) => new()
    {
        ["tag"] = tag.Tag,
        ["description"] = tag.Description,
        ["first-seen"] = ApiDates.Internet(tag.FirstSeen),
        ["last-seen"] = ApiDates.Internet(tag.LastSeen),
    };
}
