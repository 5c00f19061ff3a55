using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Queue;

namespace Postern.Mta.Events;

/// <summary>The one JSON shape of an event: Mailgun's, and beside it the object <c>postern</c> (DESIGN
/// §6).</summary>
/// <remarks>
/// Members without a value are left out; <c>tags</c>, <c>campaigns</c>, <c>flags</c> and
/// <c>user-variables</c> are always there, since Mailgun's clients expect them. Texts of peers are escaped;
/// none of them can make this throw.
/// </remarks>
public static partial class EventJson
{
    const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    /// <summary>Not indented; Korean and other letters stay legible, controls are escaped.</summary>
    public static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>22 characters base64url of node and seq (DESIGN §9.3): an event has one id on every
    /// face.</summary>
    public static string IdOf(int node, long seq)
    {
        Span<byte> octets = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(octets, node);
        BinaryPrimitives.WriteInt64BigEndian(octets[8..], seq);
        return Base64Url.EncodeToString(octets);
    }

    /// <summary>One object without a line end.</summary>
    public static void Write(IBufferWriter<byte> output, StoredEvent stored, int node)
    {
        using var json = new Utf8JsonWriter(output, WriterOptions);
        Write(json, stored, node);
    }

    /// <summary>The object as a value inside a document that is being written.</summary>
    public static void Write(Utf8JsonWriter json, StoredEvent stored, int node)
    {
        var mailEvent = stored.Event;
        json.WriteStartObject();
        json.WriteString("event"u8, EventNames.Of(mailEvent.Kind));
        json.WriteString("id"u8, IdOf(node, stored.Seq));
        json.WriteNumber("timestamp"u8, Seconds(mailEvent.At));
        json.WriteString("log-level"u8, EventNames.Of(EventNames.LevelOf(mailEvent)));
        WriteRecipient(json, mailEvent);
        if (mailEvent.Kind == EventKind.Accepted)
            json.WriteString("method"u8, mailEvent.Client?.Protocol == "HTTP" ? "HTTP" : "smtp");
        WriteFailure(json, mailEvent);
        WriteEnvelope(json, mailEvent);
        if (mailEvent.Remote?.Details is { } details)
            WriteDetails(json, details);
        else
            WriteDeliveryStatus(json, mailEvent);
        WriteMessage(json, mailEvent);
        json.WriteStartObject("flags"u8);
        if (mailEvent.Client is { } client)
            json.WriteBoolean("is-authenticated"u8, client.Account is not null);
        json.WriteBoolean("is-routed"u8, false);
        json.WriteBoolean("is-system-test"u8, false);
        json.WriteBoolean("is-test-mode"u8, mailEvent.Options is { IsTest: true });
        json.WriteEndObject();
        WriteOptions(json, mailEvent.Options);
        WritePostern(json, mailEvent);
        json.WriteEndObject();
        json.Flush();
    }

    static void WriteOptions(Utf8JsonWriter json, MailOptions? options)
    {
        json.WriteStartArray("tags"u8);
        foreach (var tag in options?.Tags ?? [])
            json.WriteStringValue(tag);
        json.WriteEndArray();
        json.WriteStartArray("campaigns"u8);
        json.WriteEndArray();
        if (options?.List is { } list)
        {
            json.WriteStartObject("mailing-list"u8);
            WriteText(json, "address"u8, list);
            WriteText(json, "list-id"u8, list.Replace('@', '.'));
            json.WriteEndObject();
        }
        json.WritePropertyName("user-variables"u8);
        if (options?.Variables is { } variables)
            json.WriteRawValue(variables);
        else
        {
            json.WriteStartObject();
            json.WriteEndObject();
        }
    }

    /// <summary>Seconds since 1970 with microseconds, as Mailgun gives them.</summary>
    public static decimal Seconds(DateTimeOffset at)
    {
        var microseconds = (at - DateTimeOffset.UnixEpoch).Ticks / TicksPerMicrosecond;
        return microseconds / 1_000_000m;
    }

    static decimal Seconds(TimeSpan time) => time.Ticks / TicksPerMicrosecond / 1_000_000m;

