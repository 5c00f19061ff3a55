using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Api;

/// <summary>What a list, totals or a bulk command is asked for.</summary>
sealed partial class WebApi
{
    /// <summary>One message, some, what fits a filter, or all of them by that word alone.</summary>
    /// <param name="others">Keys that mean something else.</param>
    bool TryReadSelection(
        HttpContext context, IReadOnlyList<string> others, out QueueSelection which, out string trouble)
    {
        var query = context.Request.Query;
        which = new QueueSelection.Matching(QueueFilter.All);
        if (!TryReadFilter(context, ["id", "all", .. others], out var filter, out trouble))
            return false;
        var isAll = query["all"] == "true";
        var ids = query["id"];
        if (!isAll && ids.Count == 0 && filter == QueueFilter.All)
            trouble = "nothing is named";
        else if (ids.Count == 0)
            which = new QueueSelection.Matching(filter);
        else if (isAll || filter != QueueFilter.All)
            trouble = "an id and a filter exclude each other";
        else if (!TryReadIds(ids, out which))
            trouble = $"these are no queue ids: 13 letters and digits each, {QueueSelection.Several.IdsMax}"
                + " at most";
        return trouble.Length == 0;
    }

    /// <summary>Named messages, each once.</summary>
    internal static bool TryReadIds(IReadOnlyList<string?> texts, out QueueSelection which)
    {
        which = new QueueSelection.Several([]);
        if (texts.Count is 0 or > QueueSelection.Several.IdsMax)
            return false;
        var ids = new HashSet<QueueId>();
        foreach (var text in texts)
        {
            if (!QueueId.TryParse(text, out var id))
                return false;
            ids.Add(id);
        }
        which = ids.Count == 1 ? new QueueSelection.One(ids.First()) : new QueueSelection.Several([.. ids]);
        return true;
    }

    /// <param name="others">Keys that mean something else.</param>
    bool TryReadFilter(
        HttpContext context, ReadOnlySpan<string> others, out QueueFilter filter, out string trouble) =>
        QueueQuery.TryRead(context.Request.Query, others, clock.GetUtcNow(), out filter, out trouble);
}
