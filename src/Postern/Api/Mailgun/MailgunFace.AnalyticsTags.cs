using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Tags of the account: those of all its domains, one of each spelling.</summary>
sealed partial class MailgunFace
{
    const string AnalyticsTags = "/v1/analytics/tags";

    void MapAnalyticsTags(IEndpointRouteBuilder web)
    {
        web.MapPost(AnalyticsTags, context => ServeAccountAsync(context, SearchTagsAsync));
        web.MapPut(AnalyticsTags, context => ServeAccountAsync(context, DescribeTagsAsync));
        web.MapDelete(AnalyticsTags, context => ServeAccountAsync(context, RemoveTagsAsync));
        web.MapGet(AnalyticsTags + "/limits", context => ServeAccountAsync(context, TagLimitsAsync));
    }

    async Task<JsonObject> SearchTagsAsync(HttpContext context)
    {
        var question = await ReadTagQuestionAsync(context);
        if (question.IncludeMetrics)
            throw new ApiException(501, "'include_metrics' is not offered; ask for metrics by tag");
        var page = AnalyticsPage.Of(
            question.Pagination, 100, 1000, "tag:asc", ["tag", "first_seen", "last_seen"]);
        var all = (await AccountTagsAsync(context.RequestAborted)).Where(tag => question.Tag is not { } words
            || tag.Tag.Contains(words, StringComparison.OrdinalIgnoreCase));
        var sorted = page.Sort(all, (tag, by) => by switch
        {
            "first_seen" => tag.FirstSeen,
            "last_seen" => tag.LastSeen,
            _ => tag.Tag.ToLowerInvariant(),
        });
        return new JsonObject
        {
            ["items"] = new JsonArray([.. page.Cut(sorted).Select(tag => (JsonNode)new JsonObject
            {
                ["tag"] = tag.Tag,
                ["description"] = tag.Description,
                ["first_seen"] = ApiDates.Numeric(tag.FirstSeen),
                ["last_seen"] = ApiDates.Numeric(tag.LastSeen),
            })]),
            ["pagination"] = page.ToJson(sorted.Count),
        };
    }

    async Task<JsonObject> DescribeTagsAsync(HttpContext context)
    {
        var question = await ReadTagQuestionAsync(context);
        await using var form = new ApiForm();
        if (question.Description is { } words)
            form.Add("description", words);
        var description = ShortText(form, "description");
        return await ChangeTagsAsync(context, question, "Tag updated", (name, tag) =>
            agent.Stats.Tags.Put(name, tag with
            {
                Description = question.Description is null ? tag.Description : description,
            }));
    }

    async Task<JsonObject> RemoveTagsAsync(HttpContext context) => await ChangeTagsAsync(
        context, await ReadTagQuestionAsync(context), "Tag deleted",
        (name, _) => agent.Stats.Tags.Remove(name));

    async Task<JsonObject> TagLimitsAsync(HttpContext context)
    {
        var count = (await AccountTagsAsync(context.RequestAborted)).Count;
        var limit = StatsIndex.TagsMax * Math.Max(1, agent.Domains.Names.Count());
        return new JsonObject
        {
            ["limit"] = limit,
            ["count"] = count,
            ["limit_reached"] = count >= limit,
        };
    }

    /// <summary>In each domain that has it.</summary>
    async ValueTask<JsonObject> ChangeTagsAsync(
        HttpContext context, TagQuestion question, string message,
        Func<string, StoredTag, Mta.Store.ObjectChange> change)
    {
        var cancel = context.RequestAborted;
        if (string.IsNullOrEmpty(question.Tag))
            throw new ApiException(400, "Missing mandatory parameter: tag");
        await agent.Stats.CatchUpAsync(cancel);
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            foreach (var domain in agent.Domains.Names)
            {
                var name = StatsIndex.KeyOf(domain, question.Tag);
                if (await agent.Stats.Tags.FindAsync(name, cancel) is { } tag)
                    changes.Add(change(name, tag));
            }
            return changes.Count > 0 ? new JsonObject { ["message"] = message }
                : throw new ApiException(404, "tag not found");
        }, cancel);
    }

    /// <summary>Seen first and last in any domain; described by the first of them that says
    /// something.</summary>
    async ValueTask<IReadOnlyList<StoredTag>> AccountTagsAsync(CancellationToken cancel)
    {
        await agent.Stats.CatchUpAsync(cancel);
        var all = new Dictionary<string, StoredTag>(StringComparer.OrdinalIgnoreCase);
        foreach (var domain in agent.Domains.Names)
        {
            foreach (var (_, tag) in await TagsOfAsync(domain, cancel))
                all[tag.Tag] = !all.TryGetValue(tag.Tag, out var other) ? tag : other with
                {
                    Description = other.Description.Length > 0 ? other.Description : tag.Description,
                    FirstSeen = other.FirstSeen < tag.FirstSeen ? other.FirstSeen : tag.FirstSeen,
                    LastSeen = other.LastSeen > tag.LastSeen ? other.LastSeen : tag.LastSeen,
                };
        }
        return [.. all.Values];
    }

    /// <summary>As JSON, as a form, or in the query: SDKs differ.</summary>
    async ValueTask<TagQuestion> ReadTagQuestionAsync(HttpContext context)
    {
        var asked = context.Request.Query;
        if (asked["tag"].LastOrDefault() is { Length: > 0 } tag)
            return new TagQuestion { Tag = tag, Description = asked["description"].LastOrDefault() };
        if (context.Request.HasFormContentType && !await BeginsAsJsonAsync(context))
        {
            await using var form = await ReadFormAsync(context);
            return new TagQuestion { Tag = form.Find("tag"), Description = form.Find("description") };
        }
        return await ReadBodyAsync(context, AnalyticsJson.Default.TagQuestion);
    }

    /// <summary>Whatever type was declared: mailgun.js 14 calls JSON a form where it removes a
    /// tag.</summary>
    static async ValueTask<bool> BeginsAsJsonAsync(HttpContext context)
    {
        LimitBody(context);
        var body = context.Request.BodyReader;
        var read = await body.ReadAsync(context.RequestAborted);
        try
        {
            return new SequenceReader<byte>(read.Buffer).TryPeek(out var first) && first == (byte)'{';
        }
        finally
        {
            // Whoever reads it sees all of it.
            body.AdvanceTo(read.Buffer.Start);
        }
    }

    /// <exception cref="ApiException">It is no such JSON.</exception>
    static async ValueTask<T> ReadBodyAsync<T>(
        HttpContext context, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            var json = await ReadJsonAsync(context);
            return json.Deserialize(type) ?? throw new ApiException(400, "Invalid json: null");
        }
        catch (JsonException broken)
        {
            throw new ApiException(
                400, $"Invalid json: {ApiException.Shown(broken.Path ?? "$")} is not what it should be");
        }
    }
}

/// <summary>The body of a request for tags of the account.</summary>
sealed record TagQuestion
{
    [JsonPropertyName("tag")] public string? Tag { get; init; }
    [JsonPropertyName("description")] public string? Description { get; init; }
    [JsonPropertyName("include_metrics")] public bool IncludeMetrics { get; init; }
    [JsonPropertyName("pagination")] public AnalyticsPagination? Pagination { get; init; }
}

[JsonSerializable(typeof(TagQuestion))]
[JsonSerializable(typeof(MetricsQuestion))]
[JsonSerializable(typeof(LogsQuestion))]
sealed partial class AnalyticsJson : JsonSerializerContext;
