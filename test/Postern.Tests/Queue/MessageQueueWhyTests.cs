using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>Each cause is made real; no row is written by hand.</summary>
public sealed class MessageQueueWhyTests
{
    static readonly CancellationToken None = CancellationToken.None;

    static QueueSelection All => new QueueSelection.Matching(QueueFilter.All);

    static async Task<Explanation> WhyAsync(MailHall hall, QueueId id) =>
        Assert.Single(await hall.Queue.WhyAsync(id, None));

    static void Says(Explanation why, WaitCause cause, params string[] words)
    {
        Assert.Equal(cause, why.Cause);
        Assert.All(words, word => Assert.Contains(word, $"{why.Text}; {why.Mend}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NextHopDown_ForTheOneThatMetIt_AndLaneClosed_ForWhoCameLater()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        var first = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var second = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();

        var met = await WhyAsync(hall, first);
        Says(met, WaitCause.NextHopDown, "4.4.1 connection refused", "lane relay is closed since",
            "2026-01-02 03:04:06Z", $"postern queue retry {first}");
        Assert.Equal((Start, Start.AddSeconds(1)), (met.Since, met.Until));
        Says(await WhyAsync(hall, second), WaitCause.LaneClosed, "lane relay is closed", "next probe");

        hall.Relay.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Says(await WhyAsync(hall, first), WaitCause.Done, "relay took it at 2026-01-02 03:04:06Z: Ok");
    }

    [Fact]
    public async Task Alarm_NamesItsMend()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.LoginRefused;
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var why = await WhyAsync(hall, id);
        Says(why, WaitCause.Alarm, "alarm login: the login is refused", "lane relay is closed");
        Assert.Equal("mend the password", why.Mend);
        Assert.Equal(Start.AddSeconds(30), why.Until);
    }

    [Fact]
    public async Task RateLimit_SaysWhichRateAndUntilWhen()
    {
        var options = OptionsOf(Route("all"));
        var relay = options.Transports["relay"] with { Rate = new Rate(1, TimeSpan.FromMinutes(1)) };
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions> { ["relay"] = relay },
        });
        var first = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var second = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Says(await WhyAsync(hall, first), WaitCause.Done);
        var why = await WhyAsync(hall, second);
        Says(why, WaitCause.RateLimit, "1/min", "raise rate of transport relay");
        await hall.PassAsync(why.Until!.Value - hall.Clock.GetUtcNow());
        Says(await WhyAsync(hall, second), WaitCause.Done);
    }

    [Fact]
    public async Task Held_NamesWhoAndWhen()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        await hall.Queue.HoldAsync(All, "kim", None);
        Says(await WhyAsync(hall, id), WaitCause.Held, "kim held it at 2026-01-02 03:04:05Z",
            $"postern queue release {id}");
    }

    [Fact]
    public async Task Held_AtTheEndOfTheLifetimeUnderAnAlarm_SaysSo()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.LoginRefused;
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(new QueueOptions().Lifetime + TimeSpan.FromSeconds(1));
        await hall.Queue.LookAtOldAsync(default, None);
        Says(await WhyAsync(hall, id), WaitCause.Held, "its lifetime ended under an alarm",
            "535 authentication failed", $"postern queue release {id}");
    }

    [Fact]
    public async Task Held_ForAPostmasterNobodyNamed_SaysSo()
    {
        await using var hall = new MailHall();
        var id = await hall.AcceptAsync("postmaster@example.net!");
        Says(await WhyAsync(hall, id), WaitCause.Held, "postmaster", "set inbound.postmaster");
    }

    [Theory]
    [InlineData("host mx said: 450 4.2.0 <a@example.net>: Greylisted, see http://example")]
    [InlineData("host mx said: 451 4.7.1 graylisting in action")]
    [InlineData("host mx said: 450 4.7.1 come back in five minutes")]
    public async Task Greylisted_IsTheFarSidesWish(string reply)
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(new AttemptResult.Deferred(new(4, 7, 1), reply, Blame.Recipient));
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var why = await WhyAsync(hall, id);
        Says(why, WaitCause.Greylisted, reply, "nothing need be done");
        Assert.Equal(hall.Only.DueAt, why.Until);
    }

    [Fact]
    public async Task RetryTime_HasTheReplyAndTheTime()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(new AttemptResult.Deferred(new(4, 2, 2), "mailbox full", Blame.Recipient));
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var why = await WhyAsync(hall, id);
        Says(why, WaitCause.RetryTime, "attempt 1 was put off: 4.2.2 mailbox full",
            $"postern queue retry {id}");
        Assert.Equal(hall.Only.DueAt, why.Until);
    }

    [Fact]
    public async Task RetryTimeThatIsOver_BehindAClosedLane_IsTheLane()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(20));
        Says(await WhyAsync(hall, id), WaitCause.LaneClosed, "connection refused");
    }

    [Fact]
    public async Task Uncertain_WarnsOfASecondCopy()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Uncertain);
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Says(await WhyAsync(hall, id), WaitCause.Uncertain, "the answer to its attempt was lost",
            "second copy");
    }

    [Fact]
    public async Task Uncertain_WhoseTransportWasTakenAway_GoesAnotherWay_ByAnOperatorsWishAlone()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Answer(Results.Uncertain);
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Reload(OptionsOf(Route("all", via: ["two"])));
        await hall.PassAsync(TimeSpan.FromMinutes(20));
        Assert.Empty(hall.Ways["two"].Attempts);
        Says(await WhyAsync(hall, id), WaitCause.NoRoute, "one may have it", "put transport one back");
        await hall.Queue.HoldAsync(new QueueSelection.One(id), "kim", CancellationToken.None);
        await hall.Queue.ReleaseAsync(new QueueSelection.One(id), "kim", CancellationToken.None);
        await hall.RunAsync();
        Assert.Single(hall.Ways["two"].Attempts);
        Assert.Equal(RecipientState.Done, hall.Only.State);
    }

    [Fact]
    public async Task ACrashWhileItWasAttempted_IsUncertain()
    {
        var hall = new MailHall();
        hall.Relay.Holds = true;
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Store.Crash();
        await using var next = new MailHall(hall.Options, hall.Disk, hall.Clock);
        Says(await WhyAsync(next, id), WaitCause.Uncertain, "Postern ended while it was being attempted");
        await next.StartAsync();
        Says(await WhyAsync(next, id), WaitCause.Uncertain, "the answer to its attempt was lost");
    }

    [Fact]
    public async Task BeingAttempted_AndBehindOthers_WhereTheLaneIsBusy()
    {
        var options = OptionsOf(Route("all"));
        var relay = options.Transports["relay"] with { MaxConnections = 1 };
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions> { ["relay"] = relay },
        });
        hall.Relay.Holds = true;
        var first = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var second = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Says(await WhyAsync(hall, first), WaitCause.BeingAttempted, "through relay now");
        Says(await WhyAsync(hall, second), WaitCause.BehindOthers, "1 are being attempted, of at most 1",
            "max-connections");
        hall.Relay.Release();
    }

    [Fact]
    public async Task NoRoute_NamesTheRecipient()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Greylisted);
        var id = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        hall.Reload(OptionsOf(Route("other", to: ["*@other.org"])));
        await hall.PassAsync(TimeSpan.FromMinutes(20));
        Says(await WhyAsync(hall, id), WaitCause.NoRoute, "no route takes mail", "a@example.net",
            "postern reload");
    }

    [Fact]
    public async Task Done_SaysWhatHappened_AlsoWhenTheMessageIsGone()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Failed);
        var refused = await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Says(await WhyAsync(hall, refused), WaitCause.Done, "refused for good", "no such user",
            "the sender was told in");

        hall.Relay.Otherwise = Results.Greylisted;
        var cancelled = await hall.AcceptAsync("b@example.net");
        var expired = await hall.AcceptAsync(hall.Letter(""), "c@example.net");
        await hall.RunAsync();
        await hall.Queue.CancelAsync(new QueueSelection.One(cancelled), "kim", None);
        await hall.Queue.ExpireAsync(new QueueSelection.One(expired), "kim", None);
        Says(await WhyAsync(hall, cancelled), WaitCause.Done, "kim cancelled it");
        Says(await WhyAsync(hall, expired), WaitCause.Done, "kim ended it", "come back later",
            "no report was due");

        while (await hall.Store.SweepAsync(hall.Clock.GetUtcNow(), Start.AddDays(-1), None) > 0)
        {
        }
        Assert.Null(await hall.Store.ReadMessageAsync(refused, None));
        Says(await WhyAsync(hall, refused), WaitCause.Done, "refused for good");
        Assert.Empty(await hall.Queue.WhyAsync(new QueueId(7), None));
    }

    [Fact]
    public async Task DeadLetter_NamesItsReplay_UntilItWasReplayed()
    {
        await using var hall = new MailHall(OptionsOf(Route("all") with { Accepts = MailDoors.Mx }));
        hall.Relay.Answer(Results.Failed);
        var id = await hall.AcceptAsync(hall.Letter() with { Door = MailDoors.Mx }, "a@example.net");
        await hall.RunAsync();
        var dead = await WhyAsync(hall, id);
        Says(dead, WaitCause.Done, "refused for good", "no such user");
        Assert.Equal($"mend what it says, then: postern inbound replay {id}", dead.Mend);

        await hall.Queue.ReplayAsync(new QueueSelection.One(id), ReplayReach.DeadLetters, "kim", None);
        await hall.RunAsync();
        Assert.All(await hall.Queue.WhyAsync(id, None), why => Assert.Null(why.Mend));
    }

    [Fact]
    public async Task Expansion_TellsOfTheParentAndOfEachChild()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        var id = await hall.AcceptAsync("all@example.org=a@example.net,b@example.net");
        await hall.RunAsync();
        var whys = await hall.Queue.WhyAsync(id, None);
        Assert.Equal(["all@example.org", "a@example.net", "b@example.net"], whys.Select(why => why.Address));
        Says(whys[0], WaitCause.Done, "it became 2 others");
        Says(whys[1], WaitCause.NextHopDown);
    }
}
