using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Configuration;
using Postern.Tests.Doubles;

namespace Postern.Tests.Events;

/// <summary>The index of messages: what it knows, how it is asked, and that it can be lost.</summary>
public sealed class MessageIndexTests : IAsyncLifetime
{
    readonly TemporaryDirectory directory = new();
    readonly MailHall hall = new();
    readonly LineLog log = new();
    MessageIndex index = null!;
    TimeSpan keep = TimeSpan.FromDays(90);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    string File => directory.PathOf(MessageIndex.FileName);

    public ValueTask InitializeAsync()
    {
        index = Open();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await index.DisposeAsync();
        await hall.DisposeAsync();
        directory.Dispose();
    }

    MessageIndex Open(TimeProvider? clock = null) =>
        new(hall.Store, File, () => keep, clock ?? hall.Clock, log);

    async Task ReopenAsync()
    {
        await index.DisposeAsync();
        index = Open();
    }

    static QueueId IdAt(DateTimeOffset at, int number = 0) =>
        new(((long)(at - QueueId.Origin).TotalMilliseconds << 22) + number);

    static QueueId Id(int number) => IdAt(MailHall.Start, number);

    static MailEvent Fact(EventKind kind, int message = 1, int recipient = 1) => new()
    {
        Kind = kind,
        At = MailHall.Start.AddSeconds(message),
        Message = Id(message),
        Recipient = recipient,
        RecipientAddress = $"r{recipient}@example.net",
        Sender = "shop@example.org",
        MessageId = $"<{message}@example.org>",
    };

    static MailEvent Accepted(int message, string subject = "Your order", string to = "kim@example.net") =>
        Fact(EventKind.Accepted, message) with
        {
            Subject = subject,
            RecipientAddress = to,
            ContentOctets = 4096,
            Client = new ClientFacts { Listener = "submission", Account = "shop" },
        };

    async Task AppendAsync(params MailEvent[] facts)
    {
        var change = new StoreChange();
        change.Events.AddRange(facts);
        await hall.Store.CommitAsync(change);
    }

    async Task TakeAsync(params MailEvent[] facts)
    {
        await AppendAsync(facts);
        await index.CatchUpAsync(Cancel);
    }

    /// <summary>Numbers of the messages found, as in <c>3 1</c>.</summary>
    async Task<string> FindAsync(string typed)
    {
        var page = await index.FindAsync(IndexQuery.Parse(typed), Cancel);
        return string.Join(' ', page.Cards.Select(card => card.Id.Value - Id(0).Value));
    }

    async Task<IndexCard> CardAsync(int message = 1) =>
        Assert.Single((await index.FindAsync(new IndexQuery { Id = Id(message).ToString() }, Cancel)).Cards);

    async Task<string> StateAsync() => Fates.Word((await CardAsync()).State);

    [Fact]
    public async Task Message_IsOneCard_WithWhatItsEventsTell()
    {
        await TakeAsync(
            Accepted(1) with { Options = new MailOptions { Domain = "example.org", Tags = ["Spring"] } },
            Fact(EventKind.Attempted) with { Uncertain = true }, Fact(EventKind.Relayed),
            Fact(EventKind.Opened), Fact(EventKind.Clicked));
        var card = await CardAsync();
        Assert.Equal(
            (Id(1), MailHall.Start.AddSeconds(1), "shop@example.org", "Your order", "submission", "shop"),
            (card.Id, card.At, card.Sender, card.Subject, card.Door, card.Account));
        Assert.Equal((4096L, "<1@example.org>", Fate.Relayed, 1, 5L),
            (card.Octets!.Value, card.MessageId, card.State, card.Total, card.LastSeq));
        Assert.Equal(CardMarks.Opened | CardMarks.Clicked | CardMarks.Uncertain, card.Marks);
        Assert.Equal(["kim@example.net"], card.Recipients);
        Assert.Equal(["Spring"], card.Tags);
    }

