using Postern.Api;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>A command on several messages that is looked at before it is given.</summary>
/// <param name="Call">What the admin API is asked for then.</param>
/// <param name="Back">The list it came from.</param>
/// <param name="IsSelected">Messages were named, one by one.</param>
/// <param name="Again">The same page, counting all.</param>
public sealed record QueueIntent(
    QueueCommand Command, QueueFilter Filter, bool IsSelected, string Call, string Back, string Again,
    CommandPreview Preview)
{
    /// <summary>What cannot be taken back.</summary>
    public bool IsFinal => Command is QueueCommand.Cancel or QueueCommand.Expire;

    /// <summary>Only of what has arrived by a moment: what comes later nobody has looked at.</summary>
    internal static QueueFilter AsOf(QueueFilter filter, DateTimeOffset now)
    {
        var after = now + TimeSpan.FromTicks(1);
        return filter.ArrivedBefore < after ? filter : filter with { ArrivedBefore = after };
    }

    /// <summary>Null: the address names no command, nothing, or what cannot be read.</summary>
    internal static async ValueTask<QueueIntent?> ReadAsync(Visit visit)
    {
        if (!QueueQuery.TryReadWord(visit.Query("do"), out QueueCommand command)
            || !QueueList.TryReadFilter(visit, ["do", "id", "count", "picked"], out var filter, out _))
            return null;
        var ids = visit.Http.Request.Query["id"];
        // Rows were to be marked, and none was: that must not mean all of them.
        if (ids.Count == 0 && visit.Query("picked").Length > 0)
            return null;
        if (ids.Count > 0 && filter != QueueFilter.All)
            return null;
        var shown = AsOf(filter, visit.Now);
        QueueSelection which = new QueueSelection.Matching(shown);
        if (ids.Count > 0 && !WebApi.TryReadIds(ids, out which))
            return null;
        var query = which switch
        {
            QueueSelection.One one => $"id={one.Id}",
            QueueSelection.Several several => string.Join('&', several.Ids.Select(id => $"id={id}")),
            _ => QueueQuery.Write(shown),
        };
        var word = command.ToString().ToLowerInvariant();
        var limit = visit.Query("count") == "all" ? PreviewLimit.None : PreviewLimit.Quick;
        return new QueueIntent(
            command, shown, ids.Count > 0, $"POST queue/{word}?{query}", QueueList.AddressOf(filter),
            $"/queue/act?do={word}&count=all&{query}",
            await visit.Agent.Queue.PreviewAsync(which, command, limit, visit.Cancel));
    }
}
