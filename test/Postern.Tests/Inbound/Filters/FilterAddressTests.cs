using System.Net;
using System.Net.Sockets;
using Postern.Mta.Inbound.Filters;

namespace Postern.Tests.Inbound.Filters;

public sealed class FilterAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:3310", "127.0.0.1:3310", typeof(IPEndPoint))]
    [InlineData("[::1]:3310", "[::1]:3310", typeof(IPEndPoint))]
    [InlineData("inet:127.0.0.1:8891", "127.0.0.1:8891", typeof(IPEndPoint))]
    [InlineData("inet:3310", "Unspecified/inet:3310", typeof(DnsEndPoint))]
    [InlineData("localhost:3310", "Unspecified/localhost:3310", typeof(DnsEndPoint))]
    [InlineData("ClamAV.internal:3310", "Unspecified/clamav.internal:3310", typeof(DnsEndPoint))]
    [InlineData("unix:/run/clamav/clamd.ctl", "/run/clamav/clamd.ctl", typeof(UnixDomainSocketEndPoint))]
    public void Address_IsRead(string text, string shown, Type kind)
    {
        Assert.True(FilterAddress.TryParse(text, out var address, out _));
        Assert.Equal((shown, kind), (address.EndPoint.ToString(), address.EndPoint.GetType()));
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:0")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("::1:3310")]
    [InlineData("host:")]
    [InlineData("-host:3310")]
    [InlineData("unix:")]
    [InlineData("unix:run/clamd.ctl")]
    [InlineData("/run/clamav/clamd.ctl")]
    public void WhatIsNoAddress_IsNotRead(string text)
    {
        Assert.False(FilterAddress.TryParse(text, out _, out var mend));
        Assert.Contains("write \"unix:/\"", mend, StringComparison.Ordinal);
    }

    [Fact]
    public void Socket_WithALongPath_IsNotRead() =>
        Assert.False(FilterAddress.TryParse("unix:/" + new string('a', 107), out _, out _));
}
