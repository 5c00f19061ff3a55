using System.Net;
using Microsoft.Extensions.Time.Testing;
using Postern.Listeners;

namespace Postern.Tests.Listeners;

public sealed class ConnectionLimitsTests
{
    [Fact]
    public void Total_WhenTaken_TurnsAwayUntilOneLeaves()
    {
        var limits = new ConnectionLimits(2, () => 50, new FakeTimeProvider());
        Assert.True(limits.TryEnterTotal());
        Assert.True(limits.TryEnterTotal());
        Assert.False(limits.TryEnterTotal());
        limits.LeaveTotal();
        Assert.True(limits.TryEnterTotal());
        Assert.Equal(2, limits.Total);
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", false)]
    [InlineData("203.0.113.7", "203.0.113.8", true)]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", false)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", true)]
    public void Client_WithItsPlaceTaken_IsOneAddressOrOneIPv6Network(
        string first, string second, bool isTaken)
    {
        var limits = new ConnectionLimits(100, () => 1, new FakeTimeProvider());
        Assert.True(limits.TryEnterClient(IPAddress.Parse(first)));
        Assert.Equal(isTaken, limits.TryEnterClient(IPAddress.Parse(second)));
    }

    [Fact]
    public void Client_AfterLeaving_HasItsPlaceAgain()
    {
        var limits = new ConnectionLimits(100, () => 1, new FakeTimeProvider());
        var client = IPAddress.Parse("203.0.113.7");
        Assert.True(limits.TryEnterClient(client));
        limits.LeaveClient(client);
        Assert.True(limits.TryEnterClient(client));
    }

    [Fact]
    public void PerClientMax_AfterReload_CountsForTheNextConnection()
    {
        var max = 1;
        var limits = new ConnectionLimits(100, () => max, new FakeTimeProvider());
        var client = IPAddress.Parse("203.0.113.7");
        limits.TryEnterClient(client);
        max = 2;
        Assert.True(limits.TryEnterClient(client));
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", false)]
    [InlineData("203.0.113.7", "203.0.113.8", true)]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", false)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", true)]
    public void Handshakes_OfOneClient_AreCappedWithinTheWindow(string first, string second, bool may)
    {
        var limits = new ConnectionLimits(100, () => 50, new FakeTimeProvider());
        for (var i = 0; i < ConnectionLimits.HandshakesMax; i++)
            Assert.True(limits.TryBeginHandshake(IPAddress.Parse(first)));
        Assert.Equal(may, limits.TryBeginHandshake(IPAddress.Parse(second)));
    }

    [Fact]
    public void Handshakes_AfterTheWindow_BeginAgain()
    {
        var clock = new FakeTimeProvider();
        var limits = new ConnectionLimits(100, () => 50, clock);
        var client = IPAddress.Parse("203.0.113.7");
        while (limits.TryBeginHandshake(client))
            clock.Advance(TimeSpan.FromMilliseconds(1));
        clock.Advance(ConnectionLimits.HandshakeWindow - TimeSpan.FromMilliseconds(
            ConnectionLimits.HandshakesMax + 1));
        Assert.False(limits.TryBeginHandshake(client));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(limits.TryBeginHandshake(client));
    }

    [Fact]
    public void Handshakes_OfEndlessAddresses_ShareOneCountAtTheEnd()
    {
        var limits = new ConnectionLimits(100, () => 50, new FakeTimeProvider());
        var begun = 0;
        while (limits.TryBeginHandshake(new IPAddress(0x0100000AL + ((long)begun << 8))))
            begun++;
        Assert.InRange(begun, 20_000, 20_000 + ConnectionLimits.HandshakesMax);
    }
}
