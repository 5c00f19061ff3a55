using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>Reads an event as Mailgun tells it, in a webhook or in a page of its events.</summary>
/// <remarks>Tolerant, as its own samples ask for: a member that is null, missing, or a list where an object
/// should stand, counts as absent. Never throws for what stands in it.</remarks>
public static class MailgunEventReader
{
    /// <summary>What is kept of the details of one event, in octets of JSON.</summary>
    const int DetailsOctetsMax = 8 << 10;

    const int IdCharactersMax = 200;
    const int ReplyCharactersMax = 1000;

    /// <summary>Members that are kept as they are; the order counts where they are too long
    /// together.</summary>
    static readonly string[] Kept = ["delivery-status", "url", "ip", "client-info", "geolocation"];

    /// <param name="transport">The transport it is told by.</param>
    /// <param name="source">See <see cref="RemoteFacts.Source"/>.</param>
    /// <param name="telling">Null: it tells nothing that happens to mail after Mailgun has taken it.</param>
    /// <returns>False: it is no event.</returns>
    public static bool TryRead(JsonElement? item, string transport, string source, out Telling? telling)
    {
        telling = null;
        if (item.TextOf("event") is not { } name || item.TextOf("id") is not { Length: > 0 } id
            || id.Length > IdCharactersMax || MomentOf(item) is not { } at)
            return false;
        var isTemporary = item.TextOf("severity") == "temporary";
        if (KindOf(name) is not { } kind)
            return true;
        var status = item.Find("delivery-status");
        telling = new Telling
        {
            Transport = transport,
            Kind = kind,
            Severity = kind != EventKind.Failed ? null
                : isTemporary ? EventSeverity.Temporary : EventSeverity.Permanent,
            Recipient = Tidy(item.TextOf("recipient"), IdCharactersMax * 2) ?? "",
            Mark = QueueId.TryParse(item.Find("user-variables").TextOf("postern-id") ?? "", out var mark)
                ? mark : null,
            MessageId = Tidy(item.Find("message").Find("headers").TextOf("message-id"), IdCharactersMax * 5)
                ?.Trim('<', '>', ' '),
            Status = StatusOf(status),
            Reply = ReplyOf(item, status),
            Facts = new RemoteFacts(
                source, Tidy(id, IdCharactersMax)!, at, Tidy(item.TextOf("reason"), IdCharactersMax),
                DetailsOf(item)),
        };
        return true;
    }

    static EventKind? KindOf(string name) => name switch
    {
        "delivered" => EventKind.Delivered,
        "failed" => EventKind.Failed,
        "rejected" => EventKind.Rejected,
        "opened" => EventKind.Opened,
        "clicked" => EventKind.Clicked,
        "unsubscribed" => EventKind.Unsubscribed,
        "complained" => EventKind.Complained,
        _ => null,
    };

    /// <summary>Seconds since 1970 with a fraction, as a number or as text.</summary>
    static DateTimeOffset? MomentOf(JsonElement? item)
    {
        var text = item.Find("timestamp") is { ValueKind: JsonValueKind.Number } number
            ? number.GetRawText() : item.TextOf("timestamp");
        return decimal.TryParse(
            text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture,
            out var seconds) && seconds is > 0 and < 253_402_300_799
            ? DateTimeOffset.UnixEpoch + TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond)) : null;
    }

    static string? StatusOf(JsonElement? status) =>
        Smtp.EnhancedStatus.TryParse(
            Encoding.UTF8.GetBytes(status.TextOf("enhanced-code") ?? ""), out var code, out _)
            ? code.ToString() : null;

    /// <summary>Its code and what the server said; of a rejection the reason.</summary>
    static string? ReplyOf(JsonElement? item, JsonElement? status)
    {
        if (item.Find("reject") is { ValueKind: JsonValueKind.Object } reject)
            return Tidy(
                $"{((JsonElement?)reject).TextOf("reason")} {((JsonElement?)reject).TextOf("description")}",
                ReplyCharactersMax);
        var text = status.TextOf("message") is { Length: > 0 } message ? message
            : status.TextOf("description");
        if (status.Find("code") is not { ValueKind: JsonValueKind.Number } code
            || !code.TryGetInt32(out var number))
            return Tidy(text, ReplyCharactersMax);
        return Tidy(string.Create(CultureInfo.InvariantCulture, $"{number} {text}"), ReplyCharactersMax);
    }

    /// <summary>One line without controls. Null: there is nothing.</summary>
    static string? Tidy(string? text, int charactersMax)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        var line = PipeRun.Tidy(Encoding.UTF8.GetBytes(text)).Trim();
        return line.Length > charactersMax ? line[..charactersMax] : line;
    }

    static string? DetailsOf(JsonElement? item)
    {
        var buffer = new ArrayBufferWriter<byte>();
        // The default encoder escapes all that is not ASCII: peers wrote it.
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        var isEmpty = true;
        foreach (var name in Kept)
        {
            if (item.Find(name) is not { ValueKind: JsonValueKind.Object or JsonValueKind.String } member
                || buffer.WrittenCount + json.BytesPending + member.GetRawText().Length > DetailsOctetsMax)
                continue;
            if (!IsWellFormed(member))
                continue;
            json.WritePropertyName(name);
            member.WriteTo(json);
            isEmpty = false;
        }
        json.WriteEndObject();
        json.Flush();
        return isEmpty ? null : Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Half of a surrogate pair cannot be written.</summary>
    static bool IsWellFormed(JsonElement member)
    {
        try
        {
            using var trial = new Utf8JsonWriter(Stream.Null);
            member.WriteTo(trial);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
