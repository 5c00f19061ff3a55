using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Api.Mailgun;

/// <summary>Reads entries of a list from a form, an object of JSON or a row of CSV: the same names
/// everywhere.</summary>
/// <param name="now">Since when, where it is not said.</param>
sealed class SuppressionReader(SuppressionKind kind, DateTimeOffset now)
{
    const int TagCharactersMax = 128;

    /// <exception cref="ApiException">Something in it is wrong.</exception>
    public Named<Suppression> Read(ApiForm form) => Read(form.Find, name => [.. form.All(name)]);

    /// <exception cref="ApiException">It is no object, or something in it is wrong.</exception>
    public Named<Suppression> Read(JsonNode? json)
    {
        if (json is not JsonObject entry)
            throw new ApiException(400, "Invalid json: an entry is an object");
        return Read(
            name => TextOf(entry, name),
            name => entry[name] is JsonArray many ? [.. many.Select(one => TextOf(one, name) ?? "")]
                : TextOf(entry, name) is { } one ? [one] : []);
    }

    /// <summary>The names of the columns.</summary>
    /// <param name="row">Null: there is none, or it cannot be read.</param>
    /// <exception cref="ApiException">No column holds the address.</exception>
    public IReadOnlyList<string> ReadColumns(IReadOnlyList<string>? row)
    {
        string[] names = [.. (row ?? []).Select(name => name.ToLowerInvariant())];
        return names.Contains("address") || (kind == SuppressionKind.Allow && names.Contains("domain"))
            ? names : throw new ApiException(400, "the first line of file names no column address");
    }

    /// <returns>False: something in it is wrong.</returns>
    public bool TryRead(
        IReadOnlyList<string> columns, IReadOnlyList<string> row, out Named<Suppression> entry)
    {
        entry = default;
        try
        {
            entry = Read(
                Find, name => Find(name) is { } tags ? tags.Split([',', ';', ' '],
                    StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : []);
            return true;
        }
        catch (ApiException)
        {
            return false;
        }

        string? Find(string name)
        {
            for (var i = 0; i < columns.Count && i < row.Count; i++)
            {
                if (columns[i] == name && row[i].Length > 0)
                    return row[i];
            }
            return null;
        }
    }

    Named<Suppression> Read(Func<string, string?> find, Func<string, string[]> all)
    {
        var entry = new Suppression { Since = MomentOf(find("created_at")) };
        return new Named<Suppression>(AddressOf(find), kind switch
        {
            SuppressionKind.Bounce => entry with
            {
                Code = CodeOf(find("code")),
                Error = Cut(find("error")),
            },
            SuppressionKind.Unsubscribe => entry with { Tags = TagsOf([.. all("tags"), .. all("tag")]) },
            SuppressionKind.Allow => entry with { Reason = Cut(find("reason")) },
            _ => entry,
        });
    }

    string AddressOf(Func<string, string?> find)
    {
        var isAllowlist = kind == SuppressionKind.Allow;
        foreach (var name in isAllowlist ? (string[])["address", "domain"] : ["address"])
        {
            if (find(name) is not { Length: > 0 } text)
                continue;
            // A domain is none where an address is asked for.
            return (name == "domain") != text.Contains('@', StringComparison.Ordinal)
                && SuppressionKey.TryReadAddress(text.Trim(), kind, out var address)
                ? address : throw Invalid(name, text);
        }
        throw new ApiException(
            400, $"Missing mandatory parameter: {(isAllowlist ? "address/domain" : "address")}");
    }

    DateTimeOffset MomentOf(string? text) => string.IsNullOrWhiteSpace(text) ? now
        : ApiDates.TryParse(text, out var at) ? at : throw Invalid("created_at", text);

    /// <summary>A code of SMTP or one of Mailgun's own.</summary>
    static string CodeOf(string? text) => string.IsNullOrWhiteSpace(text) ? "550"
        : text.Trim() is { Length: 3 } code && !code.AsSpan().ContainsAnyExceptInRange('0', '9') ? code
        : throw Invalid("code", text);

    static string[] TagsOf(string[] given)
    {
        string[] tags = [.. given.Where(tag => tag.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase)];
        if (tags.FirstOrDefault(tag => tag.Length > TagCharactersMax || !Ascii.IsValid(tag)) is { } wrong)
            throw Invalid("tag", wrong);
        return tags.Length == 0 ? [Suppression.AllTags] : tags;
    }

    /// <summary>A text that is longer than what is kept is no mistake of the caller's.</summary>
    static string Cut(string? text) => string.IsNullOrEmpty(text) ? ""
        : text[..Math.Min(text.Length, Suppression.TextCharactersMax)];

    /// <summary>Text or number. Null: there is none, or it is neither.</summary>
    static string? TextOf(JsonObject entry, string name) =>
        entry.TryGetPropertyValue(name, out var value) ? TextOf(value, name) : null;

    static string? TextOf(JsonNode? value, string name) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => null,
        JsonValueKind.String => value.GetValue<string>(),
        JsonValueKind.Number => value.ToJsonString(),
        JsonValueKind.Array => null,
        _ => throw Invalid(name, value.ToJsonString()),
    };

    static ApiException Invalid(string name, string text) =>
        new(400, $"Invalid format for parameter {name}: {ApiException.Shown(text)}");
}
