using System.Text;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Api;

/// <summary>The suppression list.</summary>
sealed partial class WebApi
{
    /// <summary>How many entries one request looks at: a page may be short, or empty, and not the
    /// last.</summary>
    const int SuppressionsLookMax = 20_000;

    const int TagCharactersMax = 128;
    const string KindMend = "one of bounce, unsubscribe, complaint, allow";

    void MapSuppressions(WebApplication web)
    {
        web.MapGet("/admin/v1/suppressions", ListSuppressionsAsync);
        web.MapPost("/admin/v1/suppressions", AddSuppressionAsync);
        web.MapDelete("/admin/v1/suppressions", RemoveSuppressionAsync);
        MapSuppressionExchange(web);
    }

    async Task ListSuppressionsAsync(HttpContext context)
    {
        if (await ReadSuppressionFilterAsync(context) is not { } filter)
            return;
        var prefix = filter.Domain is null ? "" : filter.Kind is { } only
            ? SuppressionKey.PrefixOf(filter.Domain, only) : filter.Domain + "/";
        var limit = LimitOf(context);
        var after = context.Request.Query["after"].FirstOrDefault();
        var found = new List<SuppressionEntry>();
        for (var looked = 0; looked < SuppressionsLookMax && found.Count < limit; looked += PageMax)
        {
            var page = await agent.Queue.Suppressions.Entries.ListAsync(
                prefix, PageMax, range => range with { After = after }, context.RequestAborted);
            foreach (var entry in page)
            {
                after = entry.Name;
                var key = SuppressionKey.Parse(entry.Name);
                if (filter.Holds(key))
                    found.Add(SuppressionEntry.Of(key, entry.Value));
                if (found.Count == limit)
                    break;
            }
            if (found.Count < limit && page.Count < PageMax)
                after = null;
            if (after is null)
                break;
        }
        await AnswerAsync(
            context, new SuppressionPage(found, after), AdminJson.Default.SuppressionPage);
    }

    /// <summary>Null: it cannot be read, and the answer is given.</summary>
    static async ValueTask<SuppressionFilter?> ReadSuppressionFilterAsync(HttpContext context)
    {
        var query = context.Request.Query;
        SuppressionKind? kind = null;
        if (query["kind"].FirstOrDefault() is { Length: > 0 } word)
        {
            if (!QueueQuery.TryReadWord(word, out SuppressionKind read))
            {
                await ErrorAsync(context, 400, "kind is not known", KindMend);
                return null;
            }
            kind = read;
        }
        string? address = null;
        if (query["address"].FirstOrDefault() is { Length: > 0 } text
            && !SuppressionKey.TryReadAddress(text, SuppressionKind.Allow, out address))
        {
            await ErrorAsync(context, 400, "address is no address", "write user@domain");
            return null;
        }
        var domain = query["domain"].FirstOrDefault() is { Length: > 0 } name
            ? SuppressionKey.DomainOf(name) : null;
        return new SuppressionFilter(domain, kind, address);
    }

    async Task AddSuppressionAsync(HttpContext context)
    {
        var request = await ReadBodyAsync(context, AdminJson.Default.SuppressionRequest);
        if (request?.Address is not { Length: > 0 })
        {
            await ErrorAsync(context, 400, "an entry needs an address", "domain and kind may be left out");
            return;
        }
        if (!QueueQuery.TryReadWord(request.Kind ?? nameof(SuppressionKind.Bounce), out SuppressionKind kind))
            await ErrorAsync(context, 400, "kind is not known", KindMend);
        else if (!SuppressionKey.TryReadAddress(request.Address, kind, out var address))
            await ErrorAsync(context, 400, "address is no address", "write user@domain");
        else if (DomainOf(request.Domain ?? SuppressionKey.EveryDomain) is not { } domain)
            await ErrorAsync(
                context, 400, "this domain is not configured",
                "add it to the configuration, or write * for all");
        else if (request.Tags?.Any(tag =>
            tag is not { Length: > 0 and <= TagCharactersMax } || !Ascii.IsValid(tag)) == true)
            await ErrorAsync(context, 400, "a tag cannot be read", "1 to 128 ASCII characters");
        else
            await AddSuppressionAsync(context, new SuppressionKey(domain, kind, address), request);
    }

    async Task AddSuppressionAsync(HttpContext context, SuppressionKey key, SuppressionRequest request)
    {
        var text = request.Reason ?? "";
        text = text[..Math.Min(text.Length, Suppression.TextCharactersMax)];
        OperatorNote.KeepSubject(
            context, $"{key.Domain} {key.Kind.ToString().ToLowerInvariant()} {key.Address}");
        var entry = new Suppression { Since = clock.GetUtcNow() };
        entry = key.Kind switch
        {
            SuppressionKind.Bounce => entry with { Code = "550", Error = text },
            SuppressionKind.Unsubscribe => entry with
            {
                Tags = request.Tags is { Count: > 0 } tags ? tags : [Suppression.AllTags],
            },
            SuppressionKind.Allow => entry with { Reason = text },
            _ => entry,
        };
        if (await agent.Queue.SuppressAsync(
            key.Domain, key.Kind, [new Named<Suppression>(key.Address, entry)], context.RequestAborted))
            await AnswerAsync(
                context, SuppressionEntry.Of(key, entry), AdminJson.Default.SuppressionEntry);
        else
            await ErrorAsync(
                context, 400, $"an address may be unsubscribed from {Suppression.TagsMax} tags",
                "write * for all");
    }

    async Task RemoveSuppressionAsync(HttpContext context)
    {
        if (await ReadSuppressionFilterAsync(context) is not { } filter)
            return;
        if (filter.Address is not { } address)
        {
            await ErrorAsync(context, 400, "an address is needed", "name it with address=");
            return;
        }
        var removed = 0;
        foreach (var domain in filter.Domain is { } one ? [one]
            : agent.Domains.All.Select(one => one.Key).Append(SuppressionKey.EveryDomain))
        {
            foreach (var kind in filter.Kind is { } only ? [only] : Enum.GetValues<SuppressionKind>())
            {
                if (await agent.Queue.UnsuppressAsync(
                    new SuppressionKey(domain, kind, address), tag: null, context.RequestAborted))
                    removed++;
            }
        }
        if (removed == 0)
            await ErrorAsync(context, 404, $"{address} is not on the list", "see: postern suppression list");
        else
            await AnswerAsync(
                context, new SuppressionsRemoved(removed), AdminJson.Default.SuppressionsRemoved);
    }

    /// <summary>Null: it is not configured.</summary>
    string? DomainOf(string text)
    {
        var domain = SuppressionKey.DomainOf(text);
        return domain == SuppressionKey.EveryDomain
            || agent.Domains.All.Any(one => one.Key == domain)
            ? domain : null;
    }

    /// <summary>Which entries are meant; null means any.</summary>
    sealed record SuppressionFilter(string? Domain, SuppressionKind? Kind, string? Address)
    {
        public bool Holds(SuppressionKey key) => (Domain ?? key.Domain) == key.Domain
            && (Kind ?? key.Kind) == key.Kind && (Address ?? key.Address) == key.Address;
    }
}
