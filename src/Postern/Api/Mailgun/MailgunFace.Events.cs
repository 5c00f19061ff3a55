using System.Buffers;
using System.Text.Json.Nodes;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Events of a sending domain, with filters and token paging.</summary>
sealed partial class MailgunFace
{
    /// <summary>How many events one request looks at: a page that ends there is short, and not the
    /// last.</summary>
    const int LookMax = 200_000;

    /// <summary>Events of one commit may be a little out of the order of their moments.</summary>
    static readonly TimeSpan Disorder = TimeSpan.FromMinutes(1);

    void MapEvents(IEndpointRouteBuilder web)
    {
        web.MapGet("/v3/{domain}/events", context => ServeAsync(context, EventsAsync));
        web.MapGet("/v3/{domain}/events/{token}", context => ServeAsync(context, EventsAsync));
    }

    async Task<JsonObject> EventsAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        var place = context.GetRouteValue("token") is string token
            ? EventPlace.Parse(token) ?? throw new ApiException(400, "Invalid page token")
            : await BeginningOfAsync(EventQuery.Read(context.Request.Query), cancel);
        var page = await ReadPageAsync(place, stored => place.Query.Find(
            stored, of => string.Equals(of, domain, StringComparison.OrdinalIgnoreCase)), cancel);
        return await PageOfAsync(context, domain, place, page);
    }

    /// <param name="find">The event as it is told. Null: it is not asked for.</param>
    async ValueTask<EventPage> ReadPageAsync(
        EventPlace place, Func<StoredEvent, StoredEvent?> find, CancellationToken cancel)
    {
        var found = new List<StoredEvent>();
        var end = place.At;
        var looked = 0;
        var isLast = true;
        var events = place.ReadsUp ? reader.UpAsync(place.At, cancel) : reader.DownAsync(place.At, cancel);
        await foreach (var stored in events)
        {
            if (place.ReadsUp ? stored.Event.At - Disorder > place.Query.End
                : stored.Event.At + Disorder < place.Query.Begin)
                break;
            end = stored.Seq;
            if (find(stored) is { } told)
                found.Add(told);
            isLast = found.Count < place.Query.Limit && ++looked < LookMax;
            if (!isLast)
                break;
        }
        // Read the other way, an empty page begins with the event it stands beside.
        var start = found.Count > 0 ? found[0].Seq : place.ReadsUp ? place.At + 1 : place.At - 1;
        var next = place with { At = end };
        var previous = place with { At = start, IsBackward = !place.IsBackward };
        if (!place.IsBackward)
            return new EventPage(found, next, previous, isLast);
        found.Reverse();
        return new EventPage(found, previous, next, isLast);
    }

    /// <param name="IsLast">Nothing follows in the direction it was read in.</param>
    sealed record EventPage(
        IReadOnlyList<StoredEvent> Found, EventPlace Next, EventPlace Previous, bool IsLast);

    /// <summary>Beside the first event of the query's order.</summary>
    async ValueTask<EventPlace> BeginningOfAsync(EventQuery query, CancellationToken cancel)
    {
        if (query.IsAscending)
            return new EventPlace(query, query.Begin is { } begin
                ? await reader.LastBeforeAsync(begin - Disorder, cancel) : 0, IsBackward: false);
        return new EventPlace(query, 1 + (query.End is { } end
            ? await reader.LastBeforeAsync(end + Disorder, cancel)
            : await reader.LastAsync(cancel)), IsBackward: false);
    }

    async ValueTask<JsonObject> PageOfAsync(
        HttpContext context, string domain, EventPlace place, EventPage page)
    {
        var (first, last) = await EndsOfAsync(place.Query, context.RequestAborted);
        var here = $"{context.Request.Scheme}://{context.Request.Host}/v3/{domain}/events/";
        return new JsonObject
        {
            ["items"] = new JsonArray([.. page.Found.Select(told => EventOf(context, domain, told))]),
            ["paging"] = new JsonObject
            {
                ["first"] = here + first.ToToken(),
                ["last"] = here + last.ToToken(),
                ["next"] = here + page.Next.ToToken(),
                ["previous"] = here + page.Previous.ToToken(),
            },
        };
    }

    /// <summary>The first page of a query, and the last one.</summary>
    async ValueTask<(EventPlace First, EventPlace Last)> EndsOfAsync(
        EventQuery query, CancellationToken cancel)
    {
        var first = await BeginningOfAsync(query, cancel);
        var last = await BeginningOfAsync(query with { IsAscending = !query.IsAscending }, cancel);
        return (first, new EventPlace(query, last.At, IsBackward: true));
    }

    /// <summary>As it is told, with the link to what is kept of it.</summary>
    static JsonNode EventOf(HttpContext context, string domain, StoredEvent told)
    {
        var item = JsonOf(told);
        if (told.Event.Message is { } id && told.Event.Kind is EventKind.Accepted or EventKind.Delivered
            or EventKind.Failed or EventKind.Stored)
            item["storage"] = new JsonObject
            {
                ["url"] = $"{context.Request.Scheme}://{context.Request.Host}/v3/domains/{domain}"
                    + $"/messages/{id}",
                ["key"] = id.ToString(),
            };
        return item;
    }

    static JsonNode JsonOf(StoredEvent stored)
    {
        var json = new ArrayBufferWriter<byte>();
        EventJson.Write(json, stored, node: 0);
        return JsonNode.Parse(json.WrittenSpan)!;
    }
}
