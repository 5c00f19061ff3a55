using System.Net;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Postern.Dashboard.Mail;
using Postern.Dashboard.Pages;

namespace Postern.Dashboard;

/// <summary>The pages, at the root of the listeners that serve the dashboard.</summary>
/// <remarks>
/// Law of the dashboard: a GET reads, from the store's read side, and changes nothing; a POST is one call of
/// the admin API, in the name of who signed in, and only from a form of ours. Every page is whole without
/// script. Whatever a peer said is text.
/// </remarks>
sealed class DashboardFace(DashboardParts parts, SignIn signIn, Acts acts, IServiceProvider services)
{
    readonly LiveStream live = new(
        parts.Agent, parts.Pulse, parts.Clock,
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
    readonly ILoggerFactory logs = services.GetRequiredService<ILoggerFactory>();

    /// <summary>What stands beside the endpoints of this face: the guard asks for it.</summary>
    public sealed record Mark;

    public void Map(WebApplication web)
    {
        foreach (var asset in Asset.All)
            Open(web.MapGet(asset.Path, asset.SendAsync));
        Page<OverviewPage>(web, "/");
        Page<MessagesPage>(web, "/messages");
        Page<MessagePage>(web, "/messages/{id}");
        Page<MessageContentPage>(web, "/messages/{id}/content");
        Page<QueuePage>(web, "/queue");
        Page<QueueActPage>(web, "/queue/act");
        Page<QueueWhyPage>(web, "/queue/{id}/why");
        Page<TransportsPage>(web, "/transports");
        Page<TransportPage>(web, "/transports/{name}");
        Page<RoutesPage>(web, "/routes");
        Page<InboundPage>(web, "/inbound");
        Page<InboundReplayPage>(web, "/inbound/replay");
        Page<SuppressionsPage>(web, "/suppressions");
        Page<SuppressionRemovePage>(web, "/suppressions/remove");
        Behind(web, SuppressionsCsv.Path, visit => SuppressionsCsv.SendAsync(visit.Http, parts.Agent));
        Page<DomainsPage>(web, "/domains");
        Page<AccountRemovePage>(web, "/domains/remove-account");
        Page<SettingsPage>(web, "/settings");
        Page<AuditPage>(web, "/audit");
        Page<UsersPage>(web, "/users");
        Page<UserPage>(web, "/users/{name}");
        Page<SandboxListPage>(web, "/sandbox");
        Page<SandboxMailPage>(web, "/sandbox/{number}");
        foreach (var (path, answer) in MailAnswers.All)
            Behind(web, path, answer);
        Open(web.MapGet("/login", ShowLoginAsync));
        Open(web.MapGet("/live", LiveAsync));
        Open(web.MapPost("/act", ActAsync));
        var stopping = web.Lifetime.ApplicationStopping;
        web.Lifetime.ApplicationStarted.Register(() => _ = parts.Pulse.RunAsync(stopping));
        stopping.Register(acts.Dispose);
    }

    void Page<TPage>(WebApplication web, string path) where TPage : DashboardPage =>
        Behind(web, path, RenderAsync<TPage>);

    /// <summary>Who is not signed in is led to the login, and back from there.</summary>
    void Behind(WebApplication web, string path, Func<Visit, Task> answer) =>
        Open(web.MapGet(path, context =>
        {
            if (signIn.Find(context) is { } access)
                return answer(new Visit(context, parts, access));
            Protect(context.Response);
            return LeadInAsync(context);
        }));

    /// <summary>To the login. Who followed a link on another site is asked once more, from here: a browser
    /// sends the cookie only then.</summary>
    static Task LeadInAsync(HttpContext context)
    {
        var here = context.Request.Path + context.Request.QueryString;
        if (context.Request.Headers["Sec-Fetch-Site"].ToString() == "cross-site")
            return context.Response.WriteAsync(
                "<!doctype html><title>Postern</title>"
                + $"<meta http-equiv=\"refresh\" content=\"0;url={WebUtility.HtmlEncode(here)}\">",
                context.RequestAborted);
        LoginEndpoints.Lead(context, here == "/" ? "/login" : $"/login?return={Uri.EscapeDataString(here)}");
        return Task.CompletedTask;
    }

    static void Open(IEndpointConventionBuilder endpoint) => endpoint.WithMetadata(new Mark());

    async Task ShowLoginAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var token = query["token"].ToString();
        if (token.Length == 0 && signIn.Find(context) is not null)
        {
            LoginEndpoints.Lead(context, ReturnPath.Of(query["return"].ToString()));
            return;
        }
        LoginTrouble? trouble = Enum.TryParse<LoginTrouble>(query["trouble"], ignoreCase: true, out var why)
            && Enum.IsDefined(why) ? why : null;
        await ShowLoginAsync(context, token, trouble);
    }

    /// <summary>The login page with what went wrong; the status is set.</summary>
    public Task ExplainAsync(HttpContext context, LoginTrouble trouble) =>
        ShowLoginAsync(context, token: "", trouble);

    async Task ShowLoginAsync(HttpContext context, string token, LoginTrouble? trouble)
    {
        var isFirst = token.Length > 0
            && await signIn.Links.FindAsync(token, context.RequestAborted) is LinkTarget.First;
        await RenderAsync<LoginPage>(new Visit(context, parts, access: null)
        {
            Login = new LoginForm(signIn.PrepareLoginForm(context), token, isFirst, trouble),
        });
    }

    async Task RenderAsync<TPage>(Visit visit) where TPage : DashboardPage
    {
        var (answer, cancel) = (visit.Http.Response, visit.Cancel);
        Protect(answer);
        visit.Begin();
        await using var renderer = new HtmlRenderer(services, logs);
        await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var page = await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(
                new Dictionary<string, object?> { [nameof(DashboardPage.Visit)] = visit }));
            await using var text = new Utf8Writer(answer.BodyWriter);
            page.WriteHtmlTo(text);
        });
        await answer.BodyWriter.FlushAsync(cancel);
    }

    /// <summary>Only to pages of ours: another site's script cannot listen.</summary>
    Task LiveAsync(HttpContext context)
    {
        if (signIn.Find(context) is not null
            && context.Request.Headers["Sec-Fetch-Site"].ToString() is "" or "same-origin")
            return live.RunAsync(context, () => signIn.Find(context) is null);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    async Task ActAsync(HttpContext context)
    {
        var form = await PageForm.ReadAsync(context);
        if (signIn.Find(context) is not { } access || !signIn.IsOurPost(context, form, access))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            await ExplainAsync(context, LoginTrouble.Form);
            return;
        }
        if (!Acts.MayDo(access.Role, form!["call"].ToString()))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            await RenderAsync<NotAllowedPage>(new Visit(context, parts, access));
            return;
        }
        var notice = await acts.DoAsync(access, form);
        notice.Leave(context, signIn.Origins);
        LoginEndpoints.Lead(context, ReturnPath.Of(form["back"].ToString()));
    }

    /// <summary>Nothing but our own style, script and pictures; nobody frames a page; no address of ours goes
    /// along to another site.</summary>
    internal static void Protect(HttpResponse response)
    {
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            + "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        response.Headers.CacheControl = "no-store";
    }
}
