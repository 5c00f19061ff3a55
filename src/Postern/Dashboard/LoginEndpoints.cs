using System.Globalization;
using Postern.Cli;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>What the forms of the login page post to, and the way out.</summary>
/// <remarks>
/// Law: a form that is not ours is 403 before anything is looked up. What failed for want of the right words
/// leads back to the page with a <see cref="LoginTrouble"/>; what may not be tried now is an answer of its
/// own. A user nobody knows and a wrong password take the same time and the same answer.
/// </remarks>
sealed partial class LoginEndpoints(SignIn signIn, ILogger log)
{
    /// <summary>The path is one of signing in or out.</summary>
    public static bool Holds(PathString path) =>
        path.StartsWithSegments("/login") || path.StartsWithSegments("/logout");

    /// <summary>Shows a page that explains it; the status is set. Of itself it is a line of text.</summary>
    public Func<HttpContext, LoginTrouble, Task> Explain { get; init; } = SayAsync;

    public void Map(IEndpointRouteBuilder web)
    {
        web.MapPost("/login", LoginAsync);
        web.MapPost("/logout", LogoutAsync);
    }

    async Task LoginAsync(HttpContext context)
    {
        Protect(context);
        var form = await PageForm.ReadAsync(context);
        if (!signIn.IsOurLogin(context, form) || !signIn.Origins.IsPrivate(context))
            await StopAsync(context, StatusCodes.Status403Forbidden, LoginTrouble.Form);
        else if (form!["token"].ToString() is { Length: > 0 } token)
            await FollowLinkAsync(context, form, token);
        else
            await CheckAsync(context, form);
    }

    async Task CheckAsync(HttpContext context, IFormCollection form)
    {
        var client = Origins.ClientOf(context);
        var typed = form["name"].ToString();
        var name = UserDirectory.FormOf(typed);
        // Accounts of mail and users may bear the same name; one that can be typed in several ways is one.
        var counted = $"dashboard {name}";
        if (signIn.Logins.RefusedFor(client, counted) is { } wait)
        {
            await RefuseAsync(context, wait);
            return;
        }
        signIn.Users.TryFind(name, out var user);
        // One that could not be set fits nobody.
        var fit = !Passwords.TryPrepare(form["password"].ToString(), out var octets, out _)
            ? PasswordFit.Wrong : await signIn.Passwords.CheckAsync(user?.Password, octets);
        if (fit == PasswordFit.Busy)
            await BusyAsync(context);
        // Tried at the same time as others that failed: what came of it stays unsaid.
        else if (signIn.Logins.RefusedFor(client, counted) is { } later)
            await RefuseAsync(context, later);
        else if (fit == PasswordFit.Wrong)
        {
            LogWrong(Shown(typed), client.ToString());
            var held = signIn.Logins.Failed(client, counted);
            await Task.Delay(held, signIn.Clock, context.RequestAborted);
            Return(context, LoginTrouble.Wrong, form);
        }
        else
        {
            signIn.Logins.Succeeded(client);
            await EnterAsync(context, new SessionOwner.OfUser(user!.Name, user.Generation), form);
        }
    }

    async Task FollowLinkAsync(HttpContext context, IFormCollection form, string token)
    {
        var cancel = context.RequestAborted;
        var typed = form["name"].ToString();
        if (await signIn.Links.FindAsync(token, cancel) is LinkTarget.First && typed.Length > 0)
            await MakeFirstAsync(context, form, token, typed);
        else if (await signIn.Links.RedeemAsync(token, CancellationToken.None) is not { } target)
            Return(context, LoginTrouble.Link, form);
        else
            await EnterAsync(context, OwnerOf(target), form);
    }

    /// <summary>The first admin names himself and sets his password.</summary>
    async Task MakeFirstAsync(HttpContext context, IFormCollection form, string token, string typed)
    {
        if (!UserDirectory.TryReadName(typed, out var name, out _))
        {
            Return(context, LoginTrouble.Name, form, token);
            return;
        }
        if (!Passwords.TryPrepare(form["password"].ToString(), out var octets, out _))
        {
            Return(context, LoginTrouble.Password, form, token);
            return;
        }
        if (await signIn.Passwords.CreateAsync(octets) is not { } verifier)
        {
            await BusyAsync(context);
            return;
        }
        // From here on it is done, whether he hangs up or not.
        if (await signIn.Links.RedeemAsync(token, CancellationToken.None) is not LinkTarget.First
            || await signIn.Users.AddFirstAsync(name, verifier, CancellationToken.None) != UserChange.Done
            || !signIn.Users.TryFind(name, out var user))
            Return(context, LoginTrouble.Link, form);
        else
            await EnterAsync(context, new SessionOwner.OfUser(user.Name, user.Generation), form);
    }

