using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Postern.Mta.Store;

namespace Postern.Api.Mailgun;

/// <summary>The two ways in which lists come in pages: <c>skip</c> with <c>limit</c>, and URLs with a
/// pivot.</summary>
static class ApiPaging
{
    const int LimitDefault = 100;
    const int LimitMax = 1000;

    /// <summary>The last one, where an SDK sends it twice.</summary>
    /// <exception cref="ApiException">It is no number, or too large.</exception>
    public static int LimitOf(HttpContext context, int otherwise = LimitDefault) =>
        NumberOf(context, "limit", otherwise) is var limit and <= LimitMax ? Math.Max(limit, 1)
            : throw new ApiException(400, "The 'limit' parameter can't be larger than 1000");

    /// <exception cref="ApiException">It is no number.</exception>
    public static int SkipOf(HttpContext context) => NumberOf(context, "skip", 0);

    /// <summary><c>total_count</c> and the items from <c>skip</c> on.</summary>
    public static JsonObject Skipped<T>(
        HttpContext context, IReadOnlyCollection<T> all, Func<T, JsonNode> json)
    {
        var page = all.Skip(SkipOf(context)).Take(LimitOf(context));
        return new JsonObject
        {
            ["total_count"] = all.Count,
            ["items"] = new JsonArray([.. page.Select(json)]),
        };
    }

    /// <summary>What <c>page</c> and the pivot of a request ask for.</summary>
    /// <param name="pivotName">The parameter that holds the pivot: <c>address</c>, <c>p</c>,
    /// <c>tag</c>.</param>
    /// <param name="prefix">Stands in front of the pivot in the names of objects.</param>
    public static ObjectRange RangeOf(
        HttpContext context, string pivotName, string prefix, ObjectRange range)
    {
        var pivot = prefix + context.Request.Query[pivotName].LastOrDefault();
        return context.Request.Query["page"].LastOrDefault() switch
        {
            "next" => range with { After = pivot },
            "previous" or "prev" => range with { Before = pivot },
            "last" => range with { Before = prefix + ObjectRange.End },
            _ => range,
        };
    }

    /// <summary>Four absolute addresses, also beside an empty page: its neighbours then begin where it
    /// stands.</summary>
    /// <param name="first">The pivot of the first item. Null: the page is empty.</param>
    /// <param name="last">Of the last one.</param>
    public static JsonObject Links(HttpContext context, string pivotName, string? first, string? last)
    {
        var asked = context.Request.Query[pivotName].LastOrDefault() ?? "";
        var limit = LimitOf(context).ToString(CultureInfo.InvariantCulture);
        return new JsonObject
        {
            ["first"] = Link(null, null),
            ["last"] = Link("last", ""),
            ["next"] = Link("next", last ?? asked),
            ["previous"] = Link("previous", first ?? asked),
        };

        string Link(string? page, string? pivot)
        {
            var query = new Dictionary<string, string?>(StringComparer.Ordinal) { ["limit"] = limit };
            foreach (var (name, value) in context.Request.Query)
            {
                if (name != "page" && name != "limit" && name != pivotName)
                    query[name] = value.LastOrDefault();
            }
            if (page is not null)
                (query["page"], query[pivotName]) = (page, pivot);
            var here = $"{context.Request.Scheme}://{context.Request.Host}{context.Request.Path}";
            return QueryHelpers.AddQueryString(here, query);
        }
    }

    static int NumberOf(HttpContext context, string name, int otherwise)
    {
        if (context.Request.Query[name].LastOrDefault() is not { Length: > 0 } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw new ApiException(400, $"The '{name}' parameter is no number");
    }
}
