using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Postern.Mta.Configuration;
using Postern.Smtp;

namespace Postern.Mta.Suppressions;

/// <summary>An address that gets no mail of a sending domain; or, on the allowlist, one that never comes
/// onto the list of bounces.</summary>
public sealed record Suppression
{
    /// <summary>Of <see cref="Code"/>, <see cref="Error"/> and <see cref="Reason"/>, in characters.</summary>
    public const int TextCharactersMax = 1000;

    /// <summary>Of one unsubscription.</summary>
    public const int TagsMax = 100;

    /// <summary>A tag for all mail.</summary>
    public const string AllTags = "*";

    public required DateTimeOffset Since { get; init; }

    /// <summary>Of a bounce: what the far side answered, as in <c>550</c>. Null: it is none.</summary>
    public string? Code { get; init; }

    /// <summary>Of a bounce: the words of the far side. Null: not told.</summary>
    public string? Error { get; init; }

    /// <summary>Of an unsubscription: which mail it is from. Null: it is none.</summary>
    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>Of the allowlist: why, in words. Null: not told.</summary>
    public string? Reason { get; init; }

    /// <summary>Queue id of the message whose fate put it here. Null: somebody did by command or
    /// API.</summary>
    public string? Message { get; init; }

    /// <summary>The transport whose provider told it when its lists were pulled. Null: it was not
    /// pulled.</summary>
    public string? Source { get; init; }

    /// <summary>It keeps back mail with these tags.</summary>
    public bool IsAbout(IReadOnlyList<string> tags) => Tags is not { } own
        || own.Any(tag => tag == AllTags || tags.Contains(tag, StringComparer.OrdinalIgnoreCase));
}

/// <summary>The four lists of a domain.</summary>
public enum SuppressionKind
{
    /// <summary>The address does not exist.</summary>
    Bounce,

    /// <summary>Its owner wants no more mail, or none with some tags.</summary>
    Unsubscribe,

    /// <summary>Its owner called a message spam.</summary>
    Complaint,

    /// <summary>The allowlist: addresses and domains that never come onto the list of bounces.</summary>
    Allow,
}

/// <summary>Which entry of which list.</summary>
/// <param name="Domain">As <see cref="DomainOf"/> gives it, or <see cref="EveryDomain"/>.</param>
/// <param name="Address">As <see cref="AddressOf"/> gives it; of the allowlist also a domain.</param>
public readonly record struct SuppressionKey(string Domain, SuppressionKind Kind, string Address)
{
    /// <summary>Holds for the mail of every sending domain.</summary>
    public const string EveryDomain = "*";

    static readonly string[] Lists = ["bounces", "unsubscribes", "complaints", "whitelists"];

    /// <summary>In the store: a list of a domain is a prefix, and its pages go by address.</summary>
    public string Name => PrefixOf(Domain, Kind) + Address;

    /// <summary>What the names of one list begin with.</summary>
    public static string PrefixOf(string domain, SuppressionKind kind) => $"{domain}/{ListOf(kind)}/";

    /// <summary>Mailgun's name of the list.</summary>
    public static string ListOf(SuppressionKind kind) => Lists[(int)kind];

    /// <summary>Reads <see cref="Name"/>.</summary>
    public static SuppressionKey Parse(string name)
    {
        // A domain has no slash; an address may have some.
        var parts = name.Split('/', 3);
        return parts.Length == 3 && Array.IndexOf(Lists, parts[1]) is var kind and >= 0
            ? new SuppressionKey(parts[0], (SuppressionKind)kind, parts[2])
            : throw new UnreachableException($"\"{name}\" is no name of a suppression");
    }

    /// <summary>The one spelling of a domain: A-labels in lower case.</summary>
    public static string DomainOf(string domain) => HostName.ToALabels(domain).ToLowerInvariant();

    /// <summary>The one spelling of an address.</summary>
    public static string AddressOf(Mailbox mailbox) =>
        mailbox.WithDomain(HostName.ToALabels(mailbox.Domain)).ToString().ToLowerInvariant();

    /// <summary>Reads an address; of the allowlist also a domain.</summary>
    public static bool TryReadAddress(
        string text, SuppressionKind kind, [NotNullWhen(true)] out string? address)
    {
        address = null;
        if (Mailbox.TryParse(text, out var mailbox) && mailbox.Domain.Length > 0)
            address = AddressOf(mailbox);
        else if (kind == SuppressionKind.Allow && HostName.IsValid(text))
            address = DomainOf(text);
        return address is not null;
    }
}

/// <summary>What keeps a recipient's mail back.</summary>
public sealed record FoundSuppression(SuppressionKey Key, Suppression Value)
{
    /// <summary>Mailgun's word for why it failed.</summary>
    public string FailureName => Key.Kind switch
    {
        SuppressionKind.Bounce => "suppress-bounce",
        SuppressionKind.Unsubscribe => "suppress-unsubscribe",
        SuppressionKind.Complaint => "suppress-complaint",
        _ => throw new UnreachableException(),
    };

    /// <summary>Mailgun's sentence for it.</summary>
    public string Text => Key.Kind switch
    {
        SuppressionKind.Bounce => "Not delivering to previously bounced address",
        SuppressionKind.Unsubscribe => "Not delivering to unsubscribed address",
        SuppressionKind.Complaint => "Not delivering to a user who marked your messages as spam",
        _ => throw new UnreachableException(),
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Suppression))]
sealed partial class SuppressionJson : JsonSerializerContext;
