using System.Text.Json.Nodes;
using Postern.Mta.Store;
using Postern.Mta.Webhooks;

namespace Postern.Api.Mailgun;

/// <summary>Webhooks of a sending domain: addresses by kind of event (v3), kinds by address (v4).</summary>
/// <remarks>An address is checked before anything is changed, and again with each connection to it.</remarks>
sealed partial class MailgunFace
{
    const string NoSuchWebhook = "Webhook not found";

    readonly WebhookTable hooks = agent.Webhooks;

    void MapWebhooks(IEndpointRouteBuilder web)
    {
        const string v3 = "/v3/domains/{domain}/webhooks", one = v3 + "/{type}";
        const string v4 = "/v4/domains/{domain}/webhooks";
        web.MapGet(v3, context => ServeHooksAsync(context, ListHooksAsync));
        web.MapPost(v3, context => ServeHooksAsync(context, CreateHookAsync));
        web.MapGet(one, context => ServeHooksAsync(context, ShowHookAsync));
        web.MapPut(one, context => ServeHooksAsync(context, UpdateHookAsync));
        web.MapDelete(one, context => ServeHooksAsync(context, DeleteHookAsync));
        web.MapPost(v4, context => ServeHooksAsync(context, AddUrlAsync));
        web.MapPut(v4, context => ServeHooksAsync(context, SetUrlAsync));
        web.MapDelete(v4, context => ServeHooksAsync(context, RemoveUrlsAsync));
        MapAccountWebhooks(web);
    }

    Task ServeHooksAsync(HttpContext context, Func<HttpContext, string, Task<JsonObject>> answer) =>
        ServeAsync(context, answer, _ => "Domain not found");

    async Task<JsonObject> ListHooksAsync(HttpContext context, string domain)
    {
        var told = new JsonObject();
        foreach (var (type, urls) in await ReadHooksAsync(domain, context.RequestAborted))
            told[type] = JsonOf(urls);
        return new JsonObject { ["webhooks"] = told };
    }

    async Task<JsonObject> ShowHookAsync(HttpContext context, string domain)
    {
        var found = await hooks.OfDomains.FindAsync(NameOf(context, domain), context.RequestAborted)
            ?? throw new ApiException(404, NoSuchWebhook);
        return new JsonObject { ["webhook"] = JsonOf(found.Urls) };
    }

