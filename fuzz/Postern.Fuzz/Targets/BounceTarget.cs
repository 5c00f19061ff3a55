using Postern.Mta.Reports;
using Postern.Smtp;

namespace Postern.Fuzz.Targets;

/// <summary>A mail that came back: whatever its octets, reading ends, within its limits, and shows nothing
/// that cannot be seen.</summary>
sealed class BounceTarget : FuzzTarget
{
    public override string Name => "bounce";

    public override int OctetsMax => 16 * 1024;

    public override IReadOnlyList<string> Words { get; } =
    [
        "Content-Type: multipart/report; boundary=b\\r\\n", "\\r\\n--b\\r\\n", "\\r\\n--b--\\r\\n",
        "\\r\\n\\r\\n", "Content-Type: message/delivery-status\\r\\n\\r\\n",
        "Content-Type: message/feedback-report\\r\\n\\r\\n",
        "Content-Type: text/rfc822-headers\\r\\n\\r\\n", "Content-Type: message/rfc822\\r\\n\\r\\n",
        "Content-Transfer-Encoding: base64\\r\\n", "Content-Transfer-Encoding: quoted-printable\\r\\n",
        "Content-Type: text/html; charset=utf-7\\r\\n",
        "Content-Type: text/plain; charset=nobody-knows\\r\\n",
        "Final-Recipient: rfc822; a@b.example\\r\\n",
        "Original-Recipient: utf-8; \\\\x{C548}@b.example\\r\\n", "Action: failed\\r\\n",
        "Status: 5.1.1\\r\\n", "Diagnostic-Code: smtp; 550 5.1.1 User unknown\\r\\n",
        "X-Failed-Recipients: a@b.example\\r\\n", "From: MAILER-DAEMON@b.example\\r\\n",
        "Return-Path: <>\\r\\n", "To: bounces+0123456789ABC-f00d@b.example\\r\\n",
        "Feedback-Type: abuse\\r\\n", "Original-Rcpt-To: <a@b.example>\\r\\n",
        "Auto-Submitted: auto-replied\\r\\n", ">>> RCPT To:<a@b.example>\\r\\n", "<<< 550 no\\r\\n",
        "<a@b.example>: host x[192.0.2.1] said: 550 no\\r\\n", "(in reply to RCPT TO command)",
        "----- Original message -----\\r\\n", "{\"notificationType\":\"Bounce\",", "\"bounce\":{",
        "\\xec\\x95\\x84", "\\xff", "\\x00", "\\xe2\\x80\\xae", "<div><!--", "=?utf-8?B?", "\\x1b$B",
    ];

    public override int Run(byte[] input)
    {
        var mail = BounceReader.Read(input);
        if (mail is null)
            return 0;
        CheckText(mail.Original.MessageId);
        CheckText(mail.Original.EnvelopeId);
        CheckText(mail.Original.QueueId);
        Finding.Unless(mail.Original.Tokens.Count <= 10, "tokens have a limit");
        return mail switch
        {
            DeliveryReport report => RunReport(report),
            Complaint complaint => RunComplaint(complaint),
            _ => 1,
        };
    }

    static int RunReport(DeliveryReport report)
    {
        Finding.Unless(
            report.Recipients.Count is > 0 and <= BounceReader.RecipientsMax, "recipients have a limit");
        CheckText(report.ReportingMta);
        var reasons = 0;
        foreach (var fate in report.Recipients)
        {
            Finding.Unless(
                fate.Diagnostic.Length <= BounceReader.DiagnosticCharactersMax + 3, "a text has a limit");
            CheckText(fate.Diagnostic);
            CheckText(fate.RemoteMta);
            CheckAddress(fate.Address);
            CheckAddress(fate.Original);
            Finding.Unless(
                !fate.IsHard || fate.Action is ReportKind.Failed or ReportKind.Delayed,
                "success is not hard");
            reasons = Shape(reasons, (int)fate.Reason, (int)fate.Action, fate.ReplyCode is null ? 0 : 1);
        }
        return Shape(2, reasons, Magnitude(report.Recipients.Count));
    }

    static int RunComplaint(Complaint complaint)
    {
        Finding.Unless(complaint.Recipients.Count <= BounceReader.RecipientsMax, "recipients have a limit");
        CheckText(complaint.FeedbackType);
        CheckText(complaint.UserAgent);
        CheckText(complaint.SourceIp);
        foreach (var recipient in complaint.Recipients)
            CheckAddress(recipient);
        return Shape(3, Magnitude(complaint.FeedbackType.Length), Magnitude(complaint.Recipients.Count));
    }

    static void CheckText(string? text) => Finding.Unless(
        text is null || MailboxTarget.IsPrintable(text), "what is told holds no control character",
        text ?? "");

    static void CheckAddress(Mailbox? address) => Finding.Unless(
        address is null || (Mailbox.TryParse(address.ToString(), out var again) && again == address),
        "an address is one", address?.ToString() ?? "");
}
