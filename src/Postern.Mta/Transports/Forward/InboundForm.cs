using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Mta.Transports.Forward;

/// <summary>The fields in which Mailgun posts a message that came in.</summary>
/// <remarks>
/// Every field of the message is a field of the form too, under its own name: what a stranger called as one
/// of ours is left out, also where it differs in case alone, since many readers do not look at case. Ours
/// come first.
/// </remarks>
public static class InboundForm
{
    /// <summary>Names that are ours, in small letters; From, Subject and Sender are sent as both.</summary>
    static readonly HashSet<string> Ours = new(StringComparer.OrdinalIgnoreCase)
    {
        "recipient", "body-plain", "body-html", "body-mime", "stripped-text", "stripped-html",
        "stripped-signature", "attachment-count", "content-id-map", "message-headers", "timestamp", "token",
        "signature", "domain", "message-url", "attachments", "x-envelope-from", "x-mailgun-incoming",
    };

    /// <summary>The message as it is, where the path of the URL asks for it: for Rails.</summary>
    public static bool WantsMime(string url) =>
        new Uri(url).AbsolutePath.EndsWith("mime", StringComparison.OrdinalIgnoreCase);

    /// <summary>Who, from whom, and the proof that it is us.</summary>
    internal static FormFields Envelope(
        Attempt attempt, Recipient recipient, MailgunSignature signature, string from, string subject)
    {
        var fields = new FormFields();
        fields.Add("recipient", recipient.Address.ToString());
        fields.Add("sender", attempt.Message.Sender.Mailbox?.ToString() ?? "");
        fields.Add("from", from);
        fields.Add("subject", subject);
        fields.Add("timestamp", signature.Timestamp);
        fields.Add("token", signature.Token);
        fields.Add("signature", signature.Hex);
        return fields;
    }

    /// <summary>The texts of the message, and its header section.</summary>
    internal static void AddMessage(FormFields fields, ParsedMail mail, string sender)
    {
        if (mail.PlainOrMade is { } plain)
        {
            var split = QuotedText.Of(plain);
            fields.Add("body-plain", plain);
            fields.Add("stripped-text", split.Text);
            fields.Add("stripped-signature", split.Signature);
        }
        if (mail.Html is { } html)
        {
            fields.Add("body-html", html);
            fields.Add("stripped-html", QuotedHtml.Of(html));
        }
        foreach (var (subtype, text) in mail.OtherTexts)
            fields.Add($"body-{subtype}", text);
        fields.Add("X-Mailgun-Incoming", "Yes");
        fields.Add("X-Envelope-From", $"<{sender}>");
        fields.Add("message-headers", HeadersOf(mail).ToJsonString(JsonTexts.Relaxed));
        foreach (var (name, value) in mail.Fields)
        {
            if (!IsOurs(name))
                fields.Add(ParsedMail.TitleOf(name), value);
        }
    }

    /// <summary>A field of the message with this name would be taken for one of ours.</summary>
    public static bool IsOurs(string name) => Ours.Contains(name)
        || name.StartsWith("attachment-", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("body-", StringComparison.OrdinalIgnoreCase);

    /// <summary>How many files follow, and which of them the HTML shows.</summary>
    internal static void AddAttachments(FormFields fields, IReadOnlyList<MailAttachment> attachments)
    {
        if (attachments.Count == 0)
            return;
        fields.Add("attachment-count", attachments.Count.ToString(CultureInfo.InvariantCulture));
        var map = ContentIds(attachments, NameOf);
        if (map.Count > 0)
            fields.Add("content-id-map", map.ToJsonString(JsonTexts.Relaxed));
    }

    public static string NameOf(int number) =>
        string.Create(CultureInfo.InvariantCulture, $"attachment-{number}");

    public static JsonArray HeadersOf(ParsedMail mail) =>
        [.. mail.Fields.Select(field => new JsonArray(field.Key, field.Value))];

    /// <param name="place">What a file is called by its number, from 1.</param>
    public static JsonObject ContentIds(
        IReadOnlyList<MailAttachment> attachments, Func<int, string> place)
    {
        var map = new JsonObject();
        for (var i = 0; i < attachments.Count; i++)
        {
            if (attachments[i].ContentId is { } id)
                map[id] = place(i + 1);
        }
        return map;
    }

    /// <summary>Where the files of a kept message lie.</summary>
    /// <param name="messageUrl">Of the message itself.</param>
    public static JsonArray AttachmentsAt(string messageUrl, IReadOnlyList<MailAttachment> attachments) =>
        [.. attachments.Select((file, place) => new JsonObject
        {
            ["url"] = AttachmentUrl(messageUrl, place + 1),
            ["content-type"] = file.ContentType,
            ["name"] = file.Name,
            ["size"] = file.Octets,
        })];

    public static string AttachmentUrl(string messageUrl, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{messageUrl}/attachments/{number}");
}

/// <summary>JSON inside a field, or for a person: letters of any script stay legible.</summary>
static class JsonTexts
{
    public static readonly System.Text.Json.JsonSerializerOptions Relaxed = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = FormJson.Default,
    };
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
[System.Text.Json.Serialization.JsonSerializable(typeof(JsonArray))]
[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
sealed partial class FormJson : System.Text.Json.Serialization.JsonSerializerContext;

/// <summary>Names and values in their order; a name may come several times.</summary>
sealed class FormFields
{
    readonly List<(string Name, byte[] Value)> all = [];

    public IReadOnlyList<(string Name, byte[] Value)> All => all;

    public void Add(string name, string value) => all.Add((name, Encoding.UTF8.GetBytes(value)));
}
