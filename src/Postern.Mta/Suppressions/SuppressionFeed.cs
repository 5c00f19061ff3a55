using System.Text.Json;
using Postern.Mta.Events;
using Postern.Smtp;

namespace Postern.Mta.Suppressions;

/// <summary>Which events put their recipient on a list: an address that does not exist, a complaint, an
/// unsubscription.</summary>
/// <remarks>Pure. A refusal that a later message may not meet (a full mailbox, a policy, a block) puts nobody
/// on a list.</remarks>
static class SuppressionFeed
{
    /// <summary>RFC 3463 §3.2 and §3.3, and RFC 7505 §4.2: no such mailbox, no such domain, no address at
    /// all, moved, a domain without mail, disabled.</summary>
    static readonly string[] GoneStatuses = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];

    /// <summary>Null: it is about no list.</summary>
    public static SuppressionKind? KindOf(MailEvent fact) => fact.Kind switch
    {
        EventKind.Complained => SuppressionKind.Complaint,
        EventKind.Unsubscribed => SuppressionKind.Unsubscribe,
        EventKind.Failed when fact.Severity == EventSeverity.Permanent && IsHard(fact) =>
            SuppressionKind.Bounce,
        _ => null,
    };

    /// <summary>The entry that follows from it.</summary>
    public static Suppression EntryOf(MailEvent fact, SuppressionKind kind)
    {
        var entry = new Suppression
        {
            Since = fact.Remote?.At ?? fact.At,
            Message = fact.Message?.ToString(),
        };
        if (kind == SuppressionKind.Unsubscribe)
            return entry with { Tags = [Suppression.AllTags] };
        if (kind != SuppressionKind.Bounce)
            return entry;
        var reply = PeerReply.Find(fact.Reply);
        var words = reply.Words;
        return entry with
        {
            Code = $"{reply.Code ?? 550}",
            Error = words[..Math.Min(words.Length, Suppression.TextCharactersMax)],
        };
    }

    static bool IsHard(MailEvent fact)
    {
        var isGone = GoneStatuses.Contains(fact.Status);
        if (fact.Remote is not { } told)
            // A reply to MAIL is about the sender, whatever its status says.
            return isGone && fact.Reply?.Contains("(in reply to MAIL FROM", StringComparison.Ordinal) != true;
        return told.Reason switch
        {
            // The provider has a list of its own: this time nobody was asked.
            "suppress-bounce" or "suppress-unsubscribe" or "suppress-complaint" => false,
            "bounce" => BounceTypeOf(told.Details) switch
            {
                "hard" => true,
                "soft" => false,
                _ => isGone || fact.Status is null || IsOfAddresses(fact.Status),
            },
            _ => isGone,
        };
    }

    /// <summary>X.1.X, or one that says nothing.</summary>
    static bool IsOfAddresses(string status) =>
        EnhancedStatus.TryParse(System.Text.Encoding.ASCII.GetBytes(status), out var code, out _)
        && code.Subject is 0 or 1;

    /// <summary>What the provider calls it. Null: nothing.</summary>
    static string? BounceTypeOf(string? details)
    {
        if (details is null)
            return null;
        using var document = JsonDocument.Parse(details);
        return document.RootElement.TryGetProperty("delivery-status", out var status)
            && status.ValueKind == JsonValueKind.Object
            && status.TryGetProperty("bounce-type", out var type) && type.ValueKind == JsonValueKind.String
            ? type.GetString() : null;
    }
}
