using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Events;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Transports;
using Postern.Tests.Configuration;
using Postern.Tests.Doubles;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Queue;

/// <summary>Somebody is forgotten; the others, and what still waits, are not. Each kind of store runs all of
/// it.</summary>
public abstract class AnonymiserTests : IAsyncLifetime
{
    const string Kim = "kim@example.net";
    const RecipientState Done = RecipientState.Done;

    readonly FakeTimeProvider clock = new(MailHall.Start);
    readonly Metrics metrics = new();
    readonly TemporaryDirectory directory = new();
    IMailStore store = null!;
    MessageQueue queue = null!;
    MessageIndex index = null!;
    Anonymiser anonymiser = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected string PathOf(string name) => directory.PathOf(name);

    protected abstract IMailStore Open();

    public ValueTask InitializeAsync()
    {
        Build();
        return ValueTask.CompletedTask;
    }

    void Build()
    {
        store = Open();
        var options = MailHall.OptionsOf(MailHall.Route("all"));
        queue = new MessageQueue(
            options, store, new RelayHealth(clock),
            new TransportTable(options, static (name, _) => new ScriptedTransport(name)),
            new AlarmBoard(clock), metrics, clock, new Random(1), NullLogger.Instance);
        index = new MessageIndex(
            store, directory.PathOf(MessageIndex.FileName), () => TimeSpan.FromDays(90), clock,
            NullLogger.Instance);
        anonymiser = new Anonymiser(queue, store, index);
    }

    async Task CloseAsync()
    {
        anonymiser.Dispose();
        await index.DisposeAsync();
        queue.Dispose();
        await store.DisposeAsync();
    }

    async Task ReopenAsync()
    {
        await CloseAsync();
        Build();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        metrics.Dispose();
        directory.Dispose();
    }

    static QueueId Id(int number) =>
        new(((long)(MailHall.Start - QueueId.Origin).TotalMilliseconds << 22) + number);

    static MailEvent Fact(EventKind kind, int message, int recipient = 1, string to = Kim) => new()
    {
        Kind = kind,
        At = MailHall.Start.AddSeconds(message),
        Message = Id(message),
        Recipient = recipient,
        RecipientAddress = to,
        Sender = "shop@example.org",
        MessageId = $"<{message}@example.org>",
    };

    static MailEvent Accepted(int message, int recipient = 1, string to = Kim) =>
        Fact(EventKind.Accepted, message, recipient, to) with
        {
            Subject = "Your order",
            ContentOctets = 4096,
            Client = new ClientFacts
            {
                Address = "192.0.2.7",
                Port = 4711,
                Name = "pc.example",
                Helo = "laptop",
                Listener = "submission",
            },
        };

    /// <summary>Three recipients, a bounce, what a provider told, and mail that Kim sent.</summary>
    static readonly MailEvent[] lives =
    [
        Accepted(1) with
        {
            Options = new MailOptions
            {
                Domain = "example.org",
                Tags = ["kim@example.net"],
                Variables = """{"who":"KIM@example.net"}""",
            },
        },
        Accepted(1, 2, "lee@example.net"),
        Accepted(1, 3, "park@example.net"),
        Fact(EventKind.Attempted, 1) with
        {
            Reply = "451 4.2.1 <kim@example.net>: come again",
            Facts = new AttemptFacts("mx.example.net[192.0.2.9]:25", 1, default, default, null)
            {
                Conversation = Conversation.Of(
                    "RCPT TO:<kim@example.net>", "451 <kim@example.net>", default),
            },
        },
        Fact(EventKind.Relayed, 1, 2, "lee@example.net") with { Reply = "250 kim@example.net goes later" },
        Fact(EventKind.Delivered, 1, 3, "park@example.net") with { OriginalAddress = "team@example.org" },
        Fact(EventKind.Failed, 1) with
        {
            OriginalAddress = "kim@shop.example",
            Why = "host said no to kim@example.net",
            Remote = new RemoteFacts("webhook", "id-1", MailHall.Start, "bounce",
                """{"delivery-status":{"message":"\u003ckim@example.net\u003e unknown"}}"""),
        },
        Accepted(2, 1, "shop@example.org") with { Sender = "", Subject = "Undelivered", Other = Id(1) },
        Accepted(3, 1, "lee@example.net") with { Sender = "Kim@Example.NET" },
        Accepted(4, 1, "lee@example.net"),
        Accepted(5, 1, "kim+news@example.net"),
        new MailEvent
        {
            Kind = EventKind.Rejected,
            At = MailHall.Start,
            Sender = Kim,
            RecipientAddress = "lee@example.net",
            Client = new ClientFacts { Address = "192.0.2.8", Helo = "laptop" },
            Reply = "550 5.7.1 no",
        },
        new MailEvent
        {
            Kind = EventKind.Operated,
            At = MailHall.Start,
            Actor = "ann",
            Why = "DELETE suppressions?address=kim%40example.net (command)",
        },
    ];

