using System.Buffers;
using System.Net;
using System.Text;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Intake;

/// <summary>Rates and quotas of accounts, from RCPT to the store and back after a restart.</summary>
public sealed class AccountLimitsTests : IAsyncDisposable
{
    static readonly CancellationToken None = CancellationToken.None;

    static readonly PosternOptions Options = OptionsOf(Route("out")) with
    {
        Accounts = new Dictionary<string, AccountOptions>
        {
            ["relay"] = Account(quota: "3/day"),
            ["fast"] = Account(rate: "2/min"),
            ["free"] = Account(),
        },
    };

    readonly MailHall hall = new(Options);
    readonly EventLog log;
    readonly DoorSettings settings =
        new(Options, AccountDirectory.Load(Options, []), AliasTable.Load(Options, []));
    AccountLimits limits;

    public AccountLimitsTests()
    {
        log = new EventLog(
            new EventLogSettings { Hostname = "mx.example.org" }, hall.Clock, () => Stream.Null, Stream.Null);
        limits = new AccountLimits(hall.Clock);
    }

    public async ValueTask DisposeAsync()
    {
        await log.DisposeAsync();
        await hall.DisposeAsync();
    }

    static AccountOptions Account(string? rate = null, string? quota = null) => new()
    {
        Password = new Secret("env:X", "secret"),
        Rate = rate is null ? null : Read(rate),
        Quota = quota is null ? null : Read(quota),
    };

    static Rate Read(string text) =>
        Rate.TryParse(text, out var rate) ? rate : throw new FormatException(text);

    Account Named(string name) => settings.Accounts.TryFind(name, out var account) ? account : null!;

