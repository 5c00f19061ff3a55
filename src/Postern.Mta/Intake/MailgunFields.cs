using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MimeKit.Utils;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Intake;

/// <summary>The X-Mailgun-* fields of submitted mail that ask something of us; they mean what they mean at
/// Mailgun.</summary>
/// <remarks>Tag, Variables, Require-TLS and Deliver-Within stay in the message: events carry them or the way
/// on needs them, and Mailgun reads them again. What is used up here, Drop-Message and Deliver-By, is cut.
/// The others are for the next hop.</remarks>
public static class MailgunFields
{
    public const string Prefix = "X-Mailgun-";

    /// <summary>Fields of one message that are looked at.</summary>
    public const int FieldsMax = 30;

    const string Tag = Prefix + "Tag";
    const string Variables = Prefix + "Variables";
    const string DropMessage = Prefix + "Drop-Message";
    const string DeliverBy = Prefix + "Deliver-By";

    public const string RequireTls = Prefix + "Require-TLS";
    public const string DeliverWithin = Prefix + "Deliver-Within";

    const int TagsMax = 10;
    const int TagCharactersMax = 128;
    const int VariablesOctetsMax = 16 << 10;
    static readonly TimeSpan AheadMax = TimeSpan.FromDays(7);

    /// <summary>It is one of those that ask something of us.</summary>
    public static bool IsOne(string name) => IsCut(name) || Is(name, Tag) || Is(name, Variables)
        || Is(name, RequireTls) || Is(name, DeliverWithin);

    /// <summary>It has done its work here.</summary>
    public static bool IsCut(string name) => Is(name, DropMessage) || Is(name, DeliverBy);

    /// <summary>Adds what the fields say to what was given otherwise.</summary>
    /// <param name="given">What came beside the message; its times win, the message's own variables do.
    /// Null: nothing.</param>
    /// <param name="domain">The sending domain, where nothing was given.</param>
    /// <param name="refusal">Why the message is not taken. Null: it may be.</param>
    /// <returns>Null: neither says anything.</returns>
    internal static MailOptions? Read(
        IReadOnlyList<OptionField> fields, MailOptions? given, string domain, DateTimeOffset now,
        out Reply? refusal)
    {
        refusal = null;
        if (fields.Count == 0)
            return given;
        var options = given ?? new MailOptions { Domain = domain };
        foreach (var field in fields)
            refusal ??= Add(ref options, given, field, now);
        return options;
    }

    static Reply? Add(ref MailOptions options, MailOptions? given, OptionField field, DateTimeOffset now)
    {
        var body = field.Body;
        if (Is(field.Name, Tag))
        {
            if (body.Length is 0 or > TagCharactersMax || !Ascii.IsValid(body))
                return IntakeReplies.OptionUnreadable(
                    Tag, $"a tag is 1 to {TagCharactersMax} ASCII characters");
            if (options.Tags.Contains(body, StringComparer.OrdinalIgnoreCase))
                return null;
            options = options with { Tags = [.. options.Tags, body] };
            return options.Tags.Count > TagsMax
                ? IntakeReplies.OptionUnreadable(Tag, $"a message may have {TagsMax} tags") : null;
        }
        if (Is(field.Name, Variables))
        {
            if (Merge(options.Variables, body) is not { Length: <= VariablesOctetsMax } merged)
                return IntakeReplies.OptionUnreadable(Variables, "it is no JSON object of 16 KiB at most");
            options = options with { Variables = merged };
        }
        else if (Is(field.Name, DropMessage))
            options = options with { IsTest = options.IsTest || IsYes(body) };
        else if (Is(field.Name, RequireTls))
            options = options with { RequiresTls = options.RequiresTls || IsYes(body) };
        else if (Is(field.Name, DeliverWithin))
        {
            if (!DeliveryWindow.TryParse(body, out var window))
                return IntakeReplies.OptionUnreadable(
                    DeliverWithin, "it is no time like 1h30m between 5m and 24h");
            options = options with { DeliverWithin = given?.DeliverWithin ?? window };
        }
        else if (given?.DeliverAt is null)
        {
            if (!DateUtils.TryParse(body, out var at) || at - now > AheadMax)
                return IntakeReplies.OptionUnreadable(
                    DeliverBy, $"it is no date of RFC 5322 within {AheadMax.Days} days");
            options = options with { DeliverAt = at > now ? at : null };
        }
        return null;
    }

    /// <summary>Null: it is no JSON object.</summary>
    static string? Merge(string? known, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            var variables = known is null ? [] : JsonNode.Parse(known)!.AsObject();
            foreach (var member in document.RootElement.EnumerateObject())
                variables[member.Name] = TextOf(member.Value);
            return variables.ToJsonString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Events carry texts alone.</summary>
    static string TextOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    /// <summary>As PHP, Python and people write it.</summary>
    public static bool IsYes(string? text) =>
        text is not null && (Is(text, "yes") || Is(text, "true") || text == "1");

    static bool Is(string one, string other) => one.Equals(other, StringComparison.OrdinalIgnoreCase);
}

/// <summary>A field that asks something of us.</summary>
/// <param name="Body">Unfolded.</param>
readonly record struct OptionField(string Name, string Body, ContentRange Range);
