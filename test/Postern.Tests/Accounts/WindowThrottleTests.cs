using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Accounts;

namespace Postern.Tests.Accounts;

public sealed class WindowThrottleTests
{
    static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    readonly FakeTimeProvider clock = new();

    [Fact]
    public void Key_AtItsMaximum_WaitsForTheNextWindow_InWhateverCase()
    {
        var throttle = new WindowThrottle(clock, 2, Window, Uncounted.Stay);
        Assert.True(throttle.TryTake("a@example.net"));
        Assert.True(throttle.TryTake("A@example.net"));
        Assert.False(throttle.TryTake("a@EXAMPLE.net"));
        Assert.True(throttle.TryTake("b@example.net"));
        clock.Advance(Window);
        Assert.True(throttle.TryTake("a@example.net"));
    }

    [Theory]
    [InlineData("Pass", true)]
    [InlineData("Stay", false)]
    public void KeysBeyondTheMemory_PassOrStay_AndThoseItKnowsAreCountedOn(string uncounted, bool passes)
    {
        var throttle = new WindowThrottle(clock, 2, Window, Enum.Parse<Uncounted>(uncounted));
        for (var i = 0; i < LoginThrottle.EntriesMax; i++)
            Assert.True(throttle.TryTake(i.ToString(CultureInfo.InvariantCulture)));
        for (var i = 0; i < 3; i++)
            Assert.Equal(passes, throttle.TryTake("one more"));
        Assert.True(throttle.TryTake("0"));
        Assert.False(throttle.TryTake("0"));
    }
}
