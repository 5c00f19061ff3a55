using System.Runtime.CompilerServices;
using Postern.Mta.Events;
using Postern.Mta.Store;

namespace Postern.Api;

/// <summary>Reads events in both directions by their place, and finds places.</summary>
sealed class EventReader(IMailStore store)
{
    const int PageMax = 1000;

    /// <summary>Events behind a place, oldest first.</summary>
    public async IAsyncEnumerable<StoredEvent> UpAsync(
        long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var page = await store.ReadEventsAfterAsync(after, PageMax, cancel);
            foreach (var stored in page)
                yield return stored;
            if (page.Count == 0)
                yield break;
            after = page[^1].Seq;
        }
    }

    /// <summary>Events before a place, newest first: the store reads forward only, so by windows.</summary>
    public async IAsyncEnumerable<StoredEvent> DownAsync(
        long before, [EnumeratorCancellation] CancellationToken cancel)
    {
        // What is older than the events that are kept leaves no row, and may be millions of places.
        if (await store.ReadEventsAfterAsync(0, 1, cancel) is not [var oldest])
            yield break;
        for (var end = before; end > oldest.Seq;)
        {
            var start = Math.Max(0, end - 1 - PageMax);
            var page = await store.ReadEventsAfterAsync(start, PageMax, cancel);
            for (var i = page.Count - 1; i >= 0; i--)
            {
                if (page[i].Seq < end)
                    yield return page[i];
            }
            end = start + 1;
        }
    }

    /// <summary>The greatest place given out. 0: none.</summary>
    public ValueTask<long> LastAsync(CancellationToken cancel) =>
        FindAsync(static _ => true, cancel);

    /// <summary>The place of the last event before a moment, as far as events are in the order of their
    /// moments.</summary>
    public ValueTask<long> LastBeforeAsync(DateTimeOffset at, CancellationToken cancel) =>
        FindAsync(stored => stored.Event.At < at, cancel);

    /// <summary>The last event of those that come before all others, by halving.</summary>
    async ValueTask<long> FindAsync(Func<StoredEvent, bool> isBefore, CancellationToken cancel)
    {
        var (low, high) = (0L, long.MaxValue - 1);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (await store.ReadEventsAfterAsync(middle, 1, cancel) is [var next, ..] && isBefore(next))
                low = next.Seq;
            else
                high = middle;
        }
        return low;
    }
}
