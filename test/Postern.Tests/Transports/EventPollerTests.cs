using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Transports;

/// <summary>What became of mail, asked for: from the oldest on, each event told once.</summary>
public sealed class EventPollerTests : IAsyncDisposable
{
    readonly Provider provider = new();
    readonly MailHall hall;
    readonly TransportTable table;
    EventPoller poller;

    public EventPollerTests()
    {
        var options = MailHall.OptionsOf(MailHall.Route("all", via: ["relay"])) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new() { Kind = TransportKind.Mailgun, Domain = "mg.example" },
                ["other"] = new() { Kind = TransportKind.Mailgun, Domain = "mg.example", PollEvents = null },
            },
        };
        hall = new MailHall(options, build: (_, _) => provider);
        table = new TransportTable(options, (_, _) => provider);
        poller = NewPoller();
    }

    EventPoller NewPoller() =>
        new(table, hall.Queue, hall.Store, () => hall.Options, hall.Clock, NullLogger.Instance);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    IEnumerable<string> Told => hall.Store.Events.Where(fact => fact.Remote is not null)
        .Select(fact => fact.Remote!.EventId);

    Telling Event(string id, TimeSpan ago) => new()
    {
        Transport = "relay",
        Kind = EventKind.Delivered,
        Recipient = "x@example.net",
        Facts = new RemoteFacts("events", id, hall.Clock.GetUtcNow() - ago, null, null),
    };

    async Task PollAsync(TimeSpan later)
    {
        hall.Clock.Advance(later);
        await poller.RoundAsync(Cancel);
    }

    [Fact]
    public async Task Pages_AreReadToTheEnd_FromHalfAnHourBeforeTheFirstTime()
    {
        provider.Answer(new TellingPage.Found([Event("a", TimeSpan.FromMinutes(9))], "p2"))
            .Answer(new TellingPage.Found([Event("b", TimeSpan.FromMinutes(8))], "p3"))
            .Answer(TellingPage.None);
        await PollAsync(TimeSpan.Zero);
        Assert.Equal(["a", "b"], Told);
        Assert.Equal(
            [(MailHall.Start.AddMinutes(-30), null), (MailHall.Start.AddMinutes(-30), "p2"),
                (MailHall.Start.AddMinutes(-30), "p3")],
            provider.Asked);
    }

    [Fact]
    public async Task Interval_IsKept()
    {
        provider.Answer(TellingPage.None).Answer(TellingPage.None);
        await PollAsync(TimeSpan.Zero);
        await PollAsync(TimeSpan.FromSeconds(59));
        Assert.Single(provider.Asked);
        await PollAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(2, provider.Asked.Count);
    }

    [Fact]
    public async Task Event_ThatCameLate_IsFoundWithinHalfAnHour_AndTheOthersAreNotToldTwice()
    {
        var early = Event("a", TimeSpan.Zero);
        provider.Answer(new TellingPage.Found([early], null));
        await PollAsync(TimeSpan.FromMinutes(1));
        var late = Event("late", TimeSpan.FromMinutes(5));
        provider.Answer(new TellingPage.Found([late, early], null));
        await PollAsync(TimeSpan.FromMinutes(20));
        Assert.Equal(["a", "late"], Told);
        Assert.Equal(MailHall.Start.AddMinutes(-29), provider.Asked[^1].Since);
    }

    [Fact]
    public async Task Restart_GoesOnWhereItWas()
    {
        provider.Answer(new TellingPage.Found([Event("a", TimeSpan.Zero)], null));
        await PollAsync(TimeSpan.FromHours(2));
        poller = NewPoller();
        provider.Answer(new TellingPage.Found([Event("a", TimeSpan.Zero)], null));
        await PollAsync(TimeSpan.FromDays(2));
        Assert.Equal(MailHall.Start.AddMinutes(90), provider.Asked[^1].Since);
        Assert.Equal(["a"], Told);
    }

    [Fact]
    public async Task Refusal_RaisesAnAlarmThatAnAnswerClears()
    {
        var refused = new TellingPage.Refused(new AlarmNotice("events", "401 Forbidden", "give a key"));
        provider.Answer(refused).Answer(refused).Answer(TellingPage.None);
        await PollAsync(TimeSpan.Zero);
        await PollAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("events of relay", Assert.Single(hall.Alarms.Raised).Subject);
        Assert.Single(hall.Events(EventKind.AlarmRaised));
        await PollAsync(TimeSpan.FromMinutes(1));
        Assert.Empty(hall.Alarms.Raised);
    }

    [Fact]
    public async Task Silence_IsAnAlarmAfterHalfAnHour_AndAWishIsKept()
    {
        provider.Answer(new TellingPage.Unanswered("500", TimeSpan.FromMinutes(29)))
            .Answer(new TellingPage.Unanswered("500", null)).Answer(new TellingPage.Unanswered("500", null));
        await PollAsync(TimeSpan.Zero);
        await PollAsync(TimeSpan.FromMinutes(28));
        Assert.Single(provider.Asked);
        await PollAsync(TimeSpan.FromMinutes(1));
        Assert.Empty(hall.Alarms.Raised);
        await PollAsync(TimeSpan.FromMinutes(1));
        Assert.Single(hall.Alarms.Raised);
    }

    [Fact]
    public async Task Event_ThatCouldNotBeStored_IsToldInTheNextRound()
    {
        hall.Store.FailNext(Postern.Mta.Store.StoreHealth.Full);
        provider.Answer(new TellingPage.Found([Event("a", TimeSpan.Zero)], null))
            .Answer(new TellingPage.Found([Event("a", TimeSpan.Zero)], null));
        await PollAsync(TimeSpan.Zero);
        Assert.Empty(Told);
        await PollAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(["a"], Told);
    }

    public async ValueTask DisposeAsync()
    {
        await table.DisposeAsync();
        await hall.DisposeAsync();
    }

    /// <summary>A way out that is asked for events alone; it gives the pages it was told, in order.</summary>
    sealed class Provider : ITransport
    {
        readonly Queue<TellingPage> pages = new();

        public string Name => "relay";
        public List<(DateTimeOffset Since, string? Place)> Asked { get; } = [];

        public Provider Answer(TellingPage page)
        {
            pages.Enqueue(page);
            return this;
        }

        public ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel) =>
            throw new InvalidOperationException("nothing is sent here");

        public ValueTask<TellingPage> ReadEventsAsync(
            DateTimeOffset since, string? place, CancellationToken cancel)
        {
            Asked.Add((since, place));
            return new(pages.Dequeue());
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
