using Postern.Mta;
using Postern.Mta.Routing;
using RouteOptions = Postern.Mta.RouteOptions;

namespace Postern.Dashboard;

/// <summary>A route of the file in words.</summary>
public sealed record RouteRow(
    string Name, string Accepts, IReadOnlyList<string> Conditions, bool IsToAll, IReadOnlyList<string> Via,
    string Retry, IReadOnlyList<string> Further)
{
    /// <summary>Where a link to the rule leads: names may hold anything.</summary>
    public string Anchor => AnchorOf(Name);

    internal static string AnchorOf(string name) => "route-" + Uri.EscapeDataString(name);

    internal static RouteRow Of(RouteOptions route, Words words)
    {
        var conditions = new List<string>();
        Add(route.From?.Select(pattern => pattern.Text), words.ConditionFrom);
        Add(route.To?.Select(pattern => pattern.Text), words.ConditionTo);
        Add(route.Account, words.ConditionAccount);
        Add(route.Listener, words.ConditionListener);
        if (conditions.Count == 0)
            conditions.Add(words.AnyMail);
        var further = new List<string>();
        if (route.GiveUp is { } age)
            further.Add(words.GiveUpAfter(words.Length(age)));
        if (route.DelayWarning is { } warning)
            further.Add(words.WarnsAfter(words.Length(warning)));
        if (route.Priority != 0)
            further.Add(words.PriorityIs(route.Priority));
        if (route.Bounce is { } bounces)
            further.Add(bounces ? words.Bounces : words.BouncesNot);
        return new RouteRow(
            route.Name,
            string.Join(", ", Enum.GetValues<MailDoors>().Where(door => route.Accepts.HasFlag(door))
                .Select(words.DoorName)),
            conditions, route.All, route.Via,
            route.Retry is { } waits ? words.RetryAfter(string.Join(", ", waits.Select(words.Length)))
                : words.RetryUsual,
            further);

        void Add(IEnumerable<string>? patterns, Func<string, string> sentence)
        {
            if (patterns is not null)
                conditions.Add(sentence(string.Join(words.OrWord, patterns.Select(PeerText.Shown))));
        }
    }

    /// <summary>The domains, or patterns of them, whose mail routes take from outside.</summary>
    internal static IReadOnlyList<string> ServedBy(IEnumerable<RouteOptions> routes) =>
    [
        .. routes.Where(route => route.Accepts.HasFlag(MailDoors.Mx))
            .SelectMany(route => route.To?.Select(DomainOf) ?? ["*"])
            .Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase),
    ];

    static string DomainOf(AddressPattern pattern) => pattern.Text[(pattern.Text.LastIndexOf('@') + 1)..];
}
