using System.Diagnostics;
using System.Globalization;
using System.Text;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>Writes delivery status notifications: multipart/report of RFC 6522 with RFC 3464 or RFC 6533
/// inside.</summary>
/// <remarks>
/// 7-bit safe whatever went wrong, so that any next hop takes it. Of the original at most
/// <see cref="ReturnedOctetsMax"/> are read; larger ones, 8-bit ones (message/rfc822 may not be encoded,
/// RFC 2046 §5.2.1) and all without a failure (RFC 3461 §6.2) come back as header section alone.
/// </remarks>
public sealed partial class BounceComposer(string hostname, TimeProvider clock)
{
    /// <summary>Postfix's bounce_size_limit, in octets.</summary>
    public const int ReturnedOctetsMax = 50_000;

    /// <param name="original">The original content with its edits. Null: it is gone already; the report has
    /// two parts.</param>
    public async ValueTask<ComposedReport> ComposeAsync(
        ReportRequest request, ContentSource? original, CancellationToken cancel)
    {
        var to = request.Message.Sender.Mailbox
            ?? throw new InvalidOperationException("A report to the null sender (RFC 5321 §4.5.5).");
        var returned = original is null ? null
            : ReturnedPart.Of(request, original,
                // One octet more than may be returned: enough to know that it is too large.
                await ReportContent.ReadAsync(original, ReturnedOctetsMax + 1, cancel));
        var isGlobal = IsGlobal(request);
        var text = ReportContent.EncodePart(
            "text/plain; charset=utf-8", "Notification", Notice(request, returned));
        var status = ReportContent.EncodePart(
            isGlobal ? "message/global-delivery-status" : "message/delivery-status", "Delivery report",
            StatusFields(request, isGlobal));
        byte[][] parts = returned is null ? [text, status] : [text, status, returned.Encode()];
        var now = clock.GetUtcNow().UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture);
        var messageId = $"<{now}.{request.Id}@{hostname}>";
        var content = ReportContent.Join(
            request.Id, parts, boundary => Header(request, to, boundary, messageId));
        return new ComposedReport(to, content, messageId, to.IsInternational);
    }

    string Header(ReportRequest request, Mailbox to, string boundary, string messageId)
    {
        var header = new StringBuilder();
        header.Append(
            CultureInfo.InvariantCulture, $"Date: {ReportContent.Rfc5322Date(clock.GetUtcNow())}\r\n");
        header.Append(CultureInfo.InvariantCulture,
            $"From: MAILER-DAEMON@{hostname} (Mail Delivery System)\r\n");
        header.Append(CultureInfo.InvariantCulture, $"Subject: {SubjectOf(request.Kind)}\r\n");
        header.Append(CultureInfo.InvariantCulture, $"To: {ReportText.OneLine(to.ToString())}\r\n");
        // RFC 3834 §5.
        header.Append("Auto-Submitted: auto-replied\r\n");
        header.Append(CultureInfo.InvariantCulture, $"Message-ID: {messageId}\r\n");
        if (IsPlainMessageId(request.Message.MessageId))
            header.Append(CultureInfo.InvariantCulture, $"References: {request.Message.MessageId}\r\n");
        header.Append("MIME-Version: 1.0\r\n");
        // RFC 3461 §6.2; the same for the media types of RFC 6533 (its §4.4).
        header.Append("Content-Type: multipart/report; report-type=delivery-status;\r\n");
        header.Append(CultureInfo.InvariantCulture, $"\tboundary=\"{boundary}\"\r\n\r\n");
        header.Append("This is a MIME-encapsulated message.\r\n\r\n");
        return header.ToString();
    }

    static string SubjectOf(ReportKind kind) => kind switch
    {
        ReportKind.Failed => "Undelivered Mail Returned to Sender",
        ReportKind.Delayed => "Delayed Mail (still being retried)",
        ReportKind.Delivered or ReportKind.Relayed or ReportKind.Expanded =>
            "Successful Mail Delivery Report",
        _ => throw new UnreachableException(),
    };

    static bool IsGlobal(ReportRequest request) =>
        request.Message.Sender.Mailbox!.IsInternational
        || request.Recipients.Any(r => r.Recipient.Address.IsInternational
            || r.Recipient.Original is { IsInternational: true });

    static bool IsPlainMessageId(string id) =>
        id.Length is > 2 and <= 250 && id is ['<', .., '>']
            && id.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;
}

/// <summary>One recipient of a report.</summary>
/// <param name="Text">The peer's reply or our own words; any text is safe.</param>
/// <param name="RemoteMta">The host that said it. Null: nobody else was involved.</param>
/// <param name="WillRetryUntil">Delayed alone: when Postern gives up (RFC 3464 §2.3.9).</param>
public sealed record ReportedRecipient(Recipient Recipient, EnhancedStatus Status, string Text,
    string? RemoteMta = null, DateTimeOffset? WillRetryUntil = null);

/// <summary>What a report is about.</summary>
/// <param name="Id">The id the report itself will have.</param>
/// <param name="Message">Its sender gets the report and is not null.</param>
public sealed record ReportRequest(
    ReportKind Kind, QueueId Id, QueuedMessage Message, IReadOnlyList<ReportedRecipient> Recipients);

/// <summary>A report ready for Intake; its reverse-path is the null sender.</summary>
/// <param name="Content">Whole content, ASCII unless <paramref name="SmtpUtf8"/>, every line ended by
/// CRLF.</param>
/// <param name="MessageId">With angle brackets.</param>
/// <param name="SmtpUtf8">The sender's address is international: the header section holds UTF-8.</param>
public sealed record ComposedReport(Mailbox To, ReadOnlyMemory<byte> Content, string MessageId,
    bool SmtpUtf8);
