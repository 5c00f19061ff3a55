using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Queue;

public sealed class RelayHealthTests
{
    readonly FakeTimeProvider clock = new(MailHall.Start);
    readonly RelayHealth health;

    public RelayHealthTests() => health = new RelayHealth(clock);

    bool Close(AttemptResult why, long probe = 0) =>
        health.Close("relay", (AttemptResult.NextHopDown)why, probe);

    /// <summary>Closes the lane, lets probe after probe fail, and says how long each was waited
    /// for.</summary>
    List<double> WaitsBetweenProbes(AttemptResult why, int probes)
    {
        Close(why);
        var waits = new List<double>();
        for (var i = 0; i < probes; i++)
        {
            var wait = health.UntilNextProbe(["relay"])!.Value;
            waits.Add(wait.TotalSeconds);
            clock.Advance(wait - TimeSpan.FromTicks(1));
            Assert.False(health.TryClaimProbe("relay", out _));
            clock.Advance(TimeSpan.FromTicks(1));
            Assert.True(health.TryClaimProbe("relay", out var probe));
            Close(why, probe);
        }
        return waits;
    }

    [Fact]
    public void Unreachable_IsProbedAfter1And2And4And8ThenEvery10Seconds() =>
        Assert.Equal([1, 2, 4, 8, 10, 10, 10], WaitsBetweenProbes(Results.Unreachable, 7));

    [Fact]
    public void Unreachable_For15Minutes_IsProbedEvery30Seconds()
    {
        var waits = WaitsBetweenProbes(Results.Unreachable, 100);
        var late = waits.FindIndex(wait => wait > 10);
        Assert.InRange(waits[..late].Sum(), 900, 910);
        Assert.All(waits[late..], wait => Assert.Equal(30, wait));
    }

    [Fact]
    public void Refusing_IsProbedAfter30SecondsDoublingTo5Minutes() =>
        Assert.Equal([30, 60, 120, 240, 300, 300], WaitsBetweenProbes(Results.LoginRefused, 6));

    [Fact]
    public void RetryAfter_OfThePeer_IsHonoured()
    {
        Close(new AttemptResult.NextHopDown(new(4, 3, 2), "429", NextHopTrouble.Unreachable)
        {
            RetryAfter = TimeSpan.FromSeconds(77),
        });
        Assert.Equal(TimeSpan.FromSeconds(77), health.UntilNextProbe(["relay"]));
    }

    [Fact]
    public void Attempts_UnderWayWhenItClosed_DoNotMoveTheSchedule()
    {
        Assert.True(Close(Results.Unreachable));
        for (var i = 0; i < 5; i++)
            Assert.False(Close(Results.Unreachable));
        Assert.Equal(TimeSpan.FromSeconds(1), health.UntilNextProbe(["relay"]));
    }

    [Fact]
    public void Attempts_UnderWayWhenItClosed_AreNotTakenForTheProbe()
    {
        Close(Results.Unreachable);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(health.TryClaimProbe("relay", out var probe));
        Close(Results.Unreachable);
        Assert.Null(health.UntilNextProbe(["relay"]));
        Close(Results.Unreachable, probe);
        Assert.Equal(TimeSpan.FromSeconds(2), health.UntilNextProbe(["relay"]));
    }

    [Fact]
    public void Probe_IsClaimedOnce_UntilItIsReturned()
    {
        Close(Results.Unreachable);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(LaneCondition.ProbeDue, health.ConditionOf("relay"));
        Assert.True(health.TryClaimProbe("relay", out var probe));
        Assert.False(health.TryClaimProbe("relay", out _));
        Assert.Equal(LaneCondition.Closed, health.ConditionOf("relay"));
        Assert.Null(health.UntilNextProbe(["relay"]));
        health.ReturnProbe("relay", 0);
        Assert.False(health.TryClaimProbe("relay", out _));
        health.ReturnProbe("relay", probe);
        Assert.True(health.TryClaimProbe("relay", out _));
    }

    [Fact]
    public void Probe_WithoutAKnownOutcome_IsFollowedByTheNextStep()
    {
        Close(Results.Unreachable);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(health.TryClaimProbe("relay", out var probe));
        health.FailProbe("relay", probe);
        Assert.Equal(TimeSpan.FromSeconds(2), health.UntilNextProbe(["relay"]));
        // Another attempt of the same lane does not move it again.
        health.FailProbe("relay", probe);
        Assert.Equal(TimeSpan.FromSeconds(2), health.UntilNextProbe(["relay"]));
    }

    [Fact]
    public void Success_OpensTheLane()
    {
        Close(Results.Unreachable);
        Assert.True(health.Open("relay"));
        Assert.False(health.Open("relay"));
        Assert.Equal(LaneCondition.Open, health.ConditionOf("relay"));
        Assert.Null(health.Find("relay"));
    }

    [Fact]
    public void Generation_GrowsWithEachOpeningAndClosing()
    {
        var before = health.Generation;
        Close(Results.Unreachable);
        Close(Results.Unreachable);
        Assert.Equal(before + 1, health.Generation);
        health.Open("relay");
        Assert.Equal(before + 2, health.Generation);
    }

    [Fact]
    public void ProbeNow_ByAnOperator_BeginsTheScheduleAnew()
    {
        WaitsBetweenProbes(Results.Unreachable, 6);
        health.ProbeNow(null);
        Assert.True(health.TryClaimProbe("relay", out var probe));
        Close(Results.Unreachable, probe);
        Assert.Equal(TimeSpan.FromSeconds(1), health.UntilNextProbe(["relay"]));
    }

    [Fact]
    public void Forget_OpensTheLanesOfThatTransportAlone()
    {
        Close(Results.Unreachable);
        health.Close("relay example.com", (AttemptResult.NextHopDown)Results.Unreachable);
        health.Close("relay2", (AttemptResult.NextHopDown)Results.Unreachable);
        health.Forget("relay");
        Assert.Equal(LaneCondition.Open, health.ConditionOf("relay"));
        Assert.Equal(LaneCondition.Open, health.ConditionOf("relay example.com"));
        Assert.Equal(LaneCondition.Closed, health.ConditionOf("relay2"));
    }

    [Fact]
    public void ClosedLane_TellsTheReasonAndTheNextProbe()
    {
        Close(Results.Unreachable);
        Assert.Equal(
            new ClosedLane("connection refused", MailHall.Start, MailHall.Start.AddSeconds(1)), health
                .Find("relay"));
    }
}
