using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Mta.Queue;

/// <summary>Who asks to be forgotten: the events of done messages, and content that is kept of
/// them.</summary>
/// <remarks>A message that is not done is left as it is: its mail still needs the address. All of it may be
/// cut short anywhere and done again.</remarks>
public sealed partial class MessageQueue
{
    /// <summary>Rows of one commit: others wait for them no longer than for a flush.</summary>
    const int RewrittenPerCommitMax = 100;

    const int ObjectsPerReadMax = 1000;

    /// <summary>Takes an address out of one message, if that is done.</summary>
    internal async ValueTask<ForgottenMessage> ForgetAsync(
        QueueId id, SoughtAddress sought, AnonymiseRequest request, CancellationToken cancel)
    {
        if (await FindLeftAsync(id, request, cancel).ConfigureAwait(false) is { } left)
            return left;
        var events = await store.ReadEventsOfAsync(id, cancel).ConfigureAwait(false);
        var part = AnonymousEvents.PartOf(events, sought);
        var rewriter = new AnonymousEvents(sought);
        var rewritten = new List<StoredEvent>();
        foreach (var stored in events)
        {
            if (rewriter.Rewrite(stored.Event, part) is var fact && !ReferenceEquals(fact, stored.Event))
                rewritten.Add(stored with { Event = fact });
        }
        var isDropped = part != MessagePart.None
            && await DropForgottenAsync(id, request, cancel).ConfigureAwait(false);
        if (!request.IsDryRun)
            await RewriteAsync(rewritten, cancel).ConfigureAwait(false);
        return new ForgottenMessage(MessageLeft.No, rewritten.Count, isDropped)
        {
            LastSeq = events is [.., var last] ? last.Seq : 0,
        };
    }

    /// <summary>Puts events in the place of those with their seq, a few in each commit.</summary>
    internal async ValueTask RewriteAsync(IReadOnlyList<StoredEvent> rewritten, CancellationToken cancel)
    {
        foreach (var part in rewritten.Chunk(RewrittenPerCommitMax))
        {
            cancel.ThrowIfCancellationRequested();
            var change = new StoreChange();
            change.Rewritten.AddRange(part);
            await store.CommitAsync(change).ConfigureAwait(false);
        }
    }

    /// <summary>Why the message is left as it is. Null: it is not.</summary>
    async ValueTask<ForgottenMessage?> FindLeftAsync(
        QueueId id, AnonymiseRequest request, CancellationToken cancel)
    {
        if (await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is not { } stored)
            return null;
        return stored.Recipients.Any(row => row.State != RecipientState.Done)
                ? new ForgottenMessage(MessageLeft.InQueue, 0, false)
            : !request.TakesDeadLetters && stored.Recipients.Any(row => row.IsDeadLetter)
                ? new ForgottenMessage(MessageLeft.DeadLetter, 0, false) : null;
    }

    /// <returns>True: content was kept, and goes with the next sweep.</returns>
    async ValueTask<bool> DropForgottenAsync(
        QueueId id, AnonymiseRequest request, CancellationToken cancel)
    {
        // No operator may have it replayed meanwhile.
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is not { } stored)
                return false;
            var change = new StoreChange();
            change.Recipients.AddRange(stored.Recipients.Where(row => row.KeepUntil is not null)
                .Select(row => row with { KeepUntil = null }));
            if (change.Recipients.Count == 0
                || stored.Recipients.Any(row => row.State != RecipientState.Done))
                return false;
            if (!request.IsDryRun)
                await store.CommitAsync(change).ConfigureAwait(false);
            return true;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Entries of an address on all suppression lists; they go where that was asked for.</summary>
    internal async ValueTask<int> ForgetSuppressionsAsync(
        SoughtAddress sought, AnonymiseRequest request, CancellationToken cancel)
    {
        var names = await FindNamesAsync(
            SuppressionList.ObjectKind, name => SuppressionKey.Parse(name).Address == sought.Key, cancel)
            .ConfigureAwait(false);
        if (request is { TakesSuppressions: true, IsDryRun: false })
        {
            foreach (var name in names)
                await UnsuppressAsync(SuppressionKey.Parse(name), null, cancel).ConfigureAwait(false);
        }
        return names.Count;
    }

    /// <summary>Its memberships of mailing lists, likewise.</summary>
    internal async ValueTask<int> ForgetMembershipsAsync(
        SoughtAddress sought, AnonymiseRequest request, CancellationToken cancel)
    {
        var found = 0;
        foreach (var list in Lists.All)
        {
            var name = list.MembersPrefix + sought.Key;
            if (await Lists.Members.FindAsync(name, cancel).ConfigureAwait(false) is null)
                continue;
            found++;
            if (request is { TakesSuppressions: true, IsDryRun: false })
                await RemoveMemberAsync(list.Address, name, cancel).ConfigureAwait(false);
        }
        return found;
    }

    async ValueTask RemoveMemberAsync(string list, string name, CancellationToken cancel)
    {
        await ChangeObjectsAsync(async changes =>
        {
            if (await Lists.Members.FindAsync(name, cancel).ConfigureAwait(false) is null
                || await Lists.Table.FindAsync(list, cancel).ConfigureAwait(false) is not { } stored)
                return false;
            changes.Add(Lists.Members.Remove(name));
            changes.Add(Lists.Table.Put(list, stored with { Members = stored.Members - 1 }));
            return true;
        }, cancel).ConfigureAwait(false);
        await Lists.ReloadAsync([list], cancel).ConfigureAwait(false);
    }

    async ValueTask<List<string>> FindNamesAsync(
        string kind, Func<string, bool> isMeant, CancellationToken cancel)
    {
        var names = new List<string>();
        IReadOnlyList<StoredObject> page = [];
        do
        {
            page = await store.ListObjectsAsync(
                new ObjectRange(kind, "", ObjectsPerReadMax)
                {
                    After = page is [.., var last] ? last.Name : null,
                },
                cancel).ConfigureAwait(false);
            names.AddRange(page.Select(one => one.Name).Where(isMeant));
        }
        while (page.Count == ObjectsPerReadMax);
        return names;
    }
}

/// <summary>What became of one message.</summary>
/// <param name="Changed">Its events that name the address no more.</param>
/// <param name="IsDropped">Content was kept of it.</param>
readonly record struct ForgottenMessage(MessageLeft Left, int Changed, bool IsDropped)
{
    /// <summary>Of the last event that was looked at.</summary>
    public long LastSeq { get; init; }
}

/// <summary>Why a message is left as it is.</summary>
enum MessageLeft
{
    No,

    /// <summary>It waits, is under way, or is held.</summary>
    InQueue,

    /// <summary>It failed and waits for an operator.</summary>
    DeadLetter,
}
