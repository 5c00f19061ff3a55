using Postern.Mta.Events;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>What became of mail that had left: told by providers, and appended to its message once.</summary>
/// <remarks>
/// The queue's own states do not change by it (DESIGN §1.1 law 7). Tellings that come while one commit runs
/// go together into the next. Which of them are repeats is read from the events themselves, so it holds over
/// crashes and whichever way they come.
/// </remarks>
public sealed partial class MessageQueue
{
    const int TellingsPerCommitMax = 200;

    /// <summary>Recipients of one message that a Message-ID is looked for among.</summary>
    const int CandidateRowsMax = 1000;

    /// <summary>Messages of one Message-ID that are looked at, newest first.</summary>
    const int CandidatesMax = 10;

    readonly SemaphoreSlim tellGate = new(1, 1);
    readonly Queue<PendingTelling> told = new();
    readonly TokenMemory tokens;

    /// <summary>Appends it to its message, once.</summary>
    /// <exception cref="StoreException">It is not stored: it must be told again.</exception>
    public async ValueTask<TellingOutcome> TellAsync(Telling telling)
    {
        var pending = new PendingTelling(telling);
        lock (told)
            told.Enqueue(pending);
        await tellGate.WaitAsync().ConfigureAwait(false);
        try
        {
            // Whoever had the gate before may have taken it along.
            while (!pending.IsTaken)
                await AppendToldAsync(TakeTold()).ConfigureAwait(false);
        }
        finally
        {
            tellGate.Release();
        }
        if (pending.Trouble is { } trouble)
            throw new StoreException(trouble.Health, trouble.Message, trouble);
        return pending.Outcome;
    }

    /// <summary>What an earlier process took.</summary>
    internal void RestoreTokens(IEnumerable<StoredObject> stored) => tokens.Restore(stored);

    List<PendingTelling> TakeTold()
    {
        var batch = new List<PendingTelling>();
        lock (told)
        {
            while (batch.Count < TellingsPerCommitMax && told.TryDequeue(out var next))
            {
                next.IsTaken = true;
                batch.Add(next);
            }
        }
        return batch;
    }

    async ValueTask AppendToldAsync(List<PendingTelling> batch)
    {
        var judging = new Judging();
        var begunAt = clock.GetUtcNow();
        try
        {
            foreach (var pending in batch)
                pending.Outcome = await JudgeAsync(pending.Telling, judging).ConfigureAwait(false);
            if (judging.Change.Events.Count == 0)
                return;
            await store.CommitAsync(judging.Change).ConfigureAwait(false);
            Traces?.Told(judging.Change.Events, begunAt);
            tokens.Remember(judging.Change.Objects);
            await Suppressions.NoteAsync(judging.Change.Objects).ConfigureAwait(false);
        }
        catch (StoreException failed)
        {
            foreach (var pending in batch)
                pending.Trouble = failed;
        }
    }

    async ValueTask<TellingOutcome> JudgeAsync(Telling telling, Judging judging)
    {
        if (telling.Token is { } token && (tokens.Contains(token) || !judging.Tokens.Add(token)))
            return TellingOutcome.Repeated;
        if (!judging.EventIds.Add(telling.Facts.EventId))
            return TellingOutcome.Repeated;
        var subject = await FindSubjectAsync(telling, judging).ConfigureAwait(false);
        var earlier = subject is null
            ? await store.FindEventsAsync(telling.Facts.EventId, CandidateRowsMax, CancellationToken.None)
                .ConfigureAwait(false)
            : judging.Histories[subject.Message!.Value];
        if (earlier.Any(known => IsSame(known.Event, telling)))
            return TellingOutcome.Repeated;
        var fact = EventOf(telling, subject, earlier);
        judging.Change.Events.Add(fact);
        if (subject is not null && await FeedOfAsync(
            fact, judging.Histories[subject.Message!.Value]).ConfigureAwait(false) is { } feed)
            judging.Change.Objects.Add(feed);
        if (telling.Token is { } used)
            tokens.AddTo(judging.Change, used);
        return subject is null ? TellingOutcome.Unmatched : TellingOutcome.Appended;
    }

