using System.Buffers;
using System.Text.Json;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>One object a line: events in their public shape, facts of sessions and of the log in
/// ours.</summary>
sealed class JsonLines(EventLogSettings settings) : LineFormat
{
    public override void Event(IBufferWriter<byte> output, StoredEvent stored, RecipientProgress progress)
    {
        EventJson.Write(output, stored, settings.Node);
        output.Write("\n"u8);
    }

    public override void Connected(IBufferWriter<byte> output, SessionFacts session, DateTimeOffset at) =>
        EventJson.WriteSession(output, "session-connected", EventLevel.Info, session, at, static _ => { });

    public override void Refused(IBufferWriter<byte> output, SessionRefusal refusal) =>
        EventJson.WriteSession(output, "session-refused", EventLevel.Warn, refusal.Session, refusal.At,
            json =>
        {
            json.WriteString("verb"u8, VerbOf(refusal.Verb));
            EventJson.WriteText(json, "argument"u8, refusal.Shown);
            EventJson.WriteText(json, "sender"u8, refusal.Sender);
            EventJson.WriteText(json, "reply"u8, refusal.Reply.ToString());
        });

    public override void Ended(IBufferWriter<byte> output, SessionFacts session, SessionEnd end,
        DateTimeOffset at) =>
        EventJson.WriteSession(output, "session-ended", EventLevel.Info, session, at, json =>
        {
            json.WriteString("end"u8, NameOf(end));
            json.WriteNumber("seconds"u8, Math.Max(0, (at - session.StartedAt).TotalSeconds));
            json.WriteStartObject("commands"u8);
            foreach (var (verb, good, all) in CountsOf(session))
            {
                json.WriteStartArray(verb);
                json.WriteNumberValue(good);
                json.WriteNumberValue(all);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        });

    public override void Lost(IBufferWriter<byte> output, long lines, DateTimeOffset at)
    {
        using (var json = new Utf8JsonWriter(output, EventJson.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("event"u8, "log-lines-lost");
            json.WriteNumber("timestamp"u8, EventJson.Seconds(at));
            json.WriteString("log-level"u8, EventNames.Of(EventLevel.Warn));
            json.WriteNumber("lines"u8, lines);
            json.WriteEndObject();
        }
        output.Write("\n"u8);
    }
}
