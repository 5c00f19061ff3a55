using System.Text.Json.Nodes;
using Postern.Mta.Suppressions;

namespace Postern.Api.Mailgun;

/// <summary>What Mailgun says about one of the lists, word by word, and how it shows its entries.</summary>
/// <param name="OneAdded">After one entry.</param>
/// <param name="ManySuffix">After the number of those that a JSON array added.</param>
sealed record SuppressionTexts(
    SuppressionKind Kind, string OneAdded, string ManySuffix, string OneRemoved, string AllRemoved,
    string NotFound)
{
    public static readonly IReadOnlyList<SuppressionTexts> All =
    [
        new(SuppressionKind.Bounce,
            "Address has been added to the bounces table",
            "addresses have been added to the bounces table",
            "Bounced address has been removed",
            "Bounced addresses for this domain have been removed",
            "Address not found in bounces table"),
        new(SuppressionKind.Unsubscribe,
            "Address has been added to the unsubscribes table",
            "addresses have been added to the unsubscribes table",
            "Unsubscribe event has been removed",
            "Unsubscribe addresses for this domain have been removed",
            "Address not found in unsubscribers table"),
        new(SuppressionKind.Complaint,
            "Address has been added to the complaints table",
            "complaint addresses have been added to the complaints table",
            "Spam complaint has been removed",
            "Complaint addresses for this domain have been removed",
            "No spam complaints found for this address"),
        new(SuppressionKind.Allow,
            "Address/Domain has been added to the allowlists table",
            "addresses/domains have been added to the allowlists table",
            "Allowlist address/domain has been removed",
            "Allowlist addresses/domains for this domain have been removed",
            "Address/Domain not found in allowlist table"),
    ];

    public string ManyAdded(int count) => $"{count} {ManySuffix}";

    public ApiException Missing() => new(404, NotFound);

    public JsonObject Added(string address) => Kind == SuppressionKind.Allow
        ? new JsonObject { ["message"] = OneAdded, ["type"] = TypeOf(address), ["value"] = address }
        : new JsonObject { ["message"] = OneAdded, ["address"] = address };

    public JsonObject Removed(string address) => new()
    {
        ["message"] = OneRemoved,
        [Kind == SuppressionKind.Allow ? "value" : "address"] = address,
    };

    public static JsonObject JsonOf(SuppressionKind kind, string address, Suppression entry)
    {
        var since = ApiDates.Utc(entry.Since);
        return kind switch
        {
            SuppressionKind.Bounce => new JsonObject
            {
                ["address"] = address,
                ["code"] = entry.Code ?? "550",
                ["error"] = entry.Error ?? "",
                ["created_at"] = since,
            },
            SuppressionKind.Unsubscribe => new JsonObject
            {
                ["address"] = address,
                ["tags"] = new JsonArray([.. (entry.Tags ?? []).Select(tag => JsonValue.Create(tag))]),
                ["created_at"] = since,
            },
            SuppressionKind.Allow => new JsonObject
            {
                ["type"] = TypeOf(address),
                ["value"] = address,
                ["reason"] = entry.Reason ?? "",
                ["createdAt"] = since,
            },
            _ => new JsonObject { ["address"] = address, ["created_at"] = since },
        };
    }

    static string TypeOf(string value) =>
        value.Contains('@', StringComparison.Ordinal) ? "address" : "domain";
}