    async Task TellAsync(params MailEvent[] facts)
    {
        await store.CommitAsync(Sample.Tell(facts));
        await index.CatchUpAsync(Cancel);
    }

    async Task AcceptAsync(int message, params Recipient[] recipients)
    {
        await store.CommitAsync(Sample.Accept(
            Sample.Message(Id(message).Value),
            [.. recipients.Select(row => row with { Message = Id(message) })]));
        await TellAsync(Accepted(message));
    }

    static Recipient Row(int number, RecipientState state, DateTimeOffset? keep = null) =>
        Sample.Recipient(1, number, state) with
        {
            Outcome = state == Done ? RecipientOutcome.Relayed : RecipientOutcome.None,
            KeepUntil = keep,
        };

    async Task<AnonymiseReport> RunAsync(
        Func<AnonymiseRequest, AnonymiseRequest>? more = null, string who = Kim)
    {
        var request = new AnonymiseRequest(MailHall.Mailbox(who));
        return (await anonymiser.RunAsync(more?.Invoke(request) ?? request, Cancel))!;
    }

    async Task<IReadOnlyList<StoredEvent>> EventsAsync() =>
        await store.ReadEventsAfterAsync(0, 10_000, Cancel);

    /// <summary>All events as the API tells them.</summary>
    async Task<string> TextAsync()
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (var stored in await EventsAsync())
        {
            EventJson.Write(output, stored, node: 1);
            output.Write("\n"u8);
        }
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Numbers of the messages found, as in <c>3 1</c>.</summary>
    async Task<string> FindAsync(string typed)
    {
        var page = await index.FindAsync(IndexQuery.Parse(typed), Cancel);
        return string.Join(' ', page.Cards.Select(card => card.Id.Value - Id(0).Value));
    }

