using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Somebody asks to be forgotten: one address is taken out of everything that is over.</summary>
/// <remarks>
/// It looks at every event of the store, page by page, beside delivery: an address is named where no key
/// leads to. What it finds is changed in small commits. A run may end anywhere, and the next one begins with
/// the first event and comes to the same; what an earlier one has changed is known by the pseudonym, so that
/// the index follows even if that run ended before it did. One run at a time.
/// </remarks>
/// <param name="index">Null: there is none.</param>
public sealed class Anonymiser(MessageQueue queue, IMailStore store, MessageIndex? index) : IDisposable
{
    /// <summary>Of the store's keys: whoever has it can tell which address a pseudonym was.</summary>
    const string KeyName = "anonymise";

    const int EventsPerPage = 500;

    readonly SemaphoreSlim gate = new(1, 1);

    /// <summary>Null: nobody keeps any.</summary>
    public LastReplies? Replies { get; init; }

    /// <summary>Null: another run is under way.</summary>
    /// <exception cref="StoreException">It ended early.</exception>
    public async ValueTask<AnonymiseReport?> RunAsync(AnonymiseRequest request, CancellationToken cancel)
    {
        if (!await gate.WaitAsync(0, cancel).ConfigureAwait(false))
            return null;
        try
        {
            var key = request.IsDryRun
                ? await MacKey.FindAsync(store, KeyName, cancel).ConfigureAwait(false)
                : await MacKey.OpenAsync(store, KeyName, cancel).ConfigureAwait(false)
                    ?? throw new StoreException(store.Health, "the key of pseudonyms cannot be stored");
            var run = new Run(SoughtAddress.Of(request.Address, key ?? []), request);
            await LookThroughAsync(run, cancel).ConfigureAwait(false);
            if (!request.IsDryRun)
                await ForgetElsewhereAsync(run, cancel).ConfigureAwait(false);
            return new AnonymiseReport(key is null ? null : run.Sought.Pseudonym)
            {
                EventsLooked = run.Looked,
                EventsChanged = run.Changed,
                Messages = run.Messages.Count,
                LeftInQueue = run.Left.Values.Count(left => left == MessageLeft.InQueue),
                LeftDeadLetters = run.Left.Values.Count(left => left == MessageLeft.DeadLetter),
                ContentsDropped = run.Dropped,
                Suppressions = await queue.ForgetSuppressionsAsync(run.Sought, request, cancel)
                    .ConfigureAwait(false),
                Memberships = await queue.ForgetMembershipsAsync(run.Sought, request, cancel)
                    .ConfigureAwait(false),
            };
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>What is remembered of events beside the store.</summary>
    async ValueTask ForgetElsewhereAsync(Run run, CancellationToken cancel)
    {
        Replies?.Rewrite(fact => fact.Message is { } id && run.Left.ContainsKey(id)
            ? fact : run.RewriteAlone(fact));
        if (index is not null && run.HasTouched)
            await index.WipeAsync(cancel).ConfigureAwait(false);
    }

    async ValueTask LookThroughAsync(Run run, CancellationToken cancel)
    {
        for (var seq = 0L; ;)
        {
            cancel.ThrowIfCancellationRequested();
            var page = await store.ReadEventsAfterAsync(seq, EventsPerPage, cancel).ConfigureAwait(false);
            if (page.Count == 0)
                return;
            run.Looked += page.Count;
            seq = page[^1].Seq;
            var alone = new List<StoredEvent>();
            var touched = new List<QueueId>();
            foreach (var stored in page)
            {
                if (!run.Names(stored.Event))
                    continue;
                if (stored.Event.Message is not { } id)
                    alone.Add(stored);
                else if (await ForgetAsync(run, id, stored.Seq, cancel).ConfigureAwait(false))
                    touched.Add(id);
            }
            await RewriteAsync(run, alone, touched, cancel).ConfigureAwait(false);
        }
    }

    /// <returns>True: the message is as it is to be.</returns>
    async ValueTask<bool> ForgetAsync(Run run, QueueId id, long seq, CancellationToken cancel)
    {
        if (run.Left.ContainsKey(id) || run.Messages.GetValueOrDefault(id) >= seq)
            return false;
        var outcome = await queue.ForgetAsync(id, run.Sought, run.Request, cancel).ConfigureAwait(false);
        if (outcome.Left != MessageLeft.No)
        {
            run.Left.Add(id, outcome.Left);
            return false;
        }
        run.Messages[id] = Math.Max(seq, outcome.LastSeq);
        run.Changed += outcome.Changed;
        run.Dropped += outcome.IsDropped ? 1 : 0;
        return true;
    }

    /// <summary>Events of no message, and the index.</summary>
    async ValueTask RewriteAsync(
        Run run, List<StoredEvent> alone, List<QueueId> touched, CancellationToken cancel)
    {
        var known = alone.ConvertAll(stored => stored with { Event = run.RewriteAlone(stored.Event) });
        var rewritten = known.Where((stored, at) => !ReferenceEquals(stored.Event, alone[at].Event)).ToList();
        run.Changed += rewritten.Count;
        if (run.Request.IsDryRun || (known.Count == 0 && touched.Count == 0))
            return;
        await queue.RewriteAsync(rewritten, cancel).ConfigureAwait(false);
        run.HasTouched = true;
        if (index is not null)
            await index.TakeAnewAsync(touched, known, cancel).ConfigureAwait(false);
    }

    public void Dispose() => gate.Dispose();

    sealed class Run(SoughtAddress sought, AnonymiseRequest request)
    {
        readonly AnonymousEvents events = new(sought);

        public SoughtAddress Sought => sought;
        public AnonymiseRequest Request => request;
        public long Looked { get; set; }
        public int Changed { get; set; }
        public int Dropped { get; set; }

        /// <summary>Something names the address, or did.</summary>
        public bool HasTouched { get; set; }

        /// <summary>Those that are done, with the last event that was looked at.</summary>
        public Dictionary<QueueId, long> Messages { get; } = [];

        public Dictionary<QueueId, MessageLeft> Left { get; } = [];

        /// <summary>The address, or its pseudonym, stands in it.</summary>
        public bool Names(MailEvent fact) => AnonymousEvents.PartOf(fact, sought) != MessagePart.None
            || fact.Why?.Contains(sought.Pseudonym, StringComparison.Ordinal) == true
            || !ReferenceEquals(events.Rewrite(fact, MessagePart.None), fact);

        public MailEvent RewriteAlone(MailEvent fact) =>
            events.Rewrite(fact, AnonymousEvents.PartOf(fact, sought));
    }
}

/// <summary>Who is to be forgotten, and how much of them.</summary>
/// <param name="Address">With a domain.</param>
public sealed record AnonymiseRequest(Mailbox Address)
{
    /// <summary>Everything is looked at and nothing changed.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Entries of suppression lists and memberships of mailing lists go, too.</summary>
    public bool TakesSuppressions { get; init; }

    /// <summary>Dead letters count as done; else they are left like mail that waits.</summary>
    public bool TakesDeadLetters { get; init; }
}

/// <summary>What was done.</summary>
/// <param name="Pseudonym">Null: a dry run in a store that has no key yet.</param>
public sealed record AnonymiseReport(string? Pseudonym)
{
    public long EventsLooked { get; init; }
    public int EventsChanged { get; init; }

    /// <summary>Done ones that name the address, or did.</summary>
    public int Messages { get; init; }

    /// <summary>Left as they are, because they wait, are under way or held.</summary>
    public int LeftInQueue { get; init; }

    public int LeftDeadLetters { get; init; }

    /// <summary>Messages whose content was kept.</summary>
    public int ContentsDropped { get; init; }

    /// <summary>Entries of the address; gone where that was asked for.</summary>
    public int Suppressions { get; init; }

    /// <inheritdoc cref="Suppressions"/>
    public int Memberships { get; init; }
}
