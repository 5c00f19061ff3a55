using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Postern.Api.Mailgun;

/// <summary>Which items of a list, in which order.</summary>
/// <param name="Column">What it is sorted by.</param>
sealed record AnalyticsPage(string Column, SortDirection Direction, int Skip, int Limit)
{
    /// <exception cref="ApiException">A number is out of range, or there is no such column.</exception>
    public static AnalyticsPage Of(
        AnalyticsPagination? asked, int limitDefault, int limitMax, string sortDefault,
        IReadOnlyCollection<string> columns)
    {
        var limit = asked?.Limit ?? limitDefault;
        var skip = asked?.Skip ?? 0;
        if (limit < 1 || limit > limitMax || skip < 0)
            throw new ApiException(400, $"'pagination' attribute is invalid: limit is 1 to {limitMax}");
        var sort = asked?.Sort is { Length: > 0 } own ? own : sortDefault;
        var direction = sort.EndsWith(":desc", StringComparison.Ordinal) ? SortDirection.Down
            : SortDirection.Up;
        var column = sort.Split(':')[0];
        return (columns.Contains(column) && sort == Word(column, direction)) || sort.Length == 0
            ? new AnalyticsPage(column, direction, skip, limit)
            : throw new ApiException(400, "'pagination' attribute is invalid: sort");
    }

    /// <param name="key">What an item has in a column.</param>
    public IReadOnlyList<T> Sort<T>(IEnumerable<T> items, Func<T, string, IComparable> key) =>
        Column.Length == 0 ? [.. items]
            : Direction == SortDirection.Up ? [.. items.OrderBy(item => key(item, Column), Order)]
            : [.. items.OrderByDescending(item => key(item, Column), Order)];

    public IEnumerable<T> Cut<T>(IEnumerable<T> sorted) => sorted.Skip(Skip).Take(Limit);

    public JsonObject ToJson(int total) => new()
    {
        ["sort"] = Column.Length == 0 ? "" : Word(Column, Direction),
        ["skip"] = Skip,
        ["limit"] = Limit,
        ["total"] = total,
    };

    static readonly Comparer<IComparable> Order = Comparer<IComparable>.Create((one, other) =>
        one is string left && other is string right ? string.CompareOrdinal(left, right)
            : one.CompareTo(other));

    static string Word(string column, SortDirection direction) =>
        column + (direction == SortDirection.Down ? ":desc" : ":asc");
}

/// <summary><c>pagination</c> of analytics, as it came.</summary>
sealed record AnalyticsPagination
{
    [JsonPropertyName("sort")] public string? Sort { get; init; }
    [JsonPropertyName("skip")] public int? Skip { get; init; }
    [JsonPropertyName("limit")] public int? Limit { get; init; }
}

enum SortDirection { Up, Down }
