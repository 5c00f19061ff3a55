using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MimeKit.Utils;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>Mailgun's lists of bounces, unsubscribes and complaints of its domain: read by pages, written by
/// batches.</summary>
sealed class MailgunSuppressions(MailgunApi api, TimeProvider clock)
{
    /// <summary>Mailgun allows 1000; the answer then might be longer than what is read of one.</summary>
    const int PageMax = 300;

    const int TagCharactersMax = 128;

    /// <param name="place">What the page before gave. Null: the first page.</param>
    /// <remarks>Throws as <see cref="MailgunApi.GetAsync"/> does.</remarks>
    public async ValueTask<SuppressionAnswer> ReadAsync(
        SuppressionKind kind, string? place, CancellationToken cancel)
    {
        var list = ListOf(kind);
        var address = new Uri(list, string.Create(CultureInfo.InvariantCulture, $"?limit={PageMax}"));
        // It comes back from the outside: the key goes to this list alone.
        if (place is not null)
            address = new Uri(list, "?" + place);
        var answer = await api.GetAsync(address, cancel);
        if (answer.Status != 200)
            return TroubleOf(answer, $"GET {SuppressionKey.ListOf(kind)}");
        if (answer.Json.Find("items") is not { ValueKind: JsonValueKind.Array } items)
            return new SuppressionAnswer.NotNow($"host {api.Host} gave no list", RetryAfter: null);
        var entries = new List<Named<Suppression>>();
        foreach (var item in items.EnumerateArray())
        {
            if (Read(kind, item) is { } entry)
                entries.Add(entry);
        }
        var next = items.GetArrayLength() == 0 ? null : NextPage(answer.Json, list);
        return new SuppressionAnswer.Found(
            entries, items.GetArrayLength() - entries.Count, next == place ? null : next);
    }

    /// <remarks>Throws as <see cref="MailgunApi.GetAsync"/> does.</remarks>
    public async ValueTask<SuppressionAnswer> WriteAsync(
        SuppressionKind kind, IReadOnlyList<Named<Suppression>> entries, CancellationToken cancel)
    {
        var json = new JsonArray([.. entries.Select(entry => (JsonNode)JsonOf(kind, entry))]);
        using var body = new StringContent(
            json.ToJsonString(), new MediaTypeHeaderValue("application/json", "utf-8"));
        var answer = await api.PostAsync(ListOf(kind), body, cancel);
        return answer.Status == 200
            ? new SuppressionAnswer.Taken() : TroubleOf(answer, $"POST {SuppressionKey.ListOf(kind)}");
    }

    Uri ListOf(SuppressionKind kind) => new(api.Domain, SuppressionKey.ListOf(kind));

    SuppressionAnswer TroubleOf(MailgunAnswer answer, string what)
    {
        var why = $"host {api.Host} said: {answer.Reply} (in reply to {what})";
        return answer.Status is 420 or 429 or >= 500
            ? new SuppressionAnswer.NotNow(why, answer.RetryAfter) : new SuppressionAnswer.Refused(why);
    }

    /// <summary>The query of the next page of the same list. Null: there is none.</summary>
    static string? NextPage(JsonElement? page, Uri list) =>
        Uri.TryCreate(page.Find("paging").TextOf("next"), UriKind.Absolute, out var link)
        && link.AbsolutePath.Equals(list.AbsolutePath, StringComparison.OrdinalIgnoreCase)
        && link.Query.Length > 1 ? link.Query[1..] : null;

    /// <summary>Null: it cannot be understood.</summary>
    Named<Suppression>? Read(SuppressionKind kind, JsonElement? item)
    {
        if (item.TextOf("address") is not { } text
            || !SuppressionKey.TryReadAddress(text, kind, out var address))
            return null;
        var entry = new Suppression
        {
            Since = item.TextOf("created_at") is { } date && DateUtils.TryParse(date, out var at)
                ? at : clock.GetUtcNow(),
        };
        return new Named<Suppression>(address, kind switch
        {
            SuppressionKind.Bounce => entry with { Code = CodeOf(item), Error = Cut(item.TextOf("error")) },
            SuppressionKind.Unsubscribe => entry with { Tags = TagsOf(item) },
            _ => entry,
        });
    }

    /// <summary>Text or number.</summary>
    static string CodeOf(JsonElement? item)
    {
        var code = item.Find("code") is { ValueKind: JsonValueKind.Number } number
            ? number.GetRawText() : item.TextOf("code");
        return code is { Length: 3 } && !code.AsSpan().ContainsAnyExceptInRange('0', '9') ? code : "550";
    }

    /// <summary>Never within a pair of surrogates.</summary>
    static string Cut(string? text)
    {
        const int most = Suppression.TextCharactersMax;
        return text is not { Length: > most } ? text ?? ""
            : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
    }

    /// <summary>Those that mail of ours could carry; without any, all mail is meant.</summary>
    static string[] TagsOf(JsonElement? item)
    {
        if (item.Find("tags") is not { ValueKind: JsonValueKind.Array } tags)
            return [Suppression.AllTags];
        string[] own = [.. tags.EnumerateArray()
            .Select(tag => tag.Text()).OfType<string>()
            .Where(tag => tag.Length is > 0 and <= TagCharactersMax && Ascii.IsValid(tag))
            .Distinct(StringComparer.OrdinalIgnoreCase).Take(Suppression.TagsMax)];
        return own.Length == 0 ? [Suppression.AllTags] : own;
    }

    static JsonObject JsonOf(SuppressionKind kind, Named<Suppression> entry)
    {
        var json = new JsonObject { ["address"] = entry.Name };
        if (kind == SuppressionKind.Bounce)
        {
            json["code"] = entry.Value.Code ?? "550";
            json["error"] = entry.Value.Error ?? "";
        }
        if (kind == SuppressionKind.Unsubscribe)
            json["tags"] = new JsonArray(
                [.. (entry.Value.Tags ?? [Suppression.AllTags]).Select(tag => (JsonNode)tag)]);
        json["created_at"] = entry.Value.Since.ToUniversalTime().ToString(
            "ddd, dd MMM yyyy HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
        return json;
    }
}
