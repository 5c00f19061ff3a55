using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Claims;
using Postern.Smtp;

namespace Postern.Mta.Inbound;

/// <summary>The document <c>postern.inbound.v1</c>: one message and whom it is for, as UTF-8 JSON.</summary>
/// <remarks>
/// Member names are a contract with consumers: new ones may come, none changes its meaning; they stand in
/// docs/postern.inbound.v1.schema.json. What was not checked is left out, never made up.
/// </remarks>
sealed partial class InboundDocument(
    InboundSource source, Attempt attempt, MailDescription mail, RawContent raw)
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

    /// <param name="recipients">At least one; the first gives the document its id.</param>
    public ReadOnlyMemory<byte> Write(params IReadOnlyList<Recipient> recipients)
    {
        var size = raw is RawContent.Inline { Octets.Length: var octets } ? octets / 3 * 4 : 0;
        var buffer = new ArrayBufferWriter<byte>(size + (16 << 10));
        using var json = new Utf8JsonWriter(buffer, Options);
        json.WriteStartObject();
        json.WriteString("schema", Schema);
        json.WriteString("id", IdOf(recipients[0]));
        json.WriteString("received_at", TimeOf(attempt.Message.ArrivedAt));
        WriteServer(json);
        WriteEnvelope(json, recipients);
        WriteClient(json);
        if (attempt.Message.Checks is { } checks)
        {
            WriteAuth(json, checks);
            WriteFilter(json, checks);
        }
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

    void WriteEnvelope(Utf8JsonWriter json, IReadOnlyList<Recipient> recipients)
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
        json.WriteStartArray("rcpt_to");
        foreach (var recipient in recipients)
            WriteRecipient(json, recipient);
        json.WriteEndArray();
        json.WriteString("helo", attempt.Message.Client.Helo);
        json.WriteString("protocol", attempt.Message.Client.Protocol);
        json.WriteEndObject();
    }

    void WriteRecipient(Utf8JsonWriter json, Recipient recipient)
    {
        var (user, tag) = Split(recipient.Address, source.Delimiters);
        json.WriteStartObject();
        json.WriteString("address", recipient.Address.ToString());
        json.WriteString("local", user);
        json.WriteString("tag", tag);
        json.WriteString("domain", recipient.Address.Domain);
        json.WriteString("original", recipient.Original?.ToString());
        json.WriteString("orcpt", recipient.Dsn.OriginalRecipient);
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
        var header = mail.Header;
        json.WriteStartObject("message");
        json.WriteNumber("size", mail.Octets);
        json.WriteString("sha256", mail.Sha256);
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
        WriteBodies(json);
        json.WriteStartArray("attachments");
        foreach (var attachment in mail.Attachments)
            WriteAttachment(json, attachment);
        json.WriteEndArray();
        // Last: reading the fields above is what finds them.
        WriteList(json, "defects", header.Defects.Union(mail.Defects).Order(StringComparer.Ordinal));
        json.WriteEndObject();
    }

    void WriteBodies(Utf8JsonWriter json)
    {
        json.WriteString("text", mail.Text);
        json.WriteString("html", mail.Html);
        if (mail.Stripped is { } stripped)
        {
            json.WriteStartObject("stripped");
            json.WriteString("text", stripped.Text);
            json.WriteString("signature", stripped.Signature);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("stripped");
        }
        json.WriteBoolean("bodies_truncated", mail.IsTextTruncated);
    }

    static void WriteAttachment(Utf8JsonWriter json, MailAttachment attachment)
    {
        json.WriteStartObject();
        json.WriteString("filename", attachment.Name);
        json.WriteString("content_type", attachment.ContentType);
        json.WriteNumber("size", attachment.Octets);
        json.WriteString("content_id", attachment.ContentId);
        json.WriteBoolean("inline", attachment.IsInline);
        json.WriteString("sha256", attachment.Sha256);
        json.WriteString("part", attachment.Part);
        json.WriteEndObject();
    }

    void WriteRaw(Utf8JsonWriter json)
    {
        json.WriteStartObject("raw");
        switch (raw)
        {
            case RawContent.Inline inline:
                json.WriteString("mode", "inline");
                json.WriteString("encoding", "base64");
                json.WriteBase64String("data", inline.Octets.Span);
                break;
            case RawContent.Reference reference:
                json.WriteString("mode", "ref");
                json.WriteString("uri", reference.Claim.Address);
                if (reference.Claim.Generation is { } generation)
                    json.WriteString("generation", generation);
                json.WriteNumber("size", mail.Octets);
                json.WriteString("sha256", mail.Sha256);
                if (reference.Claim.ExpiresAt is { } end)
                    json.WriteString("expires_at", TimeOf(end));
                break;
            default:
                json.WriteString("mode", "none");
                break;
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

/// <summary>Who we are, as documents of inbound mail say it.</summary>
/// <param name="Delimiters">Characters between user and tag (<c>inbound.delimiter</c>).</param>
/// <param name="DataDirectory">Where a large message lies while it is read, and where <c>claims</c> lies
/// unless a transport names another place.</param>
public sealed record InboundSource(
    string Hostname, string Version, string Delimiters, string DataDirectory)
{
    /// <summary>What stores of large messages need. Null: there are files alone, without links.</summary>
    internal ClaimParts? Claims { get; init; }
}

/// <summary>Where a reader of the document finds the octets.</summary>
abstract record RawContent
{
    RawContent()
    {
    }

    /// <summary>In the document.</summary>
    public sealed record Inline(ReadOnlyMemory<byte> Octets) : RawContent;

    /// <summary>In a place that he can read.</summary>
    public sealed record Reference(ClaimReference Claim) : RawContent;

    /// <summary>He has them otherwise.</summary>
    public sealed record Elsewhere : RawContent;
}
