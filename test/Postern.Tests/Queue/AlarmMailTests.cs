using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class AlarmMailTests
{
    static readonly CancellationToken None = CancellationToken.None;
    static readonly TimeSpan Settled = TimeSpan.FromMinutes(1);
    static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    /// <summary>Mail of the postmaster goes out through a transport of its own.</summary>
    static MailHall Hall(string? postmaster = "ops@example.org") => new(OptionsOf(
        Route("ops", to: ["ops@example.org"], via: ["alerts"]), Route("all")) with
    {
        Inbound = new InboundOptions { Postmaster = postmaster },
    });

    static ValueTask RaiseAsync(MailHall hall, string subject = "relay") =>
        hall.Queue.RaiseAlarmAsync("login", subject, "535 no 비밀번호\r\nBcc: x", "mend the password");

    /// <summary>What housekeeping does every second.</summary>
    static async Task LookAsync(MailHall hall)
    {
        await hall.Queue.TellAlarmsAsync(None);
        await hall.RunAsync();
    }

    static string SubjectOf(string content) => content.Split("\r\n")
        .Single(line => line.StartsWith("Subject: ", StringComparison.Ordinal))["Subject: ".Length..];

    [Fact]
    public async Task AnAlarm_IsToldOnce_AndOnceThatItIsOver()
    {
        await using var hall = Hall();
        await RaiseAsync(hall);
        await LookAsync(hall);
        Assert.Empty(hall.Ways["alerts"].Contents);

        hall.Clock.Advance(Settled);
        for (var i = 0; i < 3; i++)
        {
            await LookAsync(hall);
            hall.Clock.Advance(Every);
        }
        var letter = Assert.Single(hall.Ways["alerts"].Contents);
        Assert.Equal("Alarm: login relay", SubjectOf(letter));
        Assert.DoesNotContain("\r\nBcc:", letter, StringComparison.Ordinal);
        foreach (var part in (string[])["\r\nTo: ops@example.org\r\n", "since 2026-01-02 03:04:05Z",
            "Mend: mend the password", "Auto-Submitted: auto-generated"])
            Assert.Contains(part, letter, StringComparison.Ordinal);
        Assert.True(hall.Ways["alerts"].Attempts[0].Sender.IsNull);

        await hall.Queue.ClearAlarmAsync("login", "relay");
        for (var i = 0; i < 3; i++)
        {
            await LookAsync(hall);
            hall.Clock.Advance(Every);
        }
        Assert.Equal(["Alarm: login relay", "Alarm over: login relay"],
            hall.Ways["alerts"].Contents.Select(SubjectOf));
        Assert.Contains("since 2026-01-02 03:04:05Z", hall.Ways["alerts"].Contents[1],
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAlarmThatComesAndGoes_IsOneMailInTenMinutesAtMost()
    {
        await using var hall = Hall();
        for (var second = 0; second < 7200; second++)
        {
            if (second % 180 == 0)
                await RaiseAsync(hall);
            if (second % 180 == 90)
                await hall.Queue.ClearAlarmAsync("login", "relay");
            await hall.Queue.TellAlarmsAsync(None);
            hall.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        await hall.RunAsync();
        Assert.InRange(hall.Ways["alerts"].Contents.Count, 2, 12);
    }

    [Fact]
    public async Task AnAlarmOfSeconds_IsNotTold()
    {
        await using var hall = Hall();
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled - TimeSpan.FromSeconds(1));
        await LookAsync(hall);
        await hall.Queue.ClearAlarmAsync("login", "relay");
        hall.Clock.Advance(Every);
        await LookAsync(hall);
        Assert.Empty(hall.Ways["alerts"].Contents);
    }

    [Fact]
    public async Task ManyAtOnce_ShareAMail_ThatNamesAHundred()
    {
        await using var hall = Hall();
        for (var i = 0; i < 120; i++)
            await RaiseAsync(hall, $"relay{i}");
        hall.Clock.Advance(Settled);
        await LookAsync(hall);
        var letter = Assert.Single(hall.Ways["alerts"].Contents);
        Assert.Equal("120 alarms", SubjectOf(letter));
        Assert.Contains("And 20 more.", letter, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAPostmaster_NothingIsSent()
    {
        await using var hall = Hall(postmaster: null);
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled);
        await LookAsync(hall);
        Assert.Empty(hall.Store.Recipients);
    }

    [Fact]
    public async Task WithoutARouteToThePostmaster_NothingIsSent_AndNoAlarmComesOfIt()
    {
        await using var hall = new MailHall(OptionsOf(Route("other", to: ["*@other.org"])) with
        {
            Inbound = new InboundOptions { Postmaster = "ops@example.org" },
        });
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled);
        await LookAsync(hall);
        Assert.Empty(hall.Store.Recipients);
        Assert.Single(hall.Alarms.Raised);
    }

    [Fact]
    public async Task APostmasterBehindARouteOfInboundMail_IsToldThere()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("in", to: ["*@example.org"], via: ["script"]) with { Accepts = MailDoors.Mx }) with
        {
            Inbound = new InboundOptions { Postmaster = "ops@example.org" },
        });
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled);
        await LookAsync(hall);
        Assert.Single(hall.Ways["script"].Contents);
    }

    [Fact]
    public async Task ACrashAfterTheCommit_TellsNothingTwice()
    {
        var hall = Hall();
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled);
        await hall.Queue.TellAlarmsAsync(None);
        await using var next = await hall.CrashAsync();
        next.Alarms.Restore(await next.Store.ReadObjectsAsync(AlarmBoard.ObjectKind, None));
        await LookAsync(next);
        Assert.Single(next.Store.Recipients);
        await next.Queue.ClearAlarmAsync("login", "relay");
        await LookAsync(next);
        Assert.Equal(2, next.Store.Recipients.Count);
    }

    [Fact]
    public async Task ACommitThatFails_IsToldLater_OnAFullDiskAtOnce()
    {
        await using var hall = Hall();
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled);
        hall.Store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(async () => await hall.Queue.TellAlarmsAsync(None));
        Assert.Empty(hall.Store.Recipients);
        hall.Store.Health = StoreHealth.Full;
        await LookAsync(hall);
        Assert.Single(hall.Store.Recipients);
    }

    [Fact]
    public async Task AMailThatFails_IsNobodysBounce_AndItsOwnTroubleIsNotTold()
    {
        await using var hall = Hall();
        await RaiseAsync(hall);
        hall.Clock.Advance(Settled);
        await LookAsync(hall);
        hall.Ways["alerts"].Answer(Results.Uncertain, Results.Uncertain, Results.Failed);
        await hall.Queue.ClearAlarmAsync("login", "relay");
        hall.Clock.Advance(Every);
        await LookAsync(hall);
        var second = hall.Store.Recipients[1];
        await hall.PassAsync(TimeSpan.FromMinutes(20));
        Assert.True(hall.Alarms.IsRaised("uncertain", second.Message.ToString()));
        await LookAsync(hall);
        Assert.Equal(2, hall.Store.Recipients.Count);

        await hall.PassAsync(TimeSpan.FromMinutes(20));
        await LookAsync(hall);
        Assert.Equal(RecipientOutcome.Failed, hall.Store.Recipients[1].Outcome);
        Assert.Equal(2, hall.Store.Recipients.Count);
        Assert.Empty(hall.Events(EventKind.BouncedToSender));
    }
}
