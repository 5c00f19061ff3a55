using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Postern.Mta.Queue;
using Postern.Mta.Transports;

namespace Postern.Mta.Events;

/// <summary>Puts other texts in the place of those of an event that may hold an address.</summary>
/// <param name="change">Gives the same object where nothing is to be changed.</param>
/// <param name="changeId">The same for ids that mail and its carriers gave.</param>
sealed class EventTexts(Func<string, string> change, Func<string, string> changeId)
{
    static readonly JsonWriterOptions JsonOptions =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The same object where nothing was changed.</summary>
    public MailEvent Rewrite(MailEvent fact)
    {
        var rewriting = new Rewriting(change, changeId);
        var rewritten = rewriting.Of(fact);
        return rewriting.HasChanged ? rewritten : fact;
    }

    /// <summary>The texts and names in a JSON document; the same object where none was changed, or where it
    /// is none.</summary>
    internal static string RewriteJson(string json, Func<string, string> change)
    {
        var hasChanged = false;
        var output = new ArrayBufferWriter<byte>(json.Length + 64);
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
            using var writer = new Utf8JsonWriter(output, JsonOptions);
            while (reader.Read())
                hasChanged |= Copy(ref reader, writer, change);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Half a surrogate pair is no text.
            return change(json);
        }
        return hasChanged ? Encoding.UTF8.GetString(output.WrittenSpan) : json;
    }

    /// <returns>True: it is another one now.</returns>
    static bool Copy(ref Utf8JsonReader reader, Utf8JsonWriter writer, Func<string, string> change)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                writer.WriteStartObject();
                return false;
            case JsonTokenType.EndObject:
                writer.WriteEndObject();
                return false;
            case JsonTokenType.StartArray:
                writer.WriteStartArray();
                return false;
            case JsonTokenType.EndArray:
                writer.WriteEndArray();
                return false;
            case JsonTokenType.PropertyName or JsonTokenType.String:
                var text = reader.GetString()!;
                var changed = change(text);
                if (reader.TokenType == JsonTokenType.PropertyName)
                    writer.WritePropertyName(changed);
                else
                    writer.WriteStringValue(changed);
                return !ReferenceEquals(text, changed);
            default:
                writer.WriteRawValue(reader.ValueSpan);
                return false;
        }
    }

    struct Rewriting(Func<string, string> change, Func<string, string> changeId)
    {
        public bool HasChanged { get; private set; }

        public MailEvent Of(MailEvent fact) => fact with
        {
            RecipientAddress = Text(fact.RecipientAddress),
            OriginalAddress = Text(fact.OriginalAddress),
            Sender = Text(fact.Sender),
            MessageId = Id(fact.MessageId),
            Subject = Text(fact.Subject),
            Client = fact.Client is { } client ? Of(client) : null,
            Transport = Text(fact.Transport),
            Why = Text(fact.Why),
            Checks = Text(fact.Checks),
            Facts = fact.Facts is { } facts ? Of(facts) : null,
            Reply = Text(fact.Reply),
            RemoteId = Id(fact.RemoteId),
            Actor = Text(fact.Actor),
            Alarm = fact.Alarm is { } alarm ? Of(alarm) : null,
            Options = fact.Options is { } options ? Of(options) : null,
            Remote = fact.Remote is not { } remote ? null : remote with
            {
                EventId = Id(remote.EventId)!,
                Reason = Text(remote.Reason),
                Details = Json(remote.Details),
            },
        };

        ClientFacts Of(ClientFacts client) => client with
        {
            Name = Text(client.Name),
            Helo = Text(client.Helo)!,
            Account = Text(client.Account),
        };

        AttemptFacts Of(AttemptFacts facts) => facts with
        {
            Relay = Text(facts.Relay)!,
            Conversation = facts.Conversation is { } talk ? Of(talk) : null,
        };

        Conversation Of(Conversation talk)
        {
            var turns = new List<ConversationTurn>(talk.Turns.Count);
            foreach (var turn in talk.Turns)
                turns.Add(turn with { Said = Text(turn.Said), Answer = Text(turn.Answer) });
            return Conversation.FromKept(turns);
        }

        Alarm Of(Alarm alarm) => alarm with
        {
            Subject = Text(alarm.Subject)!,
            Text = Text(alarm.Text)!,
            Mend = Text(alarm.Mend)!,
        };

        MailOptions Of(MailOptions options)
        {
            var tags = new List<string>(options.Tags.Count);
            foreach (var tag in options.Tags)
                tags.Add(Text(tag)!);
            return options with
            {
                Tags = tags,
                Variables = Json(options.Variables),
                List = Text(options.List),
            };
        }

        string? Json(string? json) => json is null ? null : Note(json, RewriteJson(json, change));

        string? Text(string? text) => text is null ? null : Note(text, change(text));

        string? Id(string? text) => text is null ? null : Note(text, changeId(text));

        string Note(string before, string after)
        {
            HasChanged |= !ReferenceEquals(before, after);
            return after;
        }
    }
}
