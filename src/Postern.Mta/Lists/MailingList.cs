using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Lists;

/// <summary>An address of a sending domain that stands for its members.</summary>
/// <param name="Address">In its one spelling: also its key in the store.</param>
public sealed record MailingList(string Address, StoredList Stored)
{
    /// <summary>Of one list: what one mail to it may bring into one commit.</summary>
    public const int MembersMax = 10_000;

    /// <summary>Of all domains together; they stay in memory.</summary>
    public const int ListsMax = 10_000;

    /// <summary>Of name and description each.</summary>
    public const int TextCharactersMax = 1000;

    /// <summary>RFC 2919 §3: 255 octets with its angle brackets.</summary>
    const int IdOctetsMax = 253;

    /// <summary>A-labels in lower case.</summary>
    public string Domain => Address[(Address.LastIndexOf('@') + 1)..];

    /// <summary>What stands in its List-Id field, without angle brackets (RFC 2919 §2).</summary>
    public string Id => Address.Replace('@', '.');

    /// <summary>What comes back from a member is no business of who posted.</summary>
    public bool KeepsReports => Stored.Access != ListAccess.Readonly;

    /// <summary>What names of its members begin with in the store.</summary>
    public string MembersPrefix => PrefixOf(Address);

    /// <summary>A domain has no slash, so no list's prefix begins another's.</summary>
    public static string PrefixOf(string address) => address + "/";

    /// <summary>Reads an address that a list may have: its local part is part of a List-Id, so it is a
    /// dot-atom of ASCII (RFC 2919 §3).</summary>
    public static bool TryReadAddress(string text, [NotNullWhen(true)] out string? address)
    {
        address = null;
        if (!Mailbox.TryParse(text, out var mailbox) || mailbox.Domain.Length == 0)
            return false;
        var key = SuppressionKey.AddressOf(mailbox);
        if (key.StartsWith('"') || key.EndsWith(']') || key.Length > IdOctetsMax
            || key.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return false;
        address = key;
        return true;
    }
}

/// <summary>A list as the store keeps it.</summary>
/// <param name="Members">How many there are, subscribed or not.</param>
public sealed record StoredList(
    string Name, string Description, ListAccess Access, ReplyPreference Replies, DateTimeOffset CreatedAt,
    int Members);

/// <summary>Who may post.</summary>
public enum ListAccess
{
    /// <summary>The house alone: the API, and submission that has logged in.</summary>
    Readonly,

    /// <summary>Whoever is subscribed, too.</summary>
    Members,

    /// <summary>Anybody.</summary>
    Everyone,
}

/// <summary>Where an answer goes.</summary>
public enum ReplyPreference
{
    /// <summary>To the list, where others may post there at all.</summary>
    List,

    Sender,
}

/// <summary>One member of a list, as the store keeps it.</summary>
/// <param name="IsSubscribed">Gets the mail.</param>
/// <param name="Variables">A JSON object of whoever manages the list. Null: empty.</param>
public sealed record ListMember(string Name, bool IsSubscribed, string? Variables)
{
    /// <summary>Of <see cref="Variables"/>.</summary>
    public const int VariablesOctetsMax = 16 << 10;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredList))]
[JsonSerializable(typeof(ListMember))]
sealed partial class ListJson : JsonSerializerContext;
