using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Api.Mailgun;

/// <summary>Routes: what becomes of mail that comes in for sending domains.</summary>
sealed partial class MailgunFace
{
    const int RouteDescriptionCharactersMax = 1000;

    void MapRoutes(IEndpointRouteBuilder web)
    {
        web.MapGet("/v3/routes", context => ServeAccountAsync(context, ListRoutesAsync));
        web.MapPost("/v3/routes", context => ServeAccountAsync(context, CreateRouteAsync));
        web.MapGet("/v3/routes/match", context => ServeAccountAsync(context, MatchRouteAsync));
        web.MapGet("/v3/routes/{id}", context => ServeAccountAsync(context, ShowRouteAsync));
        web.MapPut("/v3/routes/{id}", context => ServeAccountAsync(context, ChangeRouteAsync));
        web.MapDelete("/v3/routes/{id}", context => ServeAccountAsync(context, DeleteRouteAsync));
    }

    Task<JsonObject> ListRoutesAsync(HttpContext context) =>
        Task.FromResult(ApiPaging.Skipped(context, [.. agent.Routes.All], JsonOf));

    Task<JsonObject> ShowRouteAsync(HttpContext context) =>
        Task.FromResult(new JsonObject { ["route"] = JsonOf(RouteOf(context)) });

    Task<JsonObject> MatchRouteAsync(HttpContext context)
    {
        var address = context.Request.Query["address"].LastOrDefault();
        if (string.IsNullOrEmpty(address))
            throw new ApiException(400, "Missing mandatory parameter: address");
        if (!Mailbox.TryParse(address, out var mailbox) || mailbox.Domain.Length == 0)
            throw new ApiException(
                400, $"Invalid format for parameter address: {ApiException.Shown(address)}");
        return Task.FromResult(new JsonObject
        {
            ["route"] = JsonOf(agent.Routes.Find(mailbox) ?? throw new ApiException(404, "Route not found")),
        });
    }

    async Task<JsonObject> CreateRouteAsync(HttpContext context)
    {
        await using var form = await ReadFormAsync(context);
        var id = NewRouteId();
        var route = Checked(id, new StoredRoute
        {
            Priority = PriorityOf(form) ?? 0,
            Description = DescriptionOf(form) ?? "",
            Expression = form.Find("expression") is { Length: > 0 } expression ? expression
                : throw new ApiException(400, "Missing mandatory parameter: expression"),
            Actions = ActionsOf(form)
                ?? throw new ApiException(400, "Missing mandatory parameter: action"),
            CreatedAt = clock.GetUtcNow(),
        });
        await ChangeRoutesAsync(async changes =>
        {
            var known = await agent.Routes.Table.ReadAsync(CancellationToken.None);
            if (known.Count >= InboundRoutes.RoutesMax)
                throw new ApiException(400, $"an account has {InboundRoutes.RoutesMax} routes at most");
            changes.Add(agent.Routes.Table.Put(id, route.Stored));
            return route;
        });
        return new JsonObject { ["message"] = "Route has been created", ["route"] = JsonOf(route) };
    }

    /// <summary>Flat as on the wire and nested as in the manual: clients read either.</summary>
    async Task<JsonObject> ChangeRouteAsync(HttpContext context)
    {
        await using var form = await ReadFormAsync(context);
        var id = RouteOf(context).Id;
        var route = await ChangeRoutesAsync(async changes =>
        {
            var known = await agent.Routes.Table.FindAsync(id, CancellationToken.None)
                ?? throw new ApiException(404, "Route not found");
            var changed = Checked(id, known with
            {
                Priority = PriorityOf(form) ?? known.Priority,
                Description = DescriptionOf(form) ?? known.Description,
                Expression = form.Find("expression") is { Length: > 0 } expression ? expression
                    : known.Expression,
                Actions = ActionsOf(form) ?? known.Actions,
            });
            changes.Add(agent.Routes.Table.Put(id, changed.Stored));
            return changed;
        });
        var answer = JsonOf(route);
        answer["message"] = "Route has been updated";
        answer["route"] = JsonOf(route);
        return answer;
    }

    async Task<JsonObject> DeleteRouteAsync(HttpContext context)
    {
        var id = RouteOf(context).Id;
        await ChangeRoutesAsync(async changes =>
        {
            if (await agent.Routes.Table.FindAsync(id, CancellationToken.None) is null)
                throw new ApiException(404, "Route not found");
            changes.Add(agent.Routes.Table.Remove(id));
            return id;
        });
        return new JsonObject { ["id"] = id, ["message"] = "Route has been deleted" };
    }

    /// <summary>What has changed counts from the answer on.</summary>
    async ValueTask<T> ChangeRoutesAsync<T>(Func<ICollection<ObjectChange>, ValueTask<T>> change)
    {
        var result = await agent.Queue.ChangeObjectsAsync(change, CancellationToken.None);
        await agent.Routes.ReloadAsync(CancellationToken.None);
        return result;
    }

    InboundRoute RouteOf(HttpContext context)
    {
        var id = (string)context.GetRouteValue("id")!;
        return agent.Routes.All.FirstOrDefault(route => route.Id == id)
            ?? throw new ApiException(404, "Route not found");
    }

    static InboundRoute Checked(string id, StoredRoute stored) =>
        InboundRoute.TryParse(id, stored, out var route, out var problem) ? route
            : throw new ApiException(400, ApiException.Shown(problem));

    static int? PriorityOf(ApiForm form)
    {
        if (form.Find("priority") is not { Length: > 0 } text)
            return null;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number : throw new ApiException(400, "The 'priority' parameter is no number");
    }

    static string? DescriptionOf(ApiForm form) =>
        form.Find("description") is not { } text ? null
            : text.Length <= RouteDescriptionCharactersMax ? text
            : throw new ApiException(
                400, $"description is longer than {RouteDescriptionCharactersMax} characters");

    /// <summary>Null: none was given.</summary>
    static string[]? ActionsOf(ApiForm form)
    {
        string[] actions = [.. form.All("action").Where(action => action.Length > 0)];
        return actions.Length > 0 ? actions : null;
    }

    /// <summary>24 letters of hex, in the order of their making by the second.</summary>
    string NewRouteId() => string.Create(
        CultureInfo.InvariantCulture, $"{(uint)clock.GetUtcNow().ToUnixTimeSeconds():x8}")
        + RandomNumberGenerator.GetHexString(16, lowercase: true);

    static JsonObject JsonOf(InboundRoute route) => new()
    {
        ["id"] = route.Id,
        ["priority"] = route.Stored.Priority,
        ["description"] = route.Stored.Description,
        ["expression"] = route.Stored.Expression,
        ["actions"] = new JsonArray([.. route.Stored.Actions.Select(action => (JsonNode)action)]),
        ["created_at"] = ApiDates.Gmt(route.Stored.CreatedAt),
    };
}