    [Theory]
    [InlineData("waiting")]
    [InlineData("waiting", EventKind.Attempted)]
    [InlineData("delivered", EventKind.Relayed, EventKind.Delivered)]
    [InlineData("failed", EventKind.Attempted, EventKind.Failed)]
    [InlineData("waiting", EventKind.Held, EventKind.Released)]
    [InlineData("held", EventKind.Held)]
    [InlineData("cancelled", EventKind.Held, EventKind.Cancelled)]
    [InlineData("expired", EventKind.Expired, EventKind.Failed, EventKind.DeadLettered)]
    [InlineData("expanded", EventKind.Expanded)]
    [InlineData("relayed", EventKind.Relayed, EventKind.Opened)]
    public async Task State_FollowsTheLife_InOneBatchOrInMany(string state, params EventKind[] kinds)
    {
        await TakeAsync([Accepted(1), .. kinds.Select(kind => Fact(kind))]);
        Assert.Equal(state, await StateAsync());
        await TakeAsync(Accepted(2));
        foreach (var kind in kinds)
            await TakeAsync(Fact(kind, 2));
        Assert.Equal(state, Fates.Word((await CardAsync(2)).State));
    }

    [Fact]
    public async Task Provider_ThatTellsOutOfOrder_ChangesNoEnd()
    {
        MailEvent Told(EventKind kind, int minute, EventSeverity? severity = null) => Fact(kind) with
        {
            Severity = severity,
            Remote = new RemoteFacts("webhook", $"{minute}", MailHall.Start.AddMinutes(minute), null, null),
        };
        await TakeAsync(Accepted(1), Fact(EventKind.Relayed));
        await TakeAsync(Told(EventKind.Failed, 2, EventSeverity.Temporary));
        Assert.Equal("delayed", await StateAsync());
        await TakeAsync(Told(EventKind.Delivered, 9));
        await TakeAsync(Told(EventKind.Failed, 5, EventSeverity.Permanent));
        Assert.Equal("delivered", await StateAsync());
        await TakeAsync(Told(EventKind.Failed, 12, EventSeverity.Permanent));
        Assert.Equal("failed", await StateAsync());
    }

    [Fact]
    public async Task List_ThatBecameOthers_IsFoundByThem_AndWantsAttentionForTheWorst()
    {
        await TakeAsync(
            Accepted(1, to: "list@example.org"),
            Fact(EventKind.Expanded) with { RecipientAddress = "list@example.org" });
        await TakeAsync(Fact(EventKind.Relayed, recipient: 2), Fact(EventKind.Failed, recipient: 3));
        var card = await CardAsync();
        Assert.Equal((Fate.Failed, 3), (card.State, card.Total));
        Assert.Equal((1, 1, 1, 0),
            (card.Of(Fate.Expanded), card.Of(Fate.Relayed), card.Of(Fate.Failed), card.Of(Fate.Waiting)));
        Assert.Equal("1", await FindAsync("to:r3@example.net"));
        Assert.Equal("1", await FindAsync("to:list"));
    }

    [Fact]
    public async Task Recipients_OfALargeMessage_AreAllFound_AndCountedOnce()
    {
        const int all = 1200;
        for (var first = 1; first <= all; first += 300)
            await TakeAsync([.. Enumerable.Range(first, 300)
                .Select(number => Fact(EventKind.Accepted, recipient: number))]);
        await TakeAsync([.. Enumerable.Range(1, all)
            .Select(number => Fact(EventKind.Relayed, recipient: number))]);
        await TakeAsync([.. Enumerable.Range(1, 1000)
            .Select(number => Fact(EventKind.Relayed, recipient: number))]);
        var card = await CardAsync();
        Assert.Equal((all, all, 10), (card.Total, card.Of(Fate.Relayed), card.Recipients.Count));
        Assert.Equal("1 1 1", $"{await FindAsync("to:r1")} {await FindAsync("to:r11@example.net")} "
            + await FindAsync("to:r1000"));
    }

    [Theory]
    [InlineData("order", "3 1")]
    [InlineData("ord", "3 1")]
    [InlineData("orders", "")]
    [InlineData("your ord", "1")]
    [InlineData("\"ord\"", "")]
    [InlineData("\"your order\"", "1")]
    [InlineData("\"order your\"", "")]
    [InlineData("subject:order", "3 1")]
    [InlineData("subject:ord", "")]
    [InlineData("subject:ord*", "3 1")]
    [InlineData("kim", "3 1")]
    [InlineData("to:kim@example.net", "1")]
    [InlineData("to:example.net", "2 1")]
    [InlineData("to:kim+news@example.com", "3")]
    [InlineData("to:kim", "3 1")]
    [InlineData("from:shop", "3 2 1")]
    [InlineData("from:kim", "")]
    [InlineData("subject:kim", "")]
    [InlineData("tag:spring-sale", "2")]
    [InlineData("tag:spring", "2")]
    [InlineData("id:2@example.org", "2")]
    [InlineData("id:<2@EXAMPLE.org>", "2")]
    [InlineData("state:failed", "2")]
    [InlineData("state:failed order", "")]
    [InlineData("kim@example.net order", "1")]
    [InlineData("order-1042", "3")]
    [InlineData("OR AND NOT ( \" * ^", "")]
    [InlineData("", "3 2 1")]
    public async Task Search_FindsBy(string typed, string messages)
    {
        await TakeAsync(
            Accepted(1),
            Accepted(2, "Invoice", "lee@example.net") with
            {
                Options = new MailOptions { Domain = "example.org", Tags = ["Spring-Sale"] },
            },
            Fact(EventKind.Failed, 2),
            Accepted(3, "Order 1042", "kim+news@example.com"));
        Assert.Equal(messages, await FindAsync(typed));
    }

