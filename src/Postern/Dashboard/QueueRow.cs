using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>A message of the queue in one row.</summary>
/// <param name="Sender"><c>&lt;&gt;</c>: the null sender.</param>
/// <param name="To">The first few.</param>
/// <param name="MoreTo">How many others there are.</param>
/// <param name="States">Which states its recipients are in, with how many are.</param>
/// <param name="DueAt">When the next Deferred one is tried. Null: none is.</param>
/// <param name="Attempts">Of the recipient that had most.</param>
/// <param name="Reason">Of the last deferral of one of them. Null: there was none.</param>
public sealed record QueueRow(
    QueueId Id, DateTimeOffset ArrivedAt, string Sender, IReadOnlyList<string> To, int MoreTo,
    IReadOnlyList<(RecipientState State, int Count)> States, DateTimeOffset? DueAt, int Attempts,
    string? Reason)
{
    const int ToMax = 3;

    internal static QueueRow Of(StoredMessage stored, MessageQueue queue)
    {
        var open = stored.Recipients.Where(row => row.State != RecipientState.Done).ToList();
        // Of a message that is kept, what ended is all there is.
        var shown = open.Count > 0 ? open : [.. stored.Recipients];
        var due = shown.Where(row => row.State == RecipientState.Deferred)
            .Select(row => (DateTimeOffset?)row.DueAt).Min();
        return new QueueRow(
            stored.Message.Id, stored.Message.ArrivedAt, stored.Message.Sender.Mailbox?.ToString() ?? "<>",
            [.. shown.Take(ToMax).Select(row => PeerText.Shown(row.Address.ToString()))],
            Math.Max(0, shown.Count - ToMax),
            [.. shown.CountBy(row => row.State).OrderBy(pair => pair.Key)
                .Select(pair => (pair.Key, pair.Value))],
            due is { } at ? queue.ToWall(at) : null,
            shown.Select(row => row.Attempts).DefaultIfEmpty().Max(),
            shown.Select(row => row.LastText).FirstOrDefault(text => text is not null) is { } reason
                ? PeerText.Shown(reason) : null);
    }
}
