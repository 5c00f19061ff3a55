using System.Diagnostics;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Mta.Routing;

/// <summary>The routes that the API made, in the order in which they are asked: after those of the
/// file.</summary>
/// <remarks>They see mail of the mx listeners for sending domains. Each recipient is asked about twice: by
/// its address alone when it is named, and with the header section when the content is whole.</remarks>
public sealed class InboundRoutes(IMailStore store) : IDisposable
{
    /// <summary>The kind of the store's objects; their names are ids.</summary>
    public const string ObjectKind = "route";

    /// <summary>Each is asked about each recipient.</summary>
    public const int RoutesMax = 200;

    readonly SemaphoreSlim gate = new(1, 1);
    IReadOnlyList<InboundRoute> all = [];

    /// <summary>Lower priorities first, and of one priority the older first.</summary>
    public IReadOnlyList<InboundRoute> All => Volatile.Read(ref all);

    public ObjectTable<StoredRoute> Table { get; } =
        new(store, ObjectKind, StoredRouteJson.Default.StoredRoute);

    /// <summary>Takes over what the store has, after a change and at the start.</summary>
    /// <exception cref="InvalidDataException">One of them cannot be understood: mail it would take must not
    /// be refused for that.</exception>
    public async ValueTask ReloadAsync(CancellationToken cancel)
    {
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var read = new List<InboundRoute>();
            foreach (var (id, stored) in await Table.ReadAsync(cancel).ConfigureAwait(false))
            {
                if (!InboundRoute.TryParse(id, stored, out var route, out var problem))
                    throw new InvalidDataException($"the route {id} of the store cannot be used: {problem}");
                read.Add(route);
            }
            Volatile.Write(ref all, Ordered(read));
        }
        finally
        {
            gate.Release();
        }
    }

    public static IReadOnlyList<InboundRoute> Ordered(IEnumerable<InboundRoute> routes) =>
        [.. routes.OrderBy(route => route.Stored.Priority).ThenBy(route => route.Stored.CreatedAt)
            .ThenBy(route => route.Id, StringComparer.Ordinal)];

    /// <summary>Whether mail for this address may be taken, as far as its address alone says.</summary>
    public RouteVerdict Judge(Mailbox recipient)
    {
        var verdict = RouteVerdict.No;
        foreach (var route in All)
        {
            var own = Judge(route, recipient, verdict);
            verdict = own > verdict ? own : verdict;
        }
        return verdict;
    }

    /// <summary>The first route that may take it, by its address alone. Null: none does.</summary>
    public InboundRoute? Find(Mailbox recipient) =>
        All.FirstOrDefault(route => Judge(route, recipient, RouteVerdict.No) != RouteVerdict.No);

    static RouteVerdict Judge(InboundRoute route, Mailbox recipient, RouteVerdict earlier) =>
        route.Filter.Judge(new RouteCase(recipient.ToString(), null, earlier)) switch
        {
            // What it catches may make no address to send to.
            RouteVerdict.Yes when !route.IsFixed => RouteVerdict.Maybe,
            var verdict => verdict,
        };

    /// <summary>What becomes of a recipient: all routes act that take the mail, up to one that
    /// stops.</summary>
    /// <returns>Null: none takes it.</returns>
    public RouteExpansion? Expand(Mailbox recipient, IReadOnlyList<KeyValuePair<string, string>> fields)
    {
        var to = new List<RouteChild>();
        var names = new List<string>();
        foreach (var route in All)
        {
            var earlier = names.Count > 0 ? RouteVerdict.Yes : RouteVerdict.No;
            var mail = new RouteCase(recipient.ToString(), fields, earlier);
            if (route.Filter.Judge(mail) != RouteVerdict.Yes)
                continue;
            RouteChild?[] children = [.. route.Actions.SelectMany(action => Act(action, mail, route.Name))];
            // What a stranger wrote makes no address: to act by half would lose the other half.
            if (children.Contains(null))
                continue;
            names.Add(route.Name);
            to.AddRange(children.OfType<RouteChild>());
            if (route.Actions.Any(action => action is RouteAction.Stop))
                break;
        }
        // Two routes may lead to one place, which gets it once.
        return names.Count == 0 ? null
            : new RouteExpansion(string.Join(", ", names), [.. to.DistinctBy(child => child.Key)]);
    }

    static IEnumerable<RouteChild?> Act(RouteAction action, RouteCase mail, string route) => action switch
    {
        RouteAction.Forward forward => forward.To.Select(target => Fill(target, mail, route)),
        RouteAction.Store { Notify: null } => [new RouteChild.Kept(route)],
        RouteAction.Store { Notify: { } notify } =>
            [new RouteChild.Kept(route), Fill(notify, mail, route, WebForm.Notice)],
        RouteAction.Stop => [],
        _ => throw new UnreachableException(),
    };

    /// <summary>Null: what was caught makes no address.</summary>
    static RouteChild? Fill(
        RouteTarget target, RouteCase mail, string route, WebForm form = WebForm.Message)
    {
        switch (target)
        {
            case RouteTarget.Web web:
                var url = web.Url.Fill(mail, Uri.EscapeDataString);
                return WebTarget.IsUrl(url) ? new RouteChild.Web(new WebTarget(form, url), route) : null;
            case RouteTarget.Address address:
                var text = $"{address.LocalPart.Fill(mail, caught => caught)}@{address.Domain}";
                return Mailbox.TryParse(text, out var mailbox) && string.Equals(
                    mailbox.Domain, address.Domain, StringComparison.OrdinalIgnoreCase)
                        ? new RouteChild.Address(mailbox, route) : null;
            default:
                throw new UnreachableException();
        }
    }

    public void Dispose() => gate.Dispose();
}
