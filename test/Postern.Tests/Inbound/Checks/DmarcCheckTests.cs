using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Checks;

/// <summary>RFC 9989, its Appendix B first.</summary>
public sealed class DmarcCheckTests
{
    const string Reports = "rua=mailto:dmarc-feedback@example.com";

    readonly FakeResolver resolver = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sender@example.com", "example.com", "s", true)]
    [InlineData("sender@example.com", "child.example.com", "r", true)]
    [InlineData("sender@example.com", "child.example.com", "s", false)]
    [InlineData("sender@child.example.com", "example.net", "r", false)]
    public async Task AppendixB11_SpfIdentifier_IsAlignedOrNot(
        string from, string identifier, string mode, bool isAligned)
    {
        resolver.Text("_dmarc.example.com", $"v=DMARC1; p=none; aspf={mode}");
        var (dmarc, _) = await CheckAsync(from, spf: identifier);
        Assert.Equal(
            (isAligned, isAligned ? AuthenticationResult.Pass : AuthenticationResult.Fail),
            (dmarc.IsSpfAligned, dmarc.Result));
    }

    [Theory]
    [InlineData("sender@example.com", "example.com", "s", true)]
    [InlineData("sender@child.example.com", "example.com", "r", true)]
    [InlineData("sender@child.example.com", "example.com", "s", false)]
    [InlineData("sender@child.example.com", "example.net", "r", false)]
    public async Task AppendixB12_DkimIdentifier_IsAlignedOrNot(
        string from, string identifier, string mode, bool isAligned)
    {
        resolver.Text("_dmarc.example.com", $"v=DMARC1; p=none; adkim={mode}");
        var (dmarc, dkim) = await CheckAsync(from, null, identifier);
        Assert.Equal((isAligned, isAligned), (dmarc.IsDkimAligned, dkim[0].IsAligned));
        Assert.Equal(isAligned ? AuthenticationResult.Pass : AuthenticationResult.Fail, dmarc.Result);
    }

    [Theory]
    [InlineData("v=DMARC1; p=none; " + Reports)]
    [InlineData("v=DMARC1; p=none; " + Reports + "; ruf=mailto:auth-reports@example.com")]
    [InlineData("v=DMARC1; p=none; " + Reports + "; ruf=mailto:auth-reports@thirdparty.example.net")]
    public async Task AppendixB2_MonitoringMode_AsksForNothing(string record)
    {
        resolver.Text("_dmarc.example.com", record);
        var (dmarc, _) = await CheckAsync("a@example.com", spf: "example.net");
        Assert.Equal((AuthenticationResult.Fail, DmarcPolicy.None), (dmarc.Result, dmarc.Policy));
    }

    [Theory]
    [InlineData("p=quarantine; rua=mailto:a@example.com,mailto:b@thirdparty.example.net; t=y",
        DmarcPolicy.Quarantine, true)]
    [InlineData("p=reject; rua=mailto:a@example.com,mailto:b@thirdparty.example.net",
        DmarcPolicy.Reject, false)]
    public async Task AppendixB25_SubdomainOfItsOwn_HasItsPolicy(
        string tags, DmarcPolicy policy, bool isTesting)
    {
        resolver.Text("_dmarc.test.example.com", "v=DMARC1; " + tags);
        var (dmarc, _) = await CheckAsync("a@test.example.com", spf: "example.net");
        Assert.Equal(
            (policy, isTesting, "test.example.com"), (dmarc.Policy, dmarc.IsTesting, dmarc.RecordDomain));
        Assert.Equal(
            AuthenticationResult.None, (await CheckAsync("a@example.com", spf: "example.net")).Dmarc.Result);
    }

    [Fact]
    public async Task AppendixB31_BothIdentifiers_Align()
    {
        resolver.Text("_dmarc.example.com", $"v=DMARC1; p=reject; aspf=r; {Reports}");
        var (dmarc, _) = await CheckAsync("a@example.com", "mail.example.com", "example.com");
        Assert.Equal(
            (AuthenticationResult.Pass, true, true), (dmarc.Result, dmarc.IsSpfAligned, dmarc.IsDkimAligned));
    }

