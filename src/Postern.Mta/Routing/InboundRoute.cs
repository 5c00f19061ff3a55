using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Postern.Mta.Routing;

/// <summary>A route made by the API, ready to be asked.</summary>
public sealed record InboundRoute(
    string Id, StoredRoute Stored, RouteFilter Filter, IReadOnlyList<RouteAction> Actions)
{
    public const int ActionsMax = 20;

    /// <summary>As logs and events call it; no route of the file is called so.</summary>
    public string Name => $"api:{Id}";

    /// <summary>Where it leads does not depend on the mail, and so it can always act.</summary>
    public bool IsFixed { get; } = Actions.All(action => action switch
    {
        RouteAction.Forward forward => forward.To.All(target => target.IsFixed),
        RouteAction.Store store => store.Notify?.IsFixed ?? true,
        _ => true,
    });

    /// <param name="problem">What is wrong with it. Null when it was read.</param>
    public static bool TryParse(
        string id, StoredRoute stored, [NotNullWhen(true)] out InboundRoute? route,
        [NotNullWhen(false)] out string? problem)
    {
        route = null;
        if (!RouteFilter.TryParse(stored.Expression, out var filter, out problem))
        {
            problem = $"the expression cannot be taken: {problem}";
            return false;
        }
        if (stored.Actions.Count > ActionsMax)
        {
            problem = $"a route has {ActionsMax} actions at most";
            return false;
        }
        var actions = new List<RouteAction>();
        foreach (var text in stored.Actions)
        {
            if (!RouteAction.TryParse(text, filter, out var action, out problem))
            {
                problem = $"the action cannot be taken: {problem}";
                return false;
            }
            actions.Add(action);
        }
        route = new InboundRoute(id, stored, filter, actions);
        return true;
    }
}

/// <summary>The same as the store keeps it: in the words of who made it.</summary>
public sealed record StoredRoute
{
    /// <summary>Lower ones are asked first.</summary>
    public int Priority { get; init; }

    public string Description { get; init; } = "";
    public required string Expression { get; init; }
    public required IReadOnlyList<string> Actions { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}

[JsonSerializable(typeof(StoredRoute))]
public sealed partial class StoredRouteJson : JsonSerializerContext;
