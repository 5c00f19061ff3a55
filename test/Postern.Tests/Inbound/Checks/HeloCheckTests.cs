using System.Net;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;
using static Postern.Mta.Inbound.Checks.AuthenticationResult;

namespace Postern.Tests.Inbound.Checks;

public sealed class HeloCheckTests
{
    const string Client = "192.0.2.1";
    const string ClientV6 = "2001:db8::1";

    readonly ZoneResolver dns = new ZoneResolver()
        .Add("out.good.example", "A", Client)
        .Add("out.good.example", "AAAA", ClientV6)
        .Add("other.example", "A", "192.0.2.99")
        .Add("six.example", "AAAA", "2001:db8::99")
        .Add("text.example", "TXT", "x")
        .Add("xn--bcher-kva.example", "A", Client)
        .Add("mx.example", "A", "198.51.100.1")
        .Silent("silent.example");

    async Task<HeloVerdict> CheckAsync(
        string name, string client = Client, string local = "198.51.100.1", string host = "mx.example") =>
        await new HeloCheck(dns).CheckAsync(
            new HeloQuestion(IPAddress.Parse(client), IPAddress.Parse(local), name, host),
            TestContext.Current.CancellationToken);

    [Theory]
    [InlineData("out.good.example", Pass)]
    [InlineData("OUT.Good.example.", Pass)]
    [InlineData("bücher.example", Pass)]
    [InlineData("other.example", Neutral)]
    [InlineData("six.example", Neutral)]
    [InlineData("text.example", None)]
    [InlineData("nowhere.example", None)]
    [InlineData("silent.example", Temperror)]
    [InlineData("mx.example", Fail)]
    [InlineData("MX.Example", Fail)]
    [InlineData("localhost", Permerror)]
    [InlineData("ylmf-pc", Permerror)]
    [InlineData("two words.example", Permerror)]
    [InlineData("-bad.example", Permerror)]
    [InlineData("", Permerror)]
    [InlineData("[192.0.2.1]", Pass)]
    [InlineData("[192.0.2.2]", Fail)]
    [InlineData("[198.51.100.1]", Fail)]
    [InlineData("198.51.100.1", Fail)]
    [InlineData("192.0.2.1", Permerror)]
    [InlineData("[192.0.2.1", Permerror)]
    [InlineData("[]", Permerror)]
    [InlineData("\uFFFD.example", Permerror)]
    public async Task Name_OfAClient_IsWhatDnsMakesOfIt(string name, AuthenticationResult expected) =>
        Assert.Equal(expected, (await CheckAsync(name)).Result);

    [Theory]
    [InlineData("out.good.example", Pass)]
    [InlineData("[IPv6:2001:db8::1]", Pass)]
    [InlineData("[ipv6:2001:DB8:0::1]", Pass)]
    [InlineData("[IPv6:2001:db8::2]", Fail)]
    [InlineData("other.example", Neutral)]
    public async Task Name_OfAnIpv6Client_IsLookedUpInItsFamily(string name, AuthenticationResult expected) =>
        Assert.Equal(expected, (await CheckAsync(name, ClientV6)).Result);

    [Theory]
    [InlineData("mx.example")]
    [InlineData("[198.51.100.1]")]
    public async Task OurOwnName_IsNoLie_OfOurOwnMachine(string name) =>
        Assert.Equal(Pass, (await CheckAsync(name, client: "198.51.100.1")).Result);

    [Fact]
    public async Task OurOwnName_IsNoLie_OfAnotherMachineThatHasItToo()
    {
        dns.Add("mx.example", "A", Client);
        Assert.Equal(Pass, (await CheckAsync("mx.example")).Result);
    }

    [Fact]
    public async Task OurOwnName_WhileDnsIsSilent_IsNotKnown() =>
        Assert.Equal(Temperror, (await CheckAsync("silent.example", host: "silent.example")).Result);

    [Fact]
    public async Task WhatIsNoName_IsNotAskedOfDns()
    {
        foreach (var name in new[] { "localhost", "[192.0.2.1]", "198.51.100.1", "a b.example" })
            await CheckAsync(name);
        Assert.Empty(dns.Asked);
    }
}