    /// <summary>One provider may be two transports, and tell of both by either.</summary>
    static bool IsSame(MailEvent known, Telling telling) => known.Remote?.EventId == telling.Facts.EventId;

    /// <summary>An event of the message and the recipient that are meant. Null: none of ours.</summary>
    async ValueTask<MailEvent?> FindSubjectAsync(Telling telling, Judging judging)
    {
        MailEvent? whole = null;
        foreach (var id in await CandidatesAsync(telling).ConfigureAwait(false))
        {
            if (!judging.Histories.TryGetValue(id, out var history))
                judging.Histories.Add(id, history = await store
                    .ReadEventsOfAsync(id, CancellationToken.None).ConfigureAwait(false));
            // What our mark alone leads to must name one of our recipients, too.
            if (history.FirstOrDefault(known => known.Event.Recipient is not null && IsAbout(
                known.Event, telling.Recipient)) is { } found)
                return found.Event;
            if ((id != telling.Mark || telling.Recipient.Length == 0) && history is [var first, ..])
                whole ??= first.Event with { Recipient = null, RecipientAddress = telling.Recipient };
        }
        return whole;
    }

    static bool IsAbout(MailEvent known, string recipient) =>
        string.Equals(known.RecipientAddress, recipient, StringComparison.OrdinalIgnoreCase)
        || string.Equals(known.OriginalAddress, recipient, StringComparison.OrdinalIgnoreCase);

    async ValueTask<List<QueueId>> CandidatesAsync(Telling telling)
    {
        var ids = new List<QueueId>();
        if (telling.Mark is { } mark)
            ids.Add(mark);
        if (telling.MessageId is { Length: > 0 } messageId)
        {
            var accepted = await store.FindEventsAsync(messageId, CandidateRowsMax, CancellationToken.None)
                .ConfigureAwait(false);
            // Those it may be delivered to come first: one Message-ID may have been submitted several times.
            ids.AddRange(accepted.OrderByDescending(found => IsAbout(found.Event, telling.Recipient))
                .Select(found => found.Event.Message!.Value).Distinct().Take(CandidatesMax));
        }
        return ids;
    }

    /// <summary>The trace that its message began. Null: it has none, or its events are gone.</summary>
    static MailTrace? TraceOf(IReadOnlyList<StoredEvent> history) =>
        history.FirstOrDefault(known => known.Event.Trace is not null)?.Event.Trace;

    /// <param name="history">Of the subject's message.</param>
    MailEvent EventOf(Telling telling, MailEvent? subject, IReadOnlyList<StoredEvent> history) => new()
    {
        Kind = telling.Kind,
        At = clock.GetUtcNow(),
        Message = subject?.Message,
        Recipient = subject?.Recipient,
        RecipientAddress = telling.Recipient.Length > 0 ? telling.Recipient : null,
        OriginalAddress = subject?.OriginalAddress,
        Sender = subject?.Sender,
        MessageId = subject?.MessageId ?? (telling.MessageId is { } id ? $"<{id}>" : null),
        Route = subject?.Route,
        Transport = telling.Transport,
        Status = telling.Status,
        Reply = telling.Reply,
        Severity = telling.Severity,
        Options = subject?.Options,
        Remote = telling.Facts,
        Trace = subject is null ? null : TraceOf(history),
    };

    /// <summary>What is known while one commit is put together.</summary>
    sealed class Judging
    {
        public StoreChange Change { get; } = new();
        public Dictionary<QueueId, IReadOnlyList<StoredEvent>> Histories { get; } = [];
        public HashSet<string> EventIds { get; } = new(StringComparer.Ordinal);
        public HashSet<string> Tokens { get; } = new(StringComparer.Ordinal);
    }

    sealed class PendingTelling(Telling telling)
    {
        public Telling Telling => telling;
        public bool IsTaken { get; set; }
        public TellingOutcome Outcome { get; set; }
        public StoreException? Trouble { get; set; }
    }
}
