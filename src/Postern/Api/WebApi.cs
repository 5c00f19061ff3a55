using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Api;

/// <summary>Everything Postern answers over HTTP: health, metrics, the admin API, and
/// <c>deliver</c>.</summary>
/// <param name="origin">Where links to the dashboard lead. Null: no listener serves it.</param>
/// <remarks>Each request is asked first which door it came through; a face that is not served there is a
/// 404.</remarks>
sealed partial class WebApi(
    MailTransferAgent agent, ISessionPolicy deliverPolicy, Dashboard.SignIn signIn, Func<string?> origin,
    Func<PosternOptions> reread, SandboxMail? sandbox, TimeProvider clock, ILogger log)
{
    const int PageMax = 1000;

    readonly byte[] token = Encoding.ASCII.GetBytes(
        PrivateFile.ReadOrMakeToken(Path.Combine(agent.Options.Data, "admin.token")));

    readonly EventReader reader = new(agent.Store);

    public void Map(WebApplication web)
    {
        web.Use(AnswerTroubleAsync);
        web.Use(GuardAsync);
        web.Use(NoteWhatIsDoneAsync);
        web.MapGet("/health/live", context => TextAsync(context, 200, "live"));
        web.MapGet("/health/ready", context => agent.Store.Health == StoreHealth.Accepting
            ? TextAsync(context, 200, "ready")
            : TextAsync(context, 503, $"not accepting mail: {agent.Store.Health}"));
        web.MapPrometheusScrapingEndpoint();
        web.MapPost("/deliver", DeliverAsync);
        MapQueue(web);
        web.MapGet("/admin/v1/lanes", context =>
            AnswerAsync(context, new LanePage(agent.Lanes()), AdminJson.Default.LanePage));
        web.MapGet("/admin/v1/alarms",
            context => AnswerAsync(context, new AlarmPage(agent.Alarms.Raised), AdminJson.Default.AlarmPage));
        web.MapGet("/admin/v1/events", EventsAsync);
        web.MapGet("/admin/v1/search", SearchAsync);
        web.MapGet("/admin/v1/messages", FindMessagesAsync);
        web.MapGet("/admin/v1/messages/{id}", ShowMessageAsync);
        web.MapGet("/admin/v1/route", RouteAsync);
        web.MapGet("/admin/v1/config", context => AnswerAsync(
            context, new ConfigurationText(
                ConfigurationPrinter.Print(agent.Options)), AdminJson.Default.ConfigurationText));
        web.MapPost("/admin/v1/reload", ReloadAsync);
        MapAccounts(web);
        MapUsers(web);
        MapSuppressions(web);
        MapAnonymise(web);
        web.MapGet("/admin/v1/openapi.json", OpenApiAsync);
        new Mailgun.MailgunFace(agent, clock, log).Map(web);
        new Hooks.ProviderHooks(agent, clock).Map(web);
        new Tracking.TrackingFace(agent, log).Map(web);
        web.MapMethods(
            $"{Mta.Transports.Claims.ClaimLinks.Root}/{{name}}", [HttpMethods.Get, HttpMethods.Head],
            FetchClaimAsync);
        if (sandbox is not null)
            MapSandbox(web);
        MapDashboard(web);
    }

    /// <summary>What goes wrong inside is a JSON answer like every other, never a stack trace. Whatever the
    /// answer is, a browser runs nothing of it and no page frames it, unless its endpoint says what it
    /// needs.</summary>
    async Task AnswerTroubleAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            await next(context);
            await AnswerEmptyAsync(context);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await ErrorAsync(context, e.StatusCode, e.Message, null);
        }
        catch (StoreException e) when (!context.Response.HasStarted)
        {
            await ErrorAsync(
                context, 503, $"the store takes no change now: {e.Message}", "see the log and the alarms");
        }
        catch (Exception e) when (
            !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            LogUnforeseen(e, context.Request.Method, context.GetEndpoint()?.DisplayName);
            await ErrorAsync(context, 500, "Internal Server Error", "see the log");
        }
    }

    /// <summary>No endpoint took it, whatever is at its path: which one does is the framework's to
    /// know.</summary>
    static Task AnswerEmptyAsync(HttpContext context) => context.Response switch
    {
        { HasStarted: true } or { ContentType: not null } => Task.CompletedTask,
        { StatusCode: 404 } => ErrorAsync(
            context, 404, "there is nothing at this path", "see /admin/v1/openapi.json"),
        { StatusCode: 405, Headers.Allow: var allowed } => ErrorAsync(
            context, 405, "Method Not Allowed", $"this path takes {allowed}"),
        _ => Task.CompletedTask,
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "A request of {Endpoint} by {Method} failed")]
    partial void LogUnforeseen(Exception e, string method, string? endpoint);

    static async Task OpenApiAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        await using var document = typeof(WebApi).Assembly.GetManifestResourceStream("openapi.json")!;
        await document.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    /// <summary>Which face, through which door, with what right.</summary>
    Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        var door = HttpDoor.Of(context);
        var path = context.Request.Path;
        if (path.StartsWithSegments("/deliver"))
            return !door.IsDeliver
                ? ErrorAsync(context, 404, "deliver is taken on deliver.sock alone", null)
                : door.Refusal is { } refusal ? RefuseDeliverAsync(context, refusal) : next(context);
        if (door.IsDeliver)
            return ErrorAsync(context, 404, "this socket takes deliver alone", null);
        if (path.StartsWithSegments("/hooks"))
            return door.Serves.Contains(HttpFace.Hooks) ? next(context) : ErrorAsync(
                context, 404, "hooks are not served on this listener", "add \"hooks\" to its serves");
        // Links lead to whatever names they were given; nothing at them is worth a trick.
        if (Tracking.TrackingFace.Holds(path))
            return door.Serves.Contains(HttpFace.Tracking) ? next(context) : ErrorAsync(
                context, 404, "links are not served on this listener", "add \"tracking\" to its serves");
        if (path.StartsWithSegments(Mta.Transports.Claims.ClaimLinks.Root))
            return door.Serves.Contains(HttpFace.Claims) ? next(context) : ErrorAsync(
                context, 404, "claims are not served on this listener", "add \"claims\" to its serves");
        // A page of another origin that was tricked into our loopback address names another host (DNS
        // rebinding).
        if (!door.IsLocal && !IsOurHost(context))
            return ErrorAsync(
                context, 421, "this host name is not served here", "use the address of the listener");
        if (path.StartsWithSegments("/metrics") && !door.Serves.Contains(HttpFace.Metrics))
            return ErrorAsync(
                context, 404, "metrics are not served on this listener", "add \"metrics\" to its serves");
        if (Mailgun.MailgunFace.Holds(path) && !door.Serves.Contains(HttpFace.Api))
            return ErrorAsync(
                context, 404, "the API is not served on this listener", "add \"api\" to its serves");
        if (IsOfDashboard(context) && !ServesDashboard(context))
            return ErrorAsync(
                context, 404, "the dashboard is not served on this listener",
                "add \"dashboard\" to its serves");
        if (!path.StartsWithSegments("/admin"))
            return next(context);
        if (!door.Serves.Contains(HttpFace.Admin))
            return ErrorAsync(
                context, 404, "the admin API is not served on this listener", "add \"admin\" to its serves");
        return door.IsLocal || HasToken(context)
            ? next(context)
            : ErrorAsync(context, 401, "the admin API needs a bearer token",
                "send Authorization: Bearer with what admin.token in the data directory holds");
    }

    bool IsOurHost(HttpContext context)
    {
        var host = context.Request.Host.Host;
        return System.Net.IPAddress.TryParse(host.Trim('[', ']'), out _) || host == "localhost"
            || string.Equals(host, agent.Options.Hostname, StringComparison.OrdinalIgnoreCase)
            || (agent.Options.Dashboard.Url is { } url
                && string.Equals(host, new Uri(url).IdnHost, StringComparison.OrdinalIgnoreCase));
    }

    bool HasToken(HttpContext context)
    {
        const string scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        return header.StartsWith(scheme, StringComparison.Ordinal)
            && CryptographicOperations
                .FixedTimeEquals(Encoding.UTF8.GetBytes(header[scheme.Length..]), token);
    }

    Task RouteAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var from = query["from"].ToString();
        Mailbox? sender = null;
        if (from.Length > 0 && from != "<>" && !Mailbox.TryParse(from, out sender))
            return ErrorAsync(context, 400, "from is no address", "write user@domain or <>");
        if (!Mailbox.TryParse(query["to"].ToString(), out var to))
            return ErrorAsync(context, 400, "to is no address", "write user@domain");
        if (!Enum.TryParse<MailDoors>(
            query["door"].FirstOrDefault() ?? "submission", ignoreCase: true, out var door))
            return ErrorAsync(context, 400, "door is not known", "one of mx, submission, api, forward");
        var decision = agent.Explain(new RoutingQuestion(
            new ReversePath(sender), to, door, query["account"].FirstOrDefault(), query["listener"]
                .ToString()));
        var answer = decision switch
        {
            RoutingDecision.Via via =>
                new RouteAnswer("via", via.Route.Name, via.Transport, via.Lane, via.Why),
            RoutingDecision.Split split => new RouteAnswer(
                "all", split.Route.Name, string.Join(", ", split.Transports), null, split.Why),
            RoutingDecision.NoTransport none =>
                new RouteAnswer("no transport", null, none.Transport, null, none.Why),
            _ => new RouteAnswer("no route", null, null, null, decision.Why),
        };
        return AnswerAsync(context, answer, AdminJson.Default.RouteAnswer);
    }

    async Task ReloadAsync(HttpContext context)
    {
        PosternOptions options;
        try
        {
            options = reread();
        }
        catch (Cli.CommandException e)
        {
            await ErrorAsync(context, 422, e.Message, e.Mend ?? "mend the file; nothing was changed");
            return;
        }
        var needRestart = await agent.ReloadAsync(options, context.RequestAborted);
        await AnswerAsync(context, new ReloadAnswer(needRestart), AdminJson.Default.ReloadAnswer);
    }

    static int LimitOf(HttpContext context) =>
        int.TryParse(context.Request.Query["limit"], out var limit) ? Math.Clamp(limit, 1, PageMax) : 100;

    static async Task AnswerAsync<T>(HttpContext context, T answer, JsonTypeInfo<T> type)
    {
        OperatorNote.KeepCount(context, answer);
        await context.Response.WriteAsJsonAsync(answer, type, contentType: null, context.RequestAborted);
    }

    static async Task ErrorAsync(HttpContext context, int status, string message, string? mend)
    {
        context.Response.StatusCode = status;
        await AnswerAsync(context, new ErrorAnswer(message, mend), AdminJson.Default.ErrorAnswer);
    }

    static async Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }
}
