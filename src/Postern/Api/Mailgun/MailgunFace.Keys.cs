using System.Globalization;
using System.Text.Json.Nodes;
using Postern.Mta.Accounts;
using Postern.Mta.Store;

namespace Postern.Api.Mailgun;

/// <summary>Keys of the API that live in the store; those of the file are not shown.</summary>
sealed partial class MailgunFace
{
    const int KeyDescriptionCharactersMax = 255;

    /// <summary>Ten years.</summary>
    const int ExpirationSecondsMax = 3650 * 24 * 3600;

    readonly ObjectTable<StoredKey> keyTable = ApiKeys.TableOf(agent.Store);

    void MapKeys(IEndpointRouteBuilder web)
    {
        web.MapGet("/v1/keys", context => ServeAccountAsync(context, ListKeysAsync));
        web.MapPost("/v1/keys", context => ServeAccountAsync(context, CreateKeyAsync));
        web.MapDelete("/v1/keys/{id}", context => ServeAccountAsync(context, DeleteKeyAsync));
    }

    async Task<JsonObject> ListKeysAsync(HttpContext context)
    {
        var query = context.Request.Query;
        KeyKind? kind = query["kind"].LastOrDefault() is { Length: > 0 } word
            ? WordOf<KeyKind>(word, "kind") : null;
        var domain = query["domain_name"].LastOrDefault() is { Length: > 0 } name
            ? DomainDirectory.TryReadName(name, out var read) ? read : name : null;
        var all = await keyTable.ReadAsync(context.RequestAborted);
        Named<StoredKey>[] found = [.. all
            .Where(one => (kind is null || one.Value.Kind == kind)
                && (domain is null || one.Value.Domain == domain))
            .OrderBy(one => one.Value.CreatedAt).ThenBy(one => one.Name, StringComparer.Ordinal)];
        return ApiPaging.Skipped(context, found, one => JsonOf(one.Name, one.Value));
    }

    async Task<JsonObject> CreateKeyAsync(HttpContext context)
    {
        await using var form = await ReadFormAsync(context);
        var (id, secret) = ApiKeys.Create();
        var key = KeyFrom(form, secret);
        await ChangeAsync(async changes =>
        {
            var all = await keyTable.ReadAsync(context.RequestAborted);
            if (all.Count >= ApiKeys.KeysMax)
                throw new ApiException(400, $"There may be {ApiKeys.KeysMax} keys");
            if (key.Domain is { } name && !await HasDomainAsync(name, context.RequestAborted))
                throw new ApiException(404, "Domain not found");
            changes.Add(keyTable.Put(id, key));
        }, context);
        var json = JsonOf(id, key);
        json["secret"] = secret;
        return new JsonObject { ["message"] = "great success", ["key"] = json };
    }

    /// <summary>Looked for in the store too: it may have been removed this moment.</summary>
    async ValueTask<bool> HasDomainAsync(string name, CancellationToken cancel) =>
        agent.Domains.TryFind(name, out var domain) && (domain.Source is DomainSource.File
            || await domainTable.FindAsync(name, cancel) is not null);

    StoredKey KeyFrom(ApiForm form, string secret)
    {
        var role = WordOf<KeyRole>(form.Find("role") ?? "", "role");
        var kind = form.Find("kind") is { Length: > 0 } word ? WordOf<KeyKind>(word, "kind") : KeyKind.User;
        var domain = form.Find("domain_name") is { Length: > 0 } name
            ? FindDomain(name)?.Key ?? throw new ApiException(404, "Domain not found") : null;
        if ((role == KeyRole.Sending || kind == KeyKind.Domain) && domain is null)
            throw new ApiException(400, "The 'domain_name' parameter is required for a key of a domain");
        var description = form.Find("description") ?? "";
        if (description.Length > KeyDescriptionCharactersMax)
            throw new ApiException(
                400, $"The 'description' parameter may have {KeyDescriptionCharactersMax} characters");
        var now = clock.GetUtcNow();
        var expiration = SecondsOf(form.Find("expiration"));
        return new StoredKey(
            Convert.ToBase64String(ApiKeys.HashOf(secret)), role, kind, domain, description, now,
            expiration == 0 ? null : now.AddSeconds(expiration));
    }

    /// <returns>0: for ever.</returns>
    static int SecondsOf(string? text) => string.IsNullOrEmpty(text) ? 0
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds <= ExpirationSecondsMax ? seconds
            : throw new ApiException(
                400, $"The 'expiration' parameter is a number of seconds, {ExpirationSecondsMax} at most");

    async Task<JsonObject> DeleteKeyAsync(HttpContext context)
    {
        var id = (string)context.GetRouteValue("id")!;
        await ChangeAsync(async changes =>
        {
            if (await keyTable.FindAsync(id, context.RequestAborted) is null)
                throw new ApiException(404, "key not found");
            changes.Add(keyTable.Remove(id));
        }, context);
        return new JsonObject { ["message"] = "key deleted" };
    }

    static JsonObject JsonOf(string id, StoredKey key)
    {
        var json = new JsonObject
        {
            ["id"] = id,
            ["description"] = key.Description,
            ["kind"] = key.Kind.ToString().ToLowerInvariant(),
            ["role"] = key.Role.ToString().ToLowerInvariant(),
            ["created_at"] = ApiDates.Plain(key.CreatedAt),
            ["updated_at"] = ApiDates.Plain(key.CreatedAt),
            ["is_disabled"] = false,
        };
        if (key.Domain is not null)
            json["domain_name"] = key.Domain;
        if (key.ExpiresAt is { } end)
            json["expires_at"] = ApiDates.Plain(end);
        return json;
    }

    /// <summary>One of the words of a closed set.</summary>
    static T WordOf<T>(string text, string name) where T : struct, Enum
    {
        foreach (var word in Enum.GetValues<T>())
        {
            if (text.Equals(word.ToString(), StringComparison.OrdinalIgnoreCase))
                return word;
        }
        throw new ApiException(400, $"The '{name}' parameter is one of "
            + string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant());
    }
}
