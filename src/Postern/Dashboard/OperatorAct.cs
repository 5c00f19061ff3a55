using Postern.Api;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Dashboard;

/// <summary>What an operator did, as the page shows it.</summary>
/// <param name="Call">Method and path of the admin API, readable.</param>
/// <param name="Face"><c>page</c> or <c>command</c>. Null: a program of somebody's own.</param>
/// <param name="Message">The one message that it was about. Null: none, or many.</param>
public sealed record OperatorAct(
    DateTimeOffset At, string Actor, string Call, string? Face, QueueId? Message, int? Count)
{
    internal static OperatorAct Of(OperatedEntry entry)
    {
        var call = entry.What;
        string? face = null;
        foreach (var one in (string[])[OperatorNote.Page, OperatorNote.Command])
        {
            if (call.EndsWith($" ({one})", StringComparison.Ordinal))
                (call, face) = (call[..^(one.Length + 3)], one);
        }
        return new OperatorAct(
            entry.At, entry.Actor, Uri.UnescapeDataString(call), face, MessageIn(call), entry.Count);
    }

    static QueueId? MessageIn(string call)
    {
        var query = call.Split('?', 2).ElementAtOrDefault(1) ?? "";
        var ids = query.Split('&').Where(field => field.StartsWith("id=", StringComparison.Ordinal)).ToList();
        return ids is [var only] && QueueId.TryParse(only.AsSpan(3), out var id) ? id : null;
    }
}
