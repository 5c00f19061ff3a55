using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Intake;
using Postern.Mta.Store;

namespace Postern.Api.Mailgun;

/// <summary>Templates of a sending domain; their versions are the next file.</summary>
sealed partial class MailgunFace
{
    const int TemplatesMax = 100;
    const int TemplateNameCharactersMax = 255;
    const int TemplateTextCharactersMax = 1024;

    readonly ObjectTable<StoredTemplate> templates = new(
        agent.Store, StoredTemplate.Kind, TemplateJson.Default.StoredTemplate);

    readonly ObjectTable<TemplateBody> templateBodies = new(
        agent.Store, StoredTemplate.BodyKind, TemplateJson.Default.TemplateBody);

    void MapTemplates(IEndpointRouteBuilder web)
    {
        const string all = "/v3/{domain}/templates";
        const string one = all + "/{name}";
        web.MapPost(all, context => ServeTemplatesAsync(context, AddTemplateAsync));
        web.MapGet(all, context => ServeTemplatesAsync(context, ListTemplatesAsync));
        web.MapDelete(all, context => ServeTemplatesAsync(context, RemoveTemplatesAsync));
        web.MapGet(one, context => ServeTemplatesAsync(context, ShowTemplateAsync));
        web.MapPut(one, context => ServeTemplatesAsync(context, DescribeTemplateAsync));
        web.MapDelete(one, context => ServeTemplatesAsync(context, RemoveTemplateAsync));
        MapTemplateVersions(web, one + "/versions");
    }

    Task ServeTemplatesAsync(HttpContext context, Func<HttpContext, string, Task<JsonObject>> answer) =>
        ServeAsync(context, answer, _ => "domain not found");

