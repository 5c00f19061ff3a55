using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;

namespace Postern.Tests.Queue;

public sealed class PaceTests
{
    readonly FakeTimeProvider clock = new();

    Pace Make(string rate) => new(Rate.TryParse(rate, out var read) ? read : default, clock);

    static int TakeAll(Pace pace)
    {
        var taken = 0;
        while (pace.TryTake())
            taken++;
        return taken;
    }

    [Theory]
    [InlineData("100/s", 1, 100)]
    [InlineData("60/min", 30, 30)]
    [InlineData("5000/day", 86400, 5000)]
    [InlineData("5000/day", 172800, 5000)]
    public void Bucket_HoldsOnePeriod_AndFillsWithTime(string rate, int seconds, int filled)
    {
        var pace = Make(rate);
        TakeAll(pace);
        clock.Advance(TimeSpan.FromSeconds(seconds));
        Assert.Equal(filled, TakeAll(pace));
    }

    [Theory]
    [InlineData("100/s", 20, 0.2)]
    [InlineData("1/min", 1, 60)]
    public void Batch_IsAFifthOfASecond_OrOne(string rate, int batch, double seconds)
    {
        var pace = Make(rate);
        Assert.Equal(TimeSpan.Zero, pace.UntilBatch);
        TakeAll(pace);
        Assert.Equal(batch, pace.Batch);
        Assert.Equal(seconds, pace.UntilBatch.TotalSeconds, 0.001);
        clock.Advance(pace.UntilBatch);
        Assert.Equal(batch, pace.Available);
    }

    [Fact]
    public void Spent_IsTakenOver()
    {
        var pace = Make("100/hour");
        for (var i = 0; i < 60; i++)
            pace.TryTake();
        clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(50, pace.Spent, 0.001);
        Assert.Equal(50, TakeAll(new Pace(pace.Rate, clock, pace.Spent)));
        Assert.Equal(0, TakeAll(new Pace(pace.Rate, clock, spent: 1000)));
    }
}
