using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Api;

/// <summary>Events: pages by place in commit order, the newest ones, filters, one message's life.</summary>
sealed partial class WebApi
{
    /// <summary>How many events one request looks at; the header says where the next one begins.</summary>
    const int ScanMax = 200_000;

    /// <summary>Recipients among whom the messages of an address or a Message-ID are looked for.</summary>
    const int AboutMax = 10_000;

    /// <summary>Where to go on: the greatest <c>after</c> that misses nothing.</summary>
    public const string NextHeader = "Postern-Next";

    async Task EventsAsync(HttpContext context)
    {
        var cancel = context.RequestAborted;
        var filter = EventFilter.Of(context.Request.Query);
        var limit = LimitOf(context);
        if (!context.Request.Query.ContainsKey("after"))
        {
            await NewestAsync(context, filter, limit);
            return;
        }
        var after = long.TryParse(context.Request.Query["after"], out var seq) ? Math.Max(0, seq) : 0;
        var found = new List<StoredEvent>();
        var seen = 0;
        await foreach (var stored in reader.UpAsync(after, cancel))
        {
            after = stored.Seq;
            if (filter.Fits(stored))
                found.Add(stored);
            if (found.Count == limit || ++seen == ScanMax)
                break;
        }
        await WriteEventsAsync(context, found, after);
    }

    /// <summary>The last ones that fit, oldest first.</summary>
    async Task NewestAsync(HttpContext context, EventFilter filter, int limit)
    {
        var cancel = context.RequestAborted;
        var last = await reader.LastAsync(cancel);
        var found = new List<StoredEvent>();
        var seen = 0;
        await foreach (var stored in reader.DownAsync(last + 1, cancel))
        {
            if (filter.Fits(stored))
                found.Add(stored);
            if (found.Count == limit || ++seen == ScanMax)
                break;
        }
        found.Reverse();
        await WriteEventsAsync(context, found, last);
    }

    /// <summary>Messages whose queue id, Message-ID or recipient this is, newest first.</summary>
    async Task FindMessagesAsync(HttpContext context)
    {
        var about = context.Request.Query["about"].ToString();
        if (about.Length == 0)
        {
            await ErrorAsync(context, 400, "about is missing", "give a queue id, a Message-ID or an address");
            return;
        }
        var cancel = context.RequestAborted;
        var found = await agent.Store.FindEventsAsync(about, AboutMax, cancel);
        var ids = found.Select(stored => stored.Event.Message).OfType<QueueId>();
        if (QueueId.TryParse(about, out var id)
            && await agent.Store.ReadFirstEventOfAsync(id, cancel) is not null)
            ids = ids.Prepend(id);
        await AnswerAsync(
            context,
            new MessagesPage([.. ids.Distinct().Take(LimitOf(context)).Select(one => one.ToString())]),
            AdminJson.Default.MessagesPage);
    }

    /// <summary>One message's life: what became of each recipient, and all events.</summary>
    async Task ShowMessageAsync(HttpContext context)
    {
        if (await ReadIdAsync(context) is not { } id)
            return;
        var events = await agent.Store.ReadEventsOfAsync(id, context.RequestAborted);
        if (events.Count == 0)
        {
            await ErrorAsync(context, 404, $"nothing is known of {id}", null);
            return;
        }
        var json = new ArrayBufferWriter<byte>();
        await AnswerAsync(
            context, MessageTimeline.Of(id, Timeline.Of(events), stored =>
            {
                json.ResetWrittenCount();
                EventJson.Write(json, stored, node: 0);
                return JsonNode.Parse(json.WrittenSpan)!;
            }),
            AdminJson.Default.MessageTimeline);
    }

    static async Task WriteEventsAsync(HttpContext context, IReadOnlyList<StoredEvent> events, long next)
    {
        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers[NextHeader] = next.ToString(CultureInfo.InvariantCulture);
        foreach (var stored in events)
        {
            EventJson.Write(context.Response.BodyWriter, stored, node: 0);
            context.Response.BodyWriter.Write("\n"u8);
        }
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>What a list of events is asked for; null means any.</summary>
    sealed record EventFilter(
        string? Kind, string? Message, string? Sender, string? Recipient, string? Transport, string? Search)
    {
        readonly ArrayBufferWriter<byte> line = new();

        public static EventFilter Of(IQueryCollection query) => new(
            query["event"].FirstOrDefault(), query["message"].FirstOrDefault(),
            query["sender"].FirstOrDefault(), query["recipient"].FirstOrDefault(),
            query["transport"].FirstOrDefault(), query["search"].FirstOrDefault());

        public bool Fits(StoredEvent stored)
        {
            var fact = stored.Event;
            return Is(Kind, EventNames.Of(fact.Kind)) && Is(Message, fact.Message?.ToString())
                && Is(Sender, fact.Sender) && Is(Recipient, fact.RecipientAddress)
                && Is(Transport, fact.Transport)
                && (Search is null || Holds(stored, Search));
        }

        static bool Is(string? wanted, string? actual) =>
            wanted is null || string.Equals(wanted, actual, StringComparison.OrdinalIgnoreCase);

        bool Holds(StoredEvent stored, string text)
        {
            line.ResetWrittenCount();
            EventJson.Write(line, stored, node: 0);
            var json = Encoding.UTF8.GetString(line.WrittenSpan);
            return json.Contains(text, StringComparison.OrdinalIgnoreCase);
        }
    }
}
