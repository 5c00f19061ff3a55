using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>A recipient of mail that came in and is held, with why.</summary>
/// <param name="Why">Null: it was let go meanwhile.</param>
/// <param name="OfMessage">How many recipients of the message are held: an act is for all of them.</param>
public sealed record HeldMail(QueuedMessage Message, Recipient Row, Explanation? Why, int OfMessage)
{
    /// <summary>Of one message; the others are on its own page.</summary>
    const int RecipientsMax = 5;

    /// <summary>Of messages behind a key, oldest first; a page may be empty and not the last.</summary>
    internal static async Task<(IReadOnlyList<HeldMail> Held, QueueId? Next)> ReadAsync(
        IMailStore store, MessageQueue queue, QueueId after, int limit, CancellationToken cancel)
    {
        var page = await store.ListAsync(
            new QueueFilter { State = RecipientState.Held }, after, limit, cancel);
        var held = new List<HeldMail>();
        foreach (var stored in page.Messages.Where(one => one.Message.Door == MailDoors.Mx))
        {
            var whys = (await queue.WhyAsync(stored.Message.Id, cancel))
                .ToDictionary(why => why.Number);
            var rows = stored.Recipients.Where(row => row.State == RecipientState.Held).ToList();
            held.AddRange(rows.Take(RecipientsMax).Select(row => new HeldMail(
                stored.Message, row, whys.GetValueOrDefault(row.Number), rows.Count)));
        }
        return (held, page.Next);
    }
}
