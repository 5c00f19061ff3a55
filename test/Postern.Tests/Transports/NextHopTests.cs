using Postern.Mta.Transports;

namespace Postern.Tests.Transports;

public sealed class NextHopTests
{
    [Theory]
    [InlineData("[smtp.mailgun.org]:587", "smtp.mailgun.org", 587, NextHopLookup.Addresses)]
    [InlineData("[smtp.mailgun.org]", "smtp.mailgun.org", 25, NextHopLookup.Addresses)]
    [InlineData("[smtp.mailgun.org]:submission", "smtp.mailgun.org", 587, NextHopLookup.Addresses)]
    [InlineData("Example.NET", "example.net", 25, NextHopLookup.Mx)]
    [InlineData("example.net:2525", "example.net", 2525, NextHopLookup.Mx)]
    [InlineData("메일.example", "xn--h32bq4v.example", 25, NextHopLookup.Mx)]
    [InlineData("[192.0.2.1]:26", "192.0.2.1", 26, NextHopLookup.Literal)]
    [InlineData("[2001:db8::1]:26", "2001:db8::1", 26, NextHopLookup.Literal)]
    [InlineData("localhost:2525", "localhost", 2525, NextHopLookup.Literal)]
    public void TryParse_RelayhostSyntax_IsRead(string text, string host, int port, NextHopLookup lookup)
    {
        Assert.True(NextHop.TryParse(text, [25], out var hop));
        Assert.Equal((host, lookup, NextHopOrigin.Configured), (hop.Host, hop.Lookup, hop.Origin));
        Assert.Equal([port], hop.Ports);
    }

    [Theory]
    [InlineData("[smtp.example")]
    [InlineData("smtp.example:0")]
    [InlineData("smtp.example:70000")]
    [InlineData("smtp.example:x")]
    [InlineData("[a]b")]
    [InlineData("192.0.2.1")]
    [InlineData("")]
    [InlineData("a b.example\r\n")]
    public void TryParse_Nonsense_IsRefused(string text) => Assert.False(NextHop.TryParse(text, [25], out _));

    [Fact]
    public void TryParseList_CommasAndSpaces_KeepTheOrder()
    {
        Assert.True(NextHop.TryParseList("[a.example]:587, b.example  c.example", [25, 2525], out var hops));
        Assert.Equal(["a.example", "b.example", "c.example"], hops.Select(h => h.Host));
        Assert.Equal([25, 2525], hops[1].Ports);
    }
}