    static SessionFacts Session(string user) => new()
    {
        Listener = "test",
        Kind = ListenerKind.Submission,
        Remote = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 4321),
        Local = new IPEndPoint(IPAddress.Parse("198.51.100.1"), 587),
        StartedAt = Start,
        UserName = user,
    };

    SmtpDoor Door() => new(
        new ListenOptions { On = "127.0.0.1:587", For = ListenFor.Submission },
        new MailIntake(hall.Store, hall.Queue, new MemoryBudget(1 << 20), hall.Clock), hall.Queue,
        new Postern.Mta.Routing.InboundRoutes(hall.Store), limits, new LoginThrottle(hall.Clock),
        new HandshakeThrottle(hall.Clock), hall.Health, log.Sessions, new Metrics(), () => settings);

    /// <summary>One message to so many recipients: the replies to RCPT, and to the content if any was
    /// taken.</summary>
    async Task<string> SendAsync(string user, int recipients, Func<Task>? beforeContent = null)
    {
        var (door, session) = (Door(), Session(user));
        var transaction = new MailTransaction(new ReversePath(Mailbox("a@example.org")), MailParameters.None);
        var replies = new List<string>();
        for (var i = 0; i < recipients; i++)
        {
            var path = new ForwardPath(Mailbox($"r{i}@example.net"));
            var to = new EnvelopeRecipient(path, RcptParameters.None);
            var reply = await door.RcptAsync(session, transaction, to, None);
            if (reply is null)
                transaction.Add(to);
            replies.Add(reply is null ? "ok" : $"{reply.Code} {reply.Status}");
        }
        if (!replies.Contains("ok"))
            return string.Join(", ", replies);
        await (beforeContent?.Invoke() ?? Task.CompletedTask);
        await using var sink = await door.OpenContentAsync(session, transaction, None);
        await sink.WriteAsync(
            new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes("Subject: x\r\n\r\nbody\r\n")), None);
        var final = await door.AcceptAsync(session, transaction, sink, None);
        return string.Join(", ", [.. replies, $"{final.Code} {final.Status}"]);
    }

    /// <summary>The limits of a process that starts on what the store has.</summary>
    async Task RestartAsync()
    {
        limits = new AccountLimits(hall.Clock);
        limits.Restore(await hall.Store.ReadObjectsAsync(AccountLimits.ObjectKind, None));
    }

    void Watch() => hall.Queue.WatchQuotas(name => limits.IsSpent(Named(name)));

    [Fact]
    public async Task Quota_UsedUp_Replies452AtRcpt_AndKeepsWhatWasTaken()
    {
        Assert.Equal("ok, ok, ok, 452 4.7.1, 250 2.0.0", await SendAsync("relay", 4));
        Assert.Equal("452 4.7.1", await SendAsync("relay", 1));
        await hall.RunAsync();
        Assert.Equal(3, Assert.Single(hall.Relay.Attempts).Recipients.Count);
        Assert.Equal("ok, 250 2.0.0", await SendAsync("free", 1));
    }

    [Fact]
    public async Task Quota_SurvivesARestart_AndEndsWithTheDayOfUtc()
    {
        Assert.Equal("ok, ok, 250 2.0.0", await SendAsync("relay", 2));
        await RestartAsync();
        Assert.Equal(2, limits.RecipientsToday("relay"));
        Assert.Equal("ok, 452 4.7.1, 250 2.0.0", await SendAsync("relay", 2));
        // MailHall begins at 03:04:05.
        hall.Clock.Advance(new TimeSpan(20, 55, 54));
        Assert.Equal("452 4.7.1", await SendAsync("relay", 1));
        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("ok, 250 2.0.0", await SendAsync("relay", 1));
    }

    [Fact]
    public async Task Quota_TwoSessionsAtOnce_StoreNoMoreThanIsLeft()
    {
        var second = "";
        var first = await SendAsync(
            "relay", 2, beforeContent: async () => second = await SendAsync("relay", 2));
        Assert.Equal("ok, ok, 250 2.0.0", second);
        Assert.Equal("ok, ok, 452 4.7.1", first);
        Assert.Equal(2, hall.Store.Recipients.Count);
        Assert.Equal(2, limits.RecipientsToday("relay"));
    }

    [Fact]
    public async Task Message_ThatIsNotStored_CountsForNothing()
    {
        hall.Store.FailNext(StoreHealth.Full);
        Assert.Equal("ok, ok, 452 4.3.1", await SendAsync("relay", 2));
        Assert.Equal(0, limits.RecipientsToday("relay"));
        Assert.Equal("ok, ok, ok, 250 2.0.0", await SendAsync("relay", 3));
    }

    [Fact]
    public async Task Quota_UsedUp_RaisesAnAlarm_ThatEndsWithTheDay()
    {
        await SendAsync("relay", 2);
        Assert.Empty(hall.Alarms.Raised);
        await SendAsync("relay", 1);
        await SendAsync("relay", 1);
        Watch();
        // The transport has the account's name: its success says nothing about the quota.
        await hall.RunAsync();
        var alarm = Assert.Single(hall.Alarms.Raised);
        Assert.Equal(("quota", "account relay"), (alarm.Kind, alarm.Subject));
        hall.Clock.Advance(TimeSpan.FromDays(1));
        Watch();
        Assert.Empty(hall.Alarms.Raised);
        Assert.Equal(
            [EventKind.AlarmRaised, EventKind.AlarmCleared],
            hall.Kinds.Where(kind => kind is EventKind.AlarmRaised or EventKind.AlarmCleared));
    }

    [Fact]
    public async Task Rate_Exceeded_Replies450_UntilTimeHasPassed()
    {
        Assert.Equal("ok, ok, 450 4.7.1, 250 2.0.0", await SendAsync("fast", 3));
        Assert.Equal("450 4.7.1", await SendAsync("fast", 1));
        hall.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("ok, 450 4.7.1, 250 2.0.0", await SendAsync("fast", 2));
        Assert.Empty(hall.Alarms.Raised);
    }

    [Fact]
    public async Task AccountWithoutAQuota_WritesNothing()
    {
        await SendAsync("fast", 1);
        await SendAsync("free", 1);
        Assert.Empty(await hall.Store.ReadObjectsAsync(AccountLimits.ObjectKind, None));
    }
}
