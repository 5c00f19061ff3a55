using System.Text;
using System.Text.Json;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Inbound;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

/// <summary>What every store keeps to; each kind runs all of it.</summary>
public abstract class StoreContract : IAsyncLifetime
{
    protected IMailStore Store { get; private set; } = null!;

    protected abstract IMailStore Open();

    /// <summary>Closes the store and opens another on what it left.</summary>
    protected async Task ReopenAsync()
    {
        await Store.DisposeAsync();
        Store = Open();
    }

    public ValueTask InitializeAsync()
    {
        Store = Open();
        return ValueTask.CompletedTask;
    }

    public virtual async ValueTask DisposeAsync() => await Store.DisposeAsync();

    [Fact]
    public async Task Commit_ThenReopen_KeepsMessageRecipientContentAndEvent()
    {
        await Store.CommitAsync(Accept(Message(10), Recipient(10), Recipient(10, 2)));
        await ReopenAsync();

        var stored = await Store.ReadMessageAsync(new QueueId(10), None);
        Assert.Equal([1, 2], stored!.Recipients.Select(r => r.Number));
        using var content = await Store.OpenContentAsync(stored.Message, None);
        Assert.Equal("hello", await ReadTextAsync(content!));
        var fact = Assert.Single(await Store.ReadEventsAfterAsync(0, 10, None));
        Assert.Equal(EventKind.Accepted, fact.Event.Kind);
        Assert.Equal(new QueueId(10), Store.LastId);
    }

    [Fact]
    public async Task Commit_OfAMessageWithEveryFact_GivesItBack()
    {
        var message = Message(11, "\"a b\"@example.org") with
        {
            Parameters = new MailParameters
            {
                DeclaredOctets = 0,
                Body = BodyType.EightBitMime,
                SmtpUtf8 = true,
                Return = DsnReturn.Headers,
                EnvelopeId = "",
            },
            Client = FullClient,
            Traits = ContentTraits.EightBit | ContentTraits.Nul,
            Edits = new HeaderEdits(Encoding.Latin1.GetBytes("Received: \u00ff\r\n"), [new(3, 4), new(9, 1)]),
            MessageId = "<한@x>",
            ReportOn = new QueueId(5),
            Options = Sample.FullOptions,
        };
        await Store.CommitAsync(Accept(message, Recipient(11)));

        var read = (await Store.ReadMessageAsync(message.Id, None))!.Message;

        Assert.Equal(
            message with { Edits = HeaderEdits.None, Options = null },
            read with { Edits = HeaderEdits.None, Options = null });
        Assert.Equivalent(message.Options, read.Options, strict: true);
        Assert.Equal(message.Edits.Prefix.ToArray(), read.Edits.Prefix.ToArray());
        Assert.Equal(message.Edits.Cuts, read.Edits.Cuts);
    }

    [Fact]
    public async Task Commit_OfACheckedMessage_ThenReopen_GivesItsChecksBack()
    {
        await Store.CommitAsync(Accept(Message(14) with { Checks = SampleChecks.Full }, Recipient(14)));
        await Store.CommitAsync(Accept(Message(15), Recipient(15)));
        await ReopenAsync();
        var read = (await Store.ReadMessageAsync(new QueueId(14), None))!.Message.Checks;
        Assert.Equivalent(SampleChecks.Full, read, strict: true);
        Assert.Null((await Store.ReadMessageAsync(new QueueId(15), None))!.Message.Checks);
    }

    [Fact]
    public async Task Commit_OfATracedMessage_GivesItsTraceBack()
    {
        var without = FullTrace with { State = null };
        await Store.CommitAsync(Accept(Message(17) with { Trace = FullTrace }, Recipient(17)));
        await Store.CommitAsync(Accept(Message(18) with { Trace = without }, Recipient(18)));
        await Store.CommitAsync(Accept(Message(19), Recipient(19)));
        await ReopenAsync();
        Assert.Equal(FullTrace, (await Store.ReadMessageAsync(new QueueId(17), None))!.Message.Trace);
        Assert.Equal(without, (await Store.ReadMessageAsync(new QueueId(18), None))!.Message.Trace);
        Assert.Null((await Store.ReadMessageAsync(new QueueId(19), None))!.Message.Trace);
        Assert.DoesNotContain("\"tr\"", JsonSerializer.Serialize(
            RowCodec.ToRow(Message(19)), RowJson.Default.MessageRow), StringComparison.Ordinal);
    }