    static void WriteRecipient(Utf8JsonWriter json, MailEvent mailEvent)
    {
        // What is stored waits for whoever comes; its recipients stand beside the message.
        if (mailEvent.RecipientAddress is not { } address || mailEvent.Kind == EventKind.Stored)
            return;
        WriteText(json, "recipient"u8, address);
        var at = address.LastIndexOf('@');
        if (at >= 0)
            WriteText(json, "recipient-domain"u8, address[(at + 1)..]);
    }

    static void WriteFailure(Utf8JsonWriter json, MailEvent mailEvent)
    {
        if (mailEvent.Kind == EventKind.Rejected)
        {
            json.WriteStartObject("reject"u8);
            WriteText(json, "reason"u8, mailEvent.Reply ?? "");
            WriteText(json, "description"u8, mailEvent.Why ?? "");
            json.WriteEndObject();
        }
        if (mailEvent.Kind != EventKind.Failed)
            return;
        json.WriteString("severity"u8, mailEvent.Severity == EventSeverity.Temporary ? "temporary"
            : "permanent");
        json.WriteString("reason"u8, ReasonOf(mailEvent));
    }

    /// <summary>Mailgun's word for why; a suppression puts its own (<c>suppress-bounce</c>...) into
    /// Why.</summary>
    public static string ReasonOf(MailEvent mailEvent)
    {
        if (mailEvent.Remote?.Reason is { } told)
            return told;
        if (mailEvent.Severity == EventSeverity.Temporary)
            return "generic";
        return mailEvent switch
        {
            _ when IsSuppressed(mailEvent) => mailEvent.Why!,
            { Status: "4.4.7" or "5.4.7" } => "old",
            _ => PeerReply.Find(mailEvent.Reply).Code >= 500 ? "bounce" : "generic",
        };
    }

    static bool IsSuppressed(MailEvent mailEvent) => mailEvent is
    {
        Kind: EventKind.Failed,
        Why: "suppress-bounce" or "suppress-unsubscribe" or "suppress-complaint",
    };

    /// <summary>As the provider told them; what is not ASCII is escaped, since others wrote it.</summary>
    static void WriteDetails(Utf8JsonWriter json, string details)
    {
        using var document = JsonDocument.Parse(details);
        foreach (var member in document.RootElement.EnumerateObject())
        {
            json.WritePropertyName(member.Name);
            json.WriteRawValue(JsonSerializer.SerializeToUtf8Bytes(
                member.Value, EventDetailsJson.Default.JsonElement));
        }
    }

    static void WriteEnvelope(Utf8JsonWriter json, MailEvent mailEvent)
    {
        if (mailEvent.Sender is null && mailEvent.RecipientAddress is null)
            return;
        json.WriteStartObject("envelope"u8);
        json.WriteString("transport"u8, mailEvent.Client?.Protocol == "HTTP" ? "http" : "smtp");
        WriteText(json, "sender"u8, mailEvent.Sender);
        WriteText(json, "targets"u8, mailEvent.RecipientAddress);
        json.WriteEndObject();
    }

    static void WriteDeliveryStatus(Utf8JsonWriter json, MailEvent mailEvent)
    {
        if (mailEvent.Kind is not (EventKind.Attempted or EventKind.Relayed or EventKind.Delivered
            or EventKind.Failed or EventKind.Expired))
            return;
        var reply = PeerReply.Find(mailEvent.Reply);
        json.WriteStartObject("delivery-status"u8);
        if (IsSuppressed(mailEvent))
        {
            json.WriteNumber("attempt-no"u8, 1);
            json.WriteNumber("code"u8, InternalCode(mailEvent));
            json.WriteString("message"u8, "");
            WriteText(json, "description"u8, mailEvent.Reply);
            json.WriteNumber("session-seconds"u8, 0);
            json.WriteEndObject();
            return;
        }
        json.WriteNumber("code"u8, reply.Code ?? InternalCode(mailEvent));
        WriteText(json, "message"u8, reply.Words);
        WriteText(json, "description"u8, reply.Code is null || reply.Text == mailEvent.Reply ? ""
            : mailEvent.Reply);
        WriteText(json, "enhanced-code"u8, mailEvent.Status);
        if (mailEvent.Attempt is { } attempt)
            json.WriteNumber("attempt-no"u8, attempt);
        if (mailEvent.Facts is { } facts)
        {
            json.WriteNumber("session-seconds"u8, Seconds(facts.SetUp + facts.Transmission));
            if (facts.Relay != "none")
                WriteText(json, "mx-host"u8, HostOf(facts.Relay));
            json.WriteBoolean("tls"u8, facts.Tls is not null);
        }
        if (mailEvent.Kind == EventKind.Failed && mailEvent.Severity != EventSeverity.Temporary)
            json.WriteString("bounce-type"u8, "hard");
        json.WriteEndObject();
    }

