using System.Net;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Transports;

public sealed class TargetFinderTests
{
    static readonly NextHop Mx = NextHop.ForDomain("d.example", [25]);
    static readonly IReadOnlySet<IPAddress> Own = new HashSet<IPAddress> { IPAddress.Parse("203.0.113.9") };

    [Fact]
    public async Task Mx_Hosts_ComeInOrderWithTheirAddresses()
    {
        var dns = new FakeResolver().Mx("d.example", "mx1.example", "mx2.example")
            .Address("mx1.example", "198.51.100.1").Address("mx2.example", "198.51.100.2", "2001:db8::2");
        var found = Assert.IsType<TargetSearch.Found>(await FindAsync(dns, Mx));
        Assert.Equal(
            ["mx1.example[198.51.100.1]:25", "mx2.example[198.51.100.2]:25", "mx2.example[2001:db8::2]:25"],
            found.Targets.Select(t => t.ToString()));
    }

    [Fact]
    public async Task Mx_SeveralPorts_AreAllTriedBeforeTheNextHost()
    {
        var dns = new FakeResolver().Mx("d.example", "mx1.example", "mx2.example")
            .Address("mx1.example", "198.51.100.1").Address("mx2.example", "198.51.100.2");
        var found = Assert.IsType<TargetSearch.Found>(
            await FindAsync(dns, NextHop.ForDomain("d.example", [26, 25])));
        Assert.Equal(
            ["mx1.example[198.51.100.1]:26", "mx1.example[198.51.100.1]:25",
                "mx2.example[198.51.100.2]:26", "mx2.example[198.51.100.2]:25"],
            found.Targets.Select(t => t.ToString()));
    }

    [Fact]
    public async Task Mx_None_TheDomainIsItsOwnHost()
    {
        var dns = new FakeResolver().Address("d.example", "198.51.100.1");
        Assert.IsType<TargetSearch.Found>(await FindAsync(dns, Mx));
    }

    [Fact] // CLI-28
    public async Task Mx_Null_Fails5110()
    {
        var dns = new FakeResolver().Mx("d.example", "");
        var failed = Assert.IsType<AttemptResult.Failed>(
            await FindNowhereAsync(dns, Mx));
        Assert.Equal("5.1.10", failed.Status.ToString());
    }

    [Fact] // CLI-29
    public async Task Mx_HundredHostsOfHundredAddresses_AreBounded()
    {
        var hosts = Enumerable.Range(0, 100).Select(i => $"mx{i}.example").ToArray();
        var dns = new FakeResolver().Mx("d.example", hosts);
        foreach (var host in hosts)
            dns.Address(host, [.. Enumerable.Range(1, 100).Select(i => $"198.51.100.{i}")]);
        var found = Assert.IsType<TargetSearch.Found>(await FindAsync(dns, Mx));
        Assert.Equal(10, found.Targets.Count);
        Assert.Equal(6, dns.Asked.Count);
    }

    [Theory] // CLI-27
    [InlineData("127.0.0.1", "5.4.6")]
    [InlineData("0.0.0.0", "5.4.6")]
    [InlineData("::1", "5.4.6")]
    [InlineData("::ffff:127.0.0.1", "5.4.6")]
    [InlineData("203.0.113.9", "5.4.6")]
    [InlineData("10.0.0.5", "5.4.4")]
    [InlineData("169.254.169.254", "5.4.4")]
    [InlineData("fe80::1", "5.4.4")]
    [InlineData("fd00::1", "5.4.4")]
    public async Task Mx_LeadsToUsOrIntoAPrivateNetwork_IsNoTarget(string address, string status)
    {
        var dns = new FakeResolver().Mx("d.example", "mx.example").Address("mx.example", address);
        var failed = Assert.IsType<AttemptResult.Failed>(
            await FindNowhereAsync(dns, Mx));
        Assert.Equal(status, failed.Status.ToString());
    }

    [Theory] // CLI-27
    [InlineData("[127.0.0.1]")]
    [InlineData("[IPv6:::1]")]
    public async Task RecipientLiteral_ToOurselves_IsNoTarget(string domain) =>
        Assert.IsType<AttemptResult.Failed>(
            await FindNowhereAsync(new FakeResolver(), NextHop.ForDomain(domain, [25])));

    [Fact]
    public async Task Private_AllowedByTheTransport_IsATarget()
    {
        var dns = new FakeResolver().Address("relay.example", "10.0.0.5");
        Assert.True(NextHop.TryParse("[relay.example]", [25], out var hop));
        var finder = new TargetFinder(dns, new AddressPolicy(Own, PrivateAddresses.Allowed));
        Assert.IsType<TargetSearch.Found>(await finder.FindAsync(hop, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Literal_InTheConfiguration_MayBeAnything()
    {
        Assert.True(NextHop.TryParse("[127.0.0.1]:2525", [25], out var hop));
        var found = Assert.IsType<TargetSearch.Found>(await FindAsync(new FakeResolver(), hop));
        Assert.Equal("127.0.0.1[127.0.0.1]:2525", Assert.Single(found.Targets).ToString());
    }

    [Fact]
    public async Task MissingName_OfARecipient_Fails512()
    {
        var failed = Assert.IsType<AttemptResult.Failed>(
            await FindNowhereAsync(new FakeResolver(), NextHop.ForDomain("no.example", [25])));
        Assert.Equal("5.1.2", failed.Status.ToString());
    }

    [Fact]
    public async Task MissingName_OfAConfiguredHost_BlamesTheNextHop()
    {
        Assert.True(NextHop.TryParse("[no.example]:587", [25], out var hop));
        var down = Assert.IsType<AttemptResult.NextHopDown>(await FindNowhereAsync(new FakeResolver(), hop));
        Assert.Equal(NextHopTrouble.Unreachable, down.Trouble);
    }

    [Fact]
    public async Task UnknownName_OfARecipient_IsNoProof() => Assert.IsType<AttemptResult.NextHopDown>(
        await FindNowhereAsync(new FakeResolver().Unknown("d.example"), Mx));

    [Fact]
    public async Task Mx_OneHostUnknown_OutweighsTheMissingOne()
    {
        var dns = new FakeResolver().Mx("d.example", "mx1.example", "mx2.example").Unknown("mx2.example");
        Assert.IsType<AttemptResult.NextHopDown>(await FindNowhereAsync(dns, Mx));
    }

    static async Task<TargetSearch> FindAsync(FakeResolver dns, NextHop hop) =>
        await new TargetFinder(dns, new AddressPolicy(Own, PrivateAddresses.Refused))
            .FindAsync(hop, TestContext.Current.CancellationToken);

    static async Task<AttemptResult> FindNowhereAsync(FakeResolver dns, NextHop hop) =>
        Assert.IsType<TargetSearch.Nowhere>(await FindAsync(dns, hop)).Result;
}
