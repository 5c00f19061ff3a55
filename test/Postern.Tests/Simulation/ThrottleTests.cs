using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Events;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Simulation;

/// <summary>A provider that takes 50 messages a second and throttles the rest, for a minute.</summary>
public sealed class ThrottleTests
{
    const int CapPerSecond = 50;
    const int Seconds = 60;
    static readonly TimeSpan Step = TimeSpan.FromMilliseconds(40);

    static readonly AttemptResult Closing = new AttemptResult.NextHopDown(
        new(4, 7, 0), "421 4.7.0 too many messages, slow down", NextHopTrouble.Refusing)
    {
        SlowDown = true,
    };

    static readonly AttemptResult Deferring = new AttemptResult.Deferred(
        new(4, 7, 1), "450 4.7.1 too many messages", Blame.Message)
    {
        SlowDown = true,
    };

    [Theory]
    [InlineData("421")]
    [InlineData("450")]
    public async Task Provider_ThatCapsItsRate_GetsNearlyThatMuch_AndHardlyEverMore(string code)
    {
        var clock = new FakeTimeProvider(Start);
        var capped = new CappedRelay("relay", CapPerSecond, code == "421" ? Closing : Deferring, clock);
        var other = new CappedRelay("other", int.MaxValue, Closing, clock);
        await using var hall = new MailHall(
            OptionsOf(Route("other", to: ["*@other.net"], via: ["other"]), Route("all")),
            clock: clock, build: (name, _) => name == "other" ? other : capped);

        // 75 messages a second for the one, 5 for the other.
        for (var round = 0; clock.GetUtcNow() < Start + TimeSpan.FromSeconds(Seconds); round++)
        {
            for (var i = 0; i < 3; i++)
                await hall.AcceptAsync("b@example.net");
            if (round % 5 == 0)
                await hall.AcceptAsync("c@other.net");
            await hall.RunAsync();
            clock.Advance(Step);
            capped.AnswerDue();
            other.AnswerDue();
            await hall.RunAsync();
        }

        Assert.InRange(capped.Taken, 0.9 * CapPerSecond * Seconds, CapPerSecond * (Seconds + 1));
        Assert.InRange(capped.Refused, 1, 0.05 * (capped.Taken + capped.Refused));
        // The other route's mail never waits for anything but its answers.
        Assert.Equal(300, other.Taken);
        Assert.Equal(TimeSpan.Zero, other.LongestWait);
        Assert.DoesNotContain(EventKind.Failed, hall.Kinds);
        Assert.DoesNotContain(EventKind.BouncedToSender, hall.Kinds);
        Assert.All(hall.Dispatcher.Lanes(), lane => Assert.Null(lane.Closed));
    }
}

/// <summary>Takes so many attempts in each second of its clock and throttles the others; each answer takes 60
/// ms.</summary>
sealed class CappedRelay(string name, int perSecond, AttemptResult refusal, TimeProvider clock) : ITransport
{
    static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(60);

    readonly Queue<(DateTimeOffset At, TaskCompletionSource Waiting)> answers = new();
    long second;
    int takenThisSecond;

    public string Name => name;
    public int Taken { get; private set; }
    public int Refused { get; private set; }

    /// <summary>Between the arrival of a message and its attempt.</summary>
    public TimeSpan LongestWait { get; private set; }

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var waited = now - attempt.Message.ArrivedAt;
        LongestWait = waited > LongestWait ? waited : LongestWait;
        var result = Judge(now.ToUnixTimeSeconds());
        var waiting = new TaskCompletionSource();
        answers.Enqueue((now + Latency, waiting));
        await waiting.Task;
        return AttemptReport.ForAll(attempt, result, AttemptFacts.None);
    }

    AttemptResult Judge(long now)
    {
        takenThisSecond = now == second ? takenThisSecond : 0;
        second = now;
        if (takenThisSecond == perSecond)
        {
            Refused++;
            return refusal;
        }
        takenThisSecond++;
        Taken++;
        return Results.Relayed;
    }

    public void AnswerDue()
    {
        while (answers.TryPeek(out var next) && next.At <= clock.GetUtcNow())
            answers.Dequeue().Waiting.SetResult();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
