using Postern.Api;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>A page of the queue, as its address asks for it.</summary>
/// <param name="Filter">Everything where it cannot be read.</param>
/// <param name="Trouble">What is wrong with the filter. Empty: nothing.</param>
public sealed record QueueList(
    QueueFilter Filter, string Trouble, bool IsOldestFirst, IReadOnlyList<StoredMessage> Messages,
    QueueId? Next)
{
    public const int RowsMax = 50;

    /// <summary>Fewer rows were found than fit, and not all was looked at.</summary>
    public bool IsShort => Next is not null && Messages.Count < RowsMax;

    /// <summary>The filter as a query, with nothing in front. Empty: everything.</summary>
    public string Query => QueueQuery.Write(Filter);

    /// <summary>The address of the list, from the beginning.</summary>
    internal static string AddressOf(QueueFilter filter, bool isOldestFirst = false) => WithQuery(
        "/queue", QueueQuery.Write(filter), isOldestFirst ? "order=oldest" : "");

    internal string NextAddress => WithQuery(
        "/queue", Query, IsOldestFirst ? "order=oldest" : "", $"after={Next}");

    static string WithQuery(string path, params string[] parts) =>
        string.Join('&', parts.Where(part => part.Length > 0)) is { Length: > 0 } query
            ? $"{path}?{query}" : path;

    internal static async ValueTask<QueueList> ReadAsync(Visit visit)
    {
        var isOldestFirst = visit.Query("order") == "oldest";
        var isFilter = TryReadFilter(visit, ["order", "after"], out var filter, out var trouble);
        if (!isFilter)
            return new QueueList(QueueFilter.All, trouble, isOldestFirst, [], null);
        var key = QueueId.TryParse(visit.Query("after"), out var after) ? after
            : isOldestFirst ? default : QueueId.End;
        var store = visit.Agent.Store;
        var page = isOldestFirst ? await store.ListAsync(filter, key, RowsMax, visit.Cancel)
            : await store.ListBackAsync(filter, key, RowsMax, visit.Cancel);
        return new QueueList(filter, "", isOldestFirst, page.Messages, page.Next);
    }

    /// <summary>Fields that were left empty mean nothing.</summary>
    internal static bool TryReadFilter(
        Visit visit, ReadOnlySpan<string> others, out QueueFilter filter, out string trouble)
    {
        var given = visit.Http.Request.Query.Where(field => !string.IsNullOrWhiteSpace(field.Value))
            .ToDictionary(
                field => field.Key,
                field => new Microsoft.Extensions.Primitives.StringValues(
                    [.. field.Value.Select(value => value?.Trim())]));
        return QueueQuery.TryRead(new QueryCollection(given), others, visit.Now, out filter, out trouble);
    }
}