    async Task<JsonObject> AddTemplateAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        await using var form = await ReadFormAsync(context);
        var now = clock.GetUtcNow();
        var name = TemplateName(form, "name");
        var key = $"{domain}/{name}";
        (TemplateVersion Version, TemplateBody Body)? version = string.IsNullOrEmpty(form.Find("template"))
            ? null : ReadVersion(form, key, form.Find("tag") is { Length: > 0 } ? TemplateName(form, "tag")
                : "initial");
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            if (await templates.FindAsync(key, cancel) is not null)
                throw new ApiException(400, $"template {ApiException.Shown(name)} already exists");
            var known = await templates.ListAsync($"{domain}/", TemplatesMax, null, cancel);
            if (known.Count == TemplatesMax)
                throw new ApiException(400, $"a domain may have {TemplatesMax} templates");
            var added = new StoredTemplate
            {
                Name = name,
                Description = ShortText(form, "description"),
                CreatedAt = now,
                CreatedBy = ShortText(form, "createdBy"),
                Id = StoredTemplate.IdOf(key, now),
            };
            if (version is { } first)
            {
                added = added.With(first.Version) with { ActiveTag = first.Version.Tag };
                changes.Add(templateBodies.Put($"{key}/{first.Version.Tag}", first.Body));
            }
            changes.Add(templates.Put(key, added));
            var json = JsonOf(added);
            if (version is { } shown)
                json["version"] = JsonOf(added, shown.Version, shown.Body);
            return Told("template has been stored", "template", json);
        }, cancel);
    }

    async Task<JsonObject> ListTemplatesAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        var prefix = $"{domain}/";
        var found = await templates.ListAsync(
            prefix, ApiPaging.LimitOf(context),
            range => ApiPaging.RangeOf(context, "p", prefix, range), cancel);
        var items = new JsonArray();
        foreach (var (_, template) in found)
            items.Add((JsonNode)await JsonOfAsync(context, domain, template));
        return new JsonObject
        {
            ["items"] = items,
            ["paging"] = ApiPaging.Links(
                context, "p", found is [var first, ..] ? first.Value.Name : null,
                found is [.., var last] ? last.Value.Name : null),
        };
    }

    async Task<JsonObject> ShowTemplateAsync(HttpContext context, string domain)
    {
        var template = await TemplateAsync(context, domain);
        return new JsonObject { ["template"] = await JsonOfAsync(context, domain, template) };
    }

    async Task<JsonObject> DescribeTemplateAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        if (form.Find("description") is null)
            throw new ApiException(400, "No fields are provided to update");
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var template = await TemplateAsync(context, domain);
            changes.Add(templates.Put($"{domain}/{template.Name}", template with
            {
                Description = ShortText(form, "description"),
            }));
            return Told(
                "template has been updated", "template", new JsonObject { ["name"] = template.Name });
        }, context.RequestAborted);
    }

    Task<JsonObject> RemoveTemplateAsync(HttpContext context, string domain) =>
        agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var template = await TemplateAsync(context, domain);
            Remove(changes, domain, template);
            return Told(
                "template has been deleted", "template", new JsonObject { ["name"] = template.Name });
        }, context.RequestAborted).AsTask();

    Task<JsonObject> RemoveTemplatesAsync(HttpContext context, string domain) =>
        agent.Queue.ChangeObjectsAsync(async changes =>
        {
            await RemoveTemplatesAsync(changes, domain, context.RequestAborted);
            return new JsonObject { ["message"] = "templates have been deleted" };
        }, context.RequestAborted).AsTask();

    async ValueTask RemoveTemplatesAsync(
        ICollection<ObjectChange> changes, string domain, CancellationToken cancel)
    {
        foreach (var (_, template) in await templates.ListAsync($"{domain}/", TemplatesMax, null, cancel))
            Remove(changes, domain, template);
    }

    void Remove(ICollection<ObjectChange> changes, string domain, StoredTemplate template)
    {
        foreach (var version in template.Versions)
            changes.Add(templateBodies.Remove($"{domain}/{template.Name}/{version.Tag}"));
        changes.Add(templates.Remove($"{domain}/{template.Name}"));
    }

    /// <summary>The one that the path names.</summary>
    async ValueTask<StoredTemplate> TemplateAsync(HttpContext context, string domain) =>
        await templates.FindAsync($"{domain}/{PathName(context, "name")}", context.RequestAborted)
            ?? throw new ApiException(404, "template not found");

    /// <summary>With its active version where <c>active=yes</c> asks for it.</summary>
    async ValueTask<JsonObject> JsonOfAsync(HttpContext context, string domain, StoredTemplate template)
    {
        var json = JsonOf(template);
        if (MailgunFields.IsYes(context.Request.Query["active"].LastOrDefault())
            && template.Find(template.ActiveTag) is { } active)
            json["version"] = JsonOf(template, active, await BodyAsync(
                domain, template.Name, active.Tag, context.RequestAborted));
        return json;
    }

    static JsonObject JsonOf(StoredTemplate template) => new()
    {
        ["name"] = template.Name,
        ["description"] = template.Description,
        ["createdAt"] = ApiDates.Utc(template.CreatedAt),
        ["createdBy"] = template.CreatedBy,
        ["id"] = template.Id,
    };

    static JsonObject Told(string message, string about, JsonObject json) => new()
    {
        ["message"] = message,
        [about] = json,
    };

    static string PathName(HttpContext context, string value) =>
        ((string)context.GetRouteValue(value)!).ToLowerInvariant();

    /// <summary>In small letters, as it is kept.</summary>
    static string TemplateName(ApiForm form, string field)
    {
        if (form.Find(field) is not { Length: > 0 } name)
            throw new ApiException(400, $"Missing mandatory parameter: {field}");
        return name.Length <= TemplateNameCharactersMax && IsName(name) ? name.ToLowerInvariant()
            : throw new ApiException(
                400, $"Invalid parameter: {field} is up to {TemplateNameCharactersMax} letters, signs and "
                + "blanks without a slash");
    }

    /// <summary>It can stand in a path, and between others in the store.</summary>
    static bool IsName(string name) => !name.Contains('/', StringComparison.Ordinal)
        && name is not ("." or "..") && name.EnumerateRunes().All(rune => Rune.GetUnicodeCategory(rune)
            is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator));

    static string ShortText(ApiForm form, string field) => form.Find(field) switch
    {
        null => "",
        { Length: > TemplateTextCharactersMax } => throw new ApiException(
            400, $"Invalid parameter: {field} is longer than {TemplateTextCharactersMax} characters"),
        var text => text,
    };
}
