using System.Buffers;
using System.Globalization;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>The log for people: one aligned line per fact.</summary>
/// <remarks>Time, event, queue id, who to whom, transport and relay, reply, seconds taken.</remarks>
sealed class ConsoleLines(EventLogSettings settings, TimeZoneInfo zone) : LineFormat
{
    const int NameColumns = 17;
    const int QueueIdColumns = 13;
    const UnsafeCharacters Escaped = UnsafeCharacters.AsEscape;

    public override void Event(IBufferWriter<byte> output, StoredEvent stored, RecipientProgress progress)
    {
        var mailEvent = stored.Event;
        var line = Begin(output, mailEvent.At, NameOf(mailEvent), EventNames.LevelOf(mailEvent),
            mailEvent.Message?.ToString() ?? "");
        WriteAddresses(line, mailEvent);
        if (mailEvent.Kind is EventKind.Accepted or EventKind.Routed or EventKind.Expanded)
            WriteOrigin(line, mailEvent);
        if (mailEvent.Transport is { } transport)
            line.Write("  via "u8).Text(transport);
        if (mailEvent.Facts is { Relay: not "none" } facts && facts.Relay != mailEvent.Transport)
            line.Write(" "u8).Text(facts.Relay);
        if (mailEvent.Why is { } why)
            line.Write("  ("u8).Text(why).Write(")"u8);
        if (mailEvent.Checks is { } checks)
            line.Write("  "u8).Text(checks);
        if (mailEvent.Reply is { } reply)
            line.Write("  "u8).Text(reply);
        if (mailEvent.Uncertain)
            line.Write("  (uncertain)"u8);
        if (mailEvent.Alarm is { } alarm)
            line.Text(alarm.Kind).Write(" "u8).Text(alarm.Subject).Write(": "u8).Text(alarm.Text)
                .Write("  "u8).Text(alarm.Mend);
        if (mailEvent.Other is { } other)
            line.Write("  "u8).Write(other.ToString());
        if (mailEvent.Actor is { } actor)
            line.Write("  by "u8).Text(actor);
        if (mailEvent.Facts is not null)
            WriteTime(line, mailEvent);
        line.EndLine();
    }

    public override void Connected(IBufferWriter<byte> output, SessionFacts session, DateTimeOffset at) =>
        WriteSession(Begin(output, at, "connected", EventLevel.Info, ""), session).EndLine();

    public override void Refused(IBufferWriter<byte> output, SessionRefusal refusal)
    {
        var line = Begin(output, refusal.At, "refused", EventLevel.Warn, "");
        WriteSession(line, refusal.Session).Write("  "u8).Write(VerbOf(refusal.Verb).ToUpperInvariant());
        if (refusal.Shown.Length > 0)
            line.Write(" "u8).Text(refusal.Shown);
        line.Write("  "u8).Text(refusal.Reply.ToString()).EndLine();
    }

    public override void Ended(IBufferWriter<byte> output, SessionFacts session, SessionEnd end,
        DateTimeOffset at)
    {
        var level = end is SessionEnd.Quit or SessionEnd.Stopping or SessionEnd.PeerClosed ? EventLevel.Info
            : EventLevel.Warn;
        var line = Begin(output, at, "disconnected", level, "");
        WriteSession(line, session).Write("  "u8).Write(NameOf(end));
        foreach (var (verb, good, all) in CountsOf(session))
        {
            line.Write(" "u8).Write(verb).Write("="u8).Number(good);
            if (good != all)
                line.Write("/"u8).Number(all);
        }
        line.EndLine();
    }

    public override void Lost(IBufferWriter<byte> output, long lines, DateTimeOffset at) =>
        Begin(output, at, "log", EventLevel.Warn, "").Number(lines)
            .Write(" lines were dropped: more than the log takes\n"u8);

    static string NameOf(MailEvent mailEvent) => mailEvent.Kind switch
    {
        EventKind.AlarmRaised => "alarm",
        EventKind.AlarmCleared => "alarm cleared",
        _ => EventNames.Of(mailEvent.Kind),
    };

    static void WriteAddresses(LineWriter line, MailEvent mailEvent)
    {
        if (mailEvent.Sender is { } sender)
            line.Text(sender.Length == 0 ? "<>" : sender)
                .Write(mailEvent.RecipientAddress is null ? ""u8 : " -> "u8);
        line.Text(mailEvent.RecipientAddress);
        if (mailEvent.Kind == EventKind.Operated)
        {
            if (mailEvent.RecipientCount is { } changed)
                line.Number(changed).Write(" changed"u8);
            return;
        }
        if (mailEvent.RecipientAddress is null && mailEvent.RecipientCount is { } recipients)
            line.Write(" -> "u8).Number(recipients).Write(recipients == 1 ? " recipient"u8 : " recipients"u8);
        if (mailEvent.OriginalAddress is { } original && original != mailEvent.RecipientAddress)
            line.Write(" (was "u8).Text(original).Write(")"u8);
    }

    static void WriteOrigin(LineWriter line, MailEvent mailEvent)
    {
        if (mailEvent.ContentOctets is { } octets)
            line.Write("  "u8).Number(octets).Write(" octets"u8);
        if (mailEvent.Client is { Address.Length: > 0 } client)
            line.Write("  from "u8).Text(client.Name ?? client.Address);
        if (mailEvent.Client?.Account is { } account)
            line.Write(" as "u8).Text(account);
        if (mailEvent.Route is { } route)
            line.Write("  route "u8).Text(route);
    }

    static void WriteTime(LineWriter line, MailEvent mailEvent)
    {
        var time = (mailEvent.DelayBeforeActive ?? TimeSpan.Zero) + (mailEvent.DelayActive ?? TimeSpan.Zero)
            + mailEvent.Facts!.SetUp + mailEvent.Facts.Transmission;
        line.Write("  ("u8).Write(PostfixDelay.Format(time)).Write("s)"u8);
    }

    static LineWriter WriteSession(LineWriter line, SessionFacts session)
    {
        line.Write(AddressOf(session.Remote)).Write(" "u8).Text(session.Listener);
        if (session.UserName is { } user)
            line.Write(" as "u8).Text(user);
        return line;
    }

    LineWriter Begin(IBufferWriter<byte> output, DateTimeOffset at, string name, EventLevel level,
        string queueId)
    {
        var local = TimeZoneInfo.ConvertTime(at, zone);
        var line = new LineWriter(output, Escaped);
        line.Write(local.ToString("yyyy-MM-dd HH:mm:ss.fff  ", CultureInfo.InvariantCulture));
        var colour = settings.UseColour ? ColourOf(level) : default;
        line.Write(colour).Write(name).Write(colour.IsEmpty ? default : "\e[0m"u8);
        return line.Write(new string(' ', Math.Max(0, NameColumns - name.Length) + 1))
            .Write(queueId.PadRight(QueueIdColumns)).Write("  "u8);
    }

    static ReadOnlySpan<byte> ColourOf(EventLevel level) => level switch
    {
        EventLevel.Error => "\e[31m"u8,
        EventLevel.Warn => "\e[33m"u8,
        _ => "\e[32m"u8,
    };
}
