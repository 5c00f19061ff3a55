using System.Globalization;
using System.Text;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>Writes abuse reports: multipart/report of RFC 6522 with the feedback of RFC 5965
/// inside.</summary>
/// <remarks>7-bit safe whatever went wrong. Of the original the header section alone goes along (RFC 5965
/// §2 (d)): the rest is the complainer's.</remarks>
public sealed class ComplaintComposer(string hostname, TimeProvider clock)
{
    const string Indent = "    ";

    /// <param name="original">The mail complained of. Null: it is gone; its header is left empty.</param>
    public async ValueTask<ComposedReport> ComposeAsync(
        ComplaintRequest request, ContentSource? original, CancellationToken cancel)
    {
        var beginning = original is null ? []
            : await ReportContent.ReadAsync(original, BounceComposer.ReturnedOctetsMax + 1, cancel);
        var text = ReportContent.EncodePart("text/plain; charset=utf-8", "Notification", Notice(request));
        var feedback = ReportContent.EncodePart("message/feedback-report", "Feedback report",
            Fields(request));
        var now = clock.GetUtcNow();
        var stamp = now.UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture);
        var messageId = $"<{stamp}.{request.Id}@{hostname}>";
        var content = ReportContent.Join(
            request.Id, [text, feedback, ReturnedPart.HeadersOf(beginning).Encode()],
            boundary => Header(request.To, boundary, messageId, now));
        return new ComposedReport(request.To, content, messageId, request.To.IsInternational);
    }

    string Header(Mailbox to, string boundary, string messageId, DateTimeOffset now) => string.Concat(
        $"Date: {ReportContent.Rfc5322Date(now)}\r\n",
        $"From: postmaster@{hostname} (Abuse reports)\r\n",
        "Subject: Abuse report\r\n",
        $"To: {ReportText.OneLine(to.ToString())}\r\n",
        // RFC 3834 §5.
        "Auto-Submitted: auto-generated\r\n",
        $"Message-ID: {messageId}\r\n",
        "MIME-Version: 1.0\r\n",
        // RFC 5965 §2 (a).
        "Content-Type: multipart/report; report-type=feedback-report;\r\n",
        $"\tboundary=\"{boundary}\"\r\n\r\n");

    string Notice(ComplaintRequest request)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"This is the mail system at host {hostname}.\r\n\r\n");
        ReportText.AppendFolded(text, "", "A recipient complained ("
            + $"{ReportText.OneAsciiLine(request.FeedbackType)}) of the mail whose header section is below.",
            "");
        text.Append("Please send no more of it to this recipient.\r\n");
        return text.ToString();
    }

    /// <summary>RFC 5965 §3.1, §3.2 and §3.3.</summary>
    string Fields(ComplaintRequest request)
    {
        var fields = new StringBuilder();
        void Field(string name, string value) =>
            ReportText.AppendFolded(fields, name + ": ", value, Indent);

        Field("Feedback-Type", ReportText.OneAsciiLine(request.FeedbackType));
        Field("User-Agent", "Postern");
        Field("Version", "1");
        if (request.Sender is { } sender)
            Field("Original-Mail-From", $"<{ReportText.OneLine(sender.ToString())}>");
        if (request.EnvelopeId is { } envelopeId)
            Field("Original-Envelope-Id", ReportText.OneAsciiLine(envelopeId));
        if (request.ArrivedAt is { } arrivedAt)
            Field("Arrival-Date", ReportContent.Rfc5322Date(arrivedAt));
        Field("Reporting-MTA", $"dns; {hostname}");
        if (request.SourceIp is { } source)
            Field("Source-IP", ReportText.OneAsciiLine(source));
        foreach (var recipient in request.Recipients)
            Field("Original-Rcpt-To", $"<{ReportText.OneLine(recipient.ToString())}>");
        return fields.ToString();
    }
}

/// <summary>What an abuse report is about.</summary>
/// <param name="Id">The id the report itself will have.</param>
/// <param name="To">Who is told: the sender of the mail, or his provider.</param>
/// <param name="FeedbackType">RFC 5965 §7.3: <c>abuse</c>, <c>fraud</c>, <c>virus</c>, <c>other</c>.</param>
/// <param name="Sender">The reverse-path of the mail. Null: none, or not known.</param>
/// <param name="EnvelopeId">ENVID of the mail. Null: none was given.</param>
/// <param name="Recipients">Those who complain.</param>
/// <param name="SourceIp">The client that sent the mail. Null: not known.</param>
/// <param name="ArrivedAt">Null: not known.</param>
public sealed record ComplaintRequest(QueueId Id, Mailbox To, string FeedbackType, Mailbox? Sender,
    string? EnvelopeId, IReadOnlyList<Mailbox> Recipients, string? SourceIp, DateTimeOffset? ArrivedAt);
