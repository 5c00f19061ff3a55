using System.Buffers;
using System.Globalization;
using Postern.Mta.Queue;

namespace Postern.Mta.Events;

/// <summary>The log as Postfix writes it through syslog, for pflogsumm, fail2ban and old eyes.</summary>
/// <remarks>
/// The number after a service's name is the client's port for lines of a session and our process id for the
/// rest, so that all lines of one session carry one number. <c>tls=</c> is left out: pflogsumm 1.1.5 does
/// not expect it.
/// </remarks>
sealed partial class PostfixLines(EventLogSettings settings, TimeZoneInfo zone) : LineFormat
{
    readonly string host = settings.Hostname.Split('.')[0];

    public override bool NeedsProgress => true;

    public override void Event(IBufferWriter<byte> output, StoredEvent stored, RecipientProgress progress)
    {
        var mailEvent = stored.Event;
        if (mailEvent.Alarm is { } alarm)
            WriteAlarm(output, mailEvent, alarm);
        if (mailEvent.Message is not { } id)
        {
            if (mailEvent.Kind == EventKind.Rejected)
                WriteRejected(output, mailEvent);
            else if (mailEvent.Kind == EventKind.Operated)
                WriteOperated(output, mailEvent);
            return;
        }
        if (mailEvent.Kind == EventKind.Accepted && progress.IsFirst)
            WriteAccepted(output, mailEvent, id);
        else if (progress.WasDone)
            WriteLater(output, mailEvent, id);
        else
            WriteProgress(output, mailEvent, id);
        if (progress.IsLast)
        {
            var service = mailEvent.Kind == EventKind.Cancelled ? "postsuper" : "qmgr";
            Begin(output, service, mailEvent.At).Write(id.ToString()).Write(": removed\n"u8);
        }
    }

    public override void Lost(IBufferWriter<byte> output, long lines, DateTimeOffset at) =>
        Begin(output, "master", at).Write("warning: "u8).Number(lines)
            .Write(" log lines were dropped: more than the log takes\n"u8);

    void WriteProgress(IBufferWriter<byte> output, MailEvent mailEvent, QueueId id)
    {
        switch (mailEvent.Kind)
        {
            case EventKind.Relayed or EventKind.Delivered:
                WriteDelivery(output, mailEvent, id, "sent");
                WriteNotification(output, mailEvent, id, ": sender delivery status notification: "u8);
                break;
            case EventKind.Attempted:
            case EventKind.Failed when mailEvent.Severity == EventSeverity.Temporary:
                WriteDelivery(output, mailEvent, id, "deferred");
                break;
            case EventKind.Failed:
                WriteDelivery(output, mailEvent, id, "bounced");
                break;
            case EventKind.Expired:
                Begin(output, "qmgr", mailEvent.At).Write(id.ToString()).Write(": from=<"u8)
                    .Text(mailEvent.Sender)
                    .Write(mailEvent.Actor is null ? ">, status=expired"u8 : ">, status=force-expired"u8)
                    .Write(", returned to sender\n"u8);
                break;
            case EventKind.BouncedToSender:
                WriteNotification(output, mailEvent, id, ": sender non-delivery notification: "u8);
                break;
            case EventKind.Delayed when mailEvent.Other is not null:
                WriteNotification(output, mailEvent, id, ": sender delay notification: "u8);
                break;
            case EventKind.Held:
                Begin(output, "postsuper", mailEvent.At).Write(id.ToString()).Write(": placed on hold\n"u8);
                break;
            case EventKind.Released:
                Begin(output, "postsuper", mailEvent.At).Write(id.ToString())
                    .Write(": released from hold\n"u8);
                break;
        }
    }

    void WriteAccepted(IBufferWriter<byte> output, MailEvent mailEvent, QueueId id)
    {
        var name = id.ToString();
        var client = mailEvent.Client;
        if (client is { Address.Length: > 0 })
        {
            Begin(output, "smtpd", mailEvent.At, client.Port).Write(name).Write(": client="u8);
            WriteClient(output, client);
            if (client.Mechanism is not null)
                new LineWriter(output, UnsafeCharacters.AsQuestionMark).Write(", sasl_method="u8)
                    .Text(client.Mechanism);
            if (client.Account is not null)
                new LineWriter(output, UnsafeCharacters.AsQuestionMark).Write(", sasl_username="u8)
                    .Text(client.Account);
            output.Write("\n"u8);
        }
        else if (client is not null && mailEvent.Sender is { Length: > 0 } sender)
        {
            // Mail of a local user. What Postern writes itself has the null sender and, as in Postfix, no
            // such line.
            Begin(output, "pickup", mailEvent.At).Write(name).Write(": uid=0 from=<"u8)
                .Text(client.Account ?? sender)
                .Write(">\n"u8);
        }
        Begin(output, "cleanup", mailEvent.At).Write(name).Write(": message-id="u8).Text(mailEvent.MessageId)
            .EndLine();
        Begin(output, "qmgr", mailEvent.At).Write(name).Write(": from=<"u8).Text(mailEvent.Sender)
            .Write(">, size="u8)
            .Number(mailEvent.ContentOctets ?? 0).Write(", nrcpt="u8).Number(mailEvent.RecipientCount ?? 1)
            .Write(" (queue active)\n"u8);
    }

