using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Features;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Api.Mailgun;

/// <summary>Bounces, unsubscribes, complaints and the allowlist of a sending domain.</summary>
sealed partial class MailgunFace
{
    /// <summary>What one JSON array may add.</summary>
    const int SuppressionsMax = 1000;

    /// <summary>Of a CSV file.</summary>
    const int ImportOctetsMax = 25 << 20;

    /// <summary>The parameter of a page that names the entry it stands beside.</summary>
    const string AddressPivot = "address";

    void MapSuppressions(IEndpointRouteBuilder web)
    {
        foreach (var texts in SuppressionTexts.All)
        {
            var list = $"/v3/{{domain}}/{SuppressionKey.ListOf(texts.Kind)}";
            web.MapGet(list, Answer(ListSuppressionsAsync));
            web.MapPost(list, Answer(SuppressAsync));
            web.MapDelete(list, Answer(UnsuppressAllAsync));
            web.MapPost($"{list}/import", Answer(ImportAsync));
            web.MapGet($"{list}/{{address}}", Answer(ShowSuppressionAsync));
            web.MapDelete($"{list}/{{address}}", Answer(UnsuppressAsync));

            RequestDelegate Answer(Func<HttpContext, string, SuppressionTexts, Task<JsonObject>> answer) =>
                context => ServeListAsync(context, texts, answer);
        }
    }

    Task ServeListAsync(
        HttpContext context, SuppressionTexts texts,
        Func<HttpContext, string, SuppressionTexts, Task<JsonObject>> answer) =>
        ServeAsync(context, (asked, domain) => answer(asked, domain, texts));

    async Task<JsonObject> ListSuppressionsAsync(
        HttpContext context, string domain, SuppressionTexts texts)
    {
        var kind = texts.Kind;
        var prefix = SuppressionKey.PrefixOf(SuppressionKey.DomainOf(domain), kind);
        if (context.Request.Query[AddressPivot].LastOrDefault() is { Length: > 0 } pivot
            && !SuppressionKey.TryReadAddress(pivot, kind, out _))
            throw new ApiException(400, $"Invalid parameter: pivot {ApiException.Shown(pivot)}");
        var term = context.Request.Query["term"].LastOrDefault() ?? "";
        var found = await agent.Queue.Suppressions.Entries.ListAsync(
            prefix + term.ToLowerInvariant(), ApiPaging.LimitOf(context),
            range => ApiPaging.RangeOf(context, AddressPivot, prefix, range), context.RequestAborted);
        var addresses = found.Select(entry => entry.Name[prefix.Length..]).ToList();
        return new JsonObject
        {
            ["items"] = new JsonArray([.. found.Select(
                (entry, place) => SuppressionTexts.JsonOf(kind, addresses[place], entry.Value))]),
            ["paging"] = ApiPaging.Links(
                context, AddressPivot, addresses.FirstOrDefault(), addresses.LastOrDefault()),
        };
    }

    async Task<JsonObject> ShowSuppressionAsync(HttpContext context, string domain, SuppressionTexts texts)
    {
        var key = KeyInPath(context, domain, texts);
        return await agent.Queue.Suppressions.Entries.FindAsync(key.Name, context.RequestAborted) is { } found
            ? SuppressionTexts.JsonOf(texts.Kind, key.Address, found) : throw texts.Missing();
    }

    async Task<JsonObject> SuppressAsync(HttpContext context, string domain, SuppressionTexts texts)
    {
        var reader = new SuppressionReader(texts.Kind, clock.GetUtcNow());
        if (context.Request.HasJsonContentType())
        {
            var json = await ReadJsonAsync(context);
            if (json is not JsonArray all)
                return await AddOneAsync(domain, texts, reader.Read(json));
            if (all.Count > SuppressionsMax)
                throw new ApiException(400, "Batch size should be less than 1000");
            await AddAsync(domain, texts.Kind, [.. all.Select(reader.Read)]);
            return new JsonObject { ["message"] = texts.ManyAdded(all.Count) };
        }
        await using var form = await ReadFormAsync(context);
        return await AddOneAsync(domain, texts, reader.Read(form));
    }

    async Task<JsonObject> AddOneAsync(
        string domain, SuppressionTexts texts, Named<Suppression> entry)
    {
        await AddAsync(domain, texts.Kind, [entry]);
        return texts.Added(entry.Name);
    }

