using System.Net;
using Postern.Mta.Intake;

namespace Postern.Tests.Intake;

public sealed class ClientNetworkTests
{
    [Theory]
    [InlineData("192.0.2.77", 24, "192.0.2.0/24")]
    [InlineData("192.0.2.77", 32, "192.0.2.77/32")]
    [InlineData("::ffff:192.0.2.77", 24, "192.0.2.0/24")]
    [InlineData("192.0.2.77", 0, "0.0.0.0/0")]
    [InlineData("2001:db8:1:2:3:4:5:6", 56, "2001:db8:1::/56")]
    [InlineData("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64")]
    public void Address_HasOneNetwork_WhichIsReadAsItIsWritten(string address, int prefix, string expected)
    {
        var network = ClientNetwork.Of(IPAddress.Parse(address), prefix, prefix);
        Assert.Equal(expected, network.ToString());
        Assert.True(ClientNetwork.TryParse(expected, out var read));
        Assert.Equal(network, read);
    }

    [Fact]
    public void FamiliesOfTheSameBits_AreTwoNetworks() => Assert.NotEqual(
        ClientNetwork.Of(IPAddress.Parse("32.1.13.184"), 24, 24),
        ClientNetwork.Of(IPAddress.Parse("2001:db8::"), 24, 24));

    [Theory]
    [InlineData("")]
    [InlineData("192.0.2.0")]
    [InlineData("192.0.2.0/33")]
    [InlineData("x/24")]
    public void WhatIsNoNetwork_IsNotRead(string text) => Assert.False(ClientNetwork.TryParse(text, out _));
}
