using System.Collections.Frozen;
using Postern.Smtp;

namespace Postern.Mta.Routing;

/// <summary>Routes and transports of one configuration, ready to be asked; a reload makes a new
/// one.</summary>
public sealed class RouteTable
{
    readonly FrozenDictionary<string, TransportOptions> transports;
    readonly FrozenDictionary<string, string[]> standIns;

    RouteTable(
        IReadOnlyList<Route> routes, FrozenDictionary<string, TransportOptions> transports, string delimiter)
    {
        Routes = routes;
        this.transports = transports;
        standIns = routes.Where(route => !route.Options.All).SelectMany(route => route.Options.Via)
            .Distinct().ToFrozenDictionary(name => name, name => FindStandIns(routes, name));
        Delimiter = delimiter;
    }

    /// <summary>In the order they are tried.</summary>
    public IReadOnlyList<Route> Routes { get; }

    /// <summary>Between user and extension; empty for none.</summary>
    public string Delimiter { get; }

    public static RouteTable From(PosternOptions options) => new(
        [.. options.Routes.Select(route => new Route(route))],
        options.Transports.ToFrozenDictionary(StringComparer.Ordinal),
        options.Inbound.Delimiter);

    public TransportOptions? FindTransport(string name) => transports.GetValueOrDefault(name);

    /// <summary>The route of that name. Null: gone since a reload.</summary>
    public RouteOptions? FindRoute(string? name) =>
        name is null ? null : Routes.FirstOrDefault(route => route.Options.Name == name)?.Options;

    /// <summary>The lane of a transport for this recipient. Null: it is not configured.</summary>
    public string? LaneOf(string transport, Mailbox recipient) =>
        FindTransport(transport) is { } options ? Router.LaneOf(transport, options, recipient) : null;

    /// <summary>The transports that stand in a route beside this one.</summary>
    public IReadOnlyList<string> StandInsOf(string transport) =>
        standIns.GetValueOrDefault(transport) ?? [];

    static string[] FindStandIns(IReadOnlyList<Route> routes, string transport) =>
    [
        .. routes.Select(route => route.Options)
            .Where(route => !route.All && route.Via.Contains(transport))
            .SelectMany(route => route.Via).Distinct().Where(name => name != transport),
    ];

    /// <summary>An mx route takes some address of this domain.</summary>
    public bool ServesDomain(string domain) => Routes.Any(route => route.ServesDomain(domain));
}

/// <summary>One route, ready to be asked.</summary>
public sealed class Route(RouteOptions options)
{
    public RouteOptions Options => options;

    /// <summary>AND between keys, OR within a list, absent means any (DESIGN §9.1).</summary>
    public bool Matches(RoutingQuestion question, string delimiter)
    {
        if ((options.Accepts & question.Door) == 0)
            return false;
        if (options.Account is { } accounts && !accounts.Contains(question.Account ?? ""))
            return false;
        if (options.Listener is { } listeners && !listeners.Contains(question.Listener))
            return false;
        return MatchesAny(options.From, question.Sender.Mailbox, delimiter)
            && MatchesAny(options.To, question.Recipient, delimiter);
    }

    public bool ServesDomain(string domain) => (options.Accepts & MailDoors.Mx) != 0
        && (options.To is null || options.To.Any(pattern => pattern.ServesDomain(domain)));

    static bool MatchesAny(IReadOnlyList<AddressPattern>? patterns, Mailbox? mailbox, string delimiter)
    {
        if (patterns is null)
            return true;
        foreach (var pattern in patterns)
        {
            if (pattern.Matches(mailbox, delimiter))
                return true;
        }
        return false;
    }
}