    [Fact]
    public void Row_OfBeforeThereWereChecks_IsStillRead()
    {
        var row = JsonSerializer.Deserialize(
            """{"d":1,"s":"a@b","c":{},"o":5}""", RowJson.Default.MessageRow);
        Assert.Equal(("a@b", null), (row!.Sender, row.Checks));
        var same = RowCodec.ToRow(Message(16));
        Assert.DoesNotContain("\"mc\"", JsonSerializer.Serialize(same, RowJson.Default.MessageRow),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_OfTheNullSender_GivesItBack()
    {
        await Store.CommitAsync(Accept(Message(12, ""), Recipient(12)));
        Assert.True((await Store.ReadMessageAsync(new QueueId(12), None))!.Message.Sender.IsNull);
    }

    [Fact]
    public async Task Commit_OfARecipientWithEveryFact_GivesItBack()
    {
        var recipient = Recipient(13, 2, RecipientState.Held, "relay/한국.example") with
        {
            Parent = 1,
            Original = Mailbox("postmaster"),
            Dsn = new RcptParameters
            {
                Notify = DsnNotify.Success | DsnNotify.Delay,
                OriginalRecipient = "rfc822;x",
            },
            BoundTransport = "script",
            Outcome = RecipientOutcome.Expanded,
            Lease = 9,
            Attempts = 3,
            Uncertain = 1,
            Route = "",
            Transport = "relay",
            LastBlame = Blame.Recipient,
            UnderAlarm = true,
            DelayTold = true,
            LastText = "4.4.1 \r\n\0é",
            KeepUntil = Start.AddTicks(1),
        };
        await Store.CommitAsync(Accept(Message(13), recipient));

        var read = (await Store.ReadMessageAsync(new QueueId(13), None))!.Recipients;

        Assert.Equal(recipient, Assert.Single(read));
    }

    [Fact]
    public async Task Commit_OfAnEventWithEveryFact_GivesItBack()
    {
        var full = FullEvent(14);
        Assert.All(typeof(MailEvent).GetProperties(), property => Assert.NotNull(property.GetValue(full)));
        await Store.CommitAsync(Tell(full, new MailEvent { Kind = EventKind.AlarmCleared, At = Start }));
        await ReopenAsync();

        var events = await Store.ReadEventsAfterAsync(0, 10, None);

        Assert.Equal(
            [full with { Options = null }, new MailEvent { Kind = EventKind.AlarmCleared, At = Start }],
            events.Select(e => e.Event with { Options = null }));
        Assert.Equivalent(full.Options, events[0].Event.Options, strict: true);
    }

    [Fact]
    public async Task Post_ThenCommit_AppliesThemInTheOrderOfTheCalls()
    {
        await Store.CommitAsync(Accept(20));
        Store.Post(Change(Recipient(20) with { Attempts = 1 }));
        Store.Post(Change(Recipient(20) with { Attempts = 2 }));
        await Store.CommitAsync(Tell(Event(20, EventKind.Retried)));
        Assert.Equal(2, Assert.Single(
            (await Store.ReadMessageAsync(new QueueId(20), None))!.Recipients).Attempts);
    }

    [Fact]
    public async Task Post_ThenClose_IsStored()
    {
        await Store.CommitAsync(Accept(21));
        Store.Post(Change(Recipient(21, state: RecipientState.Done)));
        await ReopenAsync();
        var recipients = (await Store.ReadMessageAsync(new QueueId(21), None))!.Recipients;
        Assert.Equal(RecipientState.Done, Assert.Single(recipients).State);
    }

    [Fact]
    public async Task Commit_OfAKnownId_FailsAloneAndWhole()
    {
        await Store.CommitAsync(Accept(22));
        var again = Accept(22);
        again.Objects.Add(new ObjectChange("k", "n", "1"u8.ToArray()));

        var all = Task.WhenAll(
            Store.CommitAsync(Accept(23)).AsTask(), RefusedAsync(Store, again),
                Store.CommitAsync(Accept(24)).AsTask());
        await all;

        Assert.Empty(await Store.ReadObjectsAsync("k", None));
        Assert.Equal(3, (await Store.ReadEventsAfterAsync(0, 10, None)).Count);
        Assert.Equal(StoreHealth.Accepting, Store.Health);
    }

    [Fact]
    public async Task Commit_OfARecipientWhoseMessageIsGone_Fails() =>
        await RefusedAsync(Store, Change(Recipient(25)));

    [Fact]
    public async Task Expansion_AddsChildrenToAKnownMessage()
    {
        await Store.CommitAsync(Accept(26));
        await Store.CommitAsync(Change(
            Recipient(26, state: RecipientState.Done) with { Outcome = RecipientOutcome.Expanded },
            Recipient(26, 2) with { Parent = 1 }));
        var recipients = (await Store.ReadMessageAsync(new QueueId(26), None))!.Recipients;
        Assert.Equal([null, 1], recipients.Select(r => r.Parent));
    }

    [Fact]
    public async Task Events_HaveGrowingSeqsAlsoAfterReopening()
    {
        for (var i = 0; i < 3; i++)
            await Store.CommitAsync(Tell(Event(30)));
        await ReopenAsync();
        await Store.CommitAsync(Tell(Event(30), Event(31)));

        Assert.Equal([1, 2, 3, 4, 5], (await Store.ReadEventsAfterAsync(0, 10, None)).Select(e => e.Seq));
        Assert.Equal([3, 4], (await Store.ReadEventsAfterAsync(2, 2, None)).Select(e => e.Seq));
        Assert.Equal([1, 2, 3, 4], (await Store.ReadEventsOfAsync(new QueueId(30), None)).Select(e => e.Seq));
        Assert.Equal([5], (await Store.ReadEventsOfAsync(new QueueId(31), None)).Select(e => e.Seq));
        Assert.Equal(1, (await Store.ReadFirstEventOfAsync(new QueueId(30), None))!.Seq);
        Assert.Equal(5, (await Store.ReadFirstEventOfAsync(new QueueId(31), None))!.Seq);
        Assert.Null(await Store.ReadFirstEventOfAsync(new QueueId(32), None));
    }

    [Fact]
    public async Task ReadCommitted_GivesEveryEventOnceInOrder()
    {
        const int events = 10_000;
        await Store.CommitAsync(Tell(Event(1)));
        await ReopenAsync();
        for (var i = 0; i < events / 100; i++)
            await Store.CommitAsync(Tell([.. Enumerable.Repeat(Event(1), 100)]));

        var seqs = new List<long>();
        await foreach (var stored in Store.ReadCommittedAsync(None))
        {
            seqs.Add(stored.Seq);
            if (seqs.Count == events)
                break;
        }

        Assert.Equal(Enumerable.Range(2, events).Select(seq => (long)seq), seqs);
    }

    [Fact]
    public async Task ReadCommitted_WaitsForTheNextCommitAndEndsWithTheStore()
    {
        var seen = ReadAllAsync();
        await Store.CommitAsync(Tell(Event(1)));
        await Store.CommitAsync(Tell(Event(2)));
        await Store.DisposeAsync();
        Assert.Equal([1, 2], await seen);

        async Task<List<long>> ReadAllAsync()
        {
            var seqs = new List<long>();
            await foreach (var stored in Store.ReadCommittedAsync(None))
                seqs.Add(stored.Seq);
            return seqs;
        }
    }

    [Fact]
    public async Task FetchDue_GivesReadyOnesInTurn_ThenDeferredOnesByTime()
    {
        await Store.CommitAsync(
            Accept(Message(40), Recipient(40, dueSeconds: 3), Recipient(40, 2, dueSeconds: 1)));
        await Store.CommitAsync(Accept(
            Message(41), Deferred(41, 1, dueSeconds: 2), Deferred(41, 2, dueSeconds: 1)));
        await Store.CommitAsync(
            Accept(Message(42), Deferred(42, 1, dueSeconds: 9), Recipient(42, 2, RecipientState.Held)));

        var window = await Store.FetchDueAsync("relay", Start.AddSeconds(3), 10, None);

        Assert.Equal([(40, 2), (40, 1), (41, 2), (41, 1)], KeysOf(window));
        Assert.Equal(Start.AddSeconds(9), window.NextDueAt);
    }

    [Fact]
    public async Task FetchDue_OfTooMany_GivesHalfOfTheWindowToEachKind()
    {
        await Store.CommitAsync(Accept(
            Message(43), [.. Enumerable.Range(1, 10).Select(number => Recipient(43, number))]));
        await Store.CommitAsync(Accept(
            Message(44), [.. Enumerable.Range(1, 3).Select(number => Deferred(44, number, number))]));
        var now = Start.AddSeconds(5);
        var window = await Store.FetchDueAsync("relay", now, 4, None);
        Assert.Equal([(43, 1), (43, 2), (44, 1), (44, 2)], KeysOf(window));
        Assert.Equal(Start.AddSeconds(3), window.NextDueAt);
        Assert.Equal([(43, 1)], KeysOf(await Store.FetchDueAsync("relay", now, 1, None)));
        Assert.Equal(10, (await Store.FetchDueAsync("relay", now, 10, None)).Recipients.Count);
        Assert.Equal(13, (await Store.FetchDueAsync("relay", now, 20, None)).Recipients.Count);
        Assert.Null((await Store.FetchDueAsync("other", now, 1, None)).NextDueAt);
    }

    [Fact]
    public async Task SearchDue_GoesOnBehindTheKey_FromReadyToDeferred()
    {
        await Store.CommitAsync(Accept(
            Message(45), Recipient(45, dueSeconds: 1), Recipient(45, 2, dueSeconds: 1), Recipient(45, 3),
            Deferred(45, 4, dueSeconds: 0)));
        await Store.CommitAsync(Accept(Message(46), Recipient(46, dueSeconds: 1)));
        var found = new List<(long, int)>();
        var key = default(DueKey);
        while (await Store.SearchDueAsync("relay", Start.AddSeconds(5), key, 2, None)
            is { Recipients.Count: > 0 } step)
        {
            found.AddRange(KeysOf(step));
            key = DueKey.Of(step.Recipients[^1].Recipient);
        }
        Assert.Equal([(45, 3), (45, 1), (45, 2), (46, 1), (45, 4)], found);
    }

    static IEnumerable<(long, int)> KeysOf(DueWindow window) =>
        window.Recipients.Select(due => (due.Message.Id.Value, due.Recipient.Number));

    static Recipient Deferred(long id, int number, int dueSeconds) =>
        Recipient(id, number, RecipientState.Deferred, dueSeconds: dueSeconds);

    [Fact]
    public async Task FetchDue_FollowsARecipientToItsNewLane()
    {
        await Store.CommitAsync(Accept(44));
        await Store.CommitAsync(Change(Recipient(44, lane: "other")));
        Assert.Empty((await Store.FetchDueAsync("relay", Start, 5, None)).Recipients);
        Assert.Single((await Store.FetchDueAsync("other", Start, 5, None)).Recipients);
    }

    [Fact]
    public async Task ReadLanes_CountsReadyAndDeferredAndNamesTheOldest()
    {
        await Store.CommitAsync(Accept(Message(44), Recipient(44, dueSeconds: 5)));
        await Store.CommitAsync(Accept(
            Message(45), Recipient(45, dueSeconds: 4),
                Recipient(45, 2, RecipientState.Deferred, dueSeconds: 2),
            Recipient(45, 3, RecipientState.Active), Recipient(45, 4, lane: "")));
        Assert.Equal(
            [
                ("", 1, Start, null, new QueueId(45)),
                ("relay", 3, Start.AddSeconds(4), Start.AddSeconds(2), new QueueId(44)),
            ],
            (await Store.ReadLanesAsync(Start, None)).Select(
                lane => (lane.Lane, lane.Recipients, lane.FirstTurn, lane.LastDue, lane.Oldest)));
    }

    [Fact]
    public async Task ReadLanes_AndHeld_AreCountedByTheAgeThatIdsTell()
    {
        double[] minutes = [0, 4.99, 5, 5.01, 39, 81, 1280, 1281, 100_000];
        var to = minutes.Select(age => QueueId.FirstAt(Start.AddMinutes(-age)).Value).ToList();
        foreach (var id in to)
            await Store.CommitAsync(Accept(
                Message(id), Recipient(id), Recipient(id, 2, RecipientState.Deferred),
                Recipient(id, 3, RecipientState.Held), Recipient(id, 4, lane: "b"),
                Recipient(id, 5, RecipientState.Active), Recipient(id, 6, RecipientState.Done)));
        var lanes = await Store.ReadLanesAsync(Start, None);
        Assert.Equal(["b", "relay"], lanes.Select(lane => lane.Lane));
        Assert.Equal([3, 1, 0, 1, 0, 1, 0, 0, 1, 2], lanes[0].ByAge);
        Assert.Equal([6, 2, 0, 2, 0, 2, 0, 0, 2, 4], lanes[1].ByAge);
        Assert.Equal([3, 1, 0, 1, 0, 1, 0, 0, 1, 2], await Store.CountHeldAsync(Start, None));
    }

    [Fact]
    public async Task CountHeld_FollowsTheState()
    {
        await Store.CommitAsync(Accept(45));
        Assert.Equal(0, (await Store.CountHeldAsync(Start, None)).Sum());
        await Store.CommitAsync(Change(Recipient(45, state: RecipientState.Held)));
        Assert.Equal(1, (await Store.CountHeldAsync(Start, None)).Sum());
        await Store.CommitAsync(Change(Recipient(45)));
        Assert.Equal(0, (await Store.CountHeldAsync(Start, None)).Sum());
    }

    [Fact]
    public async Task ListBack_IsNewestFirst_AndPagesByKey()
    {
        for (var id = 70; id < 74; id++)
            await Store.CommitAsync(Accept(
                Message(id), Recipient(id),
                Recipient(id, 2, id == 72 ? RecipientState.Ready : RecipientState.Held),
                Recipient(id, 3, id == 70 ? RecipientState.Held : RecipientState.Ready)));
        var held = new QueueFilter { State = RecipientState.Held };
        Assert.Equal("73 72 71 70 end", await BackAsync(QueueFilter.All, QueueId.End, 9));
        Assert.Equal("73 72 more", await BackAsync(QueueFilter.All, QueueId.End, 2));
        Assert.Equal("71 70 end", await BackAsync(QueueFilter.All, new QueueId(72), 9));
        Assert.Equal("73 71 70 end", await BackAsync(held, QueueId.End, 9));
        Assert.Equal("71 more", await BackAsync(held, new QueueId(73), 1));
        Assert.Equal([71, 73], (await Store.ListAsync(held, new QueueId(70), 9, None))
            .Messages.Select(stored => stored.Message.Id.Value));

        async Task<string> BackAsync(QueueFilter filter, QueueId before, int limit)
        {
            var page = await Store.ListBackAsync(filter, before, limit, None);
            return string.Join(' ', page.Messages.Select(stored => $"{stored.Message.Id.Value}"))
                + (page.Next is null ? " end" : " more");
        }
    }

    [Fact]
    public async Task ReadAbandoned_PagesThroughActiveOfOlderEpochs()
    {
        for (var id = 50; id < 53; id++)
        {
            await Store.CommitAsync(Accept(
                Message(id), Recipient(id, state: RecipientState.Active) with { Lease = Store.Epoch },
                Recipient(id, 2, RecipientState.Active) with { Lease = Store.Epoch + 1 }, Recipient(id, 3)));
        }
        await ReopenAsync();

        var first = await Store.ReadAbandonedAsync(Store.Epoch, default, 2, None);
        var rest = await Store.ReadAbandonedAsync(Store.Epoch, new RecipientKey(new QueueId(51), 1), 2, None);

        Assert.Equal([50, 51], first.Select(r => r.Message.Value));
        Assert.Equal([52], rest.Select(r => r.Message.Value));
    }

    [Fact]
    public async Task List_FiltersAndPagesByKey()
    {
        await Store.CommitAsync(Accept(Message(60, ""), Recipient(60)));
        await Store.CommitAsync(Accept(Message(61), Recipient(61) with { Route = "a" }));
        await Store.CommitAsync(
            Accept(Message(62) with { ArrivedAt = Start.AddDays(1) }, Recipient(62, 2, RecipientState.Held)));
        await Store.CommitAsync(
            Accept(Message(63, "b@other.example"), Recipient(63) with { Transport = "t" }));

        Assert.Equal([60, 61, 62, 63], await Ids(QueueFilter.All));
        Assert.Equal([60], await Ids(new QueueFilter { Sender = "<>" }));
        Assert.Equal([61, 62], await Ids(new QueueFilter { Sender = "*@example.org" }));
        Assert.Equal([62], await Ids(new QueueFilter { State = RecipientState.Held }));
        Assert.Equal([61], await Ids(new QueueFilter { Route = "a" }));
        Assert.Equal([63], await Ids(new QueueFilter { Transport = "t" }));
        Assert.Equal([62], await Ids(new QueueFilter { Recipient = "R2@example.com" }));
        Assert.Equal([60, 61, 63], await Ids(new QueueFilter { ArrivedBefore = Start.AddHours(1) }));
        Assert.Equal([62], await Ids(new QueueFilter { ArrivedAfter = Start.AddHours(1) }));
        Assert.Equal([62, 63], (await Store.ListAsync(QueueFilter.All, new QueueId(61), 9, None))
            .Messages.Select(m => m.Message.Id.Value));
        Assert.Equal([60, 61], (await Store.ListAsync(QueueFilter.All, default, 2, None))
            .Messages.Select(m => m.Message.Id.Value));

        async Task<IEnumerable<long>> Ids(QueueFilter filter) =>
            (await Store.ListAsync(filter, default, 100, None)).Messages.Select(m => m.Message.Id.Value);
    }

    [Fact]
    public async Task Accepted_IsFoundByMessageIdAndByRecipient_NewestFirst()
    {
        for (var i = 0; i < 3; i++)
            await Store.CommitAsync(Tell(Accepted(30 + i, $"<m{i}@A.example>", i == 1 ? "x@b" : "Y@b")));
        await Store.CommitAsync(Tell(
            Accepted(40, "<m0@a.example>", "y@b") with { Kind = EventKind.Relayed }));
        await ReopenAsync();
        await Store.CommitAsync(Tell(Accepted(50, "<m0@a.example>", "z@b")));

        Assert.Equal([50, 30], await FindAsync("M0@a.example", 10));
        Assert.Equal([50, 30], await FindAsync("<m0@a.example>", 10));
        Assert.Equal([50], await FindAsync("m0@a.example", 1));
        Assert.Equal([32, 30], await FindAsync("y@B", 10));
        Assert.Equal([31], await FindAsync("x@b", 10));
        Assert.Empty(await FindAsync("m@a.example", 10));
        Assert.Empty(await FindAsync("", 10));

        async Task<IEnumerable<long>> FindAsync(string text, int limit) =>
            (await Store.FindEventsAsync(text, limit, None))
                .Select(found => found.Event.Message!.Value.Value);

        static MailEvent Accepted(long message, string messageId, string recipient) => Event(message) with
        {
            Kind = EventKind.Accepted,
            MessageId = messageId,
            RecipientAddress = recipient,
        };
    }

    [Fact]
    public async Task Rewritten_StandsInThePlaceOfItsSeq_AndIsFoundByItsNewKeys()
    {
        var fact = Event(1) with { MessageId = "<kim@x>", RecipientAddress = "kim@example.org" };
        await Store.CommitAsync(
            Tell(fact, Event(1, EventKind.Relayed), fact with { Message = new QueueId(2) }));
        await ReopenAsync();
        var other = fact with { MessageId = "<anon@x>", RecipientAddress = "anon@example.org" };
        var change = new StoreChange();
        change.Rewritten.Add(new StoredEvent(1, other));
        change.Rewritten.Add(new StoredEvent(99, other));
        await Store.CommitAsync(change);
        await ReopenAsync();

        Assert.Equal([1, 2, 3], (await Store.ReadEventsAfterAsync(0, 10, None)).Select(e => e.Seq));
        Assert.Equal(other, (await Store.ReadFirstEventOfAsync(new QueueId(1), None))!.Event);
        foreach (var text in (string[])["anon@example.org", "<anon@x>"])
            Assert.Equal(1, Assert.Single(await Store.FindEventsAsync(text, 10, None)).Seq);
        foreach (var text in (string[])["kim@example.org", "<kim@x>"])
            Assert.Equal(3, Assert.Single(await Store.FindEventsAsync(text, 10, None)).Seq);
    }

    [Fact]
    public async Task Objects_AreListedByPrefixForwardAndBackward()
    {
        var change = new StoreChange();
        foreach (var name in (string[])["a/1", "a/2", "a/3", "a/\uac00", "ab", "b/1"])
            change.Objects.Add(new ObjectChange("bounce", name, Encoding.UTF8.GetBytes(name)));
        change.Objects.Add(new ObjectChange("other", "a/2", "x"u8.ToArray()));
        await Store.CommitAsync(change);

        var all = new ObjectRange("bounce", "a/", 10);
        Assert.Equal(["a/1", "a/2", "a/3", "a/\uac00"], await NamesAsync(all));
        Assert.Equal(["a/2", "a/3"], await NamesAsync(all with { Limit = 2, After = "a/1" }));
        Assert.Equal(["a/2", "a/3"], await NamesAsync(all with { Limit = 2, Before = "a/\uac00" }));
        Assert.Equal(["a/3", "a/\uac00"], await NamesAsync(all with { Limit = 2, Before = "z" }));
        Assert.Empty(await NamesAsync(all with { Before = "a/1" }));
        Assert.Equal(6, (await NamesAsync(all with { Prefix = "" })).Count());
        Assert.Equal("a/3", Encoding.UTF8.GetString(
            (await Store.FindObjectAsync("bounce", "a/3", None))!.Json.Span));
        Assert.Null(await Store.FindObjectAsync("bounce", "a/4", None));

        async Task<IEnumerable<string>> NamesAsync(ObjectRange range) =>
            (await Store.ListObjectsAsync(range, None)).Select(found => found.Name);
    }

    [Fact]
    public async Task Objects_ArePutReplacedAndRemoved()
    {
        await Store.CommitAsync(Put("account", "b", "1"));
        await Store.CommitAsync(Put("account", "a", "2"));
        await Store.CommitAsync(Put("account", "b", "3"));
        await Store.CommitAsync(Put("alarm", "b", "4"));
        await Store.CommitAsync(Put("alarm", "b", null));
        await ReopenAsync();

        var accounts = await Store.ReadObjectsAsync("account", None);
        Assert.Equal([("a", "2"), ("b", "3")], accounts
            .Select(o => (o.Name, Encoding.UTF8.GetString(o.Json.Span))));
        Assert.Empty(await Store.ReadObjectsAsync("alarm", None));

        static StoreChange Put(string kind, string name, string? json)
        {
            var change = new StoreChange();
            change.Objects.Add(new ObjectChange(
                kind, name, json is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(json)));
            return change;
        }
    }

    [Fact]
    public async Task Sweep_DropsWhatIsDoneAndNothingElse()
    {
        await Store.CommitAsync(Accept(Message(70), Recipient(70), Recipient(70, 2)));
        await Store.CommitAsync(Accept(71));
        await Store.CommitAsync(Accept(72));
        await Store.CommitAsync(Change(
            Recipient(70, state: RecipientState.Done), Recipient(71, state: RecipientState.Done),
            Recipient(72, state: RecipientState.Done) with { KeepUntil = Start.AddHours(1) }));

        await SweepAsync(Start);
        Assert.Equal([70, 72], await Left());
        await SweepAsync(Start.AddHours(1));
        Assert.Equal([70], await Left());
        Assert.Null(await Store.OpenContentAsync(Message(71), None));

        await Store.CommitAsync(Change(Recipient(70, 2, RecipientState.Done)));
        await ReopenAsync();
        await SweepAsync(Start);
        Assert.Empty(await Left());
        await ReopenAsync();
        Assert.Equal(new QueueId(72), Store.LastId);
    }

    [Fact]
    public async Task Sweep_DropsOldEventsButNeverGivesASeqTwice()
    {
        await Store.CommitAsync(Tell(Event(73), Event(73), Event(73)));
        await SweepAsync(Start, Start.AddTicks(1));
        await ReopenAsync();
        await Store.CommitAsync(Tell(Event(73)));
        Assert.Equal([3, 4], (await Store.ReadEventsAfterAsync(0, 10, None)).Select(e => e.Seq));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(PooledContent.SegmentOctets)]
    [InlineData(100_001)]
    public async Task Content_InTheStore_ComesBackWhole(int octets)
    {
        var text = string.Concat(Enumerable.Range(0, octets).Select(i => (char)('0' + (i * 7 % 75))));
        await Store.CommitAsync(AcceptContent(Message(80), Content(text), Recipient(80)));
        using var content = await Store.OpenContentAsync(Message(80), None);
        Assert.Equal(octets, content!.Octets);
        Assert.Equal(text, await ReadTextAsync(content));
    }

    [Fact]
    public async Task Content_InAFile_ComesBackWhole()
    {
        var message = await WriteFileAsync(81);
        await Store.CommitAsync(AcceptFile(message, Recipient(81)));
        await ReopenAsync();
        using var content = await Store.OpenContentAsync(message, None);
        Assert.Equal(300_000, content!.Octets);
        Assert.Equal(300_000, (await ReadTextAsync(content)).Length);
    }

    [Fact]
    public async Task Commit_NamingAFileThatWasNotFlushed_Fails()
    {
        var message = Message(82) with { ContentFile = new QueueId(82).ToString() };
        await using var writer = Store.CreateContentFile(message.Id);
        await writer.WriteAsync(Octets(10), None);
        await RefusedAsync(Store, AcceptFile(message, Recipient(82)));
    }

    [Fact]
    public async Task Epoch_GrowsWithEveryOpening()
    {
        var epoch = Store.Epoch;
        await ReopenAsync();
        Assert.Equal(epoch + 1, Store.Epoch);
    }

    [Fact]
    public void Open_WhileAnotherHasIt_IsRefused()
    {
        var error = Assert.Throws<StoreException>(Open);
        Assert.Contains("belongs to another running Postern", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_AfterClosing_Fails()
    {
        await Store.DisposeAsync();
        await RefusedAsync(Store, Accept(90));
    }

    protected async Task<QueuedMessage> WriteFileAsync(long id)
    {
        await using var writer = Store.CreateContentFile(new QueueId(id));
        await writer.WriteAsync(Octets(200_000), None);
        await writer.WriteAsync(Octets(100_000), None);
        await writer.FlushAsync(None);
        writer.Keep();
        return Message(id) with { ContentFile = writer.Name, ContentOctets = 300_000 };
    }

    protected async Task SweepAsync(DateTimeOffset now, DateTimeOffset? eventsBefore = null)
    {
        while (await Store.SweepAsync(now, eventsBefore ?? DateTimeOffset.MinValue, None) > 0)
        {
        }
    }

    async Task<IEnumerable<long>> Left() =>
        (await Store.ListAsync(QueueFilter.All, default, 100, None)).Messages.Select(m => m.Message.Id.Value);
}
