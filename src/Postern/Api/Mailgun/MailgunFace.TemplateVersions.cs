using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Mta.Intake;
using Postern.Mta.Store;

namespace Postern.Api.Mailgun;

/// <summary>Versions of templates, and what mail is made of.</summary>
sealed partial class MailgunFace
{
    const int VersionsMax = 40;
    const int TemplateOctetsMax = 100 << 10;
    const int TemplateHeaderCharactersMax = 998;

    void MapTemplateVersions(IEndpointRouteBuilder web, string all)
    {
        const string one = "/{tag}";
        web.MapPost(all, context => ServeTemplatesAsync(context, AddVersionAsync));
        web.MapGet(all, context => ServeTemplatesAsync(context, ListVersionsAsync));
        web.MapGet(all + one, context => ServeTemplatesAsync(context, ShowVersionAsync));
        web.MapPut(all + one, context => ServeTemplatesAsync(context, ChangeVersionAsync));
        web.MapDelete(all + one, context => ServeTemplatesAsync(context, RemoveVersionAsync));
        web.MapPut(
            all + one + "/copy/{newTag}", context => ServeTemplatesAsync(context, CopyVersionAsync));
    }

    async Task<JsonObject> AddVersionAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        if (string.IsNullOrEmpty(form.Find("template")))
            throw new ApiException(400, "Missing mandatory parameter: template");
        var tag = TemplateName(form, "tag");
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var template = await TemplateAsync(context, domain);
            if (template.Find(tag) is not null)
                throw new ApiException(400, $"template version {ApiException.Shown(tag)} already exists");
            CheckRoom(template);
            var key = $"{domain}/{template.Name}";
            var (version, body) = ReadVersion(form, key, tag);
            var isActive = template.Versions.Count == 0 || MailgunFields.IsYes(form.Find("active"));
            template = template.With(version);
            if (isActive)
                template = template with { ActiveTag = tag };
            changes.Add(templateBodies.Put($"{key}/{tag}", body));
            changes.Add(templates.Put(key, template));
            var json = JsonOf(template);
            json["version"] = JsonOf(template, version, body);
            return Told("new version of the template has been stored", "template", json);
        }, context.RequestAborted);
    }

    async Task<JsonObject> ListVersionsAsync(HttpContext context, string domain)
    {
        var template = await TemplateAsync(context, domain);
        var range = ApiPaging.RangeOf(context, "p", "", new ObjectRange("", "", ApiPaging.LimitOf(context)));
        TemplateVersion[] page = [.. range.Before is { } before
            ? template.Versions.Where(one => string.CompareOrdinal(one.Tag, before) < 0).TakeLast(range.Limit)
            : template.Versions.Where(one => string.CompareOrdinal(one.Tag, range.After) > 0)
                .Take(range.Limit)];
        var json = JsonOf(template);
        json["versions"] = new JsonArray([.. page.Select(version => JsonOf(template, version, body: null))]);
        return new JsonObject
        {
            ["template"] = json,
            ["paging"] = ApiPaging.Links(
                context, "p", page.FirstOrDefault()?.Tag, page.LastOrDefault()?.Tag),
        };
    }

    async Task<JsonObject> ShowVersionAsync(HttpContext context, string domain)
    {
        var template = await TemplateAsync(context, domain);
        var version = VersionOf(context, template);
        var json = JsonOf(template);
        json["version"] = JsonOf(template, version, await BodyAsync(
            domain, template.Name, version.Tag, context.RequestAborted));
        return new JsonObject { ["template"] = json };
    }

    async Task<JsonObject> ChangeVersionAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        string[] fields = ["template", "comment", "active", "headers"];
        if (fields.All(field => form.Find(field) is null))
            throw new ApiException(400, "No fields are provided to update");
        return await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var template = await TemplateAsync(context, domain);
            var version = VersionOf(context, template);
            var key = $"{domain}/{template.Name}";
            if (form.Find("template") is not null)
                changes.Add(templateBodies.Put($"{key}/{version.Tag}", ReadBody(form)));
            version = version with
            {
                Comment = form.Find("comment") is null ? version.Comment : ShortText(form, "comment"),
                Headers = form.Find("headers") is null ? version.Headers : ReadHeaders(form),
            };
            template = template.With(version);
            if (MailgunFields.IsYes(form.Find("active")))
                template = template with { ActiveTag = version.Tag };
            changes.Add(templates.Put(key, template));
            return Told("version has been updated", "template", NamesOf(template, version));
        }, context.RequestAborted);
    }

    Task<JsonObject> RemoveVersionAsync(HttpContext context, string domain) =>
        agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var template = await TemplateAsync(context, domain);
            var version = VersionOf(context, template);
            var key = $"{domain}/{template.Name}";
            changes.Add(templateBodies.Remove($"{key}/{version.Tag}"));
            changes.Add(templates.Put(key, template.Without(version.Tag)));
            return Told("version has been deleted", "template", NamesOf(template, version));
        }, context.RequestAborted).AsTask();

    /// <summary>What has the new tag is written over; which one is active stays.</summary>
    Task<JsonObject> CopyVersionAsync(HttpContext context, string domain) =>
        agent.Queue.ChangeObjectsAsync(async changes =>
        {
            var cancel = context.RequestAborted;
            var template = await TemplateAsync(context, domain);
            var version = VersionOf(context, template);
            await using var form = new ApiForm();
            form.Add("tag", (string)context.GetRouteValue("newTag")!);
            form.Add("comment", context.Request.Query["comment"].LastOrDefault() ?? version.Comment);
            var tag = TemplateName(form, "tag");
            if (template.Find(tag) is null)
                CheckRoom(template);
            var key = $"{domain}/{template.Name}";
            var body = await BodyAsync(domain, template.Name, version.Tag, cancel);
            var now = clock.GetUtcNow();
            var copy = version with
            {
                Tag = tag,
                CreatedAt = now,
                Comment = ShortText(form, "comment"),
                Id = StoredTemplate.IdOf($"{key}/{tag}", now),
            };
            template = template.With(copy);
            changes.Add(templateBodies.Put($"{key}/{tag}", body));
            changes.Add(templates.Put(key, template));
            var json = Told("version has been copied", "version", JsonOf(template, copy, body));
            json["template"] = new JsonObject { ["tag"] = tag };
            return json;
        }, context.RequestAborted).AsTask();

    static void CheckRoom(StoredTemplate template)
    {
        if (template.Versions.Count >= VersionsMax)
            throw new ApiException(400, $"a template may have {VersionsMax} versions");
    }

    static TemplateVersion VersionOf(HttpContext context, StoredTemplate template) =>
        template.Find(PathName(context, "tag")) ?? throw new ApiException(404, "template version not found");

    async ValueTask<TemplateBody> BodyAsync(
        string domain, string name, string tag, CancellationToken cancel) =>
        await templateBodies.FindAsync($"{domain}/{name}/{tag}", cancel)
            ?? throw new ApiException(404, "template version not found");

    /// <summary>What mail of this template is made of.</summary>
    async ValueTask<SendTemplate> TemplateOfAsync(
        string domain, string name, string? tag, CancellationToken cancel)
    {
        var stored = IsName(name)
            ? await templates.FindAsync($"{domain}/{name.ToLowerInvariant()}", cancel) : null;
        if (stored is null)
            throw new ApiException(404, "template not found");
        var version = stored.Find(tag?.ToLowerInvariant() ?? stored.ActiveTag)
            ?? throw new ApiException(404, "template version not found");
        var body = await BodyAsync(domain, stored.Name, version.Tag, cancel);
        return new SendTemplate(
            body.Template, Parse(body.Template, "template"), version.Headers.ToDictionary(
                header => header.Key, header => Parse(header.Value, "headers"), StringComparer.Ordinal));
    }

    (TemplateVersion Version, TemplateBody Body) ReadVersion(ApiForm form, string key, string tag)
    {
        var now = clock.GetUtcNow();
        if (form.Find("engine") is { Length: > 0 } engine && engine != StoredTemplate.Engine)
            throw new ApiException(
                400, $"Invalid parameter: engine {ApiException.Shown(engine)} is not supported");
        return (new TemplateVersion
        {
            Tag = tag,
            CreatedAt = now,
            Comment = ShortText(form, "comment"),
            Id = StoredTemplate.IdOf($"{key}/{tag}", now),
            Headers = ReadHeaders(form),
        }, ReadBody(form));
    }

    static TemplateBody ReadBody(ApiForm form)
    {
        var source = form.Find("template")!;
        if (Encoding.UTF8.GetByteCount(source) > TemplateOctetsMax)
            throw new ApiException(
                400, $"Invalid parameter: template is larger than {TemplateOctetsMax} octets");
        _ = Parse(source, "template");
        return new TemplateBody(source);
    }

    static Dictionary<string, string> ReadHeaders(ApiForm form)
    {
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        if (form.Find("headers") is not { Length: > 0 } json)
            return headers;
        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var member in document.RootElement.EnumerateObject())
            {
                var name = TemplateVersion.HeaderNames.FirstOrDefault(
                    known => known.Equals(member.Name, StringComparison.OrdinalIgnoreCase))
                    ?? throw new ApiException(
                        400, $"Invalid parameter: header {ApiException.Shown(member.Name)} is not supported");
                var value = RecipientVariables.TextOf(member.Value);
                if (value.Length > TemplateHeaderCharactersMax || SendRequest.HasControl(value))
                    throw new ApiException(400, $"Invalid parameter: header {name} is no line");
                _ = Parse(value, "headers");
                headers[name] = value;
            }
        }
        // Half of a surrogate pair is no text, and an array no object.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ApiException(400, "Invalid parameter: headers is not a valid JSON", e);
        }
        return headers;
    }

    static HandlebarsTemplate Parse(string source, string field) =>
        HandlebarsTemplate.TryParse(source, out var template, out var trouble) ? template
            : throw new ApiException(400, $"Invalid parameter: {field}: {ApiException.Shown(trouble)}");

    static JsonObject NamesOf(StoredTemplate template, TemplateVersion version) => new()
    {
        ["name"] = template.Name,
        ["version"] = new JsonObject { ["tag"] = version.Tag },
    };

    /// <param name="body">Null: it is not shown.</param>
    static JsonObject JsonOf(StoredTemplate template, TemplateVersion version, TemplateBody? body)
    {
        var json = new JsonObject { ["tag"] = version.Tag };
        if (body is not null)
            json["template"] = body.Template;
        json["engine"] = StoredTemplate.Engine;
        json["mjml"] = "";
        json["createdAt"] = ApiDates.Utc(version.CreatedAt);
        json["comment"] = version.Comment;
        json["active"] = template.ActiveTag == version.Tag;
        json["id"] = version.Id;
        if (version.Headers.Count > 0)
        {
            var headers = new JsonObject();
            foreach (var name in TemplateVersion.HeaderNames.Where(version.Headers.ContainsKey))
                headers[name] = version.Headers[name];
            json["headers"] = headers;
        }
        return json;
    }
}
