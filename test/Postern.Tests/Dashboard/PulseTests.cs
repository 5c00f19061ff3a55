using Microsoft.Extensions.Time.Testing;
using Postern.Dashboard;
using Postern.Mta.Events;

namespace Postern.Tests.Dashboard;

public sealed class PulseTests
{
    [Fact]
    public void LastMinute_AfterTwelveBeats_ForgetsWhatWasBefore()
    {
        var totals = new Metrics().Totals;
        var pulse = new Pulse(totals, new FakeTimeProvider());
        totals.Accepted.Increment();
        totals.Accepted.Increment();
        totals.Relayed.Increment();
        Assert.Equal(0, pulse.LastMinute);
        pulse.Take();
        Assert.Equal(3, pulse.LastMinute);
        for (var beat = 0; beat < 11; beat++)
            pulse.Take();
        Assert.Equal(3, pulse.LastMinute);
        pulse.Take();
        Assert.Equal(0, pulse.LastMinute);
    }
}