    static SessionOwner OwnerOf(LinkTarget target) => target switch
    {
        LinkTarget.First => new SessionOwner.First(),
        LinkTarget.ForUser { User: var user } => new SessionOwner.OfUser(user.Name, user.Generation),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    async Task LogoutAsync(HttpContext context)
    {
        Protect(context);
        var form = await PageForm.ReadAsync(context);
        if (signIn.Find(context) is { } access)
        {
            if (!signIn.IsOurPost(context, form, access))
            {
                await StopAsync(context, StatusCodes.Status403Forbidden, LoginTrouble.Form);
                return;
            }
            await signIn.EndAsync(context, access);
        }
        Lead(context, "/login");
    }

    async Task EnterAsync(HttpContext context, SessionOwner owner, IFormCollection form)
    {
        await signIn.StartAsync(context, owner);
        Lead(context, ReturnPath.Of(form["return"].ToString()));
    }

    Task RefuseAsync(HttpContext context, TimeSpan wait)
    {
        context.Response.Headers.RetryAfter =
            Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return StopAsync(context, StatusCodes.Status429TooManyRequests, LoginTrouble.Throttled);
    }

    Task BusyAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "5";
        return StopAsync(context, StatusCodes.Status503ServiceUnavailable, LoginTrouble.Busy);
    }

    Task StopAsync(HttpContext context, int status, LoginTrouble trouble)
    {
        context.Response.StatusCode = status;
        return Explain(context, trouble);
    }

    /// <summary>Back to the page.</summary>
    /// <param name="token">Of a link that is not used up. Null: there is none.</param>
    static void Return(
        HttpContext context, LoginTrouble trouble, IFormCollection form, string? token = null)
    {
        var to = $"/login?trouble={trouble.ToString().ToLowerInvariant()}";
        if (token is not null)
            to += $"&token={token}";
        if (ReturnPath.Of(form["return"].ToString()) is { Length: > 1 } back)
            to += $"&return={Uri.EscapeDataString(back)}";
        Lead(context, to);
    }

    internal static void Lead(HttpContext context, string to)
    {
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.ContentType = "text/plain";
        context.Response.Headers.Location = to;
    }

    /// <summary>Every answer here is of this moment, and an address with a token in it is told to
    /// nobody.</summary>
    internal static void Protect(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["Referrer-Policy"] = "same-origin";
        context.Response.Headers.XContentTypeOptions = "nosniff";
    }

    internal static Task SayAsync(HttpContext context, LoginTrouble trouble)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(
            $"not signed in: {trouble.ToString().ToLowerInvariant()}\n", context.RequestAborted);
    }

    /// <summary>A stranger may type anything.</summary>
    static string Shown(string typed) =>
        Output.Clean(typed[..Math.Min(typed.Length, UserDirectory.NameCharactersMax)]);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Signing in to the dashboard failed: {User} from {Client}")]
    partial void LogWrong(string user, string client);
}

/// <summary>Why somebody is not signed in; in small letters it is what the login page is asked to
/// explain.</summary>
enum LoginTrouble
{
    /// <summary>Name or password.</summary>
    Wrong,

    /// <summary>Too many failed; with 429.</summary>
    Throttled,

    /// <summary>Too many sign in at this moment; with 503.</summary>
    Busy,

    /// <summary>It was used, has ended, or never was.</summary>
    Link,

    /// <summary>The first admin cannot be called so.</summary>
    Name,

    /// <summary>The first admin's is too short, or too long.</summary>
    Password,

    /// <summary>It came from elsewhere, or from a page that is too old; with 403.</summary>
    Form,

    /// <summary>The provider did not say who it is.</summary>
    Oidc,

    /// <summary>It did, and nobody gave him a role; with 403.</summary>
    Role,
}