    [Theory]
    [InlineData("주문")]
    [InlineData("주")]
    [InlineData("주문이")]
    [InlineData("subject:주문*")]
    [InlineData("to:수신@예시.example")]
    [InlineData("예시.example")]
    public async Task Korean_IsFoundByHowItBegins_HoweverItWasComposed(string typed)
    {
        await TakeAsync(
            Accepted(1, "주문이 확인되었습니다", "수신@예시.example"),
            Accepted(2, "주문이 확인되었습니다".Normalize(NormalizationForm.FormD),
                "수신@예시.example".Normalize(NormalizationForm.FormD)),
            Accepted(3, "배송 안내", "다른@example.net"));
        Assert.Equal("2 1", await FindAsync(typed));
        Assert.Equal("2 1", await FindAsync(typed.Normalize(NormalizationForm.FormD)));
    }

    [Fact]
    public async Task AnyText_IsAnAnswer()
    {
        await TakeAsync(Accepted(1));
        foreach (var c in Enumerable.Range(1, 0x2ff).Select(code => (char)code).Append('\ud800'))
            Assert.NotNull(await FindAsync($"{c} a{c}b {c}{c} from:{c} subject:\"{c}"));
        Assert.Equal("", await FindAsync(new string('x', 5000)));
        Assert.Equal("", await FindAsync(string.Join(' ', Enumerable.Repeat("a:b to:c", 300))));
    }

    [Fact]
    public async Task Pages_GoOn_WithoutRepeatOrGap()
    {
        await TakeAsync([.. Enumerable.Range(1, 25).Select(number => Accepted(number))]);
        foreach (var asked in (string[])["", "order", "state:waiting"])
        {
            var query = IndexQuery.Parse(asked) with { Limit = 10 };
            var found = new List<long>();
            var pages = 0;
            do
            {
                var page = await index.FindAsync(query, Cancel);
                found.AddRange(page.Cards.Select(card => card.Id.Value - Id(0).Value));
                query = query with { After = page.Next };
                pages++;
            }
            while (query.After is not null);
            Assert.Equal(Enumerable.Range(1, 25).Reverse().Select(number => (long)number), found);
            Assert.Equal(3, pages);
        }
    }

    [Fact]
    public async Task Time_IsFromAndBelow()
    {
        await TakeAsync([.. Enumerable.Range(1, 5).Select(hour => Accepted(hour) with
        {
            Message = IdAt(MailHall.Start.AddHours(hour)),
            At = MailHall.Start.AddHours(hour),
        })]);
        foreach (var text in (string?[])[null, "order"])
        {
            var page = await index.FindAsync(
                new IndexQuery
                {
                    Text = text,
                    Since = MailHall.Start.AddHours(2),
                    Until = MailHall.Start.AddHours(4),
                },
                Cancel);
            Assert.Equal([3, 2], page.Cards.Select(card => (card.At - MailHall.Start).Hours));
        }
    }

    [Fact]
    public async Task Question_ThatTakesTooLong_SaysHowFarItLooked_AndGoesOn()
    {
        await TakeAsync([.. Enumerable.Range(1, 50).Select(number => Accepted(number))]);
        await index.DisposeAsync();
        index = Open(new SteppingClock(TimeSpan.FromMilliseconds(50)));
        var query = IndexQuery.Parse("order") with { Until = MailHall.Start.AddSeconds(3) };
        var (asked, found) = (0, new List<long>());
        for (IndexPage? page = null; page is null || page.Next is not null; asked++)
        {
            page = await index.FindAsync(query, Cancel);
            found.AddRange(page.Cards.Select(card => card.Id.Value - Id(0).Value));
            Assert.Equal(page.Next?.At, page.LookedTo);
            query = query with { After = page.Next };
        }
        Assert.Equal([2, 1], found);
        Assert.InRange(asked, 5, 20);
    }