    void WriteDelivery(IBufferWriter<byte> output, MailEvent mailEvent, QueueId id, string status)
    {
        var facts = mailEvent.Facts;
        var line = Begin(output, ServiceOf(mailEvent), mailEvent.At).Write(id.ToString()).Write(": to=<"u8)
            .Text(mailEvent.RecipientAddress);
        if (mailEvent.OriginalAddress is { } original
            && !original.Equals(mailEvent.RecipientAddress, StringComparison.OrdinalIgnoreCase))
            line.Write(">, orig_to=<"u8).Text(original);
        line.Write(">, relay="u8).Text(facts?.Relay ?? "none");
        if (facts is { ConnectionUse: > 1 })
            line.Write(", conn_use="u8).Number(facts.ConnectionUse);
        WriteDelays(line, mailEvent);
        line.Write(", dsn="u8).Text(mailEvent.Status ?? DefaultStatus(status)).Write(", status="u8)
            .Write(status)
            .Write(" ("u8).Text(mailEvent.Reply).Write(")\n"u8);
    }

    static void WriteDelays(LineWriter line, MailEvent mailEvent)
    {
        var before = mailEvent.DelayBeforeActive ?? TimeSpan.Zero;
        var active = mailEvent.DelayActive ?? TimeSpan.Zero;
        var setUp = mailEvent.Facts?.SetUp ?? TimeSpan.Zero;
        var transmission = mailEvent.Facts?.Transmission ?? TimeSpan.Zero;
        line.Write(", delay="u8).Write(PostfixDelay.Format(before + active + setUp + transmission))
            .Write(", delays="u8).Write(PostfixDelay.Format(before))
            .Write("/"u8).Write(PostfixDelay.Format(active))
            .Write("/"u8).Write(PostfixDelay.Format(setUp))
            .Write("/"u8).Write(PostfixDelay.Format(transmission));
    }

    static string DefaultStatus(string status) => status switch
    {
        "sent" => "2.0.0",
        "deferred" => "4.0.0",
        _ => "5.0.0",
    };

    /// <summary>Postfix's delivery agent for it: error(8) decides without a peer, smtp(8) names a host,
    /// pipe(8) a service.</summary>
    static string ServiceOf(MailEvent mailEvent) => mailEvent.Facts?.Relay switch
    {
        null => "error",
        "none" => "smtp",
        var relay when relay.Contains('[', StringComparison.Ordinal) => "smtp",
        _ => "pipe",
    };

    void WriteNotification(IBufferWriter<byte> output, MailEvent mailEvent, QueueId id,
        ReadOnlySpan<byte> words)
    {
        if (mailEvent.Other is { } other)
            Begin(output, "bounce", mailEvent.At).Write(id.ToString()).Write(words).Write(other.ToString())
                .EndLine();
    }

    /// <summary>What a provider told later; Postfix has no such line, and no parser may count it as a
    /// delivery.</summary>
    void WriteLater(IBufferWriter<byte> output, MailEvent mailEvent, QueueId id) =>
        Begin(output, "postern", mailEvent.At).Write(id.ToString()).Write(": recipient=<"u8)
            .Text(mailEvent.RecipientAddress).Write(">, event="u8).Write(EventNames.Of(mailEvent.Kind))
            .Write(", dsn="u8).Text(mailEvent.Status).Write(" ("u8).Text(mailEvent.Reply).Write(")\n"u8);

    void WriteAlarm(IBufferWriter<byte> output, MailEvent mailEvent, Alarm alarm) =>
        Begin(output, "master", mailEvent.At)
            .Write(mailEvent.Kind == EventKind.AlarmCleared ? "alarm cleared: "u8 : "warning: alarm: "u8)
            .Text(alarm.Kind).Write(" "u8).Text(alarm.Subject).Write(": "u8).Text(alarm.Text)
            .Write(" ("u8).Text(alarm.Mend).Write(")\n"u8);

    void WriteOperated(IBufferWriter<byte> output, MailEvent mailEvent)
    {
        var line = Begin(output, "master", mailEvent.At).Write("operated: "u8).Text(mailEvent.Why)
            .Write(" by "u8).Text(mailEvent.Actor);
        if (mailEvent.RecipientCount is { } count)
            line.Write(" ("u8).Number(count).Write(")"u8);
        line.EndLine();
    }

    /// <summary><c>Nov  4 06:03:39 mx postfix/smtpd[4711]: </c>.</summary>
    LineWriter Begin(IBufferWriter<byte> output, string service, DateTimeOffset at, int number = 0)
    {
        var local = TimeZoneInfo.ConvertTime(at, zone);
        var line = new LineWriter(output, UnsafeCharacters.AsQuestionMark);
        line.Write(local.ToString("MMM ", CultureInfo.InvariantCulture));
        if (local.Day < 10)
            line.Write(" "u8);
        return line.Number(local.Day).Write(local.ToString(" HH:mm:ss ", CultureInfo.InvariantCulture))
            .Text(host)
            .Write(" postfix/"u8).Write(service).Write("["u8)
                .Number(number == 0 ? settings.ProcessId : number)
            .Write("]: "u8);
    }

    static void WriteClient(IBufferWriter<byte> output, ClientFacts client) =>
        new LineWriter(output, UnsafeCharacters.AsQuestionMark)
            .Text(client.Name ?? "unknown").Write("["u8).Text(client.Address).Write("]"u8);
}

/// <summary>A time as Postfix's <c>delay=</c> shows it: two significant digits, hundredths at the finest, no
/// trailing zeros.</summary>
static class PostfixDelay
{
    public static string Format(TimeSpan delay)
    {
        var microseconds = Math.Max(0, delay.Ticks) / TimeSpan.TicksPerMicrosecond;
        // Below 1 s hundredths, below 10 s tenths, above whole seconds; half a step rounds up.
        var step = microseconds < 1_000_000 ? 10_000 : microseconds < 10_000_000 ? 100_000 : 1_000_000;
        var hundredths = (microseconds + (step / 2)) / step * (step / 10_000);
        return (hundredths / 100m).ToString("0.##", CultureInfo.InvariantCulture);
    }
}
