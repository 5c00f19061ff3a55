using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Postern.Interop.Peers;

/// <summary>A web site of somebody else: it serves whatever pages it is given, and writes down who
/// came.</summary>
sealed class OtherSite : IAsyncDisposable
{
    readonly WebApplication app;
    int pages;

    OtherSite(WebApplication app) => this.app = app;

    /// <summary>By their paths.</summary>
    public ConcurrentDictionary<string, SitePage> Pages { get; } = new();

    public ConcurrentQueue<SiteRequest> Requests { get; } = new();

    /// <summary>Another origin of the same site as a dashboard at 127.0.0.1: cookies go along.</summary>
    public Uri Near => At("127.0.0.1");

    /// <summary>Another site.</summary>
    public Uri Far => At("localhost");

    public static async Task<OtherSite> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var site = new OtherSite(app);
        app.Run(site.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return site;
    }

    /// <summary>Serves a page.</summary>
    /// <returns>Its path.</returns>
    public string Serve(string html, string? policy = null)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/page/{Interlocked.Increment(ref pages)}");
        Pages[path] = new SitePage(html, policy);
        return path;
    }

    Uri At(string host) =>
        new(string.Create(CultureInfo.InvariantCulture, $"http://{host}:{new Uri(app.Urls.First()).Port}/"));

    async Task AnswerAsync(HttpContext context)
    {
        Requests.Enqueue(new SiteRequest(context.Request.Path, context.Request.Headers.Referer));
        if (!Pages.TryGetValue(context.Request.Path, out var page))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        context.Response.ContentType = "text/html; charset=utf-8";
        if (page.Policy is { } policy)
            context.Response.Headers.ContentSecurityPolicy = policy;
        await context.Response.WriteAsync(page.Html, context.RequestAborted);
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}

/// <param name="Policy">Of the content. Null: none.</param>
sealed record SitePage(string Html, string? Policy);

/// <param name="Referrer">Null: it did not say.</param>
sealed record SiteRequest(string Path, string? Referrer);
