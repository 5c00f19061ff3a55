using System.Net;
using CsCheck;
using Postern.Mta.Configuration;

namespace Postern.Tests.Configuration;

public sealed class ConfigurationValueTests
{
    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.0/24", "192.0.3.0", false)]
    [InlineData("192.0.2.0/24", "::ffff:192.0.2.7", true)]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7", true)]
    [InlineData("::1", "::1", true)]
    [InlineData("::1", "127.0.0.1", false)]
    [InlineData("2001:db8::/33", "2001:db8:7fff::1", true)]
    [InlineData("2001:db8::/33", "2001:db8:8000::1", false)]
    [InlineData("0.0.0.0/0", "::1", false)]
    public void Network_Contains(string network, string address, bool contains) =>
        Assert.Equal(contains, Network.Parse(network).Contains(IPAddress.Parse(address)));

    [Theory]
    [InlineData("192.0.2.1/24")]
    [InlineData("192.0.2.0/33")]
    [InlineData("192.0.2.0/")]
    [InlineData("192.0.2.0/ 8")]
    [InlineData("192.0.2")]
    [InlineData("fe80::1%eth0")]
    [InlineData("localhost")]
    [InlineData("")]
    public void Network_Malformed_IsRefused(string text) =>
        Assert.False(Network.TryParse(text, out _, out _));

    [Fact]
    public void Durations_Written_ReadBack() => Gen.Long[0, 3_000_000_000_000].Sample(ms =>
        Units.TryParseDuration(Units.FormatDuration(TimeSpan.FromMilliseconds(ms)), out var read)
        && read == TimeSpan.FromMilliseconds(ms));

    [Fact]
    public void Sizes_Written_ReadBack() => Gen.Long[0, long.MaxValue].Sample(octets =>
        Units.TryParseSize(Units.FormatSize(octets), out var read) && read == octets);

    [Theory]
    [InlineData("5")]
    [InlineData("m")]
    [InlineData("-5m")]
    [InlineData("5M")]
    [InlineData("1.5h")]
    [InlineData("99999999999999999999d")]
    [InlineData("9999999999d")]
    public void Duration_Malformed_IsRefused(string text) =>
        Assert.False(Units.TryParseDuration(text, out _));

    [Theory]
    [InlineData("25MB", 25_000_000)]
    [InlineData("50MiB", 52_428_800)]
    [InlineData("1GiB", 1_073_741_824)]
    [InlineData("7B", 7)]
    public void Size_IsRead(string text, long octets)
    {
        Assert.True(Units.TryParseSize(text, out var read));
        Assert.Equal(octets, read);
    }

    [Theory]
    [InlineData("100/s", 100, 1)]
    [InlineData("5000/day", 5000, 86_400)]
    public void Rate_IsRead(string text, int count, int seconds)
    {
        Assert.True(Rate.TryParse(text, out var rate));
        Assert.Equal(new Rate(count, TimeSpan.FromSeconds(seconds)), rate);
        Assert.Equal(text, rate.ToString());
    }

    [Theory]
    [InlineData("0/s")]
    [InlineData("/s")]
    [InlineData("5/year")]
    [InlineData("5")]
    public void Rate_Malformed_IsRefused(string text) => Assert.False(Rate.TryParse(text, out _));

    [Fact]
    public void Location_OptionWins() => Assert.Equal(
        new ConfigurationLocation.InFile("/a", "--config"),
            ConfigurationLocation.Find("/a", _ => "/b", _ => true));

    [Fact]
    public void Location_Variable_BeforeTheSystem() => Assert.Equal(
        new ConfigurationLocation.InFile("/b", "POSTERN_CONFIG"),
            ConfigurationLocation.Find(null, _ => "/b", _ => true));

    [Fact]
    public void Location_NamedButMissing_IsNeverReplaced() => Assert.Equal(
        new ConfigurationLocation.Missing("/b", "POSTERN_CONFIG"),
        ConfigurationLocation.Find(null, _ => "/b", path => path == ConfigurationLocation.SystemPath));

    [Fact]
    public void Location_Nothing_IsTheSandbox() =>
        Assert.Equal(
            new ConfigurationLocation.Sandbox(), ConfigurationLocation.Find(null, _ => null, _ => false));
}
