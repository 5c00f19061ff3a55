using System.Buffers;
using System.Globalization;
using System.Text;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>The mail that tells a postmaster which alarms were raised and which are over.</summary>
public static class AlarmLetter
{
    /// <summary>Alarms named in one mail; the others are counted.</summary>
    const int NamedMax = 100;

    /// <param name="id">The id the mail will have.</param>
    public static ComposedReport Compose(
        QueueId id, Mailbox to, string hostname, DateTimeOffset now, IReadOnlyList<Alarm> raised,
        IReadOnlyList<Alarm> over)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"This is the mail system at host {hostname}.\r\n");
        Append(text, "Raised:", raised);
        Append(text, "Over:", over);
        text.Append("\r\nEach is told once when it is raised and once when it is over.\r\n");
        var octets = Encoding.UTF8.GetBytes(text.ToString());
        var is7Bit = ReturnedPart.Is7Bit(octets);
        var messageId = $"<{id}@{hostname}>";
        string[] fields =
        [
            "Date: " + now.UtcDateTime.ToString(
                "ddd, d MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture),
            $"From: MAILER-DAEMON@{hostname} (Mail Delivery System)",
            $"To: {ReportText.OneLine(to.ToString())}",
            $"Subject: {SubjectOf(raised, over)}",
            // RFC 3834 §5.
            "Auto-Submitted: auto-generated",
            $"Message-ID: {messageId}",
            "MIME-Version: 1.0",
            $"Content-Type: text/plain; charset={(is7Bit ? "us-ascii" : "utf-8")}",
            $"Content-Transfer-Encoding: {(is7Bit ? "7bit" : "quoted-printable")}",
        ];
        var content = new ArrayBufferWriter<byte>();
        content.Write(Encoding.UTF8.GetBytes(string.Concat(fields.Select(field => field + "\r\n")) + "\r\n"));
        content.Write(is7Bit ? octets : QuotedPrintable.Encode(octets));
        return new ComposedReport(to, content.WrittenMemory, messageId, to.IsInternational);
    }

    static string SubjectOf(IReadOnlyList<Alarm> raised, IReadOnlyList<Alarm> over) => (raised, over) switch
    {
        ([var one], []) => $"Alarm: {NameOf(one)}",
        ([], [var one]) => $"Alarm over: {NameOf(one)}",
        ([], _) => $"{over.Count} alarms over",
        (_, []) => $"{raised.Count} alarms",
        _ => $"{raised.Count} alarms, {over.Count} over",
    };

    static string NameOf(Alarm alarm) => ReportText.OneAsciiLine($"{alarm.Kind} {alarm.Subject}");

    static void Append(StringBuilder text, string title, IReadOnlyList<Alarm> alarms)
    {
        if (alarms.Count == 0)
            return;
        text.Append("\r\n").Append(title).Append("\r\n");
        foreach (var alarm in alarms.Take(NamedMax))
        {
            text.Append("\r\n");
            foreach (var (first, line) in ((string, string)[])[
                ("", $"{alarm.Kind} {alarm.Subject}, since {alarm.Since:u}"),
                ("    ", alarm.Text), ("    Mend: ", alarm.Mend)])
                ReportText.AppendFolded(text, first, ReportText.OneLine(line), "    ");
        }
        if (alarms.Count > NamedMax)
            text.Append(CultureInfo.InvariantCulture, $"\r\nAnd {alarms.Count - NamedMax} more.\r\n");
    }
}
