using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>What routes of the API make of a recipient, and content that is kept for who asks for
/// it.</summary>
public sealed partial class MessageQueue
{
    /// <summary>How long <c>store()</c> keeps content: Mailgun's time.</summary>
    public static readonly TimeSpan StoreTime = TimeSpan.FromDays(3);

    void PlaceExpanded(Placing placing, Recipient row, string why, IReadOnlyList<RouteChild> children)
    {
        var change = placing.Change;
        change.Recipients.Add(row with { State = RecipientState.Done, Outcome = RecipientOutcome.Expanded });
        change.Events.Add(AcceptedEvent(placing.Message, placing.Count, row, null) with
        {
            Why = why,
        });
        change.Events.Add(EventOf(EventKind.Expanded, placing.Message, row, placing.Now) with
        {
            Why = why,
            RecipientCount = children.Count,
        });
        foreach (var to in children)
        {
            var child = row with
            {
                Number = placing.NextNumber(),
                Parent = row.Number,
                Route = to.Route,
            };
            switch (to)
            {
                case RouteChild.Address { Mailbox: var target }:
                    PlaceOne(placing, child with { Address = target, Original = row.Address });
                    break;
                case RouteChild.Web { Target: var target }:
                    PlaceOne(placing, child with { BoundTransport = target.ToString() });
                    break;
                case RouteChild.Kept:
                    Keep(placing, child);
                    break;
                default:
                    throw new UnreachableException();
            }
        }
    }

    /// <summary>It has arrived: who wants it comes for it.</summary>
    void Keep(Placing placing, Recipient row)
    {
        placing.Change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Delivered,
            KeepUntil = Time.Now + StoreTime,
        });
        placing.Change.Events.Add(EventOf(EventKind.Stored, placing.Message, row, placing.Now));
    }

    /// <summary>A message whose content is still here: it waits, or is kept. Null: it is gone, or goes with
    /// the next sweep.</summary>
    public async ValueTask<StoredMessage?> FindKeptAsync(QueueId id, CancellationToken cancel) =>
        await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is { } stored
            && stored.Recipients.Any(IsKept) ? stored : null;

    bool IsKept(Recipient row) => row.State != RecipientState.Done || row.KeepUntil > Time.Now;

    /// <summary>Lets go of content that nothing but a wish to keep it holds.</summary>
    /// <returns>False: some recipient still waits for it.</returns>
    public async ValueTask<bool> DropKeptAsync(QueueId id, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            // Results that were posted but not written yet must not be read as they were before.
            await store.CommitAsync(new StoreChange()).ConfigureAwait(false);
            if (await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is not { } stored)
                return true;
            if (stored.Recipients.Any(row => row.State != RecipientState.Done))
                return false;
            var change = new StoreChange();
            change.Recipients.AddRange(stored.Recipients.Where(IsKept)
                .Select(row => row with { KeepUntil = null }));
            await store.CommitAsync(change).ConfigureAwait(false);
            return true;
        }
        finally
        {
            gate.Release();
        }
    }
}
