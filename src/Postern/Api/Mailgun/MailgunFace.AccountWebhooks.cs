using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Postern.Mta.Store;
using Postern.Mta.Webhooks;

namespace Postern.Api.Mailgun;

/// <summary>Webhooks of the account, for events of all its domains; and the key that all are signed
/// with.</summary>
sealed partial class MailgunFace
{
    const int WebhookIdDigits = 24;
    const int DescriptionCharactersMax = 1024;

    void MapAccountWebhooks(IEndpointRouteBuilder web)
    {
        const string all = "/v1/webhooks", one = all + "/{id}", key = "/v5/accounts/http_signing_key";
        web.MapGet(all, context => ServeAccountAsync(context, ListAccountHooksAsync));
        web.MapPost(all, context => ServeAccountAsync(context, CreateAccountHookAsync));
        web.MapDelete(all, context => ServeAccountAsync(context, DeleteAccountHooksAsync));
        web.MapGet(one, context => ServeAccountAsync(context, ShowAccountHookAsync));
        web.MapPut(one, context => ServeAccountAsync(context, UpdateAccountHookAsync));
        web.MapDelete(one, context => ServeAccountAsync(context, DeleteAccountHooksAsync));
        web.MapGet(key, context => ServeAccountAsync(context, ShowSigningKeyAsync));
        web.MapPost(key, context => ServeAccountAsync(context, RenewSigningKeyAsync));
    }

    async Task<JsonObject> ListAccountHooksAsync(HttpContext context)
    {
        var ids = IdsOf(context);
        var found = await hooks.OfAccount.ReadAsync(context.RequestAborted);
        return new JsonObject
        {
            ["webhooks"] = new JsonArray(
            [
                .. found.Where(hook => ids.Length == 0 || ids.Contains(hook.Name))
                    .OrderBy(hook => hook.Value.CreatedAt).Select(JsonOf),
            ]),
        };
    }

    async Task<JsonObject> ShowAccountHookAsync(HttpContext context)
    {
        var id = (string)context.GetRouteValue("id")!;
        var found = await hooks.OfAccount.FindAsync(id, context.RequestAborted)
            ?? throw new ApiException(404, NoSuchWebhook);
        return JsonOf(new Named<AccountWebhook>(id, found));
    }

    async Task<JsonObject> CreateAccountHookAsync(HttpContext context)
    {
        var cancel = context.RequestAborted;
        await using var form = await ReadFormAsync(context);
        var (url, types) = await ReadUrlAndTypesAsync(context, form, member: null);
        var made = new AccountWebhook(url, types, DescriptionOf(context, form), clock.GetUtcNow());
        var id = RandomNumberGenerator.GetHexString(WebhookIdDigits, lowercase: true);
        return await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                await PutAccountHookAsync(changes, id, made, cancel);
                await BeginHooksAsync(changes, cancel);
                return new JsonObject { ["webhook_id"] = id };
            },
            cancel);
    }

    async Task<JsonObject> UpdateAccountHookAsync(HttpContext context)
    {
        var cancel = context.RequestAborted;
        var id = (string)context.GetRouteValue("id")!;
        await using var form = await ReadFormAsync(context);
        if (await hooks.OfAccount.FindAsync(id, cancel) is null)
            throw new ApiException(404, NoSuchWebhook);
        // What is not given stays.
        var url = AllOf(context, form, "url").LastOrDefault();
        if (url is not null)
            await CheckUrlAsync(url, cancel);
        var types = ReadTypes(context, form, member: null);
        var description = DescriptionOf(context, form);
        await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                var known = await hooks.OfAccount.FindAsync(id, cancel)
                    ?? throw new ApiException(404, NoSuchWebhook);
                var next = new AccountWebhook(
                    url ?? known.Url, types.Length > 0 ? types : known.EventTypes,
                    description ?? known.Description, known.CreatedAt);
                await PutAccountHookAsync(changes, id, next, cancel);
                return true;
            },
            cancel);
        return NoContent(context);
    }

    /// <summary>The one of the path; or those that <c>webhook_ids</c> names, or <c>all</c>.</summary>
    async Task<JsonObject> DeleteAccountHooksAsync(HttpContext context)
    {
        var cancel = context.RequestAborted;
        var ids = context.GetRouteValue("id") is string one ? [one] : IdsOf(context);
        var isAll = context.Request.Query["all"].LastOrDefault()?.ToLowerInvariant()
            is "true" or "yes" or "1";
        if (ids.Length == 0 && !isAll)
            throw new ApiException(400, "webhook_ids parameter is missing");
        await agent.Queue.ChangeObjectsAsync(
            async changes =>
            {
                var known = await hooks.OfAccount.ReadAsync(cancel);
                var going = known.Where(hook => isAll || ids.Contains(hook.Name)).ToArray();
                if (!isAll && going.Length < ids.Length)
                    throw new ApiException(404, NoSuchWebhook);
                foreach (var hook in going)
                    changes.Add(hooks.OfAccount.Remove(hook.Name));
                return true;
            },
            cancel);
        return NoContent(context);
    }

    /// <exception cref="ApiException">Too many addresses for one of the kinds of events.</exception>
    async ValueTask PutAccountHookAsync(
        ICollection<ObjectChange> changes, string id, AccountWebhook hook, CancellationToken cancel)
    {
        var others = (await hooks.OfAccount.ReadAsync(cancel)).Where(other => other.Name != id).ToArray();
        if (others.Any(other => other.Value.Url == hook.Url))
            throw new ApiException(409, "Webhook already exists");
        foreach (var type in hook.EventTypes)
        {
            if (others.Count(other => other.Value.EventTypes.Contains(type)) >= WebhookTable.UrlsMax)
                throw new ApiException(409, TooManyUrls(type));
        }
        changes.Add(hooks.OfAccount.Put(id, hook));
    }

    static string[] IdsOf(HttpContext context) =>
    [
        .. context.Request.Query["webhook_ids"].SelectMany(ids => ids?.Split(',') ?? [])
            .Where(id => id.Length > 0).Distinct(),
    ];

    static string? DescriptionOf(HttpContext context, ApiForm form) =>
        AllOf(context, form, "description").LastOrDefault() is not { } text ? null
            : text.Length <= DescriptionCharactersMax ? text : throw new ApiException(
                400, string.Create(null, $"description may have {DescriptionCharactersMax} characters"));

    static JsonObject NoContent(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return [];
    }

    static JsonObject JsonOf(Named<AccountWebhook> hook) => new JsonObject
    {
        ["webhook_id"] = hook.Name,
        ["description"] = hook.Value.Description ?? "",
        ["url"] = hook.Value.Url,
        ["event_types"] = new JsonArray([.. hook.Value.EventTypes.Select(type => JsonValue.Create(type))]),
        ["created_at"] = hook.Value.CreatedAt.ToUniversalTime().ToString(
            "yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture),
    };

    async Task<JsonObject> ShowSigningKeyAsync(HttpContext context) => new()
    {
        ["http_signing_key"] = await agent.WebhookKey.ReadAsync(context.RequestAborted),
    };

    async Task<JsonObject> RenewSigningKeyAsync(HttpContext context) => new()
    {
        ["http_signing_key"] = await agent.WebhookKey.RenewAsync(context.RequestAborted)
            ?? throw new ApiException(
                409, "the signing key is set in the configuration (webhooks.signing-key)"),
    };
}
