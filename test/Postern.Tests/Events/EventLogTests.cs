using System.Text;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Tests.Events;

public sealed class EventLogTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(LogFormat.Console)]
    [InlineData(LogFormat.Json)]
    [InlineData(LogFormat.Postfix)]
    public async Task EveryFact_MatchesItsGoldenFile(LogFormat format)
    {
        var kinds = Enum.GetValues<EventKind>()
            .Where(k => k is not (EventKind.Delivered or EventKind.Failed)).ToArray();
        var text = await WriteAsync(format, log =>
        {
            var session = SampleEvents.Session();
            log.Connected(session);
            log.Refused(session, new MailTransaction(default, MailParameters.None), "RCPT",
                "TO:<\"a>\"@in.example> NOTIFY=NEVER",
                new Reply(550, new EnhancedStatus(5, 1, 1), "no such user\e[2J"));
            log.Refused(session, null, "AUTH", "PLAIN AHNob3AAc2VjcmV0",
                new Reply(535, new EnhancedStatus(5, 7, 8), "wrong"));
            log.Ended(session, SessionEnd.TimedOut);
        }, [.. kinds.Select(SampleEvents.Of)]);
        Assert.DoesNotContain("AHNob3AAc2VjcmV0", text, StringComparison.Ordinal);
        Assert.DoesNotContain("cGFzc3dvcmQ", text, StringComparison.Ordinal);
        GoldenFile.Check($"log.{format.ToString().ToLowerInvariant()}.txt", text);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(4, "0")]
    [InlineData(5, "0.01")]
    [InlineData(50, "0.05")]
    [InlineData(104, "0.1")]
    [InlineData(996, "1")]
    [InlineData(1249, "1.2")]
    [InlineData(9960, "10")]
    [InlineData(12_500, "13")]
    [InlineData(123_456, "123")]
    [InlineData(-5, "0")]
    public void Delay_HasTwoSignificantDigits(int ms, string expected) =>
        Assert.Equal(expected, PostfixDelay.Format(TimeSpan.FromMilliseconds(ms)));

    [Fact]
    public async Task Postfix_LastOfTwoRecipientsDone_WritesRemovedOnce()
    {
        var text = await WriteAsync(LogFormat.Postfix, _ => { },
            SampleEvents.Of(EventKind.Accepted) with
            {
                RecipientCount = 2,
                Recipient = null,
                RecipientAddress = null
            },
            SampleEvents.Of(EventKind.Relayed),
            SampleEvents.Of(EventKind.Attempted) with { Recipient = 2 },
            SampleEvents.Of(EventKind.Failed) with { Recipient = 2 },
            SampleEvents.Of(EventKind.DeadLettered) with { Recipient = 2 });
        Assert.Equal(1, text.Split(": removed\n").Length - 1);
        Assert.EndsWith(": removed\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Postfix_MessageOfAnEarlierProcess_IsRestoredFromItsEvents()
    {
        StoredEvent[] earlier =
        [
            new(1, SampleEvents.Of(EventKind.Accepted) with { RecipientCount = 2 }),
            new(2, SampleEvents.Of(EventKind.Relayed)),
        ];
        var last = new StoredEvent(3, SampleEvents.Of(EventKind.Relayed) with { Recipient = 2 });
        var later = new StoredEvent(4, SampleEvents.Of(EventKind.Failed) with
        {
            Recipient = 2,
            Facts = null
        });
        var text = await WriteAsync(LogFormat.Postfix, _ => { }, [last, later], [.. earlier, last, later]);
        Assert.Equal(1, text.Split("status=sent").Length - 1);
        Assert.Equal(1, text.Split(": removed\n").Length - 1);
        Assert.Contains("event=failed", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "status=expired, returned to sender")]
    [InlineData("admin", "status=force-expired, returned to sender")]
    public async Task Postfix_ExpiredRecipient_WritesTheQueueManagersLine(string? actor, string expected)
    {
        var text = await WriteAsync(LogFormat.Postfix, _ => { },
            SampleEvents.Of(EventKind.Accepted), SampleEvents.Of(EventKind.Expired) with { Actor = actor });
        Assert.Contains($"postfix/qmgr[4711]: {SampleEvents.Id}: from=<app@example.org>, {expected}\n", text,
            StringComparison.Ordinal);
        Assert.EndsWith($"postfix/qmgr[4711]: {SampleEvents.Id}: removed\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Postfix_AnyPeerText_StaysOneLine() => HostileText.Gen.Sample(hostile =>
    {
        foreach (var format in Enum.GetValues<LogFormat>())
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            var session = SampleEvents.Session();
            session.Helo = hostile;
            var lines = LineFormat.Of(Settings(format), TimeZoneInfo.Utc);
            lines.Event(output, new StoredEvent(1,
                SampleEvents.Of(EventKind.Failed) with { Reply = hostile, RecipientAddress = hostile }),
                default);
            lines.Refused(output, new SessionRefusal(session, null, "RCPT", hostile,
                new Reply(550, null, hostile), SampleEvents.At));
            var text = Encoding.UTF8.GetString(output.WrittenSpan);
            Assert.Equal(2, text.Count(c => c == '\n'));
            Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n');
        }
    }, iter: 300);

    [Fact]
    public async Task BrokenFile_GoesToStandardErrorAndSaysSoOnce()
    {
        var error = new MemoryStream();
        var log = new EventLog(Settings(LogFormat.Console), Clock(), () => throw new IOException("no space"),
            error);
        await log.RunAsync(Stream([new(1, SampleEvents.Of(EventKind.Accepted)),
            new(2, SampleEvents.Of(EventKind.Relayed))]),
            (_, _) => new([]), Cancel);
        await log.DisposeAsync();
        var text = Encoding.UTF8.GetString(error.ToArray());
        Assert.Equal(1, text.Split("the log cannot be written (no space)").Length - 1);
        Assert.Contains("relayed", text, StringComparison.Ordinal);
    }

    /// <summary>A day for pflogsumm: 3 received, 3 delivered (1 after a deferral), 1 bounced, 2
    /// rejected.</summary>
    [Fact]
    public async Task Postfix_ADay_MatchesItsGoldenFile()
    {
        var events = new List<MailEvent>();
        for (var i = 0; i < 3; i++)
        {
            var id = new QueueId(SampleEvents.Id.Value + (i << 12));
            MailEvent At(EventKind kind, int minutes) =>
                SampleEvents.Of(kind) with
                {
                    Message = id,
                    At = SampleEvents.At.AddHours(i).AddMinutes(minutes)
                };
            events.Add(At(EventKind.Accepted, 0) with { RecipientCount = i == 2 ? 2 : 1 });
            if (i == 1)
                events.Add(At(EventKind.Attempted, 1));
            events.Add(At(EventKind.Relayed, 6));
            if (i == 2)
                events.Add(At(EventKind.Failed, 7) with
                {
                    Recipient = 2,
                    RecipientAddress = "gone@dest.example"
                });
        }
        events.Add(SampleEvents.Of(EventKind.BouncedToSender) with
        {
            Message = events[^1].Message,
            At = events[^1].At
        });
        var text = await WriteAsync(LogFormat.Postfix, log =>
        {
            var session = SampleEvents.Session();
            var transaction = new MailTransaction(default, MailParameters.None);
            log.Connected(session);
            log.Refused(session, transaction, "RCPT", "TO:<a@in.example>",
                new Reply(550, new EnhancedStatus(5, 1, 1), "no such user"));
            log.Refused(session, transaction, "RCPT", "TO:<b@far.example>",
                new Reply(550, new EnhancedStatus(5, 7, 1), "Relay access denied"));
            log.Ended(session, SessionEnd.Quit);
        }, [.. events]);
        GoldenFile.Check("postfix-day.log", text);
    }

    [Theory]
    [InlineData(LogFormat.Console)]
    [InlineData(LogFormat.Json)]
    [InlineData(LogFormat.Postfix)]
    public async Task Masked_NamesNobody_InNoFormat(LogFormat format)
    {
        var output = new MemoryStream();
        var settings = Settings(format) with { Addresses = ShownAddresses.Masked };
        var log = new EventLog(settings, Clock(), () => output, System.IO.Stream.Null);
        Assert.True(Mailbox.TryParse("sender@far.example", out var sender));
        Assert.True(Mailbox.TryParse("target@in.example", out var target));
        var session = SampleEvents.Session();
        session.UserName = "robot@in.example";
        var transaction = new MailTransaction(new ReversePath(sender), MailParameters.None);
        log.Sessions.Connected(session);
        log.Sessions.Refused(session, transaction, "RCPT", "TO:<target@in.example>",
            new Reply(550, new EnhancedStatus(5, 1, 1), $"<{target}>: no such user"));
        log.Sessions.Refused(session, transaction, "DATA", "", new Reply(554, null, "no"));
        log.Sessions.Ended(session, SessionEnd.TimedOut);
        var events = Enum.GetValues<EventKind>().Select(kind => SampleEvents.Of(kind) with
        {
            Reply = "550 <target@in.example> is unknown",
            Actor = "robot@in.example",
        });
        await log.RunAsync(
            Stream([.. events.Select((e, i) => new StoredEvent(i + 1, e))]), (_, _) => new([]), Cancel);
        await log.DisposeAsync();
        var text = Encoding.UTF8.GetString(output.ToArray());
        foreach (var name in (string[])["bob@", "app@", "sender@", "target@", "robot@"])
            Assert.DoesNotContain(name, text, StringComparison.Ordinal);
        foreach (var name in (string[])["b***@dest.example", "a***@example.org", "t***@in.example"])
            Assert.Contains(name, text, StringComparison.Ordinal);
        // Ids are what a message is looked for by; the console shows none.
        Assert.Equal(format != LogFormat.Console, text.Contains("17@example.org", StringComparison.Ordinal));
    }

    static Task<string> WriteAsync(LogFormat format, Action<SessionLog> sessions,
        params MailEvent[] events) =>
        WriteAsync(format, sessions, [.. events.Select((e, i) => new StoredEvent(i + 1, e))], []);

    static async Task<string> WriteAsync(LogFormat format, Action<SessionLog> sessions, StoredEvent[] events,
        StoredEvent[] stored)
    {
        var output = new MemoryStream();
        var log = new EventLog(Settings(format), Clock(), () => output, System.IO.Stream.Null);
        sessions(log.Sessions);
        await log.RunAsync(Stream(events), (_, _) => new(stored), Cancel);
        await log.DisposeAsync();
        return Encoding.UTF8.GetString(output.ToArray());
    }

    static async IAsyncEnumerable<StoredEvent> Stream(StoredEvent[] events)
    {
        foreach (var stored in events)
            yield return stored;
        await Task.CompletedTask;
    }

    static EventLogSettings Settings(LogFormat format) =>
        new() { Format = format, Hostname = "mx.example.org", Node = 1, ProcessId = 4711 };

    static FakeTimeProvider Clock()
    {
        var clock = new FakeTimeProvider(SampleEvents.At);
        clock.SetLocalTimeZone(TimeZoneInfo.Utc);
        return clock;
    }
}
