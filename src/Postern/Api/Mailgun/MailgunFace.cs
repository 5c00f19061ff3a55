using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;

namespace Postern.Api.Mailgun;

/// <summary>Mailgun's API in front of any provider: an application keeps its SDK and changes its base
/// URL.</summary>
/// <remarks>
/// Each request says who asks by HTTP Basic, any user and a key as the password; a key of a sending domain
/// opens that domain alone. Texts and forms are Mailgun's, since its clients compare them. What goes wrong is
/// an <see cref="ApiException"/>: a status and a JSON message.
/// </remarks>
sealed partial class MailgunFace(MailTransferAgent agent, TimeProvider clock)
{
    readonly ApiDoor door = agent.OpenApi();
    readonly EventReader reader = new(agent.Store);

    public void Map(IEndpointRouteBuilder web)
    {
        web.MapPost("/v3/{domain}/messages", context => ServeAsync(context, SendAsync));
        web.MapPost("/v3/{domain}/messages.mime", context => ServeAsync(context, SendMimeAsync));
        web.MapGet("/v3/{domain}/events", context => ServeAsync(context, EventsAsync));
        web.MapGet("/v3/{domain}/events/{token}", context => ServeAsync(context, EventsAsync));
    }

    /// <summary>Asks for the key, then for the domain, then for what is wanted; and answers.</summary>
    async Task ServeAsync(HttpContext context, Func<HttpContext, string, Task<JsonObject>> answer)
    {
        JsonObject body;
        try
        {
            if (KeyOf(context.Request.Headers.Authorization.ToString()) is not { } key
                || !agent.Options.Domains.Values.Any(domain => Opens(domain, key)))
            {
                await ForbidAsync(context);
                return;
            }
            var name = (string)context.GetRouteValue("domain")!;
            if (FindDomain(name) is not { } found)
                throw new ApiException(404, $"Domain not found: {ApiException.Shown(name)}");
            if (!Opens(found.Options, key))
            {
                await ForbidAsync(context);
                return;
            }
            body = await answer(context, found.Name);
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
    static bool Opens(DomainOptions domain, byte[] key)
    {
        var opens = false;
        foreach (var ours in domain.ApiKeys)
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
                && string.Equals(asked.Domain, known.Domain, StringComparison.OrdinalIgnoreCase))
                return (ours, options);
        }
        return null;
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
