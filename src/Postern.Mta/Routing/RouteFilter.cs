using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Postern.Mta.Routing;

/// <summary>What a route of the API looks for in mail that comes in: its <c>expression</c>.</summary>
public abstract record RouteFilter
{
    /// <summary>Mailgun's limit, in characters.</summary>
    public const int CharactersMax = 4096;

    /// <summary>Of parentheses and <c>not</c> in each other.</summary>
    public const int DepthMax = 32;

    RouteFilter()
    {
    }

    /// <summary>The recipient's address.</summary>
    /// <param name="First">How many groups stand before its own in the expression.</param>
    public sealed record Recipient(RoutePattern Pattern, int First) : RouteFilter;

    /// <summary>Any field of this name.</summary>
    public sealed record Header(string Name, RoutePattern Pattern, int First) : RouteFilter;

    /// <summary>No route before this one took it.</summary>
    public sealed record CatchAll : RouteFilter;

    public sealed record Not(RouteFilter What) : RouteFilter;
    public sealed record And(IReadOnlyList<RouteFilter> All) : RouteFilter;
    public sealed record Or(IReadOnlyList<RouteFilter> Any) : RouteFilter;

    /// <param name="problem">What is wrong with it. Null when it was read.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out RouteFilter? filter, [NotNullWhen(false)] out string? problem)
    {
        var parser = new RouteFilterParser(text);
        filter = parser.Read();
        problem = parser.Problem;
        return filter is not null;
    }

    /// <summary>Every pattern in it, in the order of the expression.</summary>
    public IEnumerable<(RoutePattern Pattern, int First)> Patterns() => this switch
    {
        Recipient one => [(one.Pattern, one.First)],
        Header one => [(one.Pattern, one.First)],
        CatchAll => [],
        Not not => not.What.Patterns(),
        And and => and.All.SelectMany(one => one.Patterns()),
        Or or => or.Any.SelectMany(one => one.Patterns()),
        _ => throw new UnreachableException(),
    };

    /// <summary>Whether the mail is what it looks for; with no header yet it may not know.</summary>
    public RouteVerdict Judge(RouteCase mail) => this switch
    {
        Recipient one => mail.Note(one.Pattern.Match(mail.Recipient), one.First)
            ? RouteVerdict.Yes : RouteVerdict.No,
        Header one => JudgeHeader(one, mail),
        CatchAll => Opposite(mail.Earlier),
        Not not => Opposite(not.What.Judge(mail)),
        // All of them are asked: each may catch something.
        And and => and.All.Select(one => one.Judge(mail)).ToArray().Min(),
        Or or => or.Any.Select(one => one.Judge(mail)).ToArray().Max(),
        _ => throw new UnreachableException(),
    };

    static RouteVerdict JudgeHeader(Header filter, RouteCase mail)
    {
        if (mail.Fields is not { } fields)
            return RouteVerdict.Maybe;
        foreach (var (name, value) in fields)
        {
            if (name.Equals(filter.Name, StringComparison.OrdinalIgnoreCase)
                && mail.Note(filter.Pattern.Match(value), filter.First))
                return RouteVerdict.Yes;
        }
        return RouteVerdict.No;
    }

    static RouteVerdict Opposite(RouteVerdict verdict) => verdict switch
    {
        RouteVerdict.No => RouteVerdict.Yes,
        RouteVerdict.Maybe => RouteVerdict.Maybe,
        RouteVerdict.Yes => RouteVerdict.No,
        _ => throw new UnreachableException(),
    };
}

/// <summary>In the order in which one outweighs the other in an <c>or</c>.</summary>
public enum RouteVerdict { No, Maybe, Yes }

/// <summary>The mail that a route is asked about, and what its patterns caught of it.</summary>
/// <param name="Recipient">Its address.</param>
/// <param name="Fields">Decoded. Null: they are still to come.</param>
/// <param name="Earlier">Whether a route before this one took it.</param>
public sealed record RouteCase(
    string Recipient, IReadOnlyList<KeyValuePair<string, string>>? Fields, RouteVerdict Earlier)
{
    readonly Dictionary<int, string> caught = [];

    /// <summary>What a group caught; nothing where its pattern did not match.</summary>
    public string Caught(int group) => caught.GetValueOrDefault(group, "");

    /// <returns>It matched.</returns>
    internal bool Note(IReadOnlyList<string>? groups, int first)
    {
        for (var i = 0; i < groups?.Count; i++)
            caught[first + i + 1] = groups[i];
        return groups is not null;
    }
}
