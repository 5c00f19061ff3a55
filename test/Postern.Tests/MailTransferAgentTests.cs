using System.Buffers;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Configuration;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests;

/// <summary>The whole agent with its own threads; what it does is awaited by its commits.</summary>
public sealed class MailTransferAgentTests : IAsyncLifetime
{
    readonly TemporaryDirectory directory = new();
    readonly FakeTimeProvider clock = new(Start);
    readonly MemoryDisk disk = new();
    readonly Dictionary<string, ScriptedTransport> ways = [];
    readonly SemaphoreSlim commits = new(0);
    readonly CancellationTokenSource patience = new(TimeSpan.FromSeconds(30), TimeProvider.System);
    MailTransferAgent? agent;
    MemoryStore store = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (agent is not null)
            await StopAsync();
        patience.Dispose();
        commits.Dispose();
        directory.Dispose();
    }

    PosternOptions Quiet(PosternOptions options) =>
        options with { Log = new LogOptions { File = directory.PathOf("log") } };

    /// <param name="first">How the first commit ends; null: well.</param>
    async Task<MailTransferAgent> StartAsync(PosternOptions options, StoreHealth? first = null)
    {
        store = new MemoryStore(disk) { Applied = () => commits.Release() };
        if (first is { } failure)
            store.FailNext(failure);
        var parts = new AgentParts(clock, new Random(1), NullLoggerFactory.Instance, new Metrics(),
            (name, _) => ways[name] = ways.GetValueOrDefault(name) ?? new(name), new FakeResolver());
        return agent = await MailTransferAgent.StartAsync(Quiet(options), store, parts, patience.Token);
    }

    async Task StopAsync()
    {
        var stop = agent!.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        while (!stop.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
        await stop;
        await agent.DisposeAsync();
        agent = null;
    }

    /// <summary>Waits for the commit after which it holds. A time-out is missing evidence.</summary>
    async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
            await commits.WaitAsync(patience.Token);
    }

    async Task<string> SendAsync(string recipient)
    {
        var door = agent!.OpenDoor(new ListenOptions { On = "127.0.0.1:587", For = ListenFor.Submission });
        var session = new SessionFacts
        {
            Listener = "submission-587",
            Kind = ListenerKind.Submission,
            Remote = new IPEndPoint(IPAddress.Loopback, 1),
            Local = new IPEndPoint(IPAddress.Loopback, 587),
            StartedAt = clock.GetUtcNow(),
        };
        await door.ConnectAsync(session, patience.Token);
        var transaction = new MailTransaction(new ReversePath(Mailbox("a@example.org")), MailParameters.None);
        var to = new EnvelopeRecipient(new ForwardPath(Mailbox(recipient)), RcptParameters.None);
        if (await door.RcptAsync(session, transaction, to, patience.Token) is { } refusal)
            return $"{refusal.Code}";
        await using var sink = await door.OpenContentAsync(session, transaction, patience.Token);
        await sink
            .WriteAsync(new ReadOnlySequence<byte>("Subject: x\r\n\r\nbody\r\n"u8.ToArray()), patience.Token);
        return $"{(await door.AcceptAsync(session, transaction, sink, patience.Token)).Code}";
    }

    /// <summary>What is done may be swept already: its event stays.</summary>
    bool AllDone() => store.Recipients.All(row => row.State == RecipientState.Done)
        && store.Events.Any(fact => fact.Kind == EventKind.Relayed);

    [Fact]
    public async Task Mail_IsAcceptedAndRelayed()
    {
        await StartAsync(OptionsOf(Route("all")));
        Assert.Equal("250", await SendAsync("b@example.net"));
        await UntilAsync(AllDone);
        Assert.Single(ways["relay"].Attempts);
    }

    [Fact]
    public async Task Greylist_KnowsAfterARestart_WhoCameAgain()
    {
        var options = OptionsOf(Route("in") with { Accepts = MailDoors.Mx }) with
        {
            Inbound = new InboundOptions
            {
                Checks = [],
                Greylist = new GreylistOptions { Wait = TimeSpan.FromMinutes(5) },
            },
        };
        await StartAsync(options);
        Assert.Equal(451, await AskAsync("a@sender.example"));
        // What is refused is written, too, by the round of each second.
        while ((await store.ReadObjectsAsync(Greylist.ObjectKind, patience.Token)).Count == 0)
        {
            patience.Token.ThrowIfCancellationRequested();
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
        await StopAsync();
        await StartAsync(options);
        clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(250, await AskAsync("a@sender.example"));
        await StopAsync();
        await StartAsync(options);
        Assert.Equal(250, await AskAsync("other@sender.example"));
    }

    /// <summary>A client of the mx listener; what it is told at RCPT.</summary>
    async Task<int> AskAsync(string sender)
    {
        var door = agent!.OpenDoor(new ListenOptions { On = "127.0.0.1:25", For = ListenFor.Mx });
        var session = new SessionFacts
        {
            Listener = "mx-25",
            Kind = ListenerKind.Mx,
            Remote = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 1),
            Local = new IPEndPoint(IPAddress.Loopback, 25),
            StartedAt = clock.GetUtcNow(),
        };
        Assert.Null(await door.ConnectAsync(session, patience.Token));
        var transaction = new MailTransaction(new ReversePath(Mailbox(sender)), MailParameters.None);
        var to = new EnvelopeRecipient(new ForwardPath(Mailbox("b@example.net")), RcptParameters.None);
        return (await door.RcptAsync(session, transaction, to, patience.Token))?.Code ?? 250;
    }

    [Fact]
    public async Task Recovery_OnAFullDisk_IsMadeAgain()
    {
        var options = OptionsOf(Route("all"));
        await using (var before = new MailHall(options, disk, clock))
        {
            before.Relay.Holds = true;
            await before.AcceptAsync("b@example.net");
            await before.RunWorkersAsync();
            before.Store.Crash();
        }
        await StartAsync(options, StoreHealth.Full);
        while (store.Recipients[0].State == RecipientState.Active)
        {
            patience.Token.ThrowIfCancellationRequested();
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
        // On a busy machine the clock may have come to its next attempt already.
        Assert.Equal(1, store.Recipients[0].Uncertain);
    }

    [Fact]
    public async Task DeferredMail_IsAttemptedAgainWhenTheClockSaysSo()
    {
        await StartAsync(OptionsOf(Route("all") with { Retry = [TimeSpan.FromSeconds(30)] }));
        ways["relay"].Answer(Results.Greylisted);
        await SendAsync("b@example.net");
        await UntilAsync(() => store.Recipients[0].State == RecipientState.Deferred);
        clock.Advance(TimeSpan.FromSeconds(30));
        // The pump may have set its timer just before: its shortest sleep must pass too.
        while (!AllDone())
        {
            patience.Token.ThrowIfCancellationRequested();
            clock.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
        Assert.Equal(2, ways["relay"].Attempts.Count);
    }

    [Fact]
    public async Task Restart_GoesOnWithWhatWaits_AndTakesBackWhatWasActive()
    {
        await StartAsync(OptionsOf(Route("all")));
        ways["relay"].Answer(Results.Greylisted);
        await SendAsync("b@example.net");
        await UntilAsync(() => store.Recipients[0].State == RecipientState.Deferred);
        await StopAsync();

        await StartAsync(OptionsOf(Route("all")));
        clock.Advance(TimeSpan.FromMinutes(10));
        await UntilAsync(AllDone);
    }

    [Fact]
    public async Task Stop_CutsAttemptsOffAtTheLimit_AndClosesEverything()
    {
        await StartAsync(OptionsOf(Route("all")));
        ways["relay"].Holds = true;
        await SendAsync("b@example.net");
        await StopAsync();
        Assert.NotEqual(RecipientState.Active, Assert.Single(store.Recipients).State);
        Assert.True(ways["relay"].IsDisposed);
        await new MemoryStore(disk).DisposeAsync();
    }

    [Fact]
    public async Task Reload_TakesOverRoutes_AndNamesWhatNeedsARestart()
    {
        await StartAsync(OptionsOf(Route("only", to: ["*@one.net"])));
        Assert.Equal("550", await SendAsync("b@two.net"));
        var needRestart = await agent!.ReloadAsync(
            OptionsOf(Route("all")) with
            {
                Listen = [new ListenOptions { On = "127.0.0.1:1" }],
                Data = "/elsewhere",
                Telemetry = new TelemetryOptions { Otlp = "http://127.0.0.1:1" },
            },
            patience.Token);
        Assert.Equal(["listen", "data", "log", "telemetry"], needRestart);
        Assert.Equal("250", await SendAsync("b@two.net"));
        await UntilAsync(AllDone);
        Assert.Empty(agent.Options.Listen);
    }

    [Fact]
    public async Task Reload_WithANewRoute_PicksUpMailThatHadNone()
    {
        await StartAsync(OptionsOf(Route("all") with { Retry = [TimeSpan.FromSeconds(30)] }));
        ways["relay"].Answer(Results.Greylisted);
        await SendAsync("b@example.net");
        await UntilAsync(() => store.Recipients[0].State == RecipientState.Deferred);
        await agent!
            .ReloadAsync(Quiet(OptionsOf(Route("other", to: ["*@other.org"], via: ["new"]))), patience.Token);
        clock.Advance(TimeSpan.FromSeconds(30));
        // The pump, on its own thread, may have been about to set its timer when that time passed.
        agent.Queue.Dispatcher.LookEverywhere();
        await UntilAsync(
            () => agent.Alarms.IsRaised("no-route", "example.net") && store.Recipients[0].Lane.Length == 0);
        await agent.ReloadAsync(Quiet(OptionsOf(Route("all", via: ["new"]))), patience.Token);
        await UntilAsync(AllDone);
        Assert.Single(ways["new"].Attempts);
    }

    [Fact]
    public async Task Reload_WithoutATransport_EndsItsAlarm()
    {
        ways["relay"] = new("relay") { Otherwise = Results.LoginRefused };
        await StartAsync(OptionsOf(Route("all")));
        await SendAsync("b@example.net");
        await UntilAsync(() => agent!.Alarms.IsRaised("login", "relay"));
        await agent!.ReloadAsync(Quiet(OptionsOf(Route("all", via: ["new"]))), patience.Token);
        await UntilAsync(AllDone);
        while (agent.Alarms.Count > 0)
        {
            patience.Token.ThrowIfCancellationRequested();
            clock.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
        Assert.Single(ways["new"].Attempts);
    }

    [Fact]
    public async Task Start_WithATopicThatIsMissing_RaisesTheAlarmWithoutMail_UntilItIsThere()
    {
        ways["relay"] = new("relay")
        {
            Finding = new TransportFinding.Wrong(new AlarmNotice("topic", "it is missing", "create it")),
        };
        await StartAsync(OptionsOf(Route("all")));
        await UntilAsync(() => agent!.Alarms.IsRaised("topic", "relay"));
        Assert.Empty(ways["relay"].Attempts);
        ways["relay"].Finding = new TransportFinding.Well(["topic"]);
        // The next look may not be due yet: its timer is set after the commit of the alarm.
        while (agent!.Alarms.IsRaised("topic", "relay"))
        {
            patience.Token.ThrowIfCancellationRequested();
            clock.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
        Assert.Equal(2, ways["relay"].Checks);
    }

    [Fact]
    public async Task Housekeeping_TellsThePostmasterOfAnAlarm_AndTheSenderOfADelay()
    {
        await StartAsync(OptionsOf(
            Route("ops", to: ["ops@example.org"], via: ["alerts"]),
            Route("all", to: ["*@example.net"]) with { DelayWarning = TimeSpan.FromSeconds(40) },
            Route("back", via: ["alerts"])) with
        {
            Inbound = new InboundOptions { Postmaster = "ops@example.org" },
        });
        ways["relay"].Otherwise = Results.LoginRefused;
        await SendAsync("b@example.net");
        // Days pass here while one mail is written, and others may come in between.
        foreach (var line in (string[])["Subject: Alarm: login relay\r\n", "Action: delayed\r\n"])
            while (!ways["alerts"].Contents.Any(mail => mail.Contains(line, StringComparison.Ordinal)))
            {
                patience.Token.ThrowIfCancellationRequested();
                clock.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }
    }

    [Fact]
    public async Task Alarms_OfAnEarlierLife_StandAgain()
    {
        await StartAsync(OptionsOf(Route("all")));
        ways["relay"].Answer(Results.LoginRefused);
        await SendAsync("b@example.net");
        await UntilAsync(() => store.Recipients[0].UnderAlarm);
        // While it stops the clock runs: no probe may succeed meanwhile.
        ways["relay"].Holds = true;
        await StopAsync();
        await StartAsync(OptionsOf(Route("all")));
        Assert.True(agent!.Alarms.IsRaised("login", "relay"));
    }
}
