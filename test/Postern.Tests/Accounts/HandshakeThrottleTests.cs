using System.Net;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Accounts;

namespace Postern.Tests.Accounts;

public sealed class HandshakeThrottleTests
{
    static readonly IPAddress Flood = IPAddress.Parse("192.0.2.1");
    readonly FakeTimeProvider clock = new();

    // TLS-21
    [Fact]
    public void Address_ThatBegunTooMany_WaitsForTheNextWindow_AndOthersDoNot()
    {
        var throttle = new HandshakeThrottle(clock);
        for (var i = 0; i < HandshakeThrottle.HandshakesMax; i++)
            Assert.True(throttle.TryBegin(Flood));
        Assert.False(throttle.TryBegin(Flood));
        Assert.True(throttle.TryBegin(IPAddress.Parse("192.0.2.2")));
        clock.Advance(HandshakeThrottle.Window);
        Assert.True(throttle.TryBegin(Flood));
    }

    [Fact]
    public void Ipv6Client_IsCountedByItsNetwork()
    {
        var throttle = new HandshakeThrottle(clock);
        for (var i = 0; i < HandshakeThrottle.HandshakesMax; i++)
            throttle.TryBegin(IPAddress.Parse($"2001:db8::{i:x}"));
        Assert.False(throttle.TryBegin(IPAddress.Parse("2001:db8::ffff")));
        Assert.True(throttle.TryBegin(IPAddress.Parse("2001:db8:0:1::1")));
    }
}
