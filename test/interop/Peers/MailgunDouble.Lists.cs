using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Postern.Interop.Peers;

/// <summary>Its lists of bounces, unsubscribes and complaints, by address.</summary>
sealed partial class MailgunDouble
{
    /// <summary>By the list's name.</summary>
    public Dictionary<string, SortedDictionary<string, JsonObject>> Lists { get; } = new()
    {
        ["bounces"] = new(StringComparer.Ordinal),
        ["unsubscribes"] = new(StringComparer.Ordinal),
        ["complaints"] = new(StringComparer.Ordinal),
    };

    /// <summary>One for each time that a list is asked for or given something; null: it behaves that
    /// time.</summary>
    public ConcurrentQueue<MailgunFault?> ListFaults { get; } = new();

    /// <summary>Sizes of the batches that it took.</summary>
    public ConcurrentQueue<int> Batches { get; } = new();

    public void Add(string list, string address, Action<JsonObject>? more = null)
    {
        var entry = new JsonObject
        {
            ["address"] = address,
            ["created_at"] = "Wed, 01 Jul 2026 10:00:00 UTC",
        };
        more?.Invoke(entry);
        Lists[list][address] = entry;
    }

    async Task AnswerListAsync(HttpContext context, string list)
    {
        if (ListFaults.TryDequeue(out var fault) && fault is MailgunFault.Answer answer)
            await WriteAsync(context, answer);
        else if (HttpMethods.IsGet(context.Request.Method))
            await ShowListAsync(context, list);
        else
            await TakeBatchAsync(context, list);
    }

    async Task ShowListAsync(HttpContext context, string list)
    {
        var query = context.Request.Query;
        var limit = int.Parse(query["limit"].FirstOrDefault() ?? "100", CultureInfo.InvariantCulture);
        var after = query["address"].FirstOrDefault() ?? "";
        KeyValuePair<string, JsonObject>[] page = [.. Lists[list]
            .SkipWhile(entry => string.CompareOrdinal(entry.Key, after) <= 0).Take(limit)];
        var here = $"https://{context.Request.Host}/v3/{Domain}/{list}?limit={limit}&page=next&address=";
        await WriteAsync(context, 200, new JsonObject
        {
            ["items"] = new JsonArray([.. page.Select(entry => entry.Value.DeepClone())]),
            ["paging"] = new JsonObject
            {
                ["next"] = here + Uri.EscapeDataString(page.Length > 0 ? page[^1].Key : after),
            },
        }.ToJsonString(), Json);
    }

    async Task TakeBatchAsync(HttpContext context, string list)
    {
        var batch = (await JsonNode.ParseAsync(context.Request.Body))!.AsArray();
        if (batch.Count >= 1000)
        {
            await RefuseAsync(context, 400, "Batch size should be less than 1000");
            return;
        }
        foreach (var entry in batch)
            Lists[list][(string)entry!["address"]!] = entry.DeepClone().AsObject();
        Batches.Enqueue(batch.Count);
        await RefuseAsync(context, 200, $"{batch.Count} addresses have been added to the {list} table");
    }
}