    /// <summary>Mailgun's codes where no peer said anything: 498 no MX, 499 no connection, 602 too old,
    /// 605-607 suppressed, 650 a test.</summary>
    static int InternalCode(MailEvent mailEvent) => mailEvent switch
    {
        { Kind: EventKind.Delivered, Options.IsTest: true } => 650,
        { Why: "suppress-bounce" } => 605,
        { Why: "suppress-unsubscribe" } => 606,
        { Why: "suppress-complaint" } => 607,
        { Kind: EventKind.Expired } or { Status: "4.4.7" or "5.4.7" } => 602,
        { Status: "5.1.2" or "5.1.10" or "4.4.3" or "5.4.4" } => 498,
        { Status: "4.4.1" or "4.4.2" } => 499,
        { Status: ['2', ..] } => 250,
        { Status: ['4', ..] } => 450,
        { Status: ['5', ..] } => 550,
        _ => 0,
    };

    static string HostOf(string relay)
    {
        var bracket = relay.IndexOf('[', StringComparison.Ordinal);
        return bracket > 0 ? relay[..bracket] : relay;
    }

    static void WriteMessage(Utf8JsonWriter json, MailEvent mailEvent)
    {
        if (mailEvent.MessageId is null && mailEvent.ContentOctets is null)
            return;
        json.WriteStartObject("message"u8);
        json.WriteStartObject("headers"u8);
        // Events give the Message-ID without brackets; only the API's answer to a sending has them.
        if (mailEvent.MessageId is { } messageId)
            WriteText(json, "message-id"u8, messageId is ['<', .., '>'] ? messageId[1..^1] : messageId);
        WriteText(json, "subject"u8, mailEvent.Subject);
        json.WriteEndObject();
        json.WriteStartArray("attachments"u8);
        json.WriteEndArray();
        if (mailEvent.ContentOctets is { } octets)
            json.WriteNumber("size"u8, octets);
        if (mailEvent is { Kind: EventKind.Stored, RecipientAddress: { } recipient })
        {
            json.WriteStartArray("recipients"u8);
            json.WriteStringValue(JsonEncodedText.Encode(WellFormed(recipient), JavaScriptEncoder.Default));
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>Writes nothing for null; a long text is cut, as in the log's other formats.</summary>
    internal static void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? text)
    {
        if (text is null)
            return;
        if (text.Length > LineWriter.TextCharactersMax)
            text = string.Concat(text.AsSpan(0, LineWriter.TextCharactersMax), "...");
        if (Ascii.IsValid(text))
            json.WriteString(name, text);
        // The relaxed encoder lets format characters through, which turn the direction of writing.
        else if (text.EnumerateRunes().Any(rune => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format))
            json.WriteString(name, JsonEncodedText.Encode(WellFormed(text), JavaScriptEncoder.Default));
        else
            json.WriteString(name, WellFormed(text));
    }

    /// <summary>Lone surrogates become U+FFFD: the writer takes well-formed UTF-16 alone.</summary>
    static string WellFormed(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            return text;
        return string.Concat(text.EnumerateRunes());
    }
}

[JsonSerializable(typeof(JsonElement))]
sealed partial class EventDetailsJson : JsonSerializerContext;
