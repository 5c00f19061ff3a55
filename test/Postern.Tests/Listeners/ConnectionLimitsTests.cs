using System.Net;
using Postern.Listeners;
using Postern.Mta.Intake;

namespace Postern.Tests.Listeners;

public sealed class ConnectionLimitsTests
{
    [Fact]
    public void Total_WhenTaken_TurnsAwayUntilOneLeaves()
    {
        var limits = new ConnectionLimits(2, () => 50);
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
        var limits = new ConnectionLimits(100, () => 1);
        Assert.True(limits.TryEnterClient(IPAddress.Parse(first)));
        Assert.Equal(isTaken, limits.TryEnterClient(IPAddress.Parse(second)));
    }

    [Fact]
    public void Client_AfterLeaving_HasItsPlaceAgain()
    {
        var limits = new ConnectionLimits(100, () => 1);
        var client = IPAddress.Parse("203.0.113.7");
        Assert.True(limits.TryEnterClient(client));
        limits.LeaveClient(client);
        Assert.True(limits.TryEnterClient(client));
    }

    [Fact]
    public void Network_WithItsPlacesTaken_TurnsAwayUntilOneLeaves_AndOthersComeIn()
    {
        var limits = new ConnectionLimits(100, () => 50);
        var network = ClientNetwork.Of(IPAddress.Parse("203.0.113.7"), 24, 56);
        Assert.True(limits.TryEnterNetwork(network, 2));
        Assert.True(limits.TryEnterNetwork(ClientNetwork.Of(IPAddress.Parse("203.0.113.8"), 24, 56), 2));
        Assert.False(limits.TryEnterNetwork(network, 2));
        Assert.True(limits.TryEnterNetwork(ClientNetwork.Of(IPAddress.Parse("203.0.114.7"), 24, 56), 2));
        limits.LeaveNetwork(network);
        Assert.True(limits.TryEnterNetwork(network, 2));
    }

    [Fact]
    public void PerClientMax_AfterReload_CountsForTheNextConnection()
    {
        var max = 1;
        var limits = new ConnectionLimits(100, () => max);
        var client = IPAddress.Parse("203.0.113.7");
        limits.TryEnterClient(client);
        max = 2;
        Assert.True(limits.TryEnterClient(client));
    }
}
