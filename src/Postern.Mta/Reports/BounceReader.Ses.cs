using System.Text.Json;
using Postern.Smtp;

namespace Postern.Mta.Reports;

public static partial class BounceReader
{
    const int JsonDepthMax = 16;

    /// <summary>Amazon SES tells by mail what SNS publishes: a JSON object and a footer.</summary>
    /// <returns>Null: it is no such object.</returns>
    static ReturnedMail? SesNotification(ReportParts parts, OriginalMail original)
    {
        // Some hop broke the long line as sendmail does.
        var text = string.Join('\n', parts.Lines).Replace("!\n ", "", StringComparison.Ordinal).TrimStart();
        var footer = text.IndexOf("\n--\n", StringComparison.Ordinal);
        text = footer < 0 ? text : text[..footer];
        if (!text.StartsWith('{') || !text.Contains("\"notificationType\"", StringComparison.Ordinal))
            return null;
        try
        {
            var options = new JsonDocumentOptions { MaxDepth = JsonDepthMax };
            using var document = JsonDocument.Parse(text, options);
            var root = document.RootElement;
            original = OriginalOf(root, original);
            return TextIn(root, "notificationType") switch
            {
                "Bounce" when ObjectIn(root, "bounce") is { } bounce =>
                    SesReport(bounce, "bouncedRecipients", ReportKind.Failed, original, parts),
                "Delivery" when ObjectIn(root, "delivery") is { } delivery =>
                    SesReport(delivery, "recipients", ReportKind.Delivered, original, parts),
                "Complaint" when ObjectIn(root, "complaint") is { } complaint => new Complaint
                {
                    Original = original,
                    FeedbackType = TextIn(complaint, "complaintFeedbackType")?.ToLowerInvariant() ?? "abuse",
                    UserAgent = Line(TextIn(complaint, "userAgent")),
                    Recipients = [.. ListIn(complaint, "complainedRecipients").Select(AddressOf)
                        .OfType<Mailbox>()],
                },
                _ => null,
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static DeliveryReport? SesReport(
        JsonElement what, string list, ReportKind kind, OriginalMail original, ReportParts parts)
    {
        var fates = ListIn(what, list).Select(recipient => FateOf(AddressOf(recipient), null,
            kind == ReportKind.Failed && TextIn(recipient, "action") is { } action ? ActionOf(action) : kind,
            null, StatusIn(TextIn(recipient, "status")),
            TextIn(recipient, "diagnosticCode") ?? TextIn(what, "smtpResponse") ?? "", "", parts)).ToArray();
        return fates.Length == 0 ? null : new DeliveryReport
        {
            Original = original,
            Recipients = fates,
            ReportingMta = DeliveryStatus.HostIn(TextIn(what, "reportingMTA")),
        };
    }

    static OriginalMail OriginalOf(JsonElement root, OriginalMail original)
    {
        if (ObjectIn(root, "mail") is not { } mail)
            return original;
        var id = ObjectIn(mail, "commonHeaders") is { } headers ? TextIn(headers, "messageId") : null;
        return original with
        {
            MessageId = Line(id) ?? original.MessageId,
            EnvelopeId = Line(TextIn(mail, "messageId")),
            ReturnPath = DeliveryStatus.AddressIn(TextIn(mail, "source")),
            To = [.. ListIn(mail, "destination").Select(AddressOf).OfType<Mailbox>()],
        };
    }

    /// <summary>A text, or an object with one.</summary>
    static Mailbox? AddressOf(JsonElement recipient) => DeliveryStatus.AddressIn(
        recipient.ValueKind == JsonValueKind.String ? recipient.GetString()
            : TextIn(recipient, "emailAddress"));

    static string? TextIn(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static JsonElement? ObjectIn(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.Object ? value : null;

    static IEnumerable<JsonElement> ListIn(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Take(RecipientsMax) : [];
}
