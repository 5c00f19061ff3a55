using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Queue;

namespace Postern.Tests.Queue;

public sealed class LearntPaceTests
{
    readonly FakeTimeProvider clock = new();
    readonly LearntPace pace;

    public LearntPaceTests() => pace = new LearntPace(clock);

    void Deliver(int count)
    {
        for (; count > 0; count--)
            pace.NoteDelivered();
    }

    Throttling Throttle() => pace.NoteThrottled(clock.GetTimestamp());

    [Fact]
    public void WithoutAThrottlingReply_NothingIsLimited()
    {
        Deliver(100);
        Assert.Null(pace.PerSecond);
        Assert.Equal(int.MaxValue, pace.Available);
        Assert.Equal(TimeSpan.Zero, pace.UntilBatch);
    }

    [Fact]
    public void ThrottlingReply_LowersToALittleLessThanWasDelivered_AndPauses()
    {
        Deliver(40);
        Assert.Equal(Throttling.Lower, Throttle());
        Assert.Equal(38, pace.PerSecond!.Value, 0.001);
        Assert.False(pace.TryTake());
        Assert.Equal(TimeSpan.FromMilliseconds(100), pace.UntilBatch);
    }

    [Fact]
    public void AfterAPause_OneAttemptGoes_UntilOneIsDelivered()
    {
        Deliver(40);
        Throttle();
        clock.Advance(pace.UntilBatch);
        Assert.True(pace.TryTake());
        Assert.False(pace.TryTake());
        Deliver(1);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, pace.Batch);
        Assert.Equal(6, pace.Available);
    }

    [Fact]
    public void Refusal_IsHeededOnceForAllThatWereUnderWay()
    {
        var before = clock.GetTimestamp();
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Throttling.Refusal, Throttle());
        Deliver(1);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Throttling.Known, pace.NoteThrottled(before));
        Assert.Null(pace.PerSecond);
    }

    [Fact]
    public void Pace_ThatGrowsFar_NeverStopsTheLane()
    {
        Deliver(40);
        Throttle();
        clock.Advance(pace.UntilBatch);
        Assert.True(pace.TryTake());
        Deliver(1);
        for (var second = 0; second < 600; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.True(pace.TryTake());
        }
        Assert.Null(pace.PerSecond);
    }

    [Fact]
    public void PausesDouble_UntilItIsARefusal()
    {
        Deliver(40);
        var pauses = new List<double>();
        while (Throttle() == Throttling.Lower)
        {
            pauses.Add(pace.UntilBatch.TotalSeconds);
            clock.Advance(pace.UntilBatch);
            Assert.True(pace.TryTake());
        }
        Assert.Equal([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4], pauses);
    }

    [Fact]
    public void NextHop_ThatTookNothingLately_Refuses()
    {
        Assert.Equal(Throttling.Refusal, Throttle());
        Deliver(40);
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Throttling.Refusal, Throttle());
    }

    [Fact]
    public void NextHop_ThatTookNothingLately_IsSparedByPausesAlone()
    {
        var pauses = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            Assert.Equal(Throttling.Refusal, Throttle());
            Assert.False(pace.TryTake());
            pauses.Add(pace.UntilBatch.TotalSeconds);
            clock.Advance(pace.UntilBatch);
            Assert.True(pace.TryTake());
        }
        Assert.Equal([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10], pauses);
        Assert.Null(pace.PerSecond);
        Deliver(1);
        Assert.Equal((false, int.MaxValue), (pace.IsLimiting, pace.Available));
    }

    [Fact]
    public void Pause_EndsByAnOperatorsWish_AndThePaceStays()
    {
        Deliver(40);
        Throttle();
        pace.EndPause();
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(pace.TryTake());
        Assert.InRange(pace.PerSecond!.Value, 38, 39);
    }

    [Fact]
    public void ReplyAboutAMessageAlone_EndsThePause_ButNotThePace()
    {
        Deliver(40);
        Throttle();
        clock.Advance(pace.UntilBatch);
        pace.NoteAnswered();
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(6, pace.Available);
        Assert.InRange(pace.PerSecond!.Value, 38, 39);
    }

    [Fact]
    public void AttemptsThatWereUnderWay_SayNothingNew()
    {
        Deliver(40);
        var before = clock.GetTimestamp();
        clock.Advance(TimeSpan.FromMilliseconds(10));
        Throttle();
        var learnt = pace.PerSecond;
        Assert.Equal(Throttling.Known, pace.NoteThrottled(before));
        Assert.Equal(learnt, pace.PerSecond);
    }

    [Fact]
    public void Pace_GrowsSlowlyAtFirst_AndIsForgottenAfterTenMinutes()
    {
        Deliver(40);
        Throttle();
        clock.Advance(TimeSpan.FromMilliseconds(100));
        Deliver(1);
        for (var i = 0; i < 5; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            _ = pace.Available;
        }
        Assert.InRange(pace.PerSecond!.Value, 38 * 1.05, 38 * 1.1);
        clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(int.MaxValue, pace.Available);
        Assert.Null(pace.PerSecond);
    }
}
