using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueueLifetimeTests
{
    static readonly TimeSpan Lifetime = new QueueOptions().Lifetime;

    /// <summary>What housekeeping does every 30 s.</summary>
    static async ValueTask ExpireAsync(MailHall hall)
    {
        Assert.Null(await hall.Queue.LookAtOldAsync(default, CancellationToken.None));
        await hall.RunAsync();
    }

    [Fact]
    public async Task Outage_ToTheEndOfTheLifetime_FailsWithABounce()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Lifetime);
        await ExpireAsync(hall);
        Assert.Equal(RecipientState.Ready, hall.Only.State);

        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        await ExpireAsync(hall);
        var row = hall.Store.Recipients[0];
        Assert.Equal((RecipientState.Done, RecipientOutcome.Expired), (row.State, row.Outcome));
        var failed = Assert.Single(hall.Events(EventKind.Failed));
        Assert.Equal(("4.4.7", EventSeverity.Permanent), (failed.Status, failed.Severity));
        Assert.Single(hall.Events(EventKind.Expired));
        Assert.Single(hall.Events(EventKind.BouncedToSender));
        Assert.Equal("sender@example.org", hall.Store.Recipients[1].Address.ToString());
    }

    [Fact]
    public async Task Deferral_ToTheEndOfTheLifetime_FailsAtTheLastAttempt()
    {
        await using var hall = new MailHall(OptionsOf(Route("all") with { GiveUp = TimeSpan.FromHours(1) }));
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.AcceptAsync(hall.Letter(""), "b@example.net");
        await hall.PassAsync(TimeSpan.FromHours(3));
        Assert.Equal(RecipientOutcome.Expired, hall.Only.Outcome);
        Assert.Equal("delivery time expired, last: 4.7.1 come back later", Assert
            .Single(hall.Events(EventKind.Failed)).Reply);
    }

    [Fact]
    public async Task UnderAnAlarm_TheEndOfTheLifetimeHoldsAllTheMailOfTheLane()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.LoginRefused;
        for (var i = 0; i < 10; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(2));
        hall.Clock.Advance(Lifetime);
        await ExpireAsync(hall);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Held, row.State));
        Assert.Equal(10, hall.Events(EventKind.Held).Count());
        Assert.True(hall.Alarms.IsRaised("login", "relay"));
        Assert.Empty(hall.Events(EventKind.BouncedToSender));
    }

    [Fact]
    public async Task ReleasedMail_IsTriedThoughItsLifetimeIsOver_AndHasAsMuchTimeAgain()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.LoginRefused);
        await hall.AcceptAsync(hall.Letter(""), "b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Lifetime + TimeSpan.FromMinutes(1));
        await ExpireAsync(hall);
        Assert.Equal(RecipientState.Held, hall.Only.State);

        hall.Relay.Otherwise = Results.Greylisted;
        await hall.Queue
            .ReleaseAsync(new QueueSelection.Matching(QueueFilter.All), "kim", CancellationToken.None);
        await ExpireAsync(hall);
        Assert.Equal((2, RecipientState.Deferred), (hall.Relay.Attempts.Count, hall.Only.State));
        hall.Clock.Advance(Lifetime + TimeSpan.FromMinutes(1));
        await ExpireAsync(hall);
        Assert.Equal(RecipientOutcome.Expired, hall.Only.Outcome);
    }

    [Fact]
    public async Task WithoutARoute_TheEndOfTheLifetimeHoldsTheMail()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Reload(OptionsOf(Route("other", to: ["*@other.org"])));
        await hall.PassAsync(TimeSpan.FromHours(1));
        hall.Clock.Advance(Lifetime);
        await ExpireAsync(hall);
        Assert.Equal(RecipientState.Held, hall.Only.State);
    }

    [Fact]
    public async Task GiveUp_OfTheRoute_EndsItEarlier()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("short", to: ["*@short.net"]) with { GiveUp = TimeSpan.FromHours(2) }, Route("all")));
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("a@short.net", "b@long.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromHours(3));
        await ExpireAsync(hall);
        Assert.Equal(RecipientOutcome.Expired, hall.Store.Recipients[0].Outcome);
        Assert.Equal(RecipientState.Ready, hall.Store.Recipients[1].State);
    }

    [Fact]
    public async Task DeliverWithin_OfTheMessage_EndsItEarlier()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        await ExpireAsync(hall);
        var options = new MailOptions { Domain = "example.org", DeliverWithin = TimeSpan.FromMinutes(30) };
        await hall.AcceptAsync(hall.Letter() with { Options = options }, "a@short.net");
        await hall.AcceptAsync("b@long.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromMinutes(30));
        await ExpireAsync(hall);
        Assert.Equal(RecipientState.Ready, hall.Store.Recipients[0].State);

        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        await ExpireAsync(hall);
        Assert.Equal(RecipientOutcome.Expired, hall.Store.Recipients[0].Outcome);
        Assert.Equal(RecipientState.Ready, hall.Store.Recipients[1].State);
    }

    [Fact]
    public async Task GiveUp_LongerThanTheLifetime_KeepsItLonger()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("long") with { GiveUp = Lifetime + TimeSpan.FromDays(1) }));
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync(hall.Letter(""), "a@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Lifetime + TimeSpan.FromHours(1));
        await ExpireAsync(hall);
        Assert.Equal(RecipientState.Ready, hall.Only.State);
        hall.Clock.Advance(TimeSpan.FromDays(1));
        await ExpireAsync(hall);
        Assert.Equal(RecipientOutcome.Expired, hall.Only.Outcome);
    }

    [Fact]
    public async Task BounceLifetime_IsTheNullSendersOwn()
    {
        await using var hall = new MailHall(OptionsOf(Route("all")) with
        {
            Queue = new QueueOptions { BounceLifetime = TimeSpan.FromHours(1) },
        });
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync(hall.Letter(""), "a@example.net");
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromHours(2));
        await ExpireAsync(hall);
        Assert.Equal(
            [RecipientState.Done, RecipientState.Ready], hall.Store.Recipients.Select(row => row.State));
    }

    [Fact]
    public async Task HeldAndActiveMail_DoesNotExpire()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        await hall.AcceptAsync("a@example.net!");
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Lifetime + Lifetime);
        await ExpireAsync(hall);
        Assert.Equal(
            [RecipientState.Held, RecipientState.Active], hall.Store.Recipients.Select(row => row.State));
        hall.Relay.Release();
        Assert.Equal(RecipientOutcome.Relayed, hall.Store.Recipients[1].Outcome);
    }
}
