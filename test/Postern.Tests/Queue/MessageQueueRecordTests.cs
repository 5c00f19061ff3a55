using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueueRecordTests
{
    static readonly PosternOptions TwoWays = OptionsOf(Route("all", via: ["one", "two"]));

    [Fact]
    public async Task Results_ArePostedAndNotWaitedFor()
    {
        await using var hall = new MailHall();
        hall.Store.Holds = HeldChanges.Posted;
        await hall.AcceptAsync("b@example.net");
        await hall.RunWorkersAsync();
        Assert.Equal(1, hall.Store.HeldCount);
        Assert.Equal(RecipientState.Active, hall.Only.State);
        hall.Store.Settle();
        Assert.Equal(RecipientState.Done, hall.Only.State);
    }

    [Theory]
    [InlineData(KeptConversations.Troubled, "1")]
    [InlineData(KeptConversations.All, "01")]
    [InlineData(KeptConversations.None, "")]
    public async Task Conversation_IsKeptAsTheSettingSays_AndOnlyThenPutIntoWords(
        KeptConversations kept, string told)
    {
        var asked = "";
        await using var hall = new MailHall(
            OptionsOf(Route("all")) with { Log = new LogOptions { Conversation = kept } });
        hall.Relay.Talk = recipient =>
        {
            asked += $"{recipient}";
            return Conversation.Of($"RCPT {recipient}", null, TimeSpan.Zero);
        };
        hall.Relay.AnswerEach(Results.Relayed, Results.Greylisted);
        await hall.AcceptAsync("a@x.net", "b@x.net");
        await hall.RunWorkersAsync();
        Assert.Equal(told, asked);
        var attempts = hall.Store.Events
            .Where(fact => fact.Kind is EventKind.Relayed or EventKind.Attempted).ToArray();
        Assert.Equal(2, attempts.Length);
        Assert.Equal(
            told.Select(recipient => $"RCPT {recipient}"),
            attempts.Select(fact => fact.Facts!.Conversation?.Turns[0].Said).OfType<string>());
    }

    [Fact]
    public async Task EachRecipient_HasItsOwnResult_AndDoneOnesAreNeverSentAgain()
    {
        await using var hall = new MailHall();
        hall.Relay.AnswerEach(Results.Relayed, Results.Greylisted, Results.Failed);
        await hall.AcceptAsync("a@x.net", "b@x.net", "c@x.net");
        await hall.RunWorkersAsync();
        Assert.Equal(
            [RecipientState.Done, RecipientState.Deferred, RecipientState.Done],
            hall.Store.Recipients.Take(3).Select(row => row.State));
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(["b@x.net"], hall.Relay.Attempts.Where(attempt => !attempt.Sender.IsNull).Skip(1)
            .SelectMany(attempt => attempt.Recipients).Select(row => row.Address.ToString()));
    }

    [Theory]
    [InlineData(Blame.Recipient)]
    [InlineData(Blame.Message)]
    public async Task Deferral_OfRecipientOrMessage_WaitsForItsOwnTime_AndNeverChangesTheTransport(
        Blame blame)
    {
        await using var hall = new MailHall(TwoWays);
        hall.Ways["one"].Answer(new AttemptResult.Deferred(new(4, 2, 0), "later", blame));
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal((RecipientState.Deferred, 1, blame), (
            hall.Only.State, hall.Only.Attempts, hall.Only.LastBlame!.Value));
        Assert.InRange(hall.Only.DueAt, Start.AddSeconds(270), Start.AddSeconds(330));

        await hall.PassAsync(hall.Only.DueAt - Start - TimeSpan.FromTicks(1));
        Assert.Single(hall.Ways["one"].Attempts);
        await hall.PassAsync(TimeSpan.FromTicks(1));
        Assert.Equal(2, hall.Ways["one"].Attempts.Count);
        Assert.Empty(hall.Ways["two"].Attempts);
        Assert.Equal(RecipientState.Done, hall.Only.State);
    }

    [Fact]
    public async Task RetryOfTheRoute_SetsTheTimesOfAttempts()
    {
        var retry = new[] { TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2) };
        await using var hall = new MailHall(OptionsOf(Route("all") with { Retry = retry }));
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(5));
        Assert.Equal(
            [0, 30, 150, 270],
            hall.Events(EventKind.Attempted).Select(fact => (fact.At - Start).TotalSeconds));
        Assert.Equal([1, 2, 3, 4], hall.Events(EventKind.Attempted).Select(fact => fact.Attempt));
    }

    [Fact]
    public async Task NextHopBlame_KeepsTheRecipientReady_AndDoesNotCount()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(10));
        Assert.True(hall.Relay.Attempts.Count > 10);
        Assert.Equal((RecipientState.Ready, 0, Blame.NextHop), (
            hall.Only.State, hall.Only.Attempts, hall.Only.LastBlame!.Value));
        Assert.Equal("4.4.1 connection refused", hall.Only.LastText);
    }

    [Fact]
    public async Task NextHopBlame_MovesToTheSecondTransportAtOnce_AndBackWhenTheProbeSucceeds()
    {
        await using var hall = new MailHall(TwoWays);
        hall.Ways["one"].Answer(Results.Unreachable, Results.Unreachable);
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Assert.Single(hall.Ways["two"].Attempts);
        Assert.Equal(
            [EventKind.Accepted, EventKind.Attempted, EventKind.Routed, EventKind.Relayed], hall.Kinds);

        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(2, hall.Ways["two"].Attempts.Count);

        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        await hall.AcceptAsync("probe@example.net");
        await hall.RunAsync();
        Assert.Equal((2, 3), (hall.Ways["one"].Attempts.Count, hall.Ways["two"].Attempts.Count));

        hall.Clock.Advance(TimeSpan.FromSeconds(2));
        await hall.AcceptAsync("probe@example.net");
        await hall.AcceptAsync("c@example.net");
        await hall.RunAsync();
        await hall.AcceptAsync("d@example.net");
        await hall.RunAsync();
        Assert.Equal(["one", "two", "one", "two", "one", "one"], Through(hall, "probe", "d"));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    /// <summary>Transports in the order in which mail to these people was tried.</summary>
    static IEnumerable<string> Through(MailHall hall, params string[] people)
    {
        var tried = hall.Events(EventKind.Attempted).Concat(hall.Events(EventKind.Relayed)).ToList();
        return from fact in hall.Store.Events
               where tried.Contains(fact)
               where fact.RecipientAddress!.StartsWith("a@", StringComparison.Ordinal)
                   || people.Any(name => fact.RecipientAddress.StartsWith(name, StringComparison.Ordinal))
               select fact.Transport;
    }

    [Fact]
    public async Task AnotherTransport_IsWrittenDownBeforeItsAttempt()
    {
        await using var hall = new MailHall(TwoWays);
        hall.Ways["one"].Answer(Results.Unreachable);
        hall.Ways["two"].Holds = true;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Single(hall.Ways["two"].Attempts);
        Assert.Equal(
            (RecipientState.Active, "two", "two"), (hall.Only.State, hall.Only.Lane, hall.Only.Transport));
        hall.Ways["two"].Release();
    }

    [Fact]
    public async Task WorkThatWaits_GoesElsewhereWhenItsLaneCloses()
    {
        var options = TwoWays with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["one"] = new() { Kind = TransportKind.Pipe, MaxConnections = 1 },
                ["two"] = new() { Kind = TransportKind.Pipe },
            },
        };
        await using var hall = new MailHall(options);
        hall.Ways["one"].Holds = true;
        hall.Ways["one"].Answer(Results.Unreachable);
        for (var i = 0; i < 5; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.RunWorkersAsync();
        hall.Ways["one"].Release();
        await hall.RunAsync();
        Assert.Single(hall.Ways["one"].Attempts);
        Assert.Equal(5, hall.Ways["two"].Attempts.Count);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task Uncertain_WaitsAndStaysWithItsTransport()
    {
        await using var hall = new MailHall(TwoWays);
        hall.Ways["one"].Answer(Results.Uncertain);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(
            (RecipientState.Deferred, 1, "one"), (
                hall.Only.State, hall.Only.Uncertain, hall.Only.BoundTransport));
        Assert.Equal(Start.AddMinutes(15), hall.Only.DueAt);
        Assert.True(Assert.Single(hall.Events(EventKind.Attempted)).Uncertain);

        hall.Ways["one"].Answer(Results.Unreachable);
        await hall.AcceptAsync("closes@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(15));
        Assert.DoesNotContain(
            hall.Ways["two"].Attempts, attempt => attempt.Recipients[0].Address.LocalPart == "b");
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
    }

    [Fact]
    public async Task Uncertain_Twice_RaisesAnAlarmThatEndsWithTheRecipient()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Uncertain, Results.Uncertain);
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal(0, hall.Alarms.Count);
        await hall.PassAsync(TimeSpan.FromMinutes(15));
        Assert.True(hall.Alarms.IsRaised("uncertain", id.ToString()));
        await hall.PassAsync(TimeSpan.FromMinutes(15));
        Assert.Equal(RecipientState.Done, hall.Only.State);
        Assert.Equal(0, hall.Alarms.Count);
        Assert.Single(hall.Events(EventKind.AlarmCleared));
    }

    [Fact]
    public async Task Alarm_OfATransport_IsRaisedOnceAndEndsWithTheFirstSuccess()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.LoginRefused, Results.LoginRefused);
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromSeconds(30));
        Assert.True(hall.Alarms.IsRaised("login", "relay"));
        Assert.True(hall.Only.UnderAlarm);
        await hall.PassAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, hall.Alarms.Count);
        Assert.Single(hall.Events(EventKind.AlarmRaised));
        Assert.Single(hall.Events(EventKind.AlarmCleared));
    }

    [Fact]
    public async Task Failure_OfSubmittedMail_IsReportedToItsSender()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Failed);
        var id = await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        var bounce = hall.Relay.Attempts[1];
        Assert.True(bounce.Sender.IsNull);
        Assert.Equal("sender@example.org", Assert.Single(bounce.Recipients).Address.ToString());
        Assert.Equal(id, bounce.Message.ReportOn);
        Assert.Contains("5.1.1", hall.Relay.Contents[1], StringComparison.Ordinal);
        Assert.Contains("Subject: hello", hall.Relay.Contents[1], StringComparison.Ordinal);
        Assert.Equal(bounce.Message.Id, Assert.Single(hall.Events(EventKind.BouncedToSender)).Other);
        Assert.Null(hall.Store.Recipients[0].KeepUntil);
    }

    [Fact]
    public async Task Failure_AndItsReport_AreOneCommit()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Failed);
        await hall.AcceptAsync("b@example.net");
        hall.Relay.Holds = true;
        var commits = new List<int>();
        hall.Store.Applied = () =>
            commits.Add(hall.Store.Recipients.Count(row => row.State == RecipientState.Done) * 10
            + hall.Store.Recipients.Count);
        await hall.RunWorkersAsync();
        hall.Relay.Release(1);
        Assert.Equal([12], commits);
        await hall.RunWorkersAsync();
        hall.Relay.Release();
    }

    [Theory]
    [InlineData("", MailDoors.Submission)]
    [InlineData("peer@example.com", MailDoors.Mx)]
    public async Task Failure_OfTheNullSenderOrOfAnMxRoute_IsADeadLetter(string sender, MailDoors door)
    {
        await using var hall = new MailHall(OptionsOf(Route("all") with { Accepts = door }));
        hall.Relay.Answer(Results.Failed);
        await hall.AcceptAsync(hall.Letter(sender, door), "b@example.net");
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal([EventKind.Accepted, EventKind.Failed, EventKind.DeadLettered], hall.Kinds);
        Assert.Equal(Start.AddDays(30), hall.Only.KeepUntil);
    }

    [Fact]
    public async Task Failure_OfAnMxRouteThatBounces_IsReported()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("in") with { Accepts = MailDoors.Mx, Bounce = true }, Route("out")));
        hall.Relay.Answer(Results.Failed);
        await hall.AcceptAsync(hall.Letter("peer@example.com", MailDoors.Mx), "b@example.net");
        await hall.RunAsync();
        Assert.Single(hall.Events(EventKind.BouncedToSender));
    }

    [Fact]
    public async Task MissingExtension_AtOneTransport_GoesOnAtOnceThroughTheNext()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Otherwise = Results.NotOffered;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Equal("two", hall.Only.Transport);
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Equal(
            [EventKind.Accepted, EventKind.Attempted, EventKind.Routed, EventKind.Relayed], hall.Kinds);
    }

    [Fact]
    public async Task MissingExtension_AtTheLastTransport_Fails()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        hall.Ways["one"].Answer(Results.NotOffered);
        hall.Ways["two"].Answer(Results.NotOffered);
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        var failed = Assert.Single(hall.Events(EventKind.Failed));
        Assert.Equal(("5.6.7", "two"), (failed.Status, failed.Transport));
    }

    [Fact]
    public async Task MissingExtension_AtTheStandIn_WaitsForTheTransportThatIsResting()
    {
        await using var hall = new MailHall(TwoWays);
        hall.Ways["one"].Answer(Results.Unreachable);
        hall.Ways["two"].Otherwise = Results.NotOffered;
        await hall.AcceptAsync("b@example.net");
        await hall.RunWorkersAsync();
        Assert.Empty(hall.Events(EventKind.Failed));
        Assert.Equal(RecipientState.Ready, hall.Only.State);
        await hall.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal((RecipientOutcome.Relayed, "one"), (hall.Only.Outcome, hall.Only.Transport));
    }

    [Fact]
    public async Task MissingExtension_AtTheStandIn_AndAtTheOtherOnceItIsBack_Fails()
    {
        await using var hall = new MailHall(TwoWays);
        hall.Ways["one"].Answer(Results.Unreachable);
        hall.Ways["one"].Otherwise = Results.NotOffered;
        hall.Ways["two"].Otherwise = Results.NotOffered;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(
            ["one", "two", "one", "two"],
            hall.Events(EventKind.Attempted).Concat(hall.Events(EventKind.Failed))
                .Where(fact => fact.RecipientAddress == "b@example.net").Select(fact => fact.Transport));
    }

    [Fact]
    public async Task MissingExtension_OfARouteToAll_IsNoReasonForASecondCopy()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("both", to: ["*@both.net"], via: ["one", "two"]) with { All = true }, Route("rest")));
        hall.Ways["one"].Answer(Results.NotOffered);
        await hall.AcceptAsync("b@both.net");
        await hall.RunAsync();
        Assert.Single(hall.Ways["two"].Attempts);
        Assert.Equal("one", Assert.Single(hall.Events(EventKind.Failed)).Transport);
    }

    [Fact]
    public async Task FullDisk_IsAnAlarm_UntilThereIsRoom()
    {
        await using var hall = new MailHall();
        hall.Store.Health = StoreHealth.Full;
        hall.Queue.WatchStore();
        hall.Queue.WatchStore();
        Assert.Equal("disk", Assert.Single(hall.Alarms.Raised).Kind);
        hall.Store.Health = StoreHealth.Accepting;
        hall.Queue.WatchStore();
        Assert.Equal([EventKind.AlarmRaised, EventKind.AlarmCleared], hall.Kinds);
    }

    [Fact]
    public async Task FailedDisk_IsAnAlarm_ThoughItCannotBeWritten()
    {
        await using var hall = new MailHall();
        hall.Store.Health = StoreHealth.Failed;
        hall.Queue.WatchStore();
        Assert.True(hall.Alarms.IsRaised("store", "data"));
        Assert.Empty(hall.Kinds);
    }

    [Fact]
    public async Task Failure_OfAReport_IsNeverReported()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Failed;
        await hall.AcceptAsync("b@example.net");
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.Single(hall.Events(EventKind.DeadLettered));
    }

    [Fact]
    public async Task Failure_WithNotifyNever_IsADeadLetter()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Failed);
        var mail = Mail(hall.Letter(), "b@example.net");
        var never = RcptParameters.None with { Notify = DsnNotify.Never };
        await hall.Queue.AcceptAsync(mail with
        {
            Recipients = [mail.Recipients[0] with { Recipient =
                mail.Recipients[0].Recipient with { Parameters = never } }],
        });
        await hall.RunAsync();
        Assert.Equal(EventKind.DeadLettered, hall.Kinds.Last());
    }

    [Fact]
    public async Task FailedRecipients_OfOneAttempt_ShareOneReport()
    {
        await using var hall = new MailHall();
        hall.Relay.AnswerEach(Results.Failed, Results.Failed);
        await hall.AcceptAsync("a@x.net", "b@x.net");
        await hall.RunAsync();
        Assert.Equal(2, hall.Relay.Attempts.Count);
        Assert.Contains("a@x.net", hall.Relay.Contents[1], StringComparison.Ordinal);
        Assert.Contains("b@x.net", hall.Relay.Contents[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_IsStoredOnAFullDisk()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Failed);
        await hall.AcceptAsync("b@example.net");
        hall.Store.Health = StoreHealth.Full;
        await hall.RunAsync();
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
        Assert.Equal(2, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task BugInATransport_DefersTheMessageAndTheWorkerGoesOn()
    {
        await using var hall = new MailHall();
        hall.Relay.Bug = new InvalidOperationException("a bug");
        await hall.AcceptAsync("b@example.net");
        await hall.AcceptAsync("c@example.net");
        await hall.RunAsync();
        Assert.Equal(
            [RecipientState.Deferred, RecipientState.Done], hall.Store.Recipients.Select(row => row.State));
        Assert.Equal(Blame.Message, hall.Store.Recipients[0].LastBlame);
    }

    [Fact]
    public async Task ResultThatCannotBeWritten_DoesNotUseUpAWorker()
    {
        var options = OptionsOf(Route("all"));
        await using var hall = new MailHall(options with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = options.Transports["relay"] with { MaxConnections = 1 },
            },
        });
        hall.Relay.Answer(Results.Failed);
        await hall.AcceptAsync("b@example.net");
        hall.Store.FailNext(StoreHealth.Accepting);
        await hall.RunAsync();
        await hall.AcceptAsync("c@example.net");
        await hall.RunAsync();
        Assert.Equal(
            [RecipientState.Active, RecipientState.Done], hall.Store.Recipients.Select(row => row.State));
    }

    [Fact]
    public async Task Recipients_OfTwoRoutesInOneTransaction_KeepTheirOwnRetry()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("short", to: ["*@short.net"]) with { Retry = [TimeSpan.FromSeconds(30)] }, Route("all")));
        hall.Relay.Answer(Results.Greylisted);
        await hall.AcceptAsync("a@short.net", "b@long.net");
        await hall.RunAsync();
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal(Start.AddSeconds(30), hall.Store.Recipients[0].DueAt);
        Assert.InRange(hall.Store.Recipients[1].DueAt, Start.AddMinutes(4.5), Start.AddMinutes(5.5));
        Assert.Equal(["short", "all"], hall.Events(EventKind.Attempted).Select(fact => fact.Route));
    }

    [Fact]
    public async Task ResultThatMeetsAFullDisk_IsWrittenWhenThereIsRoom()
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(Results.Failed);
        await hall.AcceptAsync("b@example.net");
        hall.Store.FailNext(StoreHealth.Full);
        await hall.RunWorkersAsync();
        Assert.Equal(RecipientState.Active, hall.Only.State);
        while (hall.Store.Recipients[0].State == RecipientState.Active)
        {
            hall.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        Assert.Equal(RecipientOutcome.Failed, hall.Store.Recipients[0].Outcome);
        Assert.Equal("sender@example.org", hall.Store.Recipients[1].Address.ToString());
    }
}