    [Fact]
    public async Task Address_IsNowhereAfterwards_AndTheOthersAre()
    {
        await TellAsync(lives);
        var report = await RunAsync();
        var text = await TextAsync();
        Assert.DoesNotContain("kim@example.net", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("kim%40example.net", text, StringComparison.Ordinal);
        foreach (var other in (string[])["lee@example.net", "park@example.net", "kim+news@example.net",
            "kim@shop.example", "shop@example.org", "team@example.org"])
            Assert.Contains($"\"{other}\"", text, StringComparison.Ordinal);
        Assert.Equal((13L, 2, 0), (report.EventsLooked, report.Messages, report.LeftInQueue));
        var events = await EventsAsync();
        Assert.Equal(lives.Select(fact => (fact.Kind, fact.Message)),
            events.Select(stored => (stored.Event.Kind, stored.Event.Message)));
        Assert.Equal(3, events.Count(stored => stored.Event.RecipientAddress == report.Pseudonym));
        Assert.Equal(2, events.Count(stored => stored.Event.Sender == report.Pseudonym));
    }

    [Fact]
    public async Task OneRecipientOfThree_IsChanged_AndTheOthersStayAsTheyWere()
    {
        await TellAsync(Accepted(1), Accepted(1, 2, "lee@example.net"), Accepted(1, 3, "park@example.net"));
        var report = await RunAsync();
        Assert.Equal([report.Pseudonym, "lee@example.net", "park@example.net"],
            (await EventsAsync()).Select(stored => stored.Event.RecipientAddress));
        Assert.All(await EventsAsync(), stored => Assert.Equal("192.0.2.7", stored.Event.Client!.Address));
        Assert.All(await EventsAsync(), stored => Assert.Equal("shop@example.org", stored.Event.Sender));
    }

    [Fact]
    public async Task Subject_GoesFromMailToAndFromTheAddress_AndFromNoOther()
    {
        await TellAsync(lives);
        await RunAsync();
        Assert.Equal([Id(2), Id(4), Id(5)], (await EventsAsync())
            .Where(stored => stored.Event.Subject is not null).Select(stored => stored.Event.Message!.Value));
    }

    [Fact]
    public async Task PlaceOfTheClient_GoesFromMailThatTheAddressSent()
    {
        await TellAsync(lives);
        await RunAsync();
        var clients = (await EventsAsync()).Where(stored => stored.Event.Client is not null)
            .ToLookup(stored => stored.Event.Client!.Address.Length > 0, stored => stored.Event);
        Assert.Equal([Id(3), null], clients[false].Select(fact => fact.Message));
        Assert.All(clients[false], fact => Assert.Equal(
            ("", 0, null, ""),
            (fact.Client!.Address, fact.Client.Port, fact.Client.Name, fact.Client.Helo)));
        Assert.Equal("submission", clients[false].First().Client!.Listener);
    }

    [Fact]
    public async Task Again_ChangesNothing_AndFindsTheSame()
    {
        await TellAsync(lives);
        var first = await RunAsync();
        var text = await TextAsync();
        await ReopenAsync();
        var second = await RunAsync(who: "KIM@EXAMPLE.NET");
        Assert.Equal((first.Pseudonym, 0, first.Messages),
            (second.Pseudonym, second.EventsChanged, second.Messages));
        Assert.Equal(text, await TextAsync());
    }

    [Fact]
    public async Task DryRun_ChangesNothing_AndCountsTheSame()
    {
        await TellAsync(lives);
        await AcceptAsync(6, Row(1, Done, MailHall.Start.AddDays(1)));
        var text = await TextAsync();
        var dry = await RunAsync(request => request with { IsDryRun = true });
        Assert.Null(dry.Pseudonym);
        Assert.Equal(text, await TextAsync());
        Assert.Empty(await store.ReadObjectsAsync("key", Cancel));
        Assert.NotNull((await store.ReadMessageAsync(Id(6), Cancel))!.Recipients[0].KeepUntil);
        var real = await RunAsync();
        Assert.Equal(real with { Pseudonym = null }, dry);
        Assert.True(real.EventsChanged > 0);
    }

    [Theory]
    [InlineData(RecipientState.Deferred)]
    [InlineData(RecipientState.Held)]
    [InlineData(RecipientState.Active)]
    public async Task Message_ThatIsNotDone_IsLeft_UntilItIs(RecipientState state)
    {
        await AcceptAsync(1, Row(1, Done, MailHall.Start.AddDays(1)), Row(2, state));
        var report = await RunAsync();
        Assert.Equal((1, 0, 0), (report.LeftInQueue, report.EventsChanged, report.ContentsDropped));
        Assert.Contains(Kim, await TextAsync(), StringComparison.Ordinal);
        await store.CommitAsync(Sample.Change(Row(2, Done) with { Message = Id(1) }));
        report = await RunAsync();
        Assert.Equal((0, 1, 1), (report.LeftInQueue, report.EventsChanged, report.ContentsDropped));
        Assert.DoesNotContain(Kim, await TextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeadLetter_IsLeft_UnlessItIsAskedFor()
    {
        await AcceptAsync(
            1, Row(1, Done, MailHall.Start.AddDays(1)) with { Outcome = RecipientOutcome.Failed });
        var report = await RunAsync();
        Assert.Equal((1, 0, 0), (report.LeftDeadLetters, report.Messages, report.EventsChanged));
        report = await RunAsync(request => request with { TakesDeadLetters = true });
        Assert.Equal((0, 1, 1), (report.LeftDeadLetters, report.ContentsDropped, report.EventsChanged));
    }

    [Fact]
    public async Task ContentThatIsKept_IsGoneAfterTheNextSweep()
    {
        await AcceptAsync(1, Row(1, Done, MailHall.Start.AddDays(1)));
        Assert.Equal(1, (await RunAsync()).ContentsDropped);
        while (await store.SweepAsync(MailHall.Start, default, Cancel) > 0)
        {
        }
        Assert.Null(await store.ReadMessageAsync(Id(1), Cancel));
    }

    [Fact]
    public async Task MessageThatOnlyMentionsIt_KeepsItsSubjectAndItsContent()
    {
        await store.CommitAsync(Sample.Accept(Sample.Message(Id(1).Value),
            Row(1, Done, MailHall.Start.AddDays(1)) with { Message = Id(1) }));
        await TellAsync(Accepted(1, 1, "lee@example.net") with { Why = $"alias of {Kim}" });
        var report = await RunAsync();
        Assert.Equal((1, 0), (report.EventsChanged, report.ContentsDropped));
        Assert.Equal($"alias of {report.Pseudonym}", (await EventsAsync())[^1].Event.Why);
        Assert.Equal("Your order", (await EventsAsync())[^1].Event.Subject);
    }

    [Fact]
    public async Task Index_KnowsThePseudonym_AndTheOthers_AndNotTheAddress()
    {
        await TellAsync(lives);
        Assert.Equal("1", await FindAsync("to:kim@example.net"));
        var report = await RunAsync();
        Assert.Equal("", await FindAsync("to:kim@example.net") + await FindAsync("from:kim@example.net"));
        Assert.Equal("3", await FindAsync("from:" + report.Pseudonym));
        Assert.Equal("1", await FindAsync("to:" + report.Pseudonym));
        Assert.Equal("4 3 1", await FindAsync("to:lee@example.net"));
        Assert.Equal("5 4", await FindAsync("subject:order"));
        var card = Assert.Single(
            (await index.FindAsync(new IndexQuery { Id = Id(1).ToString() }, Cancel)).Cards);
        Assert.Equal([report.Pseudonym!, "lee@example.net", "park@example.net"], card.Recipients);
        Assert.Equal((null, 3, 1), (card.Subject, card.Total, card.Of(Fate.Failed)));
        Assert.Equal(5, (await index.CountAsync(Cancel)).Messages.Values.Sum());
        Assert.DoesNotContain("kim",
            Assert.Single(await index.ReadOperatedAsync(null, 10, Cancel)).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task File_OfTheIndex_HoldsNothingOfTheAddress()
    {
        for (var i = 1; i <= 40; i++)
        {
            await TellAsync(Accepted(i, 1, "zoltan@example.net") with { Subject = "Zzecret" });
            await TellAsync(Fact(EventKind.Relayed, i, 1, "zoltan@example.net"));
        }
        Assert.Contains("zoltan", IndexText(), StringComparison.Ordinal);
        var report = await RunAsync(who: "zoltan@example.net");
        var text = IndexText();
        Assert.DoesNotContain("zoltan", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("zzecret", text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(report.Pseudonym!, text, StringComparison.Ordinal);
        Assert.Equal("40 39", (await FindAsync("to:" + report.Pseudonym))[..5]);
    }

    /// <summary>All octets of its files.</summary>
    string IndexText() => string.Concat(
        Directory.GetFiles(PathOf("."), MessageIndex.FileName + "*").Select(ReadOpen));

    static string ReadOpen(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var octets = new byte[file.Length];
        file.ReadExactly(octets);
        return Encoding.Latin1.GetString(octets);
    }

    [Fact]
    public async Task LastReplies_NameNobodyEither_UnlessTheMailWaits()
    {
        var replies = new LastReplies();
        using var forgetter = new Anonymiser(queue, store, index) { Replies = replies };
        MailEvent Answered(int message) => Fact(EventKind.Attempted, message) with
        {
            Transport = "relay",
            Reply = $"450 <{Kim}> later",
            Facts = AttemptFacts.None,
        };
        await AcceptAsync(1, Row(1, RecipientState.Deferred));
        await TellAsync(Answered(1), Accepted(2), Answered(2));
        replies.Note(Answered(1));
        replies.Note(Answered(2));
        var report = await forgetter.RunAsync(new AnonymiseRequest(MailHall.Mailbox(Kim)), Cancel);
        Assert.Equal(
            [(report!.Pseudonym, $"450 <{report.Pseudonym}> later"), (Kim, $"450 <{Kim}> later")],
            replies.Of("relay").Select(fact => (fact.RecipientAddress, fact.Reply)));
    }

    [Fact]
    public async Task Memberships_AreKept_UnlessTheyAreAskedFor()
    {
        const string list = "news@example.org";
        var member = new ListMember("Kim", IsSubscribed: true, Variables: null);
        await queue.PutObjectsAsync([
            queue.Lists.Table.Put(
                list, new StoredList("", "", ListAccess.Readonly, ReplyPreference.List, MailHall.Start, 2)),
            queue.Lists.Members.Put($"{list}/{Kim}", member),
            queue.Lists.Members.Put($"{list}/lee@example.net", member)]);
        await queue.Lists.ReloadAsync([list], Cancel);
        Assert.Equal(1, (await RunAsync()).Memberships);
        Assert.Equal(2, (await store.ReadObjectsAsync(MailingLists.MemberKind, Cancel)).Count);
        Assert.Equal(1, (await RunAsync(request => request with
        {
            TakesSuppressions = true,
            IsDryRun = true,
        })).Memberships);
        Assert.Equal(2, Assert.Single(queue.Lists.All).Stored.Members);

        Assert.Equal(1, (await RunAsync(request => request with { TakesSuppressions = true })).Memberships);
        Assert.Equal($"{list}/lee@example.net",
            Assert.Single(await store.ReadObjectsAsync(MailingLists.MemberKind, Cancel)).Name);
        Assert.Equal(1, Assert.Single(queue.Lists.All).Stored.Members);
        Assert.Equal(1, (await queue.Lists.Table.FindAsync(list, Cancel))!.Members);
        Assert.Equal(0, (await RunAsync(request => request with { TakesSuppressions = true })).Memberships);
    }

    [Fact]
    public async Task Events_OfManyCommits_AreAllChanged()
    {
        await TellAsync([.. Enumerable.Range(0, 1250).Select(i => i == 0 ? Accepted(1)
            : Fact(EventKind.Attempted, 1) with { Reply = $"450 {i} <{Kim}>" })]);
        var report = await RunAsync();
        Assert.Equal((1250L, 1250, 1), (report.EventsLooked, report.EventsChanged, report.Messages));
        Assert.DoesNotContain(Kim, await TextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Crash_InTheMiddle_IsMadeGoodByTheNextRun()
    {
        await TellAsync(lives);
        var first = await RunAsync(request => request with { IsDryRun = true });
        var key = await MacKey.OpenAsync(store, "anonymise", Cancel);
        var rewriter = new AnonymousEvents(SoughtAddress.Of(MailHall.Mailbox(Kim), key));
        // One commit of one message, and the index had no time.
        await queue.RewriteAsync([.. (await EventsAsync()).Where(stored => stored.Seq is 1 or 7 or 9)
            .Select(stored => stored with
            {
                Event = rewriter.Rewrite(stored.Event, MessagePart.Recipient),
            })], Cancel);
        await ReopenAsync();
        Assert.Equal("1", await FindAsync("to:kim@example.net"));

        var second = await RunAsync();
        Assert.True(second.EventsChanged < first.EventsChanged);
        Assert.DoesNotContain("kim@example.net", await TextAsync(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal([Id(2), Id(4), Id(5)], (await EventsAsync())
            .Where(stored => stored.Event.Subject is not null).Select(stored => stored.Event.Message!.Value));
        Assert.Equal("", await FindAsync("to:kim@example.net") + await FindAsync("from:kim@example.net"));
        Assert.Equal("1", await FindAsync("to:" + second.Pseudonym));
        Assert.Equal("3", await FindAsync("from:" + second.Pseudonym));
    }

    [Fact]
    public async Task Domain_InItsOtherSpelling_IsTheSame()
    {
        await TellAsync(Accepted(1, 1, "kim@bücher.example"), Accepted(2, 1, "Kim@xn--bcher-kva.example"));
        var report = await RunAsync(who: "kim@xn--bcher-kva.example");
        Assert.Equal([report.Pseudonym, report.Pseudonym],
            (await EventsAsync()).Select(stored => stored.Event.RecipientAddress));
    }

    [Fact]
    public async Task Suppressions_AreKept_UnlessTheyAreAskedFor()
    {
        var entry = new Suppression { Since = MailHall.Start };
        await queue.SuppressAsync("example.org", SuppressionKind.Bounce, [new(Kim, entry)], Cancel);
        await queue.SuppressAsync("*", SuppressionKind.Complaint, [new(Kim, entry)], Cancel);
        await queue.SuppressAsync("*", SuppressionKind.Complaint, [new("lee@example.net", entry)], Cancel);
        Assert.Equal(2, (await RunAsync()).Suppressions);
        Assert.Equal(3, (await store.ReadObjectsAsync(SuppressionList.ObjectKind, Cancel)).Count);
        Assert.Equal(2, (await RunAsync(request => request with { TakesSuppressions = true })).Suppressions);
        Assert.EndsWith("lee@example.net",
            Assert.Single(await store.ReadObjectsAsync(SuppressionList.ObjectKind, Cancel)).Name,
            StringComparison.Ordinal);
    }
}

public sealed class MemoryAnonymiserTests : AnonymiserTests
{
    readonly MemoryDisk disk = new();

    protected override IMailStore Open() => new MemoryStore(disk);
}

public sealed class SqliteAnonymiserTests : AnonymiserTests
{
    protected override IMailStore Open() => SqliteStore.Open(
        new SqliteStoreOptions { Directory = PathOf("store"), Reserve = 0 }, TimeProvider.System,
        NullLogger<SqliteStore>.Instance);
}
