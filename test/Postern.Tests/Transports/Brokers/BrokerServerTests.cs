using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Transports.Brokers;

namespace Postern.Tests.Transports.Brokers;

public sealed class BrokerServerTests
{
    [Theory]
    [InlineData("redis.example.net", "redis.example.net:6379")]
    [InlineData("redis.example.net:7000", "redis.example.net:7000")]
    [InlineData("localhost", "localhost:6379")]
    [InlineData("192.0.2.1:1", "192.0.2.1:1")]
    [InlineData("[2001:db8::1]", "[2001:db8::1]:6379")]
    [InlineData("[2001:db8::1]:65535", "[2001:db8::1]:65535")]
    public void TryParse_Server_ReadsHostAndPort(string text, string shown)
    {
        Assert.True(BrokerServer.TryParse(text, 6379, out var server));
        Assert.Equal(shown, server.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":6379")]
    [InlineData("a b")]
    [InlineData("redis://localhost")]
    [InlineData("user:password@host")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:+1")]
    [InlineData("host:")]
    [InlineData("2001:db8::1")]
    [InlineData("[2001:db8::1")]
    [InlineData("[host]:1")]
    public void TryParse_AnythingElse_IsNone(string text) =>
        Assert.False(BrokerServer.TryParse(text, 6379, out _));

    [Theory]
    [InlineData(null, "127.0.0.1", false)]
    [InlineData(null, "[::1]:6379", false)]
    [InlineData(null, "redis.example.net", true)]
    [InlineData(TransportTls.Required, "127.0.0.1", true)]
    [InlineData(TransportTls.None, "redis.example.net", false)]
    public void UsesTls_WhereNothingIsSaid_IsInTheClearOnLoopbackAlone(
        TransportTls? tls, string server, bool uses) =>
        Assert.Equal(uses, BrokerServer.UsesTls(new TransportOptions { Tls = tls, Servers = [server] }));

    [Fact]
    public void UsesTls_OneServerElsewhere_IsEncrypted() =>
        Assert.True(BrokerServer.UsesTls(new TransportOptions { Servers = ["localhost", "a.example"] }));

    [Fact]
    public void LoginOf_Colons_SplitsAtTheFirst() => Assert.Equal(("user", "pass:word"),
        BrokerServer.LoginOf(new TransportOptions { Login = new Secret("env:X", "user:pass:word") }));
}
