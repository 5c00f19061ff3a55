using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Features;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Intake;

namespace Postern.Api.Mailgun;

/// <summary>Mailgun's API in front of any provider: an application keeps its SDK and changes its base
/// URL.</summary>
/// <remarks>
/// Each request says who asks by HTTP Basic, any user and a key as the password: a key of a sending domain
/// opens that domain alone, an account key all of them and what belongs to none. Texts and forms are
/// Mailgun's, since its clients compare them. What goes wrong is an <see cref="ApiException"/>: a status and
/// a JSON message.
/// </remarks>
sealed partial class MailgunFace(MailTransferAgent agent, TimeProvider clock, ILogger log)
{
    readonly ApiDoor door = agent.OpenApi();
    /// <summary>Of a JSON body, and of a form that holds no message.</summary>
    const int SmallOctetsMax = 16 << 20;

    /// <summary>A name twice in one object is refused: readers differ in which of them counts.</summary>
    internal static readonly JsonDocumentOptions JsonOnce = new() { AllowDuplicateProperties = false };

    /// <summary>Versions of the API; each resource has its own.</summary>
    static readonly string[] Roots = ["/v1", "/v2", "/v3", "/v4", "/v5"];

    readonly EventReader reader = new(agent.Store);

    /// <summary>The path is one of this API's, whether there is something at it or not.</summary>
    public static bool Holds(PathString path) => Roots.Any(root => path.StartsWithSegments(root));

    public void Map(IEndpointRouteBuilder web)
    {
        MapMessages(web);
        MapEvents(web);
        MapDomains(web);
        MapDomainSettings(web);
        MapCredentials(web);
        MapKeys(web);
        MapSuppressions(web);
        MapWebhooks(web);
        MapTemplates(web);
        MapTags(web);
        MapAnalyticsTags(web);
        MapStats(web);
        MapMetrics(web);
        MapLogs(web);
        MapRoutes(web);
        MapLists(web);
        MapListMembers(web);
        MapStored(web);
    }

    /// <summary>For one sending domain, the one in the path: asks for a key of it or of the account, then for
    /// what is wanted; and answers.</summary>
    /// <param name="unknown">What is said of a domain that is not ours: resources differ in it. Null: as
    /// sending says it.</param>
    Task ServeAsync(
        HttpContext context, Func<HttpContext, string, Task<JsonObject>> answer,
        Func<string, string>? unknown = null) =>
        ServeAsync(context, UseOf(context), unknown ?? NoDomain, (_, domain) => answer(context, domain.Name));

    /// <summary>The same, for sending: a key that opens nothing else will do.</summary>
    Task ServeSendingAsync(HttpContext context, Func<HttpContext, string, Task<JsonObject>> answer) =>
        ServeAsync(context, KeyUse.Send, NoDomain, (_, domain) => answer(context, domain.Name));

    /// <summary>The same, where the domain itself is the resource.</summary>
    Task ServeDomainAsync(HttpContext context, Func<HttpContext, SendingDomain, Task<JsonObject>> answer) =>
        ServeAsync(context, UseOf(context), static _ => "Domain not found", answer);

    /// <param name="missing">What is said of a domain that is not there.</param>
    Task ServeAsync(
        HttpContext context, KeyUse use, Func<string, string> missing,
        Func<HttpContext, SendingDomain, Task<JsonObject>> answer) => AnswerAsync(context, async key =>
        {
            var domains = agent.Domains;
            var reaches = domains.Keys.Find(key, clock.GetUtcNow());
            if (reaches.Count == 0)
                return null;
            var name = (string)context.GetRouteValue("domain")!;
            if (!domains.TryFind(name, out var domain))
                throw new ApiException(404, missing(name));
            return reaches.Any(reach => reach.Opens(domain.Key, use)) ? await answer(context, domain) : null;
        });

    static string NoDomain(string name) => $"Domain not found: {ApiException.Shown(name)}";

    /// <summary>For what belongs to no domain: an account key alone opens it.</summary>
    Task ServeAccountAsync(HttpContext context, Func<HttpContext, Task<JsonObject>> answer) =>
        AnswerAsync(context, async key => agent.Domains.Keys.Find(key, clock.GetUtcNow())
            .Any(reach => reach.OpensAccount(UseOf(context))) ? await answer(context) : null);

    static KeyUse UseOf(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) ? KeyUse.Read : KeyUse.Change;

    /// <param name="answer">Null: the key opens nothing here.</param>
    static async Task AnswerAsync(HttpContext context, Func<byte[], Task<JsonObject?>> answer)
    {
        JsonObject? body = null;
        try
        {
            if (KeyOf(context.Request.Headers.Authorization.ToString()) is { } key)
                body = await answer(key);
            if (body is null)
            {
                await ForbidAsync(context);
                return;
            }
        }
        catch (ApiException refused)
        {
            context.Response.StatusCode = refused.Status;
            body = new JsonObject { ["message"] = refused.Message };
            if (refused.Member is { } member)
                body[member] = refused.Message;
        }
        // A file has been answered already.
        if (!context.Response.HasStarted)
            await WriteAsync(context, body);
    }

    /// <summary>RFC 7617. Null: there is none.</summary>
    static byte[]? KeyOf(string authorization)
    {
        const string scheme = "Basic ";
        if (!authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return null;
        var octets = new byte[authorization.Length];
        if (!Convert.TryFromBase64String(authorization[scheme.Length..].Trim(), octets, out var length))
            return null;
        var colon = octets.AsSpan(0, length).IndexOf((byte)':');
        return colon < 0 ? null : octets[(colon + 1)..length];
    }

    /// <summary>The fields of a request that holds no message; some SDKs send them as a JSON
    /// object.</summary>
    /// <exception cref="ApiException">It cannot be read.</exception>
    async Task<ApiForm> ReadFormAsync(HttpContext context) => context.Request.HasJsonContentType()
        ? FormOf(await ReadJsonAsync(context, JsonOnce))
        : await new FormReader(SmallOctetsMax, agent.Options.Data)
            .ReadAsync(context.Request, context.RequestAborted);

    static ApiForm FormOf(JsonNode json)
    {
        if (json is not JsonObject members)
            throw new ApiException(400, "Invalid json: an object is expected");
        var form = new ApiForm();
        foreach (var (name, value) in members)
        {
            if (value is JsonValue)
                form.Add(name, value.ToString());
        }
        return form;
    }

    /// <exception cref="ApiException">It cannot be read, or is larger than 16 MiB.</exception>
    static async Task<JsonNode> ReadJsonAsync(HttpContext context, JsonDocumentOptions options = default)
    {
        try
        {
            LimitBody(context);
            return await ApiJson.ReadAsync(context.Request.Body, options, context.RequestAborted)
                ?? throw new ApiException(400, "Invalid json: null");
        }
        catch (JsonException broken)
        {
            throw new ApiException(400, $"Invalid json: {ApiException.Shown(broken.Message)}");
        }
    }

    /// <summary>Has an effect until something of the body was read.</summary>
    static void LimitBody(HttpContext context)
    {
        var size = context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>();
        if (!size.IsReadOnly)
            size.MaxRequestBodySize = SmallOctetsMax;
    }

    static async Task ForbidAsync(HttpContext context)
    {
        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = "Basic realm=\"MG API\"";
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync("Forbidden", context.RequestAborted);
    }

    static async Task WriteAsync(HttpContext context, JsonObject body)
    {
        if (context.Response.StatusCode == StatusCodes.Status204NoContent)
            return;
        context.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter, EventJson.WriterOptions);
        body.WriteTo(json);
        await json.FlushAsync(context.RequestAborted);
    }
}
