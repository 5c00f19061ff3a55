using Postern.Listeners;
using Postern.Mta;

namespace Postern.Dashboard;

/// <summary>One request for a page: who asks, in which language, about what.</summary>
/// <remarks>Public since components are, and closed to all others.</remarks>
public sealed class Visit
{
    readonly DashboardParts parts;

    /// <param name="access">Null on pages that nobody need have signed in for.</param>
    internal Visit(HttpContext http, DashboardParts parts, Access? access)
    {
        (Http, this.parts, Access) = (http, parts, access);
        Words = Words.For(http.Request.Headers.AcceptLanguage.ToString());
        Now = parts.Clock.GetUtcNow();
        Notice = Notice.TryTake(http, out var notice) ? notice : null;
    }

    /// <summary>From here on it is read: what happens later is told to the open page.</summary>
    internal void Begin() => Seen = LiveState.Of(parts.Agent, parts.Pulse).ToString();

    internal HttpContext Http { get; }
    internal Access? Access { get; }
    internal Words Words { get; }
    internal DateTimeOffset Now { get; }

    /// <summary>What had happened before anything was read for the page.</summary>
    internal string Seen { get; private set; } = "";

    /// <summary>What the last act said, once. Null: there was none.</summary>
    internal Notice? Notice { get; }

    /// <summary>Of the login page alone.</summary>
    internal LoginForm? Login { get; init; }

    internal MailTransferAgent Agent => parts.Agent;
    internal Pulse Pulse => parts.Pulse;
    internal TimeProvider Clock => parts.Clock;

    /// <summary>Null outside the sandbox.</summary>
    internal SandboxMail? Sandbox => parts.Sandbox;

    internal CancellationToken Cancel => Http.RequestAborted;
    internal string Path => Http.Request.Path;

    /// <summary>A field of the query, without blanks around it; empty where it is not given.</summary>
    internal string Query(string name) => Http.Request.Query[name].ToString().Trim();

    /// <summary>A part of the path.</summary>
    internal string Part(string name) => (string)Http.GetRouteValue(name)!;

    /// <summary>The answer is an error, though a page like others.</summary>
    internal void SetStatus(int status) => Http.Response.StatusCode = status;
}

/// <summary>What pages read.</summary>
/// <param name="Sandbox">Null outside the sandbox.</param>
sealed record DashboardParts(MailTransferAgent Agent, Pulse Pulse, SandboxMail? Sandbox, TimeProvider Clock);

/// <summary>What the login page asks for.</summary>
/// <param name="FormToken">Of its forms.</param>
/// <param name="Token">Of a link. Empty: it was none.</param>
/// <param name="IsFirst">The link is that of the first start.</param>
/// <param name="Trouble">Why the last try failed. Null: there was none.</param>
sealed record LoginForm(string FormToken, string Token, bool IsFirst, LoginTrouble? Trouble);
