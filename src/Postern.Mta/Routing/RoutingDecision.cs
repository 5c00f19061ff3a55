using Postern.Smtp;

namespace Postern.Mta.Routing;

/// <summary>The router's answer, with its reason in words.</summary>
public abstract record RoutingDecision(string Why)
{
    /// <summary>Take this transport now, or wait in its lane while that is closed.</summary>
    /// <param name="Lane">The transport's name; for smtp without host, a space and the recipient's domain
    /// follow, and where order is kept the number of a lane (<see cref="OrderingKey"/>).</param>
    public sealed record Via(RouteOptions Route, string Transport, string Lane, string Why)
        : RoutingDecision(Why)
    {
        /// <summary>The claim of the closed lane's probe, once it is acted on. 0: the lane is
        /// open.</summary>
        public long Probe { get; init; }

        /// <summary>The lane of the route's first transport: what cannot go at once waits there.</summary>
        public string Home { get; init; } = Lane;
    }

    /// <summary>A route with <c>all = true</c>: the recipient is expanded, one child for each
    /// transport.</summary>
    public sealed record Split(RouteOptions Route, IReadOnlyList<string> Transports, string Why)
        : RoutingDecision(Why);

    /// <summary>No route fits.</summary>
    public sealed record NoRoute(string Why) : RoutingDecision(Why);

    /// <summary>The transport of the route, or the one the recipient is bound to, is not configured (any
    /// more).</summary>
    public sealed record NoTransport(string Transport, string Why) : RoutingDecision(Why);
}

/// <summary>What a decision depends on: one recipient of one message, and how it came in.</summary>
public sealed record RoutingQuestion(
    ReversePath Sender, Mailbox Recipient, MailDoors Door, string? Account, string Listener);
