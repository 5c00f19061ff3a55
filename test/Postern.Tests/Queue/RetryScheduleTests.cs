using CsCheck;
using Postern.Mta.Queue;

namespace Postern.Tests.Queue;

public sealed class RetryScheduleTests
{
    [Theory]
    [InlineData(0, 300)]
    [InlineData(200, 300)]
    [InlineData(700, 700)]
    [InlineData(3000, 3000)]
    [InlineData(100_000, 4000)]
    public void Delay_IsTheMessagesAge_Between5And67Minutes(int ageSeconds, int seconds)
    {
        var delay = RetrySchedule.DelayAfter(
            TimeSpan.FromSeconds(ageSeconds), 1, null, RetrySchedule.DelayMax, new Random(1));
        Assert.InRange(delay.TotalSeconds, seconds * 0.9, seconds * 1.1);
    }

    [Fact]
    public void Delay_HasJitterOfATenth() =>
        Gen.Int[0, 500_000].Select(Gen.Int[0, int.MaxValue]).Sample((age, seed) =>
    {
        var delay = RetrySchedule
            .DelayAfter(TimeSpan.FromSeconds(age), 3, null, RetrySchedule.DelayMax, new Random(seed))
            .TotalSeconds;
        var middle = Math.Clamp(age, 300, 4000);
        return delay >= (middle * 0.9) - 0.001 && delay <= (middle * 1.1) + 0.001;
    });

    [Fact]
    public void Attempts_FallNear5And10And20And40And80Minutes()
    {
        var age = TimeSpan.Zero;
        var chance = new Random(7);
        foreach (var minutes in new[] { 5, 10, 20, 40, 80, 147 })
        {
            age += RetrySchedule.DelayAfter(age, 1, null, RetrySchedule.DelayMax, chance);
            Assert.InRange(age.TotalMinutes, minutes * 0.75, minutes * 1.25);
        }
    }

    [Theory]
    [InlineData(1, 30)]
    [InlineData(2, 120)]
    [InlineData(3, 600)]
    [InlineData(9, 600)]
    public void RetryOfTheRoute_IsTakenInOrder_AndItsLastRepeats(int attempts, int seconds) => Assert.Equal(
        TimeSpan.FromSeconds(seconds),
        RetrySchedule.DelayAfter(
            TimeSpan.FromHours(9), attempts,
            [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)],
            RetrySchedule.ThrottledDelayMax, new Random(1)));
}
