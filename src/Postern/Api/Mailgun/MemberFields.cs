using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Mta.Lists;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Api.Mailgun;

/// <summary>What a request says of a member of a list; null of a field: nothing.</summary>
/// <param name="Variables">A JSON object.</param>
sealed record MemberFields(string? Name, bool? IsSubscribed, string? Variables)
{
    /// <summary>Of a bulk request.</summary>
    public const int MembersMax = 1000;

    /// <exception cref="ApiException">A field is wrong.</exception>
    public static MemberFields Read(ApiForm form) => Make(
        form.Find("name"), MailgunFace.FlagOf(Given(form.Find("subscribed")), "subscribed"),
        Given(form.Find("vars")));

    /// <summary>With its address, which may stand behind a name.</summary>
    /// <exception cref="ApiException">A field is wrong, or there is no address.</exception>
    public static Named<MemberFields> ReadNamed(ApiForm form)
    {
        var (name, address) = AddressOf(form.Find("address"));
        var fields = Read(form);
        return new(address, fields with { Name = fields.Name ?? name });
    }

    /// <summary>Of a bulk request; the last one of an address counts.</summary>
    /// <exception cref="ApiException">It is no array, too long, or one of them is wrong.</exception>
    public static IReadOnlyDictionary<string, MemberFields> ReadMany(string? text)
    {
        if (text is not { Length: > 0 })
            throw new ApiException(400, "Missing mandatory parameter: members");
        JsonArray? all;
        try
        {
            all = ApiJson.Read(text, MailgunFace.JsonOnce) as JsonArray;
        }
        catch (JsonException)
        {
            all = null;
        }
        if (all is null)
            throw new ApiException(400, "'members' parameter is not a valid JSON");
        if (all.Count > MembersMax)
            throw new ApiException(400, "Batch size should be less than 1000");
        var read = new Dictionary<string, MemberFields>(StringComparer.Ordinal);
        foreach (var element in all)
        {
            var (address, fields) = Read(element);
            read[address] = fields;
        }
        return read;
    }

    /// <summary>An address alone, or an object with one.</summary>
    static Named<MemberFields> Read(JsonNode? element)
    {
        var (name, address) = AddressOf(TextOf(element is JsonObject ? element["address"] : element));
        if (element is not JsonObject member)
            return new(address, new MemberFields(name, null, null));
        return new(address, Make(
            TextOf(member["name"]) ?? name,
            MailgunFace.FlagOf(Given(TextOf(member["subscribed"])), "subscribed"),
            member["vars"] is JsonObject vars ? vars.ToJsonString() : Given(TextOf(member["vars"]))));
    }

    /// <summary>What it makes of a member.</summary>
    /// <param name="known">Null: a new one.</param>
    public ListMember Over(ListMember? known) => new(
        Name ?? known?.Name ?? "", IsSubscribed ?? known?.IsSubscribed ?? true,
        Variables ?? known?.Variables);

    static MemberFields Make(string? name, bool? isSubscribed, string? variables)
    {
        if (name?.Length > MailingList.TextCharactersMax)
            throw new ApiException(400, $"name is longer than {MailingList.TextCharactersMax} characters");
        if (variables is null)
            return new MemberFields(name, isSubscribed, null);
        if (Encoding.UTF8.GetByteCount(variables) > ListMember.VariablesOctetsMax)
            throw new ApiException(400, $"vars are longer than {ListMember.VariablesOctetsMax} octets");
        return new MemberFields(name, isSubscribed, ObjectOf(variables)
            ?? throw new ApiException(400, "'vars' parameter is not a valid JSON"));
    }

    /// <summary>Null: it is no JSON object.</summary>
    static string? ObjectOf(string text)
    {
        try
        {
            return (ApiJson.Read(text, MailgunFace.JsonOnce) as JsonObject)
                ?.ToJsonString();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <exception cref="ApiException">It is missing, or none.</exception>
    static (string? Name, string Address) AddressOf(string? text)
    {
        if (text is not { Length: > 0 })
            throw new ApiException(400, "Missing mandatory parameter: address");
        return ApiAddress.ParseList(text) is [{ Mailbox: { Domain.Length: > 0 } mailbox, Name: var name }]
            ? (name.Length > 0 ? name : null, SuppressionKey.AddressOf(mailbox))
            : throw new ApiException(
                400, $"'{ApiException.Shown(text)}' is not a valid address of a member");
    }

    static string? TextOf(JsonNode? value) => value is JsonValue text ? text.ToString() : null;

    static string? Given(string? text) => text is { Length: > 0 } ? text : null;
}

/// <summary>What becomes of a member that is added and is there already.</summary>
enum KnownMember { Refused, Left, Updated }