    async Task<JsonObject> CreateHookAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        await using var form = await ReadFormAsync(context);
        var type = AllOf(context, form, "id").LastOrDefault()
            ?? throw new ApiException(400, "id parameter is missing");
        var name = WebhookTable.NameOf(domain, KnownType(type, member: null));
        var urls = await ReadUrlsAsync(context, form);
        return await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                if (await hooks.OfDomains.FindAsync(name, cancel) is not null)
                    throw new ApiException(400, "Webhook already exists");
                changes.Add(hooks.OfDomains.Put(name, new DomainWebhook(urls)));
                await BeginHooksAsync(changes, cancel);
                return Changed("Webhook has been created", urls);
            },
            cancel);
    }

    async Task<JsonObject> UpdateHookAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        await using var form = await ReadFormAsync(context);
        var name = NameOf(context, domain);
        if (await hooks.OfDomains.FindAsync(name, cancel) is null)
            throw new ApiException(404, NoSuchWebhook);
        var urls = await ReadUrlsAsync(context, form);
        return await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                if (await hooks.OfDomains.FindAsync(name, cancel) is null)
                    throw new ApiException(404, NoSuchWebhook);
                changes.Add(hooks.OfDomains.Put(name, new DomainWebhook(urls)));
                return Changed("Webhook has been updated", urls);
            },
            cancel);
    }

    async Task<JsonObject> DeleteHookAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        var name = NameOf(context, domain);
        return await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                var found = await hooks.OfDomains.FindAsync(name, cancel)
                    ?? throw new ApiException(404, NoSuchWebhook);
                changes.Add(hooks.OfDomains.Remove(name));
                return Changed("Webhook has been deleted", found.Urls);
            },
            cancel);
    }

    async Task<JsonObject> AddUrlAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        var (url, types) = await ReadUrlAndTypesAsync(context, form, "Reason");
        return await ChangeHooksAsync(context, domain, byType =>
        {
            foreach (var type in types)
                byType[type] = [.. byType.GetValueOrDefault(type, []).Union([url])];
        });
    }

    async Task<JsonObject> SetUrlAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        var (url, types) = await ReadUrlAndTypesAsync(context, form, "Reason");
        return await ChangeHooksAsync(context, domain, byType =>
        {
            RequireOneOf(byType, [url]);
            foreach (var type in WebhookTypes.All)
            {
                var known = byType.GetValueOrDefault(type, []);
                byType[type] = types.Contains(type) ? [.. known.Union([url])] : [.. known.Except([url])];
            }
        });
    }

    async Task<JsonObject> RemoveUrlsAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        var named = AllOf(context, form, "url").ToArray();
        // One address may hold a comma, or it stands between two.
        string[] urls = [.. named, .. named.SelectMany(text => text.Split(','))];
        if (urls.Length == 0)
            throw new ApiException(400, "url parameter is missing") { Member = "Reason" };
        return await ChangeHooksAsync(context, domain, byType =>
        {
            RequireOneOf(byType, urls);
            foreach (var (type, known) in byType.ToArray())
                byType[type] = [.. known.Except(urls)];
        });
    }

    static void RequireOneOf(Dictionary<string, IReadOnlyList<string>> byType, string[] urls)
    {
        if (!byType.Values.Any(known => known.Intersect(urls).Any()))
            throw new ApiException(404, NoSuchWebhook) { Member = "Description" };
    }

    /// <summary>Changes all webhooks of a domain at once, and tells what they are then.</summary>
    async Task<JsonObject> ChangeHooksAsync(
        HttpContext context, string domain, Action<Dictionary<string, IReadOnlyList<string>>> change)
    {
        var cancel = context.RequestAborted;
        return await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                var byType = await ReadHooksAsync(domain, cancel);
                var before = byType.ToDictionary();
                change(byType);
                foreach (var (type, urls) in byType)
                {
                    var name = WebhookTable.NameOf(domain, type);
                    if (urls.Count > WebhookTable.UrlsMax)
                        throw new ApiException(400, TooManyUrls(type)) { Member = "Reason" };
                    if (urls.Count > 0)
                        changes.Add(hooks.OfDomains.Put(name, new DomainWebhook(urls)));
                    else if (before.ContainsKey(type))
                        changes.Add(hooks.OfDomains.Remove(name));
                }
                await BeginHooksAsync(changes, cancel);
                return ByType(byType);
            },
            cancel);
    }

    /// <summary>Each kind of event, null where nothing is set for it.</summary>
    static JsonObject ByType(Dictionary<string, IReadOnlyList<string>> byType)
    {
        var told = new JsonObject();
        foreach (var type in WebhookTypes.All)
            told[type] = byType.GetValueOrDefault(type, []) is { Count: > 0 } urls ? JsonOf(urls) : null;
        return new JsonObject { ["webhooks"] = told };
    }

    async ValueTask<Dictionary<string, IReadOnlyList<string>>> ReadHooksAsync(
        string domain, CancellationToken cancel)
    {
        var prefix = WebhookTable.NameOf(domain, "");
        var found = await hooks.OfDomains.ListAsync(prefix, WebhookTypes.All.Count, null, cancel);
        return found.ToDictionary(
            hook => hook.Name[prefix.Length..], hook => hook.Value.Urls, StringComparer.Ordinal);
    }

    /// <summary>The first webhook has events told from now on.</summary>
    async ValueTask BeginHooksAsync(ICollection<ObjectChange> changes, CancellationToken cancel)
    {
        if (await hooks.ReadCursorAsync(cancel) is null)
            changes.Add(WebhookTable.PutCursor(await reader.LastAsync(cancel)));
    }

    static string NameOf(HttpContext context, string domain)
    {
        var type = (string)context.GetRouteValue("type")!;
        return WebhookTypes.All.Contains(type) ? WebhookTable.NameOf(domain, type)
            : throw new ApiException(404, NoSuchWebhook);
    }

    static JsonObject Changed(string message, IReadOnlyList<string> urls) => new()
    {
        ["message"] = message,
        ["webhook"] = JsonOf(urls),
    };

    /// <summary>Older clients read <c>url</c>, newer ones <c>urls</c>.</summary>
    static JsonObject JsonOf(IReadOnlyList<string> urls) => new()
    {
        ["url"] = urls[0],
        ["urls"] = new JsonArray([.. urls.Select(url => JsonValue.Create(url))]),
    };

    static string KnownType(string type, string? member) => WebhookTypes.All.Contains(type) ? type
        : throw new ApiException(400, $"Invalid webhook type: {ApiException.Shown(type)}")
        {
            Member = member,
        };

    static string TooManyUrls(string type) =>
        string.Create(null, $"there may be {WebhookTable.UrlsMax} urls for {type}");

    /// <summary>Of the form, or of the query: some clients put fields there.</summary>
    static IEnumerable<string> AllOf(HttpContext context, ApiForm form, string name) =>
        form.All(name).Concat(context.Request.Query.Where(one => ApiForm.Plain(one.Key) == name)
            .SelectMany(one => one.Value.OfType<string>())).Where(value => value.Length > 0);

    async ValueTask<IReadOnlyList<string>> ReadUrlsAsync(HttpContext context, ApiForm form)
    {
        string[] urls = [.. AllOf(context, form, "url").Distinct()];
        if (urls.Length == 0)
            throw new ApiException(400, "url parameter is missing");
        if (urls.Length > WebhookTable.UrlsMax)
            throw new ApiException(400, string.Create(null, $"there may be {WebhookTable.UrlsMax} urls"));
        foreach (var url in urls)
            await CheckUrlAsync(url, context.RequestAborted);
        return urls;
    }

    async ValueTask<(string Url, string[] Types)> ReadUrlAndTypesAsync(
        HttpContext context, ApiForm form, string? member)
    {
        var url = AllOf(context, form, "url").LastOrDefault()
            ?? throw new ApiException(400, "url parameter is missing") { Member = member };
        var types = ReadTypes(context, form, member);
        if (types.Length == 0)
            throw new ApiException(400, "event_types parameter is missing") { Member = member };
        await CheckUrlAsync(url, context.RequestAborted);
        return (url, types);
    }

    static string[] ReadTypes(HttpContext context, ApiForm form, string? member) =>
    [
        .. AllOf(context, form, "event_types").SelectMany(text => text.Split(','))
            .Select(type => KnownType(type.Trim(), member)).Distinct(),
    ];

    async ValueTask CheckUrlAsync(string url, CancellationToken cancel)
    {
        if (await agent.WebTargets.FindTroubleAsync(url, cancel) is { } trouble)
            throw new ApiException(400, $"{ApiException.Shown(url)} is not a valid url: {trouble}")
            {
                Member = "Reason",
            };
    }
}
