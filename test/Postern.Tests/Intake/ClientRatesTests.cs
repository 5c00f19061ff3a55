using System.Globalization;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Intake;

namespace Postern.Tests.Intake;

public sealed class ClientRatesTests
{
    static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    static readonly Rate Two = new(2, Minute);
    static readonly ClientRateOptions Free = new() { Connections = null, NetworkConnections = null };

    readonly FakeTimeProvider clock = new();
    readonly ClientRates rates;

    public ClientRatesTests() => rates = new ClientRates(clock);

    bool TryTake(ClientRateOptions options, string client, ClientDeed deed = ClientDeed.Message) =>
        rates.TryTake(
            deed, IPAddress.Parse(client),
            new PosternOptions { Inbound = new InboundOptions { Rates = options } });

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2", true)]
    [InlineData("2001:db8::1", "2001:db8::2", false)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", true)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", false)]
    public void Client_AtItsRate_IsHeldBack_AndItsNeighboursAreNot(string client, string other, bool isFree)
    {
        var options = Free with { Messages = Two };
        Assert.True(TryTake(options, client));
        Assert.True(TryTake(options, client));
        Assert.False(TryTake(options, client));
        Assert.Equal(isFree, TryTake(options, other));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("192.0.2.1", "192.0.3.1", true)]
    [InlineData("2001:db8::1", "2001:db8:0:ff::1", false)]
    [InlineData("2001:db8::1", "2001:db8:0:100::1", true)]
    public void Network_AtItsRate_IsHeldBackAsAWhole(string client, string other, bool isFree)
    {
        var options = Free with { NetworkMessages = Two };
        Assert.True(TryTake(options, client));
        Assert.True(TryTake(options, client));
        Assert.Equal(isFree, TryTake(options, other));
    }

    [Fact]
    public void Client_AtItsRate_TakesNothingFromItsNetwork()
    {
        var options = Free with { Messages = new Rate(1, Minute), NetworkMessages = Two };
        Assert.True(TryTake(options, "192.0.2.1"));
        for (var i = 0; i < 5; i++)
            Assert.False(TryTake(options, "192.0.2.1"));
        Assert.True(TryTake(options, "192.0.2.2"));
    }

    [Fact]
    public void Client_HeldBack_IsFreeAgainWithTime()
    {
        var options = Free with { Messages = Two };
        while (TryTake(options, "192.0.2.1")) { }
        clock.Advance(Minute / 2);
        Assert.True(TryTake(options, "192.0.2.1"));
        Assert.False(TryTake(options, "192.0.2.1"));
    }

    [Fact]
    public void Deeds_AreCountedEachForItself()
    {
        var options = new ClientRateOptions
        {
            Connections = new Rate(1, Minute),
            Messages = new Rate(1, Minute),
            Recipients = new Rate(1, Minute),
        };
        foreach (var deed in Enum.GetValues<ClientDeed>())
        {
            Assert.True(TryTake(options, "192.0.2.1", deed));
            Assert.False(TryTake(options, "192.0.2.1", deed));
        }
    }

    [Fact]
    public void WithoutARate_NothingIsCounted()
    {
        for (var i = 0; i < 10_000; i++)
            Assert.True(TryTake(Free, "192.0.2.1", ClientDeed.Connection));
    }

    [Fact]
    public void FloodFromManyAddresses_FreesNobody_AndStopsNobodyElse()
    {
        var options = Free with { Messages = Two };
        Assert.True(TryTake(options, "192.0.2.1"));
        Assert.True(TryTake(options, "192.0.2.1"));
        for (var i = 0; i < RateCounts.EntriesMax + 100; i++)
            Assert.True(TryTake(options, string.Create(
                CultureInfo.InvariantCulture, $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}")));
        Assert.False(TryTake(options, "192.0.2.1"));
        for (var i = 0; i < 10; i++)
            Assert.True(TryTake(options, "198.51.100.1"));
    }

    [Fact]
    public void FullBuckets_MakeRoom()
    {
        var options = Free with { Messages = Two };
        for (var i = 0; i < RateCounts.EntriesMax; i++)
            TryTake(options, string.Create(
                CultureInfo.InvariantCulture, $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}"));
        clock.Advance(Minute);
        Assert.True(TryTake(options, "198.51.100.1"));
        Assert.True(TryTake(options, "198.51.100.1"));
        Assert.False(TryTake(options, "198.51.100.1"));
    }
}
