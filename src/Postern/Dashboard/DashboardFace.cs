using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Components;
using Postern.Dashboard.Pages;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>The pages, at the root of the listeners that serve the dashboard.</summary>
/// <remarks>
/// Law of the dashboard: a GET reads, from the store's read side, and changes nothing; a POST is one call of
/// the admin API, in the name of who signed in, and only from a form of ours. Every page is whole without
/// script. Whatever a peer said is text.
/// </remarks>
sealed class DashboardFace(DashboardParts parts, Acts acts, IServiceProvider services)
{
    readonly LiveStream live = new(parts.Agent, parts.Clock);
    readonly ILoggerFactory logs = services.GetRequiredService<ILoggerFactory>();

    /// <summary>What stands beside the pages of this face: the guard asks for it.</summary>
    public sealed record Mark(bool IsOpenToAll);

    public void Map(WebApplication web)
    {
        foreach (var asset in Asset.All)
            web.MapGet(asset.Path, asset.SendAsync).WithMetadata(new Mark(IsOpenToAll: true));
        Page<OverviewPage>(web, "/");
        Page<MessagePage>(web, "/messages/{id}");
        Page<InboundPage>(web, "/inbound");
        Page<InboundReplayPage>(web, "/inbound/replay");
        Page<SuppressionsPage>(web, "/suppressions");
        Page<SuppressionRemovePage>(web, "/suppressions/remove");
        web.MapGet(SuppressionsCsv.Path, context => SuppressionsCsv.SendAsync(context, parts.Agent))
            .WithMetadata(new Mark(IsOpenToAll: false));
        Page<DomainsPage>(web, "/domains");
        Page<AccountRemovePage>(web, "/domains/remove-account");
        Page<SettingsPage>(web, "/settings");
        Page<AuditPage>(web, "/audit");
        Page<UsersPage>(web, "/users");
        Page<UserPage>(web, "/users/{name}");
        web.MapGet("/live", LiveAsync).WithMetadata(new Mark(IsOpenToAll: false));
        web.MapPost("/act", ActAsync).WithMetadata(new Mark(IsOpenToAll: false));
        var stopping = web.Lifetime.ApplicationStopping;
        web.Lifetime.ApplicationStarted.Register(() => _ = parts.Pulse.RunAsync(stopping));
    }

    void Page<TPage>(WebApplication web, string path) where TPage : DashboardPage =>
        web.MapGet(path, ShowAsync<TPage>).WithMetadata(new Mark(IsOpenToAll: false));

    async Task ShowAsync<TPage>(HttpContext context) where TPage : DashboardPage
    {
        Protect(context.Response);
        var visit = new Visit(context, parts, Find(context));
        await using var renderer = new HtmlRenderer(services, logs);
        await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var page = await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(
                new Dictionary<string, object?> { [nameof(DashboardPage.Visit)] = visit }));
            await using var text = new Utf8Writer(context.Response.BodyWriter);
            page.WriteHtmlTo(text);
        });
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    static Access? Find(HttpContext context) =>
        new("me", OperatorRole.Admin, new Session("", new SessionOwner.First(), default, default, ""), "");

    Task LiveAsync(HttpContext context) => live.RunAsync(context, () => Find(context) is null);

    async Task ActAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var access = Find(context)!;
        var notice = Acts.MayDo(access.Role, form["call"].ToString())
            ? await acts.DoAsync(access, form, context.RequestAborted)
            : new Notice(IsGood: false);
        notice.Leave(context);
        context.Response.StatusCode = 303;
        context.Response.Headers.Location = form["back"].ToString();
    }

    /// <summary>Nothing but our own style, script and pictures; nobody frames a page; no address of ours goes
    /// along to another site.</summary>
    static void Protect(HttpResponse response)
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
