using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Features;
using Postern.Mta;
using Postern.Mta.Configuration;
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
sealed partial class MailgunFace(MailTransferAgent agent, TimeProvider clock)
{
    readonly ApiDoor door = agent.OpenApi();
    /// <summary>Of a JSON body, and of a form that holds no message.</summary>
    const int SmallOctetsMax = 16 << 20;

    /// <summary>Versions of the API; each resource has its own.</summary>
    static readonly string[] Roots = ["/v1", "/v2", "/v3", "/v4", "/v5"];

    readonly EventReader reader = new(agent.Store);

    /// <summary>The path is one of this API's, whether there is something at it or not.</summary>
    public static bool Holds(PathString path) => Roots.Any(root => path.StartsWithSegments(root));

    public void Map(IEndpointRouteBuilder web)
    {
        MapMessages(web);
        MapEvents(web);
    }

    /// <summary>For one sending domain, the one in the path: asks for a key of it or of the account, then for
    /// what is wanted; and answers.</summary>
    Task ServeAsync(HttpContext context, Func<HttpContext, string, Task<JsonObject>> answer) =>
        AnswerAsync(context, async key =>
        {
            var isAccount = Opens(agent.Options.Api.Keys, key);
            if (!isAccount && !agent.Options.Domains.Values.Any(domain => Opens(domain.ApiKeys, key)))
                return null;
            var name = (string)context.GetRouteValue("domain")!;
            if (FindDomain(name) is not { } found)
                throw new ApiException(404, $"Domain not found: {ApiException.Shown(name)}");
            return isAccount || Opens(found.Options.ApiKeys, key)
                ? await answer(context, found.Name) : null;
        });

    /// <summary>For what belongs to no domain: an account key alone opens it.</summary>
    Task ServeAccountAsync(HttpContext context, Func<HttpContext, Task<JsonObject>> answer) =>
        AnswerAsync(context, async key =>
            Opens(agent.Options.Api.Keys, key) ? await answer(context) : null);

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
        }
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

    /// <summary>Compared in a time that does not tell how much of it was right.</summary>
    static bool Opens(IReadOnlyList<Secret> keys, byte[] key)
    {
        var opens = false;
        foreach (var ours in keys)
            opens |= CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(ours.Value), key);
        return opens;
    }

    (string Name, DomainOptions Options)? FindDomain(string name)
    {
        if (!Smtp.Mailbox.TryParse($"x@{name}", out var asked))
            return null;
        foreach (var (ours, options) in agent.Options.Domains)
        {
            if (Smtp.Mailbox.TryParse($"x@{ours}", out var known)
                && string.Equals(
                    HostName.ToALabels(asked.Domain), HostName.ToALabels(known.Domain),
                    StringComparison.OrdinalIgnoreCase))
                return (ours, options);
        }
        return null;
    }

    /// <summary>The fields of a request that holds no message.</summary>
    /// <exception cref="ApiException">It cannot be read.</exception>
    async Task<ApiForm> ReadFormAsync(HttpContext context) =>
        await new FormReader(SmallOctetsMax, agent.Options.Data)
            .ReadAsync(context.Request, context.RequestAborted);

    /// <exception cref="ApiException">It cannot be read, or is larger than 16 MiB.</exception>
    static async Task<JsonNode> ReadJsonAsync(HttpContext context)
    {
        try
        {
            var size = context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>();
            size.MaxRequestBodySize = SmallOctetsMax;
            return await JsonNode.ParseAsync(
                context.Request.Body, cancellationToken: context.RequestAborted)
                ?? throw new ApiException(400, "Invalid json: null");
        }
        catch (JsonException broken)
        {
            throw new ApiException(400, $"Invalid json: {ApiException.Shown(broken.Message)}");
        }
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
        context.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter, EventJson.WriterOptions);
        body.WriteTo(json);
        await json.FlushAsync(context.RequestAborted);
    }
}
