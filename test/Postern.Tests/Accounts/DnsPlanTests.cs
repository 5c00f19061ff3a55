using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Routing;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Accounts;

public sealed class DnsPlanTests
{
    static readonly DnsPlan plan = new("d.example", "mx.example.org", ["include:mailgun.org"]);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static RouteOptions Route(params string[] via) => new() { Via = via };

    static string SpfOf(TransportOptions transport, params RouteOptions[] routes) => DnsPlan.Of(
        new PosternOptions
        {
            Hostname = "mx.example.org",
            Transports = new Dictionary<string, TransportOptions>
            {
                ["out"] = transport,
                ["direct"] = new() { Kind = TransportKind.Smtp },
            },
            Routes = routes.Length > 0 ? routes : [Route("out")],
        },
        "d.example").Spf;

    [Theory]
    [InlineData("[smtp.mailgun.org]:587", "include:mailgun.org")]
    [InlineData("[smtp.eu.mailgun.org]:587", "include:mailgun.org")]
    [InlineData("[email-smtp.eu-west-1.amazonaws.com]:587", "include:amazonses.com")]
    [InlineData("[ec2-192-0-2-1.compute.amazonaws.com]:587", "a:mx.example.org")]
    [InlineData("[smtp.sendgrid.net]:587", "include:sendgrid.net")]
    [InlineData("[notsendgrid.net]:587", "a:mx.example.org")]
    [InlineData("[192.0.2.1]:25", "a:mx.example.org")]
    [InlineData("[smtp.mailgun.org]:587, [relay.example]", "include:mailgun.org a:mx.example.org")]
    [InlineData(null, "a:mx.example.org")]
    public void Spf_NamesWhomTheRelayBelongsTo(string? host, string mechanisms) => Assert.Equal(
        $"v=spf1 {mechanisms} ~all", SpfOf(new() { Kind = TransportKind.Smtp, Host = host }));

    [Theory]
    [InlineData(null, false, null)]
    [InlineData("https://links.example.org:8443/", false, null)]
    [InlineData("https://links.example.org:8443/", true, "links.example.org")]
    public void LinkHost_IsNamed_WhereTheDomainsHaveNamesOfTheirOwn(
        string? url, bool ownNames, string? host) => Assert.Equal(host, DnsPlan.Of(
            new PosternOptions { Tracking = new() { Url = url, OwnNames = ownNames } },
            "d.example").LinkHost);

    [Fact]
    public void Spf_OfSeveralWays_NamesEachOnce() => Assert.Equal(
        "v=spf1 include:mailgun.org a:mx.example.org ~all",
        SpfOf(new() { Kind = TransportKind.Mailgun }, Route("out", "direct"), Route("direct", "out")));

    [Fact]
    public void Spf_LeavesOutWhatMailOfTheApiDoesNotTake() => Assert.Equal(
        "v=spf1 include:mailgun.org ~all",
        SpfOf(
            new() { Kind = TransportKind.Mailgun },
            Route("direct") with { Accepts = MailDoors.Submission },
            Route("direct") with { From = [AddressPattern.Parse("*@other.example")] },
            Route("direct") with { Account = ["other.example"] },
            Route("out") with { From = [AddressPattern.Parse("news@d.example")] }));

    [Fact]
    public void Spf_WithoutAWay_IsOurOwn() => Assert.Equal(
        "v=spf1 a:mx.example.org ~all", SpfOf(new() { Kind = TransportKind.Pipe }));

    [Theory]
    [InlineData(DnsVerdict.Valid, "v=spf1 include:mailgun.org ~all")]
    [InlineData(DnsVerdict.Valid, "v=spf1 mx  +Include:MAILGUN.org include:b.example -all")]
    [InlineData(DnsVerdict.Invalid, "v=spf1 -include:mailgun.org ~all")]
    [InlineData(DnsVerdict.Invalid, "v=spf1 include:mailgun.org.evil.example ~all")]
    [InlineData(DnsVerdict.Invalid, "v=spf1 include:mailgun.org ~all", "v=spf1 -all")]
    [InlineData(DnsVerdict.Invalid)]
    public void Spf_IsJudgedByItsMechanisms(DnsVerdict verdict, params string[] records) =>
        Assert.Equal(verdict, plan.JudgeSpf(new DnsSeen(Spf: records)));

    [Theory]
    [InlineData(DnsVerdict.Valid, "MX.Example.ORG")]
    [InlineData(DnsVerdict.Valid, "other.example", "mx.example.org")]
    [InlineData(DnsVerdict.Invalid, "other.example")]
    [InlineData(DnsVerdict.Invalid, "")]
    [InlineData(DnsVerdict.Invalid)]
    public void Mx_IsJudgedByItsHosts(DnsVerdict verdict, params string[] hosts) => Assert.Equal(
        verdict, plan.JudgeMx(new DnsSeen([.. hosts.Select(host => new MxHost(host, 10))])));

    [Fact]
    public void Records_NobodyHasLookedFor_AreUnknown()
    {
        Assert.Equal(DnsVerdict.Unknown, plan.JudgeMx(DnsSeen.Nothing));
        Assert.Equal(DnsVerdict.Unknown, plan.JudgeSpf(DnsSeen.Nothing));
    }

    [Fact]
    public async Task Look_KeepsWhatIsSpf()
    {
        var dns = new FakeResolver().Mx("d.example", "b.example", "a.example").Text(
            "d.example", "v=spf1", "V=SPF1 -all", "v=spf10 +all", "google-site-verification=1");
        var seen = await DnsPlan.LookAsync(dns, "d.example", DnsSeen.Nothing, Cancel);
        Assert.Equal(["b.example", "a.example"], seen.Mx!.Select(host => host.Name));
        Assert.Equal(["V=SPF1 -all", "v=spf1"], seen.Spf!);
    }

    [Fact]
    public async Task Look_WithoutAnAnswer_KeepsWhatWasSeenBefore()
    {
        var before = new DnsSeen([new("mx.example.org", 10)], ["v=spf1 -all"]);
        var dns = new FakeResolver().Unknown("d.example");
        Assert.Equal(before, await DnsPlan.LookAsync(dns, "d.example", before, Cancel));
    }

    [Fact]
    public async Task Look_AtANameThatIsNotThere_SeesNothing()
    {
        var before = new DnsSeen([new("mx.example.org", 10)], ["v=spf1 -all"]);
        var seen = await DnsPlan.LookAsync(new FakeResolver(), "d.example", before, Cancel);
        Assert.Empty(seen.Mx!);
        Assert.Empty(seen.Spf!);
    }
}
