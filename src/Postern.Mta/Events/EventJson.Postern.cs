using System.Diagnostics;
using System.Text.Json;
using Postern.Mta.Queue;
using Postern.Mta.Transports;

namespace Postern.Mta.Events;

public static partial class EventJson
{
    /// <summary>What Mailgun's shape has no place for.</summary>
    static void WritePostern(Utf8JsonWriter json, MailEvent mailEvent)
    {
        json.WriteStartObject("postern"u8);
        if (mailEvent.Message is { } id)
            json.WriteString("queue-id"u8, id.ToString());
        WriteNumber(json, "recipient-number"u8, mailEvent.Recipient);
        WriteText(json, "original-recipient"u8, mailEvent.OriginalAddress);
        WriteNumber(json, "recipients"u8, mailEvent.RecipientCount);
        WriteText(json, "route"u8, mailEvent.Route);
        WriteText(json, "transport"u8, mailEvent.Transport);
        WriteText(json, "why"u8, mailEvent.Why);
        WriteText(json, "checks"u8, mailEvent.Checks);
        WriteNumber(json, "attempt"u8, mailEvent.Attempt);
        WriteText(json, "status"u8, mailEvent.Status);
        WriteText(json, "reply"u8, mailEvent.Reply);
        if (mailEvent.Blame is { } blame)
            json.WriteString("blame"u8, NameOf(blame));
        if (mailEvent.Uncertain)
            json.WriteBoolean("uncertain"u8, true);
        if (mailEvent.Facts is { } facts)
            WriteFacts(json, mailEvent, facts);
        WriteText(json, "remote-id"u8, mailEvent.RemoteId);
        if (mailEvent.Other is { } other)
            json.WriteString("other"u8, other.ToString());
        WriteText(json, "actor"u8, mailEvent.Actor);
        if (mailEvent.Remote is { } remote)
        {
            WriteText(json, "told-by"u8, remote.Source);
            json.WriteNumber("told-at"u8, Seconds(remote.At));
            WriteText(json, "remote-event-id"u8, remote.EventId);
        }
        if (mailEvent.Alarm is { } alarm)
            WriteAlarm(json, alarm, mailEvent.Kind);
        if (mailEvent.Client is { } client)
            WriteClient(json, client);
        json.WriteEndObject();
    }

    static void WriteFacts(Utf8JsonWriter json, MailEvent mailEvent, AttemptFacts facts)
    {
        json.WriteStartArray("delays"u8);
        json.WriteNumberValue(Seconds(mailEvent.DelayBeforeActive ?? TimeSpan.Zero));
        json.WriteNumberValue(Seconds(mailEvent.DelayActive ?? TimeSpan.Zero));
        json.WriteNumberValue(Seconds(facts.SetUp));
        json.WriteNumberValue(Seconds(facts.Transmission));
        json.WriteEndArray();
        WriteText(json, "relay"u8, facts.Relay);
        json.WriteNumber("connection-use"u8, facts.ConnectionUse);
        WriteText(json, "tls"u8, facts.Tls);
        if (facts.Conversation is { } conversation)
            WriteConversation(json, conversation);
    }

    static void WriteConversation(Utf8JsonWriter json, Conversation conversation)
    {
        json.WriteStartArray("conversation"u8);
        foreach (var turn in conversation.Turns)
        {
            json.WriteStartObject();
            WriteText(json, "said"u8, turn.Said);
            WriteText(json, "answer"u8, turn.Answer);
            WriteNumber(json, "ms"u8, turn.Ms);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    static void WriteAlarm(Utf8JsonWriter json, Alarm alarm, EventKind kind)
    {
        json.WriteStartObject("alarm"u8);
        json.WriteString("state"u8, kind == EventKind.AlarmCleared ? "cleared" : "raised");
        WriteText(json, "kind"u8, alarm.Kind);
        WriteText(json, "subject"u8, alarm.Subject);
        json.WriteNumber("since"u8, Seconds(alarm.Since));
        WriteText(json, "text"u8, alarm.Text);
        WriteText(json, "mend"u8, alarm.Mend);
        json.WriteEndObject();
    }

    static void WriteClient(Utf8JsonWriter json, ClientFacts client)
    {
        json.WriteStartObject("client"u8);
        WriteText(json, "address"u8, client.Address);
        if (client.Port != 0)
            json.WriteNumber("port"u8, client.Port);
        WriteText(json, "name"u8, client.Name);
        WriteText(json, "helo"u8, client.Helo);
        WriteText(json, "protocol"u8, client.Protocol);
        WriteText(json, "listener"u8, client.Listener);
        WriteText(json, "account"u8, client.Account);
        WriteText(json, "mechanism"u8, client.Mechanism);
        WriteText(json, "tls"u8, client.Tls);
        json.WriteEndObject();
    }

    static void WriteNumber(Utf8JsonWriter json, ReadOnlySpan<byte> name, int? number)
    {
        if (number is { } value)
            json.WriteNumber(name, value);
    }

    static string NameOf(Blame blame) => blame switch
    {
        Blame.Recipient => "recipient",
        Blame.Message => "message",
        Blame.NextHop => "next-hop",
        _ => throw new UnreachableException(),
    };
}
