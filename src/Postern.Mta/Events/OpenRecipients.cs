using Postern.Mta.Queue;

namespace Postern.Mta.Events;

/// <summary>How many recipients of each message are still open, for the log's <c>removed</c>.</summary>
/// <remarks>
/// Memory is bounded: two generations of <paramref name="generationMax"/> messages. What fell out of it, or
/// was accepted by an earlier process, is restored from the message's own events when one of its recipients
/// ends.
/// </remarks>
sealed class OpenRecipients(int generationMax = 50_000)
{
    Dictionary<QueueId, Count> young = [];
    Dictionary<QueueId, Count> old = [];

    /// <summary>False: nothing is known of the message, and what it means depends on that; restore it
    /// first.</summary>
    public bool TryApply(MailEvent mailEvent, out RecipientProgress progress)
    {
        progress = default;
        if (mailEvent.Message is not { } id)
            return true;
        var count = Find(id);
        if (mailEvent.Kind == EventKind.Accepted)
        {
            progress = new RecipientProgress(count is null, WasDone: false, IsLast: false);
            count ??= Add(id);
            count.Accept(mailEvent);
            return true;
        }
        if (count is null)
            return !Ends(mailEvent) || mailEvent.Kind == EventKind.DeadLettered;
        progress = count.Apply(mailEvent);
        if (progress.IsLast)
            Remove(id);
        return true;
    }

    /// <summary>Counts the message from its events before <paramref name="seq"/>.</summary>
    public void Restore(QueueId id, IEnumerable<StoredEvent> events, long seq)
    {
        var count = Add(id);
        foreach (var stored in events)
        {
            if (stored.Seq >= seq)
                continue;
            if (stored.Event.Kind == EventKind.Accepted)
                count.Accept(stored.Event);
            else
                count.Apply(stored.Event);
        }
    }

    /// <summary>The recipient is Done with it, unless it was before.</summary>
    static bool Ends(MailEvent mailEvent) => mailEvent.Kind switch
    {
        EventKind.Relayed or EventKind.Delivered or EventKind.Expanded or EventKind.Cancelled
            or EventKind.Expired or EventKind.DeadLettered => true,
        EventKind.Failed => mailEvent.Severity != EventSeverity.Temporary,
        _ => false,
    };

    Count? Find(QueueId id)
    {
        if (young.TryGetValue(id, out var count))
            return count;
        if (!old.Remove(id, out count))
            return null;
        Keep(id, count);
        return count;
    }

    Count Add(QueueId id)
    {
        var count = new Count();
        Keep(id, count);
        return count;
    }

    void Keep(QueueId id, Count count)
    {
        if (young.Count >= generationMax)
        {
            old = young;
            young = [];
        }
        young[id] = count;
    }

    void Remove(QueueId id)
    {
        young.Remove(id);
        old.Remove(id);
    }

    /// <summary>The recipients of one message; the first 64 are bits.</summary>
    sealed class Count
    {
        int total;
        int done;
        ulong low;
        HashSet<int>? high;

        public void Accept(MailEvent mailEvent) =>
            total = Math.Max(total, mailEvent.RecipientCount ?? mailEvent.Recipient ?? 1);

        public RecipientProgress Apply(MailEvent mailEvent)
        {
            if (!Ends(mailEvent))
                return default;
            if (mailEvent.Recipient is not { } number)
            {
                var wasDone = done >= total;
                done = total;
                return new RecipientProgress(IsFirst: false, wasDone, !wasDone);
            }
            if (!Mark(number))
                return new RecipientProgress(IsFirst: false, WasDone: true, IsLast: false);
            done++;
            if (mailEvent.Kind == EventKind.Expanded)
                total += mailEvent.RecipientCount ?? 0;
            return new RecipientProgress(IsFirst: false, WasDone: false, IsLast: done == total);
        }

        bool Mark(int number)
        {
            if (number is < 0 or > 63)
                return (high ??= []).Add(number);
            var bit = 1UL << number;
            if ((low & bit) != 0)
                return false;
            low |= bit;
            return true;
        }
    }
}

/// <summary>What an event meant for its message, in the order of commits.</summary>
/// <param name="IsFirst">The first event seen of an accepted message.</param>
/// <param name="WasDone">The recipient had ended before: this is a later report about it.</param>
/// <param name="IsLast">With it the last recipient ended: the message is removed.</param>
readonly record struct RecipientProgress(bool IsFirst, bool WasDone, bool IsLast);
