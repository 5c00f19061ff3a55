using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Transports.PubSub;

/// <summary>The document <c>postern.inbound.v1</c>: one message for one recipient, as UTF-8 JSON.</summary>
/// <remarks>
/// Member names are a contract with consumers: new ones may come, none changes its meaning. What was not
/// checked is left out, never made up: <c>auth</c>, <c>filter</c>, bodies and attachments have no member yet.
/// </remarks>
sealed class InboundDocument(PubSubSource source, Attempt attempt, PublishedContent content,
    MailHeader header)
{
    const string Schema = "postern.inbound.v1";

    // For machines, not for a page: Hangul stays Hangul, which is a third of the size.
    static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The id of the document, the same at every attempt: queue id, dot, number of the
    /// recipient.</summary>
    public static string IdOf(Recipient recipient) =>
        string.Create(CultureInfo.InvariantCulture, $"{recipient.Message}.{recipient.Number}");

    public static string TimeOf(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public ReadOnlyMemory<byte> Write(Recipient recipient)
    {
        var size = content.Claim is null ? (int)(content.TotalOctets * 4 / 3) : 0;
        var buffer = new ArrayBufferWriter<byte>(size + (16 << 10));
        using var json = new Utf8JsonWriter(buffer, Options);
        json.WriteStartObject();
        json.WriteString("schema", Schema);
        json.WriteString("id", IdOf(recipient));
        json.WriteString("received_at", TimeOf(attempt.Message.ArrivedAt));
        WriteServer(json);
        WriteEnvelope(json, recipient);
        WriteClient(json);
        WriteMessage(json);
        WriteRaw(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Local part before and after the delimiter; no tag is null.</summary>
    public static (string User, string? Tag) Split(Mailbox address, string delimiters)
    {
        var at = address.LocalPart.AsSpan().IndexOfAny(delimiters);
        return at > 0 ? (address.LocalPart[..at], address.LocalPart[(at + 1)..]) : (address.LocalPart, null);
    }

    void WriteServer(Utf8JsonWriter json)
    {
        json.WriteStartObject("server");
        json.WriteString("host", source.Hostname);
        json.WriteString("listener", attempt.Message.Client.Listener);
        json.WriteString("queue_id", attempt.Message.Id.ToString());
        json.WriteString("version", source.Version);
        json.WriteEndObject();
    }

    void WriteEnvelope(Utf8JsonWriter json, Recipient recipient)
    {
        json.WriteStartObject("envelope");
        // The null sender is the empty string, as between its brackets.
        json.WriteString("mail_from", attempt.Sender.Mailbox?.ToString() ?? "");
        json.WriteStartObject("mail_from_params");
        var parameters = attempt.Message.Parameters;
        if (parameters.DeclaredOctets is { } declared)
            json.WriteString("SIZE", declared.ToString(CultureInfo.InvariantCulture));
        if (parameters.Body is not BodyType.Unspecified)
            json.WriteString("BODY", parameters.Body is BodyType.EightBitMime ? "8BITMIME" : "7BIT");
        if (parameters.SmtpUtf8)
            json.WriteBoolean("SMTPUTF8", true);
        json.WriteEndObject();
        var (user, tag) = Split(recipient.Address, source.Delimiters);
        json.WriteStartArray("rcpt_to");
        json.WriteStartObject();
        json.WriteString("address", recipient.Address.ToString());
        json.WriteString("local", user);
        json.WriteString("tag", tag);
        json.WriteString("domain", recipient.Address.Domain);
        json.WriteString("original", recipient.Original?.ToString());
        json.WriteString("orcpt", recipient.Dsn.OriginalRecipient);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteString("helo", attempt.Message.Client.Helo);
        json.WriteString("protocol", attempt.Message.Client.Protocol);
        json.WriteEndObject();
    }

    void WriteClient(Utf8JsonWriter json)
    {
        var client = attempt.Message.Client;
        json.WriteStartObject("client");
        json.WriteString("ip", client.Address.Length > 0 ? client.Address : null);
        if (client.Port > 0)
            json.WriteNumber("port", client.Port);
        else
            json.WriteNull("port");
        json.WriteString("rdns", client.Name);
        json.WriteBoolean("rdns_verified", client.Name is not null);
        if (client.Tls?.Split(" with cipher ") is [var version, .. var ciphers])
        {
            json.WriteStartObject("tls");
            json.WriteString("version", version);
            json.WriteString("cipher", ciphers is [var cipher, ..] ? cipher : null);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("tls");
        }
        json.WriteString("auth_user", client.Account);
        json.WriteEndObject();
    }

    void WriteMessage(Utf8JsonWriter json)
    {
        json.WriteStartObject("message");
        json.WriteNumber("size", content.TotalOctets);
        json.WriteString("sha256", content.Sha256);
        json.WriteString("message_id", header.IdentifiersOf("Message-ID") is [var id, ..] ? id : null);
        json.WriteString("date", header.Date is { } date
            ? date.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : null);
        json.WriteString("date_raw", header.TextOf("Date"));
        json.WriteString("subject", header.TextOf("Subject"));
        WriteAddresses(json, "from", header.AddressesOf("From"));
        json.WritePropertyName("sender");
        WriteAddress(json, header.AddressesOf("Sender") is [var sender, ..] ? sender : null);
        WriteAddresses(json, "reply_to", header.AddressesOf("Reply-To"));
        WriteAddresses(json, "to", header.AddressesOf("To"));
        WriteAddresses(json, "cc", header.AddressesOf("Cc"));
        WriteList(json, "in_reply_to", header.IdentifiersOf("In-Reply-To"));
        WriteList(json, "references", header.IdentifiersOf("References"));
        json.WriteString("list_id", header.TextOf("List-Id"));
        json.WriteString("auto_submitted", header.TextOf("Auto-Submitted"));
        json.WriteStartArray("headers");
        foreach (var line in header.Fields)
        {
            json.WriteStartObject();
            json.WriteString("name", line.Name);
            json.WriteString("value", line.Value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteBoolean("headers_truncated", header.IsTruncated);
        // Last: reading the fields above is what finds them.
        WriteList(json, "defects", header.Defects);
        json.WriteEndObject();
    }

    void WriteRaw(Utf8JsonWriter json)
    {
        json.WriteStartObject("raw");
        json.WriteString("mode", content.Claim is null ? "inline" : "ref");
        if (content.Claim is { } claim)
        {
            json.WriteString("uri", claim.AbsoluteUri);
            json.WriteNumber("size", content.TotalOctets);
            json.WriteString("sha256", content.Sha256);
        }
        else
        {
            json.WriteString("encoding", "base64");
            json.WriteBase64String("data", content.Octets);
        }
        json.WriteEndObject();
    }

    static void WriteAddresses(Utf8JsonWriter json, string name, IReadOnlyList<MailAddress> addresses)
    {
        json.WriteStartArray(name);
        foreach (var address in addresses)
            WriteAddress(json, address);
        json.WriteEndArray();
    }

    static void WriteAddress(Utf8JsonWriter json, MailAddress? address)
    {
        if (address is null)
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        json.WriteString("name", address.Name);
        json.WriteString("address", address.Address);
        json.WriteEndObject();
    }

    static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}

/// <summary>Who we are, as published documents say it.</summary>
/// <param name="Delimiters">Characters between user and tag (<c>inbound.delimiter</c>).</param>
/// <param name="DataDirectory">Where <c>claims</c> lies unless the transport names another place.</param>
public sealed record PubSubSource(string Hostname, string Version, string Delimiters, string DataDirectory);
