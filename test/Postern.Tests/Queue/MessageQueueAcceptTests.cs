using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueueAcceptTests
{
    [Fact]
    public async Task Commit_HoldsMessageContentActiveRecipientsAndEvents()
    {
        await using var hall = new MailHall();
        hall.Relay.Holds = true;
        var id = await hall.AcceptAsync("b@example.net", "c@example.net");

        var stored = await hall.Store.ReadMessageAsync(id, CancellationToken.None);
        Assert.NotNull(await hall.Store.OpenContentAsync(stored!.Message, CancellationToken.None));
        Assert.All(stored.Recipients, row =>
        {
            Assert.Equal(RecipientState.Active, row.State);
            Assert.Equal(hall.Store.Epoch, row.Lease);
            Assert.Equal(Start + new QueueOptions().UncertainWait, row.DueAt);
            Assert.Equal(("relay", "relay", "all"), (row.Lane, row.Transport, row.Route));
        });
        Assert.Equal([1, 2], stored.Recipients.Select(row => row.Number));
        Assert.Equal([EventKind.Accepted, EventKind.Accepted], hall.Kinds);
        Assert.All(hall.Store.Events, fact => Assert.Equal(
            (2, "all", "relay", "route all"), (fact.RecipientCount, fact.Route, fact.Transport, fact.Why)));
    }

    [Fact]
    public async Task Nothing_IsAttemptedBeforeTheCommit()
    {
        await using var hall = new MailHall();
        hall.Store.Holds = HeldChanges.All;
        var accepting = hall.AcceptAsync("b@example.net").AsTask();
        await hall.RunWorkersAsync();
        Assert.False(accepting.IsCompleted);
        Assert.Empty(hall.Relay.Attempts);
        hall.Store.Holds = HeldChanges.None;
        hall.Store.Settle();
        await accepting;
        await hall.RunAsync();
        Assert.Single(hall.Relay.Attempts);
    }

    [Fact]
    public async Task FreshMail_IsAttemptedWithoutBeingReadBack_InOneTransaction()
    {
        await using var hall = new MailHall();
        await hall.AcceptAsync("b@example.net", "c@example.net");
        await hall.RunWorkersAsync();
        var attempt = Assert.Single(hall.Relay.Attempts);
        Assert.Equal(2, attempt.Recipients.Count);
        Assert.Equal("Subject: hello\r\n\r\nhello\r\n", Assert.Single(hall.Relay.Contents));
        Assert.All(hall.Store.Recipients, row =>
            Assert.Equal((RecipientState.Done, RecipientOutcome.Relayed), (row.State, row.Outcome)));
    }

    [Fact]
    public async Task APlainMessage_HasTwoEvents()
    {
        await using var hall = new MailHall();
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal([EventKind.Accepted, EventKind.Relayed], hall.Kinds);
        var relayed = hall.Store.Events[1];
        Assert.Equal((1, "2.0.0", "Ok", "remote-1"), (
            relayed.Attempt, relayed.Status, relayed.Reply, relayed.RemoteId));
    }

    [Fact]
    public async Task Commit_ThatFails_LetsGoOfContentAndProbe()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunWorkersAsync();
        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        var budget = new MemoryBudget(1 << 20);
        var content = new PooledContent(budget);
        content.Append("Subject: x\r\n\r\n"u8);
        var mail = Mail(hall.Letter(), "b@example.net", "c@example.net") with { Content = content };

        hall.Store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(() => hall.Queue.AcceptAsync(mail).AsTask());

        Assert.Equal(1 << 20, budget.FreeOctets);
        Assert.True(hall.Health.TryClaimProbe("relay", out _));
        Assert.Single(hall.Relay.Attempts);
    }

    [Fact]
    public async Task ContentOfSeveralAttempts_IsReturnedAfterTheLast()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("one", to: ["*@one.net"], via: ["one"]), Route("two", to: ["*@two.net"], via: ["two"])));
        var budget = new MemoryBudget(1 << 20);
        var content = new PooledContent(budget);
        content.Append("Subject: x\r\n\r\n"u8);
        hall.Ways["two"].Holds = true;
        await hall.Queue
            .AcceptAsync(Mail(hall.Letter(), "a@one.net", "b@two.net") with { Content = content });
        await hall.RunAsync();
        Assert.NotEqual(1 << 20, budget.FreeOctets);
        hall.Ways["two"].Release();
        Assert.Equal(1 << 20, budget.FreeOctets);
    }

    [Fact]
    public async Task ClosedLane_TakesFreshMailAsReady()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunWorkersAsync();
        await hall.AcceptAsync("b@example.net");
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Ready, row.State));
    }

    [Fact]
    public async Task RecipientsPerMessage_AreTheMostOfOneAttempt()
    {
        var options = OptionsOf(Route("all"));
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = options.Transports["relay"] with { RecipientsPerMessage = 2 },
            },
        });
        await hall.AcceptAsync("a@x.net", "b@x.net", "c@x.net", "d@x.net", "e@x.net");
        await hall.RunAsync();
        Assert.Equal([2, 2, 1], hall.Relay.Attempts.Select(attempt => attempt.Recipients.Count));
    }

    [Fact]
    public async Task Alias_ExpandsItsParentInTheSameCommit()
    {
        await using var hall = new MailHall();
        await hall.AcceptAsync("list@example.org=a@x.net,b@x.net");
        await hall.RunAsync();
        var rows = hall.Store.Recipients;
        Assert.Equal([null, 1, 1], rows.Select(row => row.Parent));
        Assert.Equal(
            [RecipientOutcome.Expanded, RecipientOutcome.Relayed, RecipientOutcome.Relayed],
            rows.Select(row => row.Outcome));
        Assert.All(rows.Skip(1), row => Assert.Equal("list@example.org", row.Original?.ToString()));
        Assert.Equal(
            ["a@x.net", "b@x.net"], hall.Relay.Attempts[0].Recipients.Select(row => row.Address.ToString()));
        Assert.Equal(2, Assert.Single(hall.Events(EventKind.Expanded)).RecipientCount);
    }

    [Fact]
    public async Task Alias_OfInboundMail_MayLeadOutAgain()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("in", to: ["*@in.example.org"], via: ["script"]) with { Accepts = MailDoors.Mx }, Route(
                "out")));
        await hall.AcceptAsync(hall.Letter(door: MailDoors.Mx), "me@in.example.org=me@gmail.example");
        await hall.RunAsync();
        Assert.Empty(hall.Ways["script"].Attempts);
        Assert.Single(hall.Relay.Attempts);
    }

    [Fact]
    public async Task AllTrue_MakesAChildForEachTransport()
    {
        await using var hall =
            new MailHall(OptionsOf(Route("both", via: ["one", "two"]) with { All = true }));
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal([null, "one", "two"], hall.Store.Recipients.Select(row => row.BoundTransport));
        Assert.Equal(RecipientOutcome.Expanded, hall.Store.Recipients[0].Outcome);
        Assert.Single(hall.Ways["one"].Attempts);
        Assert.Single(hall.Ways["two"].Attempts);
    }

    [Fact]
    public async Task AllTrue_OneTransportDown_DoesNotGoThroughTheOtherTwice()
    {
        await using var hall =
            new MailHall(OptionsOf(Route("both", via: ["one", "two"]) with { All = true }));
        hall.Ways["one"].Otherwise = Results.Unreachable;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Single(hall.Ways["two"].Attempts);
        Assert.Equal(
            [RecipientState.Done, RecipientState.Ready, RecipientState.Done],
            hall.Store.Recipients.Select(row => row.State));
    }

    [Fact]
    public async Task HeldRecipient_IsNotAttempted()
    {
        await using var hall = new MailHall();
        await hall.AcceptAsync("postmaster@example.net!");
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Empty(hall.Relay.Attempts);
        Assert.Equal(RecipientState.Held, hall.Only.State);
    }

    [Fact]
    public async Task NoRoute_KeepsTheMailAndRaisesAnAlarm()
    {
        await using var hall = new MailHall(OptionsOf(Route("in", to: ["*@in.example.org"])));
        await hall.AcceptAsync(hall.Letter(door: MailDoors.Mx), "me@in.example.org=me@gmail.example");
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(
            (RecipientState.Ready, ""), (hall.Store.Recipients[1].State, hall.Store.Recipients[1].Lane));
        Assert.True(hall.Alarms.IsRaised("no-route", "gmail.example"));
        Assert.Single(hall.Events(EventKind.AlarmRaised));
    }
}
