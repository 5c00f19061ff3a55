using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>What routes of the API make of a recipient of mail that comes in.</summary>
/// <param name="Routes">Their names, in words for events.</param>
/// <param name="To">Empty: whoever made the routes wants it taken and dropped.</param>
public sealed record RouteExpansion(string Routes, IReadOnlyList<RouteChild> To)
{
    /// <summary>Of one recipient, by all routes together.</summary>
    const int ChildrenMax = 100;

    public bool IsTooMuch => To.Count > ChildrenMax;
}

/// <summary>One way on for a recipient.</summary>
/// <param name="Key">Two children with the same one are one.</param>
public abstract record RouteChild(string Route, string Key)
{
    /// <summary>Goes as an alias of it would.</summary>
    public sealed record Address(Mailbox Mailbox, string Route)
        : RouteChild(Route, $"address {Mailbox.ToString().ToLowerInvariant()}");

    /// <summary>Is posted.</summary>
    public sealed record Web(WebTarget Target, string Route) : RouteChild(Route, $"web {Target}");

    /// <summary>Goes nowhere: the content is kept for a while.</summary>
    public sealed record Kept(string Route) : RouteChild(Route, "kept");
}