    [Fact]
    public async Task Counts_AreOfMessages_AndFollowThem()
    {
        await TakeAsync(Accepted(1), Accepted(2), Accepted(3), Fact(EventKind.Relayed, 1));
        await TakeAsync(Fact(EventKind.Failed, 2));
        var counts = await index.CountAsync(Cancel);
        Assert.Equal("failed=1 waiting=1 relayed=1", string.Join(' ', counts.Messages.OrderBy(one => one.Key)
            .Select(one => $"{Fates.Word(one.Key)}={one.Value}")));
        Assert.Equal(new IndexProgress(MailHall.Start.AddSeconds(2), 0), counts.Progress);
    }

    [Fact]
    public async Task What_OperatorsDid_IsListed_NewestFirst()
    {
        await hall.Queue.NoteOperatedAsync("kim", "changed the list a@example.org", 2);
        await hall.Queue.NoteOperatedAsync("lee", "made the account shop", null);
        await TakeAsync(Fact(EventKind.AlarmRaised) with { Message = null });
        var entries = await index.ReadOperatedAsync(null, 10, Cancel);
        Assert.Equal(
            [("lee", "made the account shop", null), ("kim", "changed the list a@example.org", 2)],
            entries.Select(entry => (entry.Actor, entry.What, entry.Count)));
        Assert.Equal(2, Assert.Single(await index.ReadOperatedAsync(entries[0].Seq, 10, Cancel)).Count);
        Assert.Equal("", await FindAsync(""));
    }

    [Fact]
    public async Task Restart_GoesOnWhereItWas()
    {
        await TakeAsync(Accepted(1), Fact(EventKind.Relayed));
        await ReopenAsync();
        await TakeAsync(Fact(EventKind.Delivered), Accepted(2));
        Assert.Equal("delivered", await StateAsync());
        Assert.Equal((2, 4L), ((await index.FindAsync(new IndexQuery(), Cancel)).Cards.Count,
            (await CardAsync(2)).LastSeq));
        Assert.Empty(log.Lines);
    }

    [Fact]
    public async Task File_ThatIsGone_IsMadeAnew()
    {
        await TakeAsync(Accepted(1), Fact(EventKind.Relayed));
        await index.DisposeAsync();
        System.IO.File.Delete(File);
        index = Open();
        Assert.Equal("", await FindAsync("order"));
        await index.CatchUpAsync(Cancel);
        Assert.Equal("1", await FindAsync("order"));
    }

