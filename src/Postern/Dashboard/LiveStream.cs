using System.Globalization;
using Postern.Mta;

namespace Postern.Dashboard;

/// <summary>Tells open pages that something changed, as server-sent events; what it is they fetch
/// themselves.</summary>
/// <remarks>One look a second for all of them, and none while nobody listens. A page that nothing happens to
/// costs nothing.</remarks>
/// <param name="stopping">The server ends, which waits for what is being answered.</param>
sealed class LiveStream(
    MailTransferAgent agent, Pulse pulse, TimeProvider clock, CancellationToken stopping)
{
    /// <summary>Beside the connections of http there must be room for requests.</summary>
    const int ListenersMax = 32;

    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Proxies and dead peers: a line at least so often.</summary>
    const int QuietLooksMax = 20;

    int listeners;

    /// <param name="isOver">The session has ended: so does the stream.</param>
    public async Task RunAsync(HttpContext context, Func<bool> isOver)
    {
        if (Interlocked.Increment(ref listeners) > ListenersMax)
        {
            Interlocked.Decrement(ref listeners);
            context.Response.StatusCode = 503;
            context.Response.Headers.RetryAfter = "60";
            return;
        }
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            await TellAsync(context, isOver, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The page was left, or its browser comes back to the next process.
        }
        finally
        {
            Interlocked.Decrement(ref listeners);
        }
    }

    async Task TellAsync(HttpContext context, Func<bool> isOver, CancellationToken cancel)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync("retry: 2000\n\n", cancel);
        await context.Response.Body.FlushAsync(cancel);
        using var timer = new PeriodicTimer(LookEvery, clock);
        var (last, quiet) = (SeenBy(context.Request), 0);
        while (!isOver() && await timer.WaitForNextTickAsync(cancel))
        {
            var now = LiveState.Of(agent, pulse).ToString();
            if (now == last && ++quiet < QuietLooksMax)
                continue;
            await context.Response.WriteAsync(
                now == last ? ":\n\n" : $"id: {now}\ndata: changed\n\n", cancel);
            await context.Response.Body.FlushAsync(cancel);
            (last, quiet) = (now, 0);
        }
    }

    /// <summary>What the page was made from, or what its browser was last told: what happened since then it
    /// does not show yet.</summary>
    string SeenBy(HttpRequest request) =>
        request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } told ? told
        : request.Query["seen"].ToString() is { Length: > 0 } seen ? seen
        : LiveState.Of(agent, pulse).ToString();
}

/// <summary>Two that are equal: nothing that pages show has changed, as far as is known.</summary>
/// <param name="Waiting">Recipients that wait or are held, as last counted.</param>
/// <param name="Moved">In the last minute, by the beats of the pulse, which come after the counts.</param>
/// <param name="Indexed">Of the last event the index knows, as ticks: what operators and providers do has
/// one.</param>
readonly record struct LiveState(
    long Accepted, long Attempted, int Alarms, long Waiting, long Moved, long Indexed)
{
    public static LiveState Of(MailTransferAgent agent, Pulse pulse)
    {
        var totals = agent.Metrics.Totals;
        return new LiveState(
            totals.Accepted.Value,
            totals.Relayed.Value + totals.Deferred.Value + totals.Failed.Value,
            agent.Alarms.Count,
            agent.Waiting.Sum(lane => (long)lane.Recipients) + agent.Held.Sum(),
            pulse.LastMinute,
            agent.Index?.Progress.IndexedTo?.Ticks ?? 0);
    }

    /// <summary>In short, for a page to hand back.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Accepted}.{Attempted}.{Alarms}.{Waiting}.{Moved}.{Indexed}");
}
