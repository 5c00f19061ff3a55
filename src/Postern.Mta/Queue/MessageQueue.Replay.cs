using Postern.Mta.Events;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>Inbound mail that ended goes its way once more, while its content is kept.</summary>
/// <remarks>
/// Done is for good: the recipient stays as it ended, and one that comes from it, with a number of its own,
/// is decided on anew. What is replayed is not kept for a replay any more; its successor is.
/// </remarks>
public sealed partial class MessageQueue
{
    /// <summary>Replays dead letters; with <see cref="ReplayReach.Done"/> also what was delivered.</summary>
    /// <returns>How many recipients go once more.</returns>
    public ValueTask<int> ReplayAsync(
        QueueSelection which, ReplayReach reach, string actor, CancellationToken cancel) => CommandAsync(
        which,
        new Wish(reach == ReplayReach.Done ? WishKind.ReplayDone : WishKind.Replay, actor), cancel);

    int Replay(
        StoredMessage stored, Wish wish, QueueFilterMatch match, DateTimeOffset now, StoreChange change)
    {
        var message = stored.Message;
        if (message.Door != MailDoors.Mx)
            return 0;
        var number = stored.Recipients.Max(row => row.Number);
        var count = 0;
        foreach (var row in stored.Recipients)
        {
            if (!match.Fits(row) || row.State != RecipientState.Done || !IsKept(row)
                || !IsReplayed(wish.Kind, row.Outcome))
                continue;
            count++;
            change.Recipients.Add(row with { KeepUntil = null });
            var next = new Recipient
            {
                Message = message.Id,
                Number = ++number,
                Parent = row.Number,
                Address = row.Address,
                Original = row.Original,
                List = row.List,
                Dsn = row.Dsn,
                // A copy for one of several transports stays that.
                BoundTransport = row.BoundTransport,
                Route = row.Route,
                State = RecipientState.Ready,
                // It may be older than its lifetime: whoever replays it wants it tried.
                KeepUntil = Time.Now + LifetimeOf(message, row),
            };
            var decision = Decide(message, next);
            change.Recipients.Add(Wait(message, next, decision));
            change.Events.Add(EventOf(EventKind.Replayed, message, next, now) with
            {
                Actor = wish.Actor,
                Route = (decision as RoutingDecision.Via)?.Route.Name,
                Transport = (decision as RoutingDecision.Via)?.Transport,
                Why = decision.Why,
            });
        }
        return count;
    }

    static bool IsReplayed(WishKind wish, RecipientOutcome outcome) => outcome switch
    {
        RecipientOutcome.Failed or RecipientOutcome.Expired => true,
        RecipientOutcome.Relayed or RecipientOutcome.Delivered => wish == WishKind.ReplayDone,
        _ => false,
    };
}

/// <summary>What of inbound mail is replayed.</summary>
public enum ReplayReach
{
    /// <summary>What failed for good.</summary>
    DeadLetters,

    /// <summary>Also what was delivered, as far as its content is kept.</summary>
    Done,
}
