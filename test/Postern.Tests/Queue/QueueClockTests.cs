using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>The wall clock jumps while mail waits: nothing is lost, hurried, held up or expired.</summary>
public sealed class QueueClockTests
{
    static readonly CancellationToken None = CancellationToken.None;

    readonly JumpingClock clock = new(Start);

    /// <summary>Seconds: a second, an hour, a day, ten years, and back to 1970.</summary>
    public static TheoryData<long> Jumps =>
        [1, -1, 3600, -3600, 86400, -86400, 3652L * 86400, -(Start.ToUnixTimeSeconds() - 60)];

    /// <summary>A hall with one recipient, whom the next hop goes on deferring.</summary>
    async ValueTask<MailHall> DeferredAsync()
    {
        var hall = new MailHall(clock: clock);
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.SendAsync("a@example.org");
        return hall;
    }

    /// <summary>As housekeeping does each second, and each half minute.</summary>
    static async Task TickAsync(MailHall hall)
    {
        hall.Queue.WatchClock();
        QueueId? after = default(QueueId);
        while (after is { } key)
            after = await hall.Queue.LookAtOldAsync(key, None);
    }

    static async Task PassAsync(MailHall hall, int minutes, Action? eachMinute = null)
    {
        for (; minutes > 0; minutes--)
        {
            await hall.PassAsync(TimeSpan.FromMinutes(1));
            await TickAsync(hall);
            eachMinute?.Invoke();
        }
    }

    [Theory]
    [MemberData(nameof(Jumps))]
    public async Task Jump_WhileMailWaits_LosesHurriesAndExpiresNothing(long seconds)
    {
        await using var hall = await DeferredAsync();
        await PassAsync(hall, 3);
        var due = hall.Only.DueAt;
        Assert.Equal(RecipientState.Deferred, hall.Only.State);

        clock.Jump(TimeSpan.FromSeconds(seconds));
        await hall.RunAsync();
        await TickAsync(hall);
        Assert.Single(hall.Relay.Attempts);
        Assert.Equal(due, hall.Only.DueAt);
        var after = await hall.AcceptAsync("b@example.net");
        Assert.NotEqual(hall.Store.Recipients[0].Message, after);
        var attempts = 0;
        await PassAsync(hall, 60, () =>
        {
            Assert.InRange(hall.Relay.Attempts.Count - attempts, 0, 4);
            attempts = hall.Relay.Attempts.Count;
        });

        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Deferred, row.State));
        // By the curve: about 5, 10, 20 and 40 minutes; the first one of the first has been before.
        Assert.InRange(hall.Relay.Attempts.Count, 8, 10);
        Assert.Equal(Math.Abs(seconds) > 5 ? 1 : 0, hall.Events(EventKind.AlarmRaised).Count());
        hall.Relay.Otherwise = Results.Relayed;
        await PassAsync(hall, 70);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
        Assert.Empty(hall.Alarms.Raised);
    }

    [Theory]
    [MemberData(nameof(Jumps))]
    public async Task LifetimeOf_MailBeforeAndAfterAJump_IsItsOwn(long seconds)
    {
        await using var hall = await DeferredAsync();
        clock.Jump(TimeSpan.FromSeconds(seconds));
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await TickAsync(hall);

        clock.Advance(TimeSpan.FromDays(5) - TimeSpan.FromMinutes(1));
        await TickAsync(hall);
        Assert.Empty(hall.Events(EventKind.Expired));
        // After a small step back, what came before it cannot be told from what came later: it is younger.
        var younger = seconds is < 0 and >= -86400 ? -seconds : 0;
        clock.Advance(TimeSpan.FromMinutes(2) + TimeSpan.FromSeconds(younger));
        await TickAsync(hall);
        Assert.Equal(2, hall.Events(EventKind.Expired).Count());
    }

    [Fact]
    public async Task NothingExpires_WithinAnHourOfAJump()
    {
        await using var hall = await DeferredAsync();
        clock.Advance(TimeSpan.FromDays(5) - TimeSpan.FromMinutes(1));
        clock.Jump(TimeSpan.FromHours(1));
        await TickAsync(hall);
        clock.Advance(TimeSpan.FromMinutes(59));
        await TickAsync(hall);
        Assert.Empty(hall.Events(EventKind.Expired));
        clock.Advance(TimeSpan.FromMinutes(2));
        await TickAsync(hall);
        Assert.Single(hall.Events(EventKind.Expired));
    }

    [Theory]
    [MemberData(nameof(Jumps))]
    public async Task Restart_AfterAJump_CountsOn(long seconds)
    {
        var hall = await DeferredAsync();
        clock.Jump(TimeSpan.FromSeconds(seconds));
        await TickAsync(hall);
        await using var next = await hall.CrashAsync();
        await CheckAfterRestartAsync(next);
    }

    /// <summary>Years ahead are not among them: nobody can tell them from years of standing still.</summary>
    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    [InlineData(86400)]
    [InlineData(-86400)]
    [InlineData(-1767322800)]
    public async Task Jump_WhileNothingRuns_HoldsUpNoMail(long seconds)
    {
        var hall = await DeferredAsync();
        clock.Jump(TimeSpan.FromSeconds(seconds));
        hall.Store.Crash();
        await using var next = new MailHall(hall.Options, hall.Disk, clock);
        next.Relay.Otherwise = Results.Relayed;
        await next.StartAsync();
        await next.PassAsync(RetrySchedule.DelayMax * 1.2);
        Assert.Equal(RecipientOutcome.Relayed, next.Only.Outcome);
    }

    [Theory]
    [MemberData(nameof(Jumps))]
    public async Task Clock_SetRightWhileNothingRuns_ExpiresNothing(long seconds)
    {
        var hall = await DeferredAsync();
        clock.Jump(TimeSpan.FromSeconds(seconds));
        await TickAsync(hall);
        clock.Jump(TimeSpan.FromSeconds(-seconds));
        await using var next = await hall.CrashAsync();
        await CheckAfterRestartAsync(next);
    }

    static async Task CheckAfterRestartAsync(MailHall hall)
    {
        await TickAsync(hall);
        await hall.RunAsync();
        Assert.Equal(RecipientState.Deferred, hall.Only.State);
        await hall.PassAsync(RetrySchedule.DelayMin * 1.2);
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task DueTime_IsShownAsTheWallClockWillShowIt()
    {
        await using var hall = await DeferredAsync();
        var due = hall.Only.DueAt;
        Assert.Equal(due, hall.Queue.ToWall(due));
        clock.Jump(TimeSpan.FromDays(1));
        await TickAsync(hall);
        Assert.Equal(due.AddDays(1), hall.Queue.ToWall(due));
    }

    [Fact]
    public void ClockThatJumpsAllTheTime_IsBounded()
    {
        var time = new QueueClock(clock);
        var last = 0;
        for (var i = 0; i < 100; i++)
        {
            clock.Jump(TimeSpan.FromMinutes(1));
            Assert.True(time.TryNoteJump(out var jump, out var row));
            Assert.Equal(TimeSpan.FromMinutes(1), jump);
            last = row!.Json!.Value.Length;
        }
        Assert.InRange(last, 1, 4096);
        Assert.Equal(Start, time.Now);
    }
}

/// <summary>A clock whose wall time jumps while its monotonic time goes on.</summary>
sealed class JumpingClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    TimeSpan ahead;

    public void Jump(TimeSpan by) => ahead += by;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ahead;

    public override long GetTimestamp() => base.GetUtcNow().UtcTicks;
}
