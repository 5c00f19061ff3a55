using System.Diagnostics;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>What a command would do, before it is given: by the same rules, and nothing is changed.</summary>
public sealed partial class MessageQueue
{
    const int SampleMax = 20;

    /// <summary>Counts what a command would concern, up to the first of two limits.</summary>
    public async ValueTask<CommandPreview> PreviewAsync(
        QueueSelection which, QueueCommand command, PreviewLimit limit, CancellationToken cancel)
    {
        var kind = KindOf(command);
        var filter = (which as QueueSelection.Matching)?.Filter ?? QueueFilter.All;
        if (OnlyStateOf(kind) is { } only)
        {
            if (filter.State is { } asked && asked != only)
                return new CommandPreview(0, 0, IsWhole: true, []);
            filter = filter with { State = only };
        }
        var match = new QueueFilterMatch(filter);
        var began = clock.GetTimestamp();
        var (messages, recipients) = (0, 0);
        var sample = new List<StoredMessage>();
        QueueId? after = default(QueueId);
        while (after is { } key && recipients < limit.RecipientsMax
            && clock.GetElapsedTime(began) < limit.Time)
        {
            var page = await ReadPageAsync(which, filter, key, cancel).ConfigureAwait(false);
            foreach (var stored in page.Messages)
            {
                var count = stored.Recipients.Count(row => Concerns(kind, row.State) && match.Fits(row));
                if (count == 0)
                    continue;
                (messages, recipients) = (messages + 1, recipients + count);
                if (sample.Count < SampleMax)
                    sample.Add(stored);
            }
            after = page.Next;
        }
        return new CommandPreview(messages, recipients, IsWhole: after is null, sample);
    }

    static WishKind KindOf(QueueCommand command) => command switch
    {
        QueueCommand.Hold => WishKind.Hold,
        QueueCommand.Release => WishKind.Release,
        QueueCommand.Retry => WishKind.Retry,
        QueueCommand.Cancel => WishKind.Cancel,
        QueueCommand.Expire => WishKind.Expire,
        _ => throw new UnreachableException(),
    };
}

/// <summary>What operators can tell the queue to do.</summary>
public enum QueueCommand
{
    Hold,
    Release,
    Retry,
    Cancel,
    Expire,
}

/// <summary>How far a preview counts: the page that it is on ends it, and none is cut short.</summary>
/// <param name="RecipientsMax">Pages that are read whole may bring some more.</param>
public readonly record struct PreviewLimit(int RecipientsMax, TimeSpan Time)
{
    /// <summary>A page that is waited for.</summary>
    public static readonly PreviewLimit Quick = new(10_000, TimeSpan.FromMilliseconds(150));

    /// <summary>All, however long it takes.</summary>
    public static readonly PreviewLimit None = new(int.MaxValue, TimeSpan.MaxValue);
}

/// <summary>What a command would concern now.</summary>
/// <param name="Recipients">Those that it would change.</param>
/// <param name="IsWhole">All was counted. False: there may be more.</param>
/// <param name="Sample">The oldest of the messages.</param>
public sealed record CommandPreview(
    int Messages, int Recipients, bool IsWhole, IReadOnlyList<StoredMessage> Sample);