    [Fact]
    public async Task AppendixB41_TopmostRecord_IsTheOrganization()
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=reject")
            .Text("_dmarc.signing.example.com", "v=DMARC1; p=none");
        var (dmarc, _) = await CheckAsync("a@example.com", "example.com", "signing.example.com");
        Assert.Equal(
            (true, true, "example.com"), (dmarc.IsSpfAligned, dmarc.IsDkimAligned, dmarc.RecordDomain));
        Assert.Equal(
            ["TXT _dmarc.example.com", "TXT _dmarc.com", "TXT _dmarc.signing.example.com"], resolver.Asked);
    }

    [Fact]
    public async Task AppendixB42_DeepName_IsAskedEightTimes()
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine")
            .Text("_dmarc.signing.example.com", "v=DMARC1; p=none");
        var (dmarc, _) = await CheckAsync(
            "a@a.b.c.d.e.f.g.h.i.j.k.example.com", "example.com", "signing.example.com");
        Assert.Equal((true, true), (dmarc.IsSpfAligned, dmarc.IsDkimAligned));
        Assert.Equal(("example.com", DmarcPolicy.Quarantine), (dmarc.RecordDomain, dmarc.Policy));
        Assert.Equal(
            [
                "TXT _dmarc.a.b.c.d.e.f.g.h.i.j.k.example.com", "TXT _dmarc.g.h.i.j.k.example.com",
                "TXT _dmarc.h.i.j.k.example.com", "TXT _dmarc.i.j.k.example.com",
                "TXT _dmarc.j.k.example.com", "TXT _dmarc.k.example.com", "TXT _dmarc.example.com",
                "TXT _dmarc.com", "TXT _dmarc.signing.example.com",
            ],
            resolver.Asked);
    }

    [Fact]
    public async Task AppendixB43_BelowAPublicSuffix_OrganizationsDiffer()
    {
        resolver.Text("_dmarc.bank.example", "v=DMARC1; p=reject; psd=y")
            .Text("_dmarc.giant.bank.example", "v=DMARC1; p=quarantine");
        var (dmarc, dkim) = await CheckAsync(
            "a@giant.bank.example", "mail.giant.bank.example", "mail.mega.bank.example");
        Assert.Equal(
            (AuthenticationResult.Pass, true, false),
            (dmarc.Result, dmarc.IsSpfAligned, dmarc.IsDkimAligned));
        Assert.False(dkim[0].IsAligned);
        Assert.Equal(("giant.bank.example", DmarcPolicy.Quarantine), (dmarc.RecordDomain, dmarc.Policy));
        Assert.DoesNotContain("TXT _dmarc.example", resolver.Asked);
    }

    [Fact]
    public async Task PublicSuffix_HasThePolicyOfNamesWithoutOne()
    {
        resolver.Text("_dmarc.bank.example", "v=DMARC1; p=none; sp=quarantine; np=reject; psd=y")
            .Text("mega.bank.example", "anything");
        var (there, _) = await CheckAsync("a@mega.bank.example", spf: "bank.example");
        Assert.Equal(
            (AuthenticationResult.Fail, DmarcPolicy.Quarantine, "bank.example"),
            (there.Result, there.Policy, there.RecordDomain));
        var (missing, _) = await CheckAsync("a@none.bank.example", spf: "bank.example");
        Assert.Equal((AuthenticationResult.Fail, DmarcPolicy.Reject), (missing.Result, missing.Policy));
    }

    [Theory]
    [InlineData("p=reject; sp=quarantine; np=none", true, DmarcPolicy.Quarantine)]
    [InlineData("p=reject; sp=quarantine; np=none", false, DmarcPolicy.None)]
    [InlineData("p=reject; sp=quarantine", false, DmarcPolicy.Quarantine)]
    [InlineData("p=reject", true, DmarcPolicy.Reject)]
    [InlineData("p=none; np=reject", true, DmarcPolicy.None)]
    [InlineData("p=none; np=reject", false, DmarcPolicy.Reject)]
    public async Task Policy_OfANameBelow_IsSpOrNpOrP(string tags, bool exists, DmarcPolicy policy)
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; " + tags);
        if (exists)
            resolver.Text("a.example.com", "v=spf1 -all");
        var (dmarc, _) = await CheckAsync("x@a.example.com", spf: "example.net");
        Assert.Equal((policy, "example.com"), (dmarc.Policy, dmarc.RecordDomain));
    }

    [Fact]
    public async Task Record_SaysItIsTheTop_EndsTheWalk()
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=none")
            .Text("_dmarc.dept.example.com", "v=DMARC1; p=reject; psd=n");
        var (dmarc, _) = await CheckAsync("x@a.dept.example.com", "example.com", "b.dept.example.com");
        Assert.Equal(
            ("dept.example.com", false, true), (dmarc.RecordDomain, dmarc.IsSpfAligned, dmarc.IsDkimAligned));
        Assert.DoesNotContain("TXT _dmarc.example.com", resolver.Asked);
    }

    [Theory]
    [InlineData("p=reject; v=DMARC1")]
    [InlineData("v=DMARC2; p=reject")]
    [InlineData("v=dmarc1; p=reject")]
    [InlineData("v=spf1 -all")]
    [InlineData("")]
    public async Task Text_ThatIsNoRecord_IsNotLookedAt(string text)
    {
        resolver.Text("_dmarc.example.com", text);
        var (dmarc, dkim) = await CheckAsync("a@example.com", null, "example.com");
        Assert.Equal((AuthenticationResult.None, null), (dmarc.Result, dmarc.Policy));
        Assert.Null(dkim[0].IsAligned);
    }

    [Fact]
    public async Task Records_TwoAtOneName_AreNone()
    {
        resolver.Text("_dmarc.a.example.com", "v=DMARC1; p=none", "v=DMARC1; p=reject", "other")
            .Text("_dmarc.example.com", "other", "v=DMARC1; p=quarantine");
        var (dmarc, _) = await CheckAsync("x@a.example.com", spf: "example.net");
        Assert.Equal(("example.com", DmarcPolicy.Quarantine), (dmarc.RecordDomain, dmarc.Policy));
    }

    [Theory]
    [InlineData("v=DMARC1", AuthenticationResult.Permerror, null)]
    [InlineData("v=DMARC1; p=bounce", AuthenticationResult.Permerror, null)]
    [InlineData("v=DMARC1; p=reject; sp=bounce", AuthenticationResult.Permerror, null)]
    [InlineData("v=DMARC1; p=reject; np=x; rua=nobody", AuthenticationResult.Permerror, null)]
    [InlineData("v=DMARC1; p=bounce; " + Reports, AuthenticationResult.Fail, DmarcPolicy.None)]
    [InlineData("v=DMARC1; " + Reports + "!10m", AuthenticationResult.Fail, DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=reject; sp=bounce; " + Reports, AuthenticationResult.Fail, DmarcPolicy.None)]
    [InlineData("v = DMARC1 ;p = REJECT;; adkim=maybe; what; x=1 ;", AuthenticationResult.Fail,
        DmarcPolicy.Reject)]
    public async Task Record_WithFaults_CountsAsFarAsItCan(
        string record, AuthenticationResult result, DmarcPolicy? policy)
    {
        resolver.Text("_dmarc.example.com", record);
        var (dmarc, _) = await CheckAsync("a@example.com", spf: "example.net");
        Assert.Equal((result, policy), (dmarc.Result, dmarc.Policy));
    }

    [Theory]
    [InlineData("")]
    [InlineData("From: a@example.com\r\nFrom: b@example.com\r\n")]
    [InlineData("From: a@example.com, b@example.net\r\n")]
    [InlineData("From: undisclosed:;\r\n")]
    [InlineData("From: ann\r\n")]
    [InlineData("From: a@[192.0.2.1]\r\n")]
    [InlineData("no field\r\nFrom: a@example.com\r\n")]
    public async Task From_WithoutOneDomain_IsPermError(string head)
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=reject");
        using var content = SampleMail.Read(head, "");
        var (dmarc, _) = await new DmarcCheck(resolver).CheckAsync(content, null, [], Cancel);
        Assert.Equal((AuthenticationResult.Permerror, ""), (dmarc.Result, dmarc.Domain));
        Assert.Empty(resolver.Asked);
    }

    [Theory]
    [InlineData("From: a@example.com, \"B, b\" <b@EXAMPLE.com>\r\n", "example.com")]
    [InlineData("From: =?utf-8?B?7JWI?=\r\n <a@example.com.>\r\n", "example.com")]
    [InlineData("From: a@bücher.example\r\n", "xn--bcher-kva.example")]
    [InlineData("From: a@BÜCHER.example\r\n", "xn--bcher-kva.example")]
    public async Task From_OfOneDomain_IsComparedAsALabels(string head, string domain)
    {
        resolver.Text("_dmarc." + domain, "v=DMARC1; p=reject");
        using var content = SampleMail.Read(head, "");
        var (dmarc, _) = await new DmarcCheck(resolver).CheckAsync(content, Spf(domain), [], Cancel);
        Assert.Equal((AuthenticationResult.Pass, domain), (dmarc.Result, dmarc.Domain));
    }

    [Fact]
    public async Task Dns_WithoutAnswer_IsTempError()
    {
        resolver.Unknown("_dmarc.example.com");
        var (dmarc, _) = await CheckAsync("x@a.example.com", spf: "a.example.com");
        Assert.Equal((AuthenticationResult.Temperror, null), (dmarc.Result, dmarc.Policy));
    }

    [Theory]
    [InlineData("example.com", AuthenticationResult.Temperror)]
    [InlineData("example.net", AuthenticationResult.Fail)]
    public async Task Signature_WithoutItsKeyNow_MightHavePassed(string domain, AuthenticationResult result)
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=reject");
        var (dmarc, _) = await new DmarcCheck(resolver).CheckAsync(
            "example.com", Spf("example.com") with { Result = AuthenticationResult.Fail },
            [Dkim(domain) with { Result = AuthenticationResult.Temperror }], Cancel);
        Assert.Equal(result, dmarc.Result);
    }

    [Fact]
    public async Task Signature_ThatFailed_AlignsAndDoesNotCount()
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=reject");
        var (dmarc, dkim) = await new DmarcCheck(resolver).CheckAsync(
            "example.com", null, [Dkim("example.com") with { Result = AuthenticationResult.Fail }], Cancel);
        Assert.Equal((AuthenticationResult.Fail, false), (dmarc.Result, dmarc.IsDkimAligned));
        Assert.True(dkim[0].IsAligned);
    }

    [Fact]
    public async Task Spf_OfHeloForTheNullSender_Counts()
    {
        resolver.Text("_dmarc.example.com", "v=DMARC1; p=reject");
        var (dmarc, _) = await new DmarcCheck(resolver).CheckAsync(
            "example.com", Spf("mx.example.com") with { Scope = SpfScope.Helo }, [], Cancel);
        Assert.Equal(AuthenticationResult.Pass, dmarc.Result);
    }

    [Fact]
    public async Task Name_TooLongToAskFor_IsNotAsked()
    {
        var name = string.Join('.', Enumerable.Repeat(new string('a', 60), 4)) + ".example";
        var (dmarc, _) = await CheckAsync("x@" + name, spf: "example.net");
        Assert.Equal(AuthenticationResult.None, dmarc.Result);
        Assert.All(resolver.Asked, static asked => Assert.InRange(asked.Length, 0, "TXT ".Length + 253));
    }

    static SpfVerdict Spf(string domain) =>
        new(AuthenticationResult.Pass, domain, SpfScope.MailFrom, null, null);

    static DkimVerdict Dkim(string domain) => new(AuthenticationResult.Pass, domain, "s", "rsa-sha256", null);

    async ValueTask<(DmarcVerdict Dmarc, IReadOnlyList<DkimVerdict> Dkim)> CheckAsync(
        string from, string? spf, params string[] signers)
    {
        using var content = SampleMail.Read($"From: {from}\r\n", "");
        return await new DmarcCheck(resolver).CheckAsync(
            content, spf is null ? null : Spf(spf), [.. signers.Select(Dkim)], Cancel);
    }
}
