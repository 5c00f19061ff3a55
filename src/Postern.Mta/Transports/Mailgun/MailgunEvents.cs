using System.Globalization;
using System.Text.Json;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>Asks Mailgun's events for a message whose attempt ended unknown.</summary>
sealed class MailgunEvents(MailgunApi api)
{
    /// <summary>Mailgun's limit of a page.</summary>
    const int ItemsMax = 300;

    /// <summary>So many hold 15 events for each of 1000 recipients.</summary>
    const int PagesMax = 50;

    /// <summary>Each of them means that Mailgun has it; what became of it is told otherwise.</summary>
    const string Kinds = "accepted OR delivered OR failed";

    const string ToldKinds =
        "delivered OR failed OR rejected OR opened OR clicked OR unsubscribed OR complained";

    /// <summary>Which of the recipients Mailgun has this message for.</summary>
    /// <remarks>Throws as <see cref="MailgunApi.GetAsync"/> does.</remarks>
    public async ValueTask<EventSearch> FindAsync(
        QueuedMessage message, IReadOnlyList<Recipient> recipients, CancellationToken cancel)
    {
        var known = new EventSearch.Known();
        var address = FirstPage(message, recipients);
        for (var page = 0; page < PagesMax; page++)
        {
            var answer = await api.GetAsync(address, cancel);
            // A key that may not ask, or a gateway without events; whether it may send, sending shows.
            if (answer.Status is 401 or 403 or 404)
                return new EventSearch.NotAllowed();
            if (answer.Status != 200
                || answer.Json.Find("items") is not { ValueKind: JsonValueKind.Array } items)
                return Unanswered(answer);
            foreach (var item in items.EnumerateArray())
                Take(item, message, known);
            if (items.GetArrayLength() == 0
                || recipients.All(recipient => known.Events.ContainsKey(recipient.Address.ToString())))
                return known;
            if (NextPage(answer.Json) is not { } next || next == address)
                return known;
            address = next;
        }
        return new EventSearch.Unanswered(new AttemptResult.NextHopDown(
            Statuses.ConnectionLost, $"the events of {api.Host} do not end", NextHopTrouble.Unreachable));
    }

    /// <summary>A page of what became of mail.</summary>
    /// <remarks>Throws as <see cref="MailgunApi.GetAsync"/> does.</remarks>
    public async ValueTask<TellingPage> ReadPageAsync(
        string transport, DateTimeOffset since, string? place, CancellationToken cancel)
    {
        var first = string.Create(CultureInfo.InvariantCulture,
            $"?begin={since.ToUnixTimeSeconds()}&ascending=yes&limit={ItemsMax}");
        var address = place is null
            ? new Uri(api.Events, $"{first}&event={Uri.EscapeDataString(ToldKinds)}")
            : new Uri(api.Events, place);
        var answer = await api.GetAsync(address, cancel);
        var said = $"host {api.Host} said: {answer.Reply} (in reply to GET events)";
        if (answer.Status is 401 or 402 or 403 or 404)
            return new TellingPage.Refused(new AlarmNotice(
                "events", said,
                "give this transport a key that may read the events of its domain, or set "
                + "poll-events = \"none\" and take webhooks (signing-key)"));
        if (answer.Status != 200
            || answer.Json.Find("items") is not { ValueKind: JsonValueKind.Array } items)
            return new TellingPage.Unanswered(said, answer.RetryAfter);
        var tellings = new List<Telling>();
        foreach (var item in items.EnumerateArray())
        {
            if (MailgunEventReader.TryRead(item, transport, "events", out var telling)
                && telling is not null)
                tellings.Add(telling);
        }
        var next = items.GetArrayLength() == 0 ? null : NextPage(answer.Json);
        return new TellingPage.Found(tellings, next == address ? null : next?.PathAndQuery);
    }

    Uri FirstPage(QueuedMessage message, IReadOnlyList<Recipient> recipients)
    {
        var query = $"?message-id={Uri.EscapeDataString(BareIdOf(message))}"
            + $"&event={Uri.EscapeDataString(Kinds)}&limit={ItemsMax}";
        if (recipients is [var only])
            query += $"&recipient={Uri.EscapeDataString(only.Address.ToString())}";
        return new Uri(api.Events, query);
    }

    /// <summary>Null: there is none.</summary>
    Uri? NextPage(JsonElement? page)
    {
        var next = page.Find("paging").TextOf("next");
        // Its path alone, below ours: the key is for nobody else.
        return Uri.TryCreate(next, UriKind.Absolute, out var link)
            && link.AbsolutePath.StartsWith(api.Events.AbsolutePath + "/", StringComparison.OrdinalIgnoreCase)
                ? new Uri(api.Events, link.PathAndQuery)
                : null;
    }

    static void Take(JsonElement? item, QueuedMessage message, EventSearch.Known known)
    {
        // The same message may be queued twice, with one Message-ID: our own mark says which it is.
        var isOurs = item.Find("user-variables").TextOf("postern-id") is { } mark
            ? mark == message.Id.ToString()
            : item.Find("message").Find("headers").TextOf("message-id") == BareIdOf(message);
        if (isOurs && item.TextOf("recipient") is { } recipient && item.TextOf("event") is { } kind)
            known.Events.TryAdd(recipient, PipeRun.Tidy(System.Text.Encoding.UTF8.GetBytes(kind)));
    }

    EventSearch.Unanswered Unanswered(MailgunAnswer answer) => new(new AttemptResult.NextHopDown(
        Statuses.ConnectionLost,
        $"host {api.Host} said: {answer.Reply} (in reply to GET events, for a message whose fate is unknown)",
        NextHopTrouble.Unreachable)
    {
        RetryAfter = answer.RetryAfter,
    });

    static string BareIdOf(QueuedMessage message) => message.MessageId.Trim('<', '>', ' ');
}

/// <summary>What the events said.</summary>
abstract record EventSearch
{
    /// <summary>What they know: by recipient, the name of an event.</summary>
    public sealed record Known : EventSearch
    {
        public Dictionary<string, string> Events { get; } = new(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The key may not ask.</summary>
    public sealed record NotAllowed : EventSearch;

    /// <summary>No answer: nothing may be repeated yet.</summary>
    public sealed record Unanswered(AttemptResult.NextHopDown Result) : EventSearch;
}
