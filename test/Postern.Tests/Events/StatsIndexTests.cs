using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Events;

/// <summary>What happened is counted once, beside delivery.</summary>
public sealed class StatsIndexTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static StatsIndex IndexOf(MailHall hall, params string[] domains) => new(
        hall.Queue, hall.Store, () => domains, hall.Clock, NullLogger.Instance);

    static MailEvent Fact(EventKind kind, string domain = "a.example", params string[] tags) => new()
    {
        Kind = kind,
        At = MailHall.Start,
        RecipientAddress = "r@example.net",
        Options = new MailOptions { Domain = domain, Tags = tags },
    };

    static async Task AppendAsync(MailHall hall, params MailEvent[] facts)
    {
        var change = new StoreChange();
        change.Events.AddRange(facts);
        await hall.Store.CommitAsync(change);
    }

    /// <summary>All hours together: <c>name=count</c>, by name.</summary>
    static async Task<string> CountsAsync(StatsIndex index, string domain = "a.example", string? tag = null)
    {
        var all = new StatsCounts();
        foreach (var hour in await index.ReadAsync(
            domain, tag, MailHall.Start.AddDays(-500), MailHall.Start.AddDays(500), Cancel))
            all.Join(hour.Counts);
        return string.Join(' ', all.OrderBy(one => one.Key, StringComparer.Ordinal).Select(
            one => $"{one.Key}={one.Value}"));
    }

    [Fact]
    public async Task Events_AreCountedAsTheApiShowsThem()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "A.example");
        await AppendAsync(
            hall, Fact(EventKind.Accepted), Fact(EventKind.Routed), Fact(EventKind.Attempted),
            Fact(EventKind.Relayed) with { Attempt = 2 }, Fact(EventKind.Delivered) with { Attempt = 1 },
            Fact(EventKind.Failed) with { Severity = EventSeverity.Permanent, Why = "suppress-bounce" },
            Fact(EventKind.Failed) with { Severity = EventSeverity.Permanent, Reply = "550 5.1.1 no" },
            Fact(EventKind.Failed) with
            {
                Severity = EventSeverity.Permanent,
                Remote = new RemoteFacts("report", "e1", MailHall.Start, "bounce", null),
            },
            Fact(EventKind.Complained), Fact(EventKind.Unsubscribed), Fact(EventKind.AlarmRaised));
        await index.CatchUpAsync(Cancel);
        Assert.Equal(
            "accepted=1 complained=1 delivered=2 delivered.first=1 delivered.later=1 failed=4 "
            + "failed.permanent=3 failed.permanent.bounce=1 failed.permanent.delayed-bounce=1 "
            + "failed.permanent.suppress-bounce=1 failed.temporary=1 failed.temporary.generic=1 "
            + "unsubscribed=1",
            await CountsAsync(index));
    }

    [Fact]
    public async Task Mail_BySmtp_IsItsSendersDomains_AndThatOfOthersIsNotCounted()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example", "b.example");
        await AppendAsync(
            hall, Fact(EventKind.Accepted) with { Options = null, Sender = "x@B.example" },
            Fact(EventKind.Accepted) with { Options = null, Sender = "x@c.example" },
            Fact(EventKind.Accepted) with { Options = null, Sender = "" });
        await index.CatchUpAsync(Cancel);
        Assert.Equal("", await CountsAsync(index));
        Assert.Equal("accepted=1", await CountsAsync(index, "B.EXAMPLE"));
        Assert.Equal("", await CountsAsync(index, "c.example"));
    }

    [Fact]
    public async Task Events_Twice_AreCountedOnce_WhoeverCounts()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(hall, Fact(EventKind.Accepted));
        await index.CatchUpAsync(Cancel);
        await IndexOf(hall, "a.example").CatchUpAsync(Cancel);
        await AppendAsync(hall, Fact(EventKind.Accepted));
        await index.CatchUpAsync(Cancel);
        Assert.Equal("accepted=2", await CountsAsync(index));
    }

    [Fact]
    public async Task Step_ThatIsNotStored_IsDoneAgainWhole()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(hall, Fact(EventKind.Accepted, "a.example", "t"));
        hall.Store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(async () => await index.CatchUpAsync(Cancel));
        Assert.Equal("", await CountsAsync(index));
        await index.CatchUpAsync(Cancel);
        Assert.Equal("accepted=1", await CountsAsync(index));
        Assert.Equal("accepted=1", await CountsAsync(index, tag: "t"));
    }

    [Fact]
    public async Task Crash_BeforeTheCommit_LosesNothing_AndAfterIt_CountsNothingTwice()
    {
        await using var hall = new MailHall();
        await AppendAsync(hall, Fact(EventKind.Accepted));
        hall.Store.Holds = HeldChanges.All;
        var waiting = IndexOf(hall, "a.example").CatchUpAsync(Cancel).AsTask();
        Assert.False(waiting.IsCompleted);
        await using var next = await hall.CrashAsync();
        var index = IndexOf(next, "a.example");
        Assert.Equal("", await CountsAsync(index));
        await index.CatchUpAsync(Cancel);
        await using var last = await next.CrashAsync();
        var again = IndexOf(last, "a.example");
        await again.CatchUpAsync(Cancel);
        Assert.Equal("accepted=1", await CountsAsync(again));
    }

    [Fact]
    public async Task Events_OverManySteps_AreAllCounted()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(hall, [.. Enumerable.Range(0, 1234).Select(_ => Fact(EventKind.Accepted))]);
        await index.CatchUpAsync(Cancel);
        Assert.Equal("accepted=1234", await CountsAsync(index));
    }

    [Fact]
    public async Task Opens_OfOneRecipient_AreUniqueOnce()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "example.org");
        var id = await hall.AcceptAsync("r@example.net");
        var opened = Fact(EventKind.Opened, "example.org") with { Message = id };
        await AppendAsync(hall, opened, opened with { RecipientAddress = "other@example.net" });
        await index.CatchUpAsync(Cancel);
        await AppendAsync(hall, opened with { RecipientAddress = "R@example.net" });
        await index.CatchUpAsync(Cancel);
        Assert.Contains("opened=3 opened.unique=2", await CountsAsync(index, "example.org"));
    }

    [Fact]
    public async Task Tag_IsKnownFromAcceptedMail_InAnySpelling()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(
            hall, Fact(EventKind.Delivered, "a.example", "late"),
            Fact(EventKind.Accepted, "a.example", "Welcome", "a/b", "a"),
            Fact(EventKind.Accepted, "a.example", "WELCOME") with { At = MailHall.Start.AddHours(2) },
            Fact(EventKind.Delivered, "a.example", "welcome"));
        await index.CatchUpAsync(Cancel);
        var tags = await index.Tags.ReadAsync(Cancel);
        Assert.Equal(
            ["a.example/a", "a.example/a/b", "a.example/welcome"], tags.Select(tag => tag.Name));
        var (first, last) = (tags[2].Value.FirstSeen, tags[2].Value.LastSeen);
        Assert.Equal(
            ("Welcome", MailHall.Start, MailHall.Start.AddHours(2)), (tags[2].Value.Tag, first, last));
        Assert.Equal("accepted=2 delivered=1", await CountsAsync(index, tag: "welcome"));
        // A tag with a slash does not count for the one in front of it.
        Assert.Equal("accepted=1", await CountsAsync(index, tag: "a"));
        Assert.Equal("", await CountsAsync(index, tag: "late"));
    }

    [Fact]
    public async Task Tags_BeyondTheLimit_AreNotKnown()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(hall, [.. Enumerable.Range(0, StatsIndex.TagsMax + 1).Select(
            i => Fact(EventKind.Accepted, "a.example", $"t{i}"))]);
        await index.CatchUpAsync(Cancel);
        Assert.Equal(StatsIndex.TagsMax, (await index.Tags.ReadAsync(Cancel)).Count);
        Assert.Equal("", await CountsAsync(index, tag: $"t{StatsIndex.TagsMax}"));
        Assert.Equal($"accepted={StatsIndex.TagsMax + 1}", await CountsAsync(index));
    }

    [Fact]
    public async Task Counters_OlderThan13Months_Go_AndOthersStay()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(
            hall, Fact(EventKind.Accepted, "a.example", "old"),
            Fact(EventKind.Accepted, "a.example", "new") with { At = MailHall.Start.AddDays(2) });
        await index.CatchUpAsync(Cancel);
        hall.Clock.Advance(StatsIndex.Kept + TimeSpan.FromDays(1));
        await index.SweepAsync(Cancel);
        Assert.Equal("accepted=1", await CountsAsync(index));
        Assert.Equal("", await CountsAsync(index, tag: "old"));
        Assert.Equal("accepted=1", await CountsAsync(index, tag: "new"));
        Assert.Equal("new", Assert.Single(await index.Tags.ReadAsync(Cancel)).Value.Tag);
    }

    [Fact]
    public async Task Hours_AreTheOnesAskedFor()
    {
        await using var hall = new MailHall();
        var index = IndexOf(hall, "a.example");
        await AppendAsync(hall, [.. Enumerable.Range(0, 50).Select(
            hour => Fact(EventKind.Accepted) with { At = MailHall.Start.AddHours(hour) })]);
        await index.CatchUpAsync(Cancel);
        var midnight = new DateTimeOffset(2026, 1, 3, 0, 0, 0, TimeSpan.Zero);
        var hours = await index.ReadAsync(
            "a.example", null, midnight.AddHours(-1), midnight.AddHours(2), Cancel);
        Assert.Equal(
            [midnight.AddHours(-1), midnight, midnight.AddHours(1)], hours.Select(hour => hour.At));
    }
}
