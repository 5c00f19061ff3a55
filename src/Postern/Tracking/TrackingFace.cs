using System.Diagnostics.CodeAnalysis;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Mta.Tracking;

namespace Postern.Tracking;

/// <summary>Where links of ours in mail lead: <c>/o/</c> tells that it was opened, <c>/c/</c> that a link of
/// it was followed, <c>/u/</c> unsubscribes.</summary>
/// <remarks>
/// What a link means stands in its token, which only we can make: nothing else is redirected to. A reader
/// gets his picture and his page whatever becomes of the event; only who unsubscribes is told when that could
/// not be stored. HEAD and what a browser fetches ahead record nothing.
/// </remarks>
sealed partial class TrackingFace(MailTransferAgent agent, ILogger log)
{
    static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];
    static readonly string[] Roots = ["/o", "/c", "/u"];

    /// <summary>1 by 1, transparent.</summary>
    static readonly byte[] Pixel = Convert.FromBase64String(
        "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");

    /// <summary>The path is one of a link, be it a good one or not.</summary>
    public static bool Holds(PathString path) => Roots.Any(root => path.StartsWithSegments(root));

    public void Map(IEndpointRouteBuilder web)
    {
        web.MapMethods("/o/{token}", Reading, ShowPixelAsync);
        web.MapMethods("/c/{token}", Reading, FollowAsync);
        web.MapMethods("/u/{token}", Reading, AskAsync);
        web.MapPost("/u/{token}", UnsubscribeAsync);
    }

    async Task ShowPixelAsync(HttpContext context)
    {
        if (!TryRead(context, out var token) || token.Kind != TrackingKind.Open)
        {
            await TrackingPage.SayAsync(context, StatusCodes.Status404NotFound, PageText.NoLink);
            return;
        }
        await RecordAsync(context, token, EventKind.Opened, url: null);
        context.Response.ContentType = "image/gif";
        context.Response.ContentLength = Pixel.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(Pixel, context.RequestAborted);
    }

    async Task FollowAsync(HttpContext context)
    {
        if (!TryRead(context, out var token) || token.Kind != TrackingKind.Click
            || !LinkTarget.IsOne(token.Text))
        {
            await TrackingPage.SayAsync(context, StatusCodes.Status404NotFound, PageText.NoLink);
            return;
        }
        await RecordAsync(context, token, EventKind.Clicked, token.Text);
        context.Response.StatusCode = StatusCodes.Status302Found;
        context.Response.ContentType = "text/plain";
        context.Response.Headers.Location = LinkTarget.LocationOf(token.Text);
    }

    Task AskAsync(HttpContext context) => TryReadSubscriber(context, out var token)
        ? TrackingPage.AskAsync(context, PageText.Ask, Subscriber.Parse(token.Text).Address)
        : TrackingPage.SayAsync(context, StatusCodes.Status404NotFound, PageText.NoLink);

    /// <summary>The button, or a mail program's one click; the body says nothing that the address does
    /// not.</summary>
    // RFC 8058 §3.2: no redirect, no cookies, no question.
    async Task UnsubscribeAsync(HttpContext context)
    {
        if (!TryReadSubscriber(context, out var token))
        {
            await TrackingPage.SayAsync(context, StatusCodes.Status404NotFound, PageText.NoLink);
            return;
        }
        try
        {
            // Also of one who has hung up: he has said it.
            await agent.Queue.UnsubscribeAsync(
                token, ClientInfo.DetailsOf(context, url: null), CancellationToken.None);
        }
        catch (StoreException)
        {
            await TrackingPage.SayAsync(context, StatusCodes.Status503ServiceUnavailable, PageText.Later);
            return;
        }
        await TrackingPage.SayAsync(
            context, StatusCodes.Status200OK, PageText.Done, Subscriber.Parse(token.Text).Address);
    }

    bool TryReadSubscriber(HttpContext context, [NotNullWhen(true)] out TrackingToken? token) =>
        TryRead(context, out token)
        && token.Kind is TrackingKind.Unsubscribe or TrackingKind.UnsubscribeTags;

    /// <summary>Every answer here is of this reader and this moment alone, and nobody is told where he came
    /// from.</summary>
    bool TryRead(HttpContext context, [NotNullWhen(true)] out TrackingToken? token)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers["Referrer-Policy"] = "no-referrer";
        headers.XContentTypeOptions = "nosniff";
        headers["X-Robots-Tag"] = "noindex";
        token = null;
        return agent.TrackingTokens is { } tokens
            && tokens.TryRead((string)context.GetRouteValue("token")!, out token);
    }

    async ValueTask RecordAsync(HttpContext context, TrackingToken token, EventKind kind, string? url)
    {
        if (HttpMethods.IsHead(context.Request.Method) || IsAhead(context.Request.Headers))
            return;
        try
        {
            await agent.Queue.TellReactionAsync(
                token, kind, ClientInfo.DetailsOf(context, url), context.RequestAborted);
        }
        catch (StoreException failed)
        {
            LogLost(EventNames.Of(kind), token.Message.ToString(), failed.Message);
        }
    }

    /// <summary>A browser fetches it before anybody has followed it.</summary>
    static bool IsAhead(IHeaderDictionary headers) =>
        ((string[])["Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"]).Any(name =>
            headers[name].ToString().Contains("prefetch", StringComparison.OrdinalIgnoreCase));

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Event} of {QueueId} is not recorded: {Text}")]
    partial void LogLost(string @event, string queueId, string text);
}
