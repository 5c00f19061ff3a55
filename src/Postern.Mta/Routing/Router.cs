using System.Diagnostics;
using Postern.Mta.Queue;
using Postern.Mta.Transports.Forward;

namespace Postern.Mta.Routing;

/// <summary>Picks the way out for one recipient. Pure: the same question, table and health give the same
/// answer.</summary>
public static class Router
{
    /// <summary>The first route that fits, and of its transports the first whose lane is open.</summary>
    public static RoutingDecision Decide(RouteTable table, RoutingQuestion question, RelayHealth health)
    {
        foreach (var route in table.Routes)
        {
            if (route.Matches(question, table.Delimiter))
                return Choose(table, route.Options, question, health);
        }
        return new RoutingDecision.NoRoute(
            $"no route takes mail from {question.Sender} to <{question.Recipient}>"
            + $" through {NameOf(question.Door)}");
    }

    /// <summary>The decision for a recipient that expansion, or an uncertain attempt, bound to one
    /// transport.</summary>
    public static RoutingDecision DecideBound(
        RouteTable table, string transport, string? routeName, RoutingQuestion question, RelayHealth health)
    {
        var route = table.FindRoute(routeName)
            ?? new RouteOptions { Name = routeName ?? "", Via = [transport] };
        if (WebTarget.TryParse(transport, out var target))
            return Post(route with { Via = [WebTarget.Transport], All = false }, target.Lane, health);
        return Choose(table, route with { Via = [transport], All = false }, question, health);
    }

    /// <summary>A URL needs no configuration: it stands in the row.</summary>
    static RoutingDecision.Via Post(RouteOptions route, string lane, RelayHealth health) => new(
        route, WebTarget.Transport, lane, health.ConditionOf(lane) switch
        {
            LaneCondition.Open => $"route {route.Name}",
            LaneCondition.ProbeDue => $"route {route.Name}, as the probe of {lane}",
            LaneCondition.Closed => $"route {route.Name}, its host is resting",
            _ => throw new UnreachableException(),
        });

    static RoutingDecision Choose(
        RouteTable table, RouteOptions route, RoutingQuestion question, RelayHealth health)
    {
        if (route.All && route.Via.Count > 1)
            return new RoutingDecision
                .Split(route, route.Via, $"route {route.Name} sends to all of its transports");

        RoutingDecision.Via? first = null;
        string? home = null;
        var resting = "";
        foreach (var name in route.Via)
        {
            if (table.FindTransport(name) is not { } transport)
                return new RoutingDecision
                    .NoTransport(name, $"route {route.Name} names transport {name}, which is not configured");
            var lane = LaneOf(name, transport, question.Recipient);
            home ??= lane;
            switch (health.ConditionOf(lane))
            {
                case LaneCondition.Open:
                    return new RoutingDecision.Via(route, name, lane, $"route {route.Name}{resting}")
                    {
                        Home = home,
                    };
                case LaneCondition.ProbeDue:
                    return new RoutingDecision
                        .Via(route, name, lane, $"route {route.Name}{resting}, as the probe of {name}")
                    {
                        Home = home,
                    };
                case LaneCondition.Closed:
                    first ??= new RoutingDecision
                        .Via(route, name, lane, $"route {route.Name}, all of its transports are resting");
                    resting += $", {name} is resting";
                    break;
                default:
                    throw new UnreachableException();
            }
        }
        return first
            ?? (RoutingDecision)new RoutingDecision.NoRoute($"route {route.Name} names no transport");
    }

    /// <summary>smtp without host goes to each domain's own MX: each domain is a lane of its own. What keeps
    /// order has lanes that recipients share.</summary>
    internal static string LaneOf(string name, TransportOptions transport, Smtp.Mailbox recipient) =>
        transport switch
        {
            { Kind: TransportKind.Smtp, Host: null } => $"{name} {recipient.Domain.ToLowerInvariant()}",
            { Ordering: TransportOrdering.Recipient } => OrderingKey.Of(recipient).LaneOf(name),
            _ => name,
        };

    static string NameOf(MailDoors door) => door switch
    {
        MailDoors.Mx => "mx",
        MailDoors.Submission => "submission",
        MailDoors.Api => "the api",
        MailDoors.Forward => "forwarding",
        _ => throw new UnreachableException(),
    };
}

public enum LaneCondition
{
    Open,

    /// <summary>Closed, and one recipient may try it now.</summary>
    ProbeDue,

    Closed,
}