    async Task AddAsync(string domain, SuppressionKind kind, IReadOnlyList<Named<Suppression>> entries)
    {
        if (!await agent.Queue.SuppressAsync(
            SuppressionKey.DomainOf(domain), kind, entries, CancellationToken.None))
            throw new ApiException(
                400, $"an address may be unsubscribed from {Suppression.TagsMax} tags, use * for all");
    }

    async Task<JsonObject> UnsuppressAsync(HttpContext context, string domain, SuppressionTexts texts)
    {
        var key = KeyInPath(context, domain, texts);
        var tag = texts.Kind == SuppressionKind.Unsubscribe
            ? context.Request.Query["tag"].LastOrDefault() : null;
        return await agent.Queue.UnsuppressAsync(key, tag, context.RequestAborted)
            ? texts.Removed(key.Address) : throw texts.Missing();
    }

    async Task<JsonObject> UnsuppressAllAsync(HttpContext context, string domain, SuppressionTexts texts)
    {
        await agent.Queue.UnsuppressAllAsync(
            SuppressionKey.DomainOf(domain), texts.Kind, context.RequestAborted);
        return new JsonObject { ["message"] = texts.AllRemoved };
    }

    /// <summary>The whole file is there before its first row is stored; its rows are stored before it is
    /// answered.</summary>
    async Task<JsonObject> ImportAsync(HttpContext context, string domain, SuppressionTexts texts)
    {
        // Our own limit answers in JSON.
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        await using var form = await new FormReader(ImportOctetsMax, agent.Options.Data)
            .ReadAsync(context.Request, context.RequestAborted);
        if (form.Files.FirstOrDefault(file => file.Field == "file") is not { } csv)
            throw new ApiException(400, "Missing mandatory parameter: file");
        var (taken, skipped) = await ImportAsync(csv, domain, texts.Kind);
        if (skipped > 0)
            LogSkipped(log, skipped, domain, texts.Kind, taken);
        context.Response.StatusCode = 202;
        return new JsonObject { ["message"] = "file uploaded successfully for processing. standby..." };
    }

    /// <summary>Whoever goes away now has handed it over all the same.</summary>
    async Task<(int Taken, int Skipped)> ImportAsync(ApiFile csv, string domain, SuppressionKind kind)
    {
        var reader = new SuppressionReader(kind, clock.GetUtcNow());
        var (taken, skipped) = (0, 0);
        var batch = new List<Named<Suppression>>();
        IReadOnlyList<string>? columns = null;
        await foreach (var row in CsvReader.ReadAsync(csv.Read(), CancellationToken.None))
        {
            if (columns is null)
                columns = reader.ReadColumns(row);
            else if (row is not null && reader.TryRead(columns, row, out var entry))
                batch.Add(entry);
            else if (row is not [""])
                skipped++;
            if (batch.Count == SuppressionsMax)
                await FlushAsync();
        }
        if (columns is null)
            reader.ReadColumns(null);
        await FlushAsync();
        return (taken, skipped);

        async Task FlushAsync()
        {
            var key = SuppressionKey.DomainOf(domain);
            // One of them has too many tags with those that are known: the others are taken.
            foreach (var part in await agent.Queue.SuppressAsync(key, kind, batch, CancellationToken.None)
                ? [] : batch.Chunk(1))
            {
                if (!await agent.Queue.SuppressAsync(key, kind, part, CancellationToken.None))
                    (taken, skipped) = (taken - 1, skipped + 1);
            }
            taken += batch.Count;
            batch.Clear();
        }
    }

    /// <summary>Percent signs are decoded, a plus stays one.</summary>
    static SuppressionKey KeyInPath(HttpContext context, string domain, SuppressionTexts texts)
    {
        // The one octet that a segment of a path keeps encoded.
        var text = ((string)context.GetRouteValue("address")!)
            .Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return SuppressionKey.TryReadAddress(text, texts.Kind, out var address)
            ? new SuppressionKey(SuppressionKey.DomainOf(domain), texts.Kind, address)
            : throw texts.Missing();
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "An import skipped {Skipped} rows that cannot be read; {Domain}, list {Kind}, has {Taken}")]
    static partial void LogSkipped(
        ILogger log, int skipped, string domain, SuppressionKind kind, int taken);
}
