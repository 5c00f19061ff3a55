using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp.Server;

namespace Postern.Mta.Webhooks;

/// <summary>Tells events to the addresses that webhooks name, until each has answered or its ladder is at an
/// end.</summary>
/// <remarks>
/// Law: events are read behind a cursor of the store; the deliveries they make due and the moved cursor are
/// one commit, and a delivery leaves the store when it was answered. So nothing is lost or passed over by a
/// crash; what was answered just before one may be told again, under the same id. Each address is a line of
/// its own, which is worked while something of it is due: a page in memory, a few tries at once; one that
/// does not answer holds up no other. Warnings: an address that stopped answering, a delivery that was
/// refused or given up. Paths of addresses may hold secrets, and are never logged.
/// </remarks>
sealed partial class WebhookSender(
    WebhookTable hooks, WebhookKey key, WebhookPost post, MessageQueue queue, IMailStore store,
    TimeProvider clock, ILogger log) : IDisposable
{
    /// <summary>Tries under way, to all addresses together.</summary>
    public const int ConnectionsMax = 64;

    const int PerUrlMax = 4;
    const int DeliveriesPerPage = 32;
    const int EventsPerPage = 500;
    const int TextCharactersMax = 200;

    /// <summary>Pages of events in one round: deliveries go on between them.</summary>
    const int EventPagesMax = 20;

    /// <summary>Events nobody wants move the stored cursor only so often.</summary>
    const int CursorStep = 10_000;

    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    readonly ObjectTable<WebhookDelivery> deliveries =
        new(store, "webhook-delivery", WebhookJson.Default.WebhookDelivery);

    readonly SemaphoreSlim connections = new(ConnectionsMax);

    /// <summary>Lines that are being worked, by what their names begin with.</summary>
    readonly ConcurrentDictionary<string, Task> lines = new(StringComparer.Ordinal);

    /// <summary>Lines whose last try was not taken.</summary>
    readonly ConcurrentDictionary<string, bool> troubled = new(StringComparer.Ordinal);

    /// <summary>Events up to here were read in this process; the stored cursor may lag behind.</summary>
    long readTo;

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(LookEvery, clock);
        try
        {
            do
                await RoundAsync(cancel);
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The agent is stopping.
        }
        await RestAsync();
    }

    /// <summary>Reads what has happened, and starts the lines in which something is due.</summary>
    internal async ValueTask RoundAsync(CancellationToken cancel)
    {
        try
        {
            for (var page = 0; page < EventPagesMax; page++)
            {
                var plan = await queue.ChangeObjectsAsync(changes => PlanAsync(changes, cancel), cancel);
                readTo = plan.ReadTo;
                if (!plan.HasMore)
                    break;
            }
            await StartLinesAsync(cancel);
        }
        catch (Exception failed) when (failed is StoreException or JsonException)
        {
            LogRoundFailed(failed);
        }
    }

    /// <summary>Completes when no line is being worked.</summary>
    internal Task RestAsync() => Task.WhenAll(lines.Values);

    public void Dispose() => connections.Dispose();

    /// <summary>The deliveries that the next events make due, and the cursor behind them.</summary>
    async ValueTask<Plan> PlanAsync(ICollection<ObjectChange> changes, CancellationToken cancel)
    {
        if (await hooks.ReadCursorAsync(cancel) is not { } written)
            return new Plan(0, HasMore: false);
        var at = Math.Max(written, readTo);
        var events = await store.ReadEventsAfterAsync(at, EventsPerPage, cancel);
        if (events.Count == 0)
            return new Plan(at, HasMore: false);
        var set = await hooks.ReadAsync(cancel);
        if (set.IsEmpty)
        {
            // The next webhook begins where events are by then.
            changes.Add(WebhookTable.RemoveCursor());
            return new Plan(0, HasMore: false);
        }
        var now = clock.GetUtcNow();
        foreach (var stored in events)
        {
            foreach (var delivery in DeliveriesOf(stored, set))
                changes.Add(deliveries.Put(delivery.NameAt(now), delivery));
        }
        var last = events[^1].Seq;
        if (changes.Count > 0 || last - written >= CursorStep)
            changes.Add(WebhookTable.PutCursor(last));
        return new Plan(last, HasMore: events.Count == EventsPerPage);
    }

    static IEnumerable<WebhookDelivery> DeliveriesOf(StoredEvent stored, WebhookSet set)
    {
        if (PublicEvents.DomainOf(stored.Event) is not { Length: > 0 } domain
            || PublicEvents.Find(stored) is not { } told || WebhookTypes.Of(told.Event) is not { } type)
            return [];
        return set.UrlsOf(domain, type).Select(
            url => new WebhookDelivery(url, domain, type, stored.Seq, Attempts: 0));
    }

    /// <summary>The first name of each line tells when it falls due.</summary>
    async ValueTask StartLinesAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        string? after = null;
        while (await deliveries.ListAsync("", 1, range => range with { After = after }, cancel)
            is [var first, ..])
        {
            var line = WebhookDelivery.PrefixOf(first.Name);
            if (WebhookDelivery.DueOf(first.Name) <= now && lines.TryAdd(line, Task.CompletedTask))
            {
                var work = Task.Run(() => WorkAsync(line, cancel), CancellationToken.None);
                // It may have ended already, and taken itself out.
                lines.TryUpdate(line, work, Task.CompletedTask);
            }
            after = line + ObjectRange.End;
        }
    }

    /// <summary>Page by page, until nothing of the line is due.</summary>
    async Task WorkAsync(string line, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                var now = clock.GetUtcNow();
                var page = await deliveries.ListAsync(line, DeliveriesPerPage, null, cancel);
                var due = page.Where(one => WebhookDelivery.DueOf(one.Name) <= now).ToArray();
                if (due.Length == 0)
                    return;
                var set = await hooks.ReadAsync(cancel);
                var signing = await key.ReadAsync(cancel);
                var together = new ParallelOptions
                {
                    MaxDegreeOfParallelism = PerUrlMax,
                    CancellationToken = cancel,
                };
                await Parallel.ForEachAsync(due, together, (one, stop) => TryAsync(one, set, signing, stop));
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // What has no answer yet is told again after the start.
        }
        catch (Exception failed) when (failed is StoreException or JsonException)
        {
            LogRoundFailed(failed);
        }
        finally
        {
            lines.TryRemove(line, out _);
        }
    }

    async ValueTask TryAsync(
        Named<WebhookDelivery> one, WebhookSet set, string signing, CancellationToken cancel)
    {
        var delivery = one.Value;
        var answer = await FindAsync(delivery, set, cancel) is { } told
            ? await SendAsync(delivery.Url, told, signing, cancel) : new WebhookAnswer.Taken();
        var host = new Uri(delivery.Url).Authority;
        var line = WebhookDelivery.PrefixOf(one.Name);
        switch (answer)
        {
            case WebhookAnswer.Taken:
                troubled.TryRemove(line, out _);
                await queue.PutObjectAsync(deliveries.Remove(one.Name));
                break;
            case WebhookAnswer.Dropped:
                troubled.TryRemove(line, out _);
                LogDropped(host, delivery.Type, EventJson.IdOf(node: 0, delivery.Event));
                await queue.PutObjectAsync(deliveries.Remove(one.Name));
                break;
            case WebhookAnswer.Untaken { Text: var said }:
                var text = Replies.Clean(said, TextCharactersMax);
                if (troubled.TryAdd(line, true))
                    LogTrouble(host, text);
                await PutOffAsync(one, host, text);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>The event as it is to be told. Null: nobody wants it any more, or it is older than what the
    /// log keeps.</summary>
    async ValueTask<StoredEvent?> FindAsync(
        WebhookDelivery delivery, WebhookSet set, CancellationToken cancel)
    {
        if (!set.UrlsOf(delivery.Domain, delivery.Type).Contains(delivery.Url))
            return null;
        var found = await store.ReadEventsAfterAsync(delivery.Event - 1, 1, cancel);
        return found is [var stored] && stored.Seq == delivery.Event ? PublicEvents.Find(stored) : null;
    }

    async ValueTask<WebhookAnswer> SendAsync(
        string url, StoredEvent told, string signing, CancellationToken cancel)
    {
        await connections.WaitAsync(cancel);
        try
        {
            return await post.SendAsync(url, told, signing, cancel);
        }
        finally
        {
            connections.Release();
        }
    }

    async ValueTask PutOffAsync(Named<WebhookDelivery> one, string host, string text)
    {
        var next = one.Value with { Attempts = one.Value.Attempts + 1 };
        var changes = new List<ObjectChange> { deliveries.Remove(one.Name) };
        if (RetrySchedule.WebhookDelayAfter(next.Attempts) is { } delay)
            changes.Add(deliveries.Put(next.NameAt(clock.GetUtcNow() + delay), next));
        else
            LogGivenUp(host, next.Type, EventJson.IdOf(node: 0, next.Event), next.Attempts, text);
        await queue.PutObjectsAsync(changes);
    }

    /// <param name="ReadTo">Events up to here are planned for.</param>
    readonly record struct Plan(long ReadTo, bool HasMore);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhooks could not be stored or read")]
    partial void LogRoundFailed(Exception failed);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhooks of {Host} are not taken: {Text}")]
    partial void LogTrouble(string host, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhook of {Host} refused {Type} {EventId}: 406")]
    partial void LogDropped(string host, string type, string eventId);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Webhook of {Host} is given up: {Type} {EventId} after {Attempts} attempts, {Text}")]
    partial void LogGivenUp(string host, string type, string eventId, int attempts, string text);
}
