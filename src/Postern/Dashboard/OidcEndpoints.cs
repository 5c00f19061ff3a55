using System.Net;
using Postern.Cli;
using Postern.Mta;
using Postern.Smtp;

namespace Postern.Dashboard;

/// <summary>Signing in through the provider of <c>[dashboard.oidc]</c>: the authorization code flow with
/// PKCE, state and nonce.</summary>
/// <remarks>
/// Law: nothing of the callback counts before its state fits the cookie of this browser. The redirect URI is
/// the configured one, whatever host was asked.
/// </remarks>
sealed partial class OidcEndpoints(SignIn signIn, Func<DashboardOptions> options, ILogger log)
{
    const string Callback = "/login/oidc/callback";

    /// <summary>Of a code, a state, or the name of an error.</summary>
    const int CharactersMax = 4096;

    /// <summary>Of it in the log: an address fits.</summary>
    const int ShownCharactersMax = 254;

    /// <summary>As in <see cref="LoginEndpoints.Explain"/>.</summary>
    public Func<HttpContext, LoginTrouble, Task> Explain { get; init; } = LoginEndpoints.SayAsync;

    public void Map(IEndpointRouteBuilder web)
    {
        web.MapGet("/login/oidc", BeginAsync);
        web.MapGet(Callback, EndAsync);
    }

    async Task BeginAsync(HttpContext context)
    {
        LoginEndpoints.Protect(context);
        if (options() is not { Oidc: { Issuer: not null } oidc, Url: { } url })
        {
            LoginEndpoints.Lead(context, "/login");
            return;
        }
        var state = OidcState.Create(
            ReturnPath.Of(context.Request.Query["return"].ToString()), signIn.Clock.GetUtcNow());
        try
        {
            var place = await signIn.Provider.AddressAsync(
                oidc, url + Callback, state, context.RequestAborted);
            signIn.WriteOidc(context, state.Write());
            LoginEndpoints.Lead(context, place);
        }
        catch (OidcException e)
        {
            Refuse(context, e);
        }
    }

    async Task EndAsync(HttpContext context)
    {
        LoginEndpoints.Protect(context);
        var cookie = signIn.TakeOidc(context);
        if (options() is not { Oidc: { Issuer: { } issuer } oidc, Url: { } url })
        {
            LoginEndpoints.Lead(context, "/login");
            return;
        }
        try
        {
            if (!OidcState.TryRead(cookie, signIn.Clock.GetUtcNow(), out var state)
                || !state.IsAnsweredBy(Given(context, "state")))
                throw new OidcException("it is no answer to a login of this browser");
            if (Given(context, "error") is { Length: > 0 } error)
                throw new OidcException($"the provider says {Shown(error)}");
            if (Given(context, "iss") is { Length: > 0 } by && by != issuer)
                throw new OidcException("another provider answers");
            if (Given(context, "code") is not { Length: > 0 } code)
                throw new OidcException("there is no code in it");
            var address = await signIn.Provider.FindAddressAsync(
                oidc, url + Callback, state, code, context.RequestAborted);
            await EnterAsync(context, oidc, address, state.ReturnPath);
        }
        catch (OidcException e)
        {
            Refuse(context, e);
        }
    }

    async Task EnterAsync(HttpContext context, OidcOptions oidc, string? address, string returnPath)
    {
        if (address is null || !Mailbox.TryParse(address, out var mailbox)
            || Sessions.RoleOf(oidc, address) is null)
        {
            LogStranger(address is null ? "somebody without a verified address" : Shown(address));
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            await Explain(context, LoginTrouble.Role);
            return;
        }
        await signIn.StartAsync(context, new SessionOwner.OfProvider(mailbox.ToString()));
        // A redirect from the provider's page would leave the cookie, which is Strict, at home: this page is
        // ours, and what it leads to gets it.
        var to = WebUtility.HtmlEncode(returnPath);
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        await context.Response.WriteAsync(
            $"""
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Postern</title>
            <meta http-equiv="refresh" content="0;url={to}"><p><a href="{to}">Signed in</a></p></html>

            """,
            context.RequestAborted);
    }

    void Refuse(HttpContext context, OidcException e)
    {
        LogRefused(e.Message);
        LoginEndpoints.Lead(context, "/login?trouble=oidc");
    }

    /// <summary>The provider may say anything, and so may who stands in its place.</summary>
    static string Shown(string text) => Output.Clean(text[..Math.Min(text.Length, ShownCharactersMax)]);

    static string Given(HttpContext context, string name) =>
        context.Request.Query[name].ToString() is { Length: <= CharactersMax } value ? value : "";

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Signing in through the provider failed: {Text}")]
    partial void LogRefused(string text);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The provider knows {Address}, to whom no list gives a role")]
    partial void LogStranger(string address);
}
