using System.Diagnostics.CodeAnalysis;
using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Mta.Routing;

/// <summary>What a route of the API does with mail that it takes.</summary>
public abstract record RouteAction
{
    /// <summary>Mailgun's limit, in characters.</summary>
    public const int CharactersMax = 4096;

    /// <summary>Of one <c>forward</c>.</summary>
    const int TargetsMax = 20;

    RouteAction()
    {
    }

    public sealed record Forward(IReadOnlyList<RouteTarget> To) : RouteAction;

    /// <summary>Keeps the content for three days.</summary>
    /// <param name="Notify">Who is told where it lies. Null: nobody.</param>
    public sealed record Store(RouteTarget.Web? Notify) : RouteAction;

    /// <summary>No route after this one is asked.</summary>
    public sealed record Stop : RouteAction;

    /// <param name="filter">Of the same route: its groups may be named.</param>
    /// <param name="problem">What is wrong with it. Null when it was read.</param>
    public static bool TryParse(
        string text, RouteFilter filter, [NotNullWhen(true)] out RouteAction? action,
        [NotNullWhen(false)] out string? problem)
    {
        action = null;
        problem = $"it is longer than {CharactersMax} characters";
        if (text.Length > CharactersMax)
            return false;
        var words = new RouteWords(text);
        problem = $"\"{words.Rest}\" is no action; forward(\"...\"), store() and stop() are";
        if (words.TryTakeWord("stop"))
            action = words.TryTake('(') && words.TryTake(')') && words.IsAtEnd ? new Stop() : null;
        else if (words.TryTakeWord("store"))
            action = ReadStore(words, filter, ref problem);
        else if (words.TryTakeWord("forward"))
            action = words.TryTake('(') && words.TakeText() is { } targets && words.TryTake(')')
                && words.IsAtEnd ? ReadForward(targets, filter, ref problem) : null;
        if (action is not null)
            problem = null;
        return action is not null;
    }

    static Store? ReadStore(RouteWords words, RouteFilter filter, ref string problem)
    {
        if (!words.TryTake('('))
            return null;
        if (words.TryTake(')'))
            return words.IsAtEnd ? new Store(Notify: null) : null;
        if (!words.TryTakeWord("notify") || !words.TryTake('=') || words.TakeText() is not { } address
            || !words.TryTake(')') || !words.IsAtEnd)
            return null;
        if (!RouteTarget.TryParse(address, filter, out var target, out var wrong))
            problem = wrong;
        else if (target is RouteTarget.Web web)
            return new Store(web);
        else
            problem = $"\"{address}\" is no URL that could be notified";
        return null;
    }

    static Forward? ReadForward(string text, RouteFilter filter, ref string problem)
    {
        var to = new List<RouteTarget>();
        foreach (var one in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!RouteTarget.TryParse(one, filter, out var target, out var wrong))
            {
                problem = wrong;
                return null;
            }
            to.Add(target);
        }
        if (to.Count <= TargetsMax)
            return new Forward(to);
        problem = $"one forward has {TargetsMax} targets at most";
        return null;
    }
}

/// <summary>Where a route sends mail to.</summary>
/// <remarks>What a pattern caught was written by a stranger: it may choose a local part, or a place in the
/// path or query of a URL; never a domain, host or port.</remarks>
public abstract record RouteTarget
{
    RouteTarget()
    {
    }

    /// <summary>No pattern has a say in it.</summary>
    public abstract bool IsFixed { get; }

    public sealed record Address(CaptureText LocalPart, string Domain) : RouteTarget
    {
        public override bool IsFixed => LocalPart.IsFixed;
    }

    public sealed record Web(CaptureText Url) : RouteTarget
    {
        public override bool IsFixed => Url.IsFixed;
    }

    public static bool TryParse(
        string text, RouteFilter filter, [NotNullWhen(true)] out RouteTarget? target,
        [NotNullWhen(false)] out string? problem)
    {
        target = null;
        if (text.Contains("://", StringComparison.Ordinal))
            return TryParseWeb(text, filter, out target, out problem);
        var at = text.LastIndexOf('@');
        if (at <= 0 || !Mailbox.TryParse($"x{text[at..]}", out var domain) || domain.Domain.Length == 0)
        {
            problem = $"\"{text}\" is neither an address nor a URL";
            return false;
        }
        if (!CaptureText.TryParse(text[..at], filter, out var localPart, out problem))
            return false;
        if (localPart.IsFixed && !Mailbox.TryParse(text, out _))
        {
            problem = $"\"{text}\" is no address";
            return false;
        }
        target = new Address(localPart, domain.Domain);
        return true;
    }

    static bool TryParseWeb(
        string text, RouteFilter filter, [NotNullWhen(true)] out RouteTarget? target,
        [NotNullWhen(false)] out string? problem)
    {
        target = null;
        if (!CaptureText.TryParse(text, filter, out var url, out problem))
            return false;
        var capture = text.IndexOf('\\', StringComparison.Ordinal);
        var path = text.IndexOf('/', text.IndexOf("://", StringComparison.Ordinal) + 3);
        if (capture >= 0 && (path < 0 || capture < path))
        {
            problem = $"\"{text}\": a group may stand in path or query alone";
            return false;
        }
        var sample = url.Fill(new RouteCase("", null, RouteVerdict.No), Uri.EscapeDataString);
        if (!WebTarget.IsUrl(sample))
        {
            problem = $"\"{text}\" is no URL of http or https, without user and fragment";
            return false;
        }
        target = new Web(url);
        return true;
    }
}