    [Theory]
    [InlineData(0, 4096)]
    [InlineData(4096, 400_000)]
    public async Task File_ThatIsDamaged_IsMadeAnew_AndTheLogSaysSoOnce(int from, int octets)
    {
        await TakeAsync([.. Enumerable.Range(1, 300).Select(number => Accepted(number))]);
        await index.DisposeAsync();
        await using (var file = new FileStream(File, FileMode.Open))
        {
            file.Position = from;
            file.Write(Enumerable.Repeat((byte)0xA5, (int)Math.Min(octets, file.Length - from)).ToArray());
        }
        index = Open();
        await AppendAsync(Accepted(301));
        await index.CatchUpAsync(Cancel);
        await index.CatchUpAsync(Cancel);
        Assert.Equal("301", await FindAsync("order id:301@example.org"));
        Assert.Equal("7", await FindAsync("order id:7@example.org"));
        Assert.StartsWith(
            "Warning The index of messages is made anew", Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task File_OfAnotherStore_IsMadeAnew()
    {
        await TakeAsync(Accepted(1), Accepted(2));
        await index.DisposeAsync();
        await using var other = new MailHall();
        var change = new StoreChange();
        change.Events.AddRange([Accepted(7), Accepted(8), Accepted(9)]);
        await other.Store.CommitAsync(change);
        index = new MessageIndex(other.Store, File, () => keep, hall.Clock, log);
        await index.CatchUpAsync(Cancel);
        Assert.Equal("9 8 7", await FindAsync(""));
        Assert.Single(log.Lines);
    }

    [Fact]
    public async Task What_IsTooOld_Goes_AndDoesNotComeBack()
    {
        var old = MailHall.Start.AddDays(-91);
        var ancient = Accepted(1) with { Message = IdAt(old), At = old };
        keep = TimeSpan.FromDays(1000);
        await TakeAsync(ancient, Accepted(2));
        keep = TimeSpan.FromDays(90);
        Assert.Equal(1, await index.SweepAsync(Cancel));
        Assert.Equal(0, await index.SweepAsync(Cancel));
        Assert.Equal("2", await FindAsync("order"));
        await TakeAsync(Fact(EventKind.Opened) with { Message = IdAt(old) });
        Assert.Equal("2", await FindAsync(""));
        Assert.Equal(1, (await index.CountAsync(Cancel)).Messages.Values.Sum());
    }

    [Fact]
    public async Task File_MadeAnew_WhileEventsWereRead_HasThemAll()
    {
        await TakeAsync([.. Enumerable.Range(1, 300).Select(number => Accepted(number))]);
        await index.DisposeAsync();
        var store = new WatchedStore(hall.Store);
        index = new MessageIndex(store, File, () => keep, hall.Clock, log);
        await index.CatchUpAsync(Cancel);
        await AppendAsync(Accepted(301));
        store.Meanwhile = async () =>
        {
            await using (var file = new FileStream(
                File, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                file.Position = 4096;
                file.Write(Enumerable.Repeat((byte)0xA5, (int)(file.Length - 4096)).ToArray());
            }
            Assert.Equal("", await FindAsync("order"));
        };
        await index.CatchUpAsync(Cancel);
        await index.CatchUpAsync(Cancel);
        Assert.Single(log.Lines);
        Assert.Equal(
            "301 7", await FindAsync("id:301@example.org") + " " + await FindAsync("id:7@example.org"));
        Assert.Equal(301, (await index.CountAsync(Cancel)).Messages.Values.Sum());
    }

    [Fact]
    public async Task Card_MadeAnew_WhileItsMessageLives_KnowsAllOfIt()
    {
        await TakeAsync(Accepted(1), Fact(EventKind.Relayed));
        await index.DisposeAsync();
        var store = new WatchedStore(hall.Store);
        index = new MessageIndex(store, File, () => keep, hall.Clock, log);
        await index.CatchUpAsync(Cancel);
        store.Meanwhile = () => TakeAsync(Fact(EventKind.Delivered), Fact(EventKind.Opened));
        await index.TakeAnewAsync([Id(1)], [], Cancel);
        await index.CatchUpAsync(Cancel);
        var card = await CardAsync();
        Assert.Equal((Fate.Delivered, CardMarks.Opened, 4L), (card.State, card.Marks, card.LastSeq));
    }

    /// <summary>What was told before a clock went back outlives what was told afterwards.</summary>
    [Fact]
    public async Task Card_MadeAnew_WhoseLastEventsAreKeptNoMore_KnowsTheOthers()
    {
        await TakeAsync(
            Accepted(1) with { At = MailHall.Start.AddDays(1) }, Fact(EventKind.Relayed), Accepted(2));
        await hall.Store.SweepAsync(MailHall.Start, MailHall.Start.AddHours(1), Cancel);
        await index.DisposeAsync();
        var (store, reads) = (new WatchedStore(hall.Store), 0);
        index = new MessageIndex(store, File, () => keep, hall.Clock, log);
        await index.CatchUpAsync(Cancel);
        store.Meanwhile = Count;
        await index.TakeAnewAsync([Id(1)], [], Cancel);
        store.Meanwhile = null;
        Assert.Equal(1L, (await CardAsync()).LastSeq);

        Task Count()
        {
            Assert.InRange(++reads, 1, 2);
            store.Meanwhile = Count;
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Question_ThatNobodyWaitsFor_LeavesNoFileOpen()
    {
        await TakeAsync(Accepted(1));
        await index.DisposeAsync();
        CancellationTokenSource? asked = null;
        index = Open(new SteppingClock(TimeSpan.Zero) { Looked = () => asked?.Cancel() });
        Assert.Equal("1", await FindAsync("order"));
        var before = OpenFiles();
        for (var i = 0; i < 20; i++)
        {
            using (asked = new CancellationTokenSource())
                await Assert.ThrowsAnyAsync<OperationCanceledException>(
                    async () => await index.FindAsync(new IndexQuery(), asked.Token));
        }
        Assert.InRange(OpenFiles(), 0, before);

        int OpenFiles() => Directory.GetFiles("/proc/self/fd")
            .Count(name => new FileInfo(name).LinkTarget?.StartsWith(File, StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Word_ThatTooManyBeginWith_IsAnswered_AndSaysSo()
    {
        // Long ones, so that the index of words has many pages.
        static string Name(int number) => $"user{number}{new string((char)('a' + (number % 26)), 50)}";
        await TakeAsync([.. Enumerable.Range(1, 5000)
            .Select(number => Accepted(number, to: $"{Name(number)}@example.net"))]);
        await index.DisposeAsync();
        index = Open(new SteppingClock(TimeSpan.FromSeconds(1)));
        var page = await index.FindAsync(IndexQuery.Parse("user*"), Cancel);
        Assert.Equal((true, 0, null, null), (page.IsTooBroad, page.Cards.Count, page.Next, page.LookedTo));
        await ReopenAsync();
        page = await index.FindAsync(IndexQuery.Parse("user*"), Cancel);
        Assert.Equal((false, 50), (page.IsTooBroad, page.Cards.Count));
        Assert.Equal("17", await FindAsync($"{Name(17)}@example.net"));
    }

    [Theory]
    [InlineData("UPDATE card SET at = -1")]
    [InlineData("UPDATE card SET state = 99")]
    [InlineData("UPDATE card SET fates = x'00'")]
    [InlineData("UPDATE card SET fates = x'630000000000000000'")]
    [InlineData("UPDATE meta SET value = -1 WHERE name = 'at'")]
    public async Task Row_ThatIsDamaged_IsMadeAnew(string damage)
    {
        await TakeAsync(Accepted(1), Accepted(2));
        await index.DisposeAsync();
        using (var file = SqliteDatabase.OpenDerived(File))
            file.Execute(damage);
        index = Open();
        await AppendAsync(Fact(EventKind.Relayed));
        await FindAsync("");
        await index.CatchUpAsync(Cancel);
        await index.CatchUpAsync(Cancel);
        Assert.Equal("2 1 relayed", await FindAsync("") + " " + await StateAsync());
        Assert.StartsWith(
            "Warning The index of messages is made anew", Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task File_ThatCannotBeOpened_IsNoBugOfWhoAsks()
    {
        await index.DisposeAsync();
        Directory.CreateDirectory(File);
        index = Open();
        await Assert.ThrowsAsync<StoreException>(async () => await FindAsync("order"));
        await Assert.ThrowsAsync<StoreException>(async () => await index.TakeAnewAsync([Id(1)], [], Cancel));
        await Assert.ThrowsAsync<StoreException>(async () => await index.CatchUpAsync(Cancel));
        Directory.Delete(File);
        await TakeAsync(Accepted(1));
        Assert.Equal("1", await FindAsync("order"));
    }

    [Fact]
    public async Task File_WhosePlaceCannotBeRead_IsOpenedAgain_AndGoesOnFromThere()
    {
        await TakeAsync(Accepted(1));
        await index.DisposeAsync();
        Rename("meta", "elsewhere");
        index = Open();
        await Assert.ThrowsAsync<StoreException>(async () => await FindAsync("order"));
        Rename("elsewhere", "meta");
        Assert.Equal("1", await FindAsync("order"));
        Assert.Equal(MailHall.Start.AddSeconds(1), index.Progress.IndexedTo);

        void Rename(string name, string other)
        {
            using var file = SqliteDatabase.OpenDerived(File);
            file.Execute($"ALTER TABLE {name} RENAME TO {other}");
        }
    }

    [Fact]
    public async Task Time_BelowTheEndOfTime_IsAnAnswer()
    {
        await TakeAsync(Accepted(1));
        Assert.Single((await index.FindAsync(
            new IndexQuery { Since = DateTimeOffset.MinValue, Until = DateTimeOffset.MaxValue },
            Cancel)).Cards);
    }

    [Fact]
    public async Task File_IsTheOwnersAlone()
    {
        await TakeAsync(Accepted(1));
        foreach (var name in (string[])[File, File + "-wal"])
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(name));
    }

    sealed class LineLog : ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{logLevel} {formatter(state, exception)}");
    }

    /// <summary>Each look at it takes a while.</summary>
    sealed class SteppingClock(TimeSpan step) : TimeProvider
    {
        long now;

        /// <summary>Happens at each look. Null: nothing.</summary>
        public Action? Looked { get; init; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => MailHall.Start;

        public override long GetTimestamp()
        {
            Looked?.Invoke();
            return Interlocked.Add(ref now, step.Ticks);
        }
    }
}
