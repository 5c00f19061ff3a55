using System.Globalization;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;
using Postern.Tests.Inbound.Checks;

namespace Postern.Tests.Security;

/// <summary>Signatures, chains and policies.</summary>
public sealed partial class SecurityAuthnTests
{
    const string KeyName = "s._domainkey.example.org";
    const string Basic = "v=1; a=rsa-sha256; d=example.org";
    const string Signed = "c=relaxed/relaxed; h=from:to:subject";

    // RFC 8601 §2.7.1 has a word of its own, policy, for a key that only our rules do not take: the catalogue
    // asks for permerror.
    [Theory]
    [InlineData("x=1780315199", "", 2048, AuthenticationResult.Fail)]
    [InlineData("t=1780319000", "", 2048, AuthenticationResult.Fail)]
    [InlineData("t=1780315199", "", 2048, AuthenticationResult.Pass)]
    [InlineData("i=ann@mail.example.org", "t=s; ", 2048, AuthenticationResult.Permerror)]
    [InlineData("i=ann@example.org", "t=s; ", 2048, AuthenticationResult.Pass)]
    [InlineData("t=1780315199", "t=y; ", 2048, AuthenticationResult.Pass)]
    [InlineData("t=1780315199", "s=other; ", 2048, AuthenticationResult.Permerror)]
    [InlineData("t=1780315199", "k=dsa; ", 2048, AuthenticationResult.Permerror)]
    [InlineData("t=1780315199", "p=; x=", 2048, AuthenticationResult.Permerror)]
    [InlineData("t=1780315199", "", 512, AuthenticationResult.Policy)]
    [InlineData("t=1780315199", "", 768, AuthenticationResult.Policy)]
    [InlineData("t=1780315199", "", 1024, AuthenticationResult.Pass)]
    public async Task Signature_OfADoubtfulKeyOrTime_IsJudgedByTheRfc(
        string tags, string record, int bits, AuthenticationResult result)
    {
        SecurityCase.Get("AUTHN-11");
        using var mail = new SampleMail(bits);
        mail.Resolver.Text(KeyName, record.StartsWith("p=", StringComparison.Ordinal)
            ? "v=DKIM1; p=" : mail.Record("v=DKIM1; " + record));
        var verdict = Assert.Single(await CheckDkimAsync(mail, mail.Sign($"{Signed}; {tags}", basic: Basic)));
        Assert.Equal(result, verdict.Result);
        Assert.Equal(record == "t=y; ", verdict.IsTesting);
    }

    [Theory]
    [InlineData("d=example.org; s=a\0b; i=@example.org")]
    [InlineData("d=example.org; s=a\0b._domainkey.example.org")]
    [InlineData("d=example.org\"(; s=s")]
    [InlineData("d=example.org(.evil.example); s=s")]
    [InlineData("d=\"example.org; s=s")]
    [InlineData("d=evil.example'a.example.org; s=s")]
    [InlineData("d=mail.example.org; s=s; i=ann@example.org")]
    [InlineData("d=example.org; s=s; i=ann@example.org.evil.example")]
    [InlineData("d=example.org; s=s; i=\"; spf=pass smtp.mailfrom=bank.example; x=\"@evil.example")]
    public async Task Signature_OfTwoReadings_IsPermErrorAndWritesNoResult(string tags)
    {
        SecurityCase.Get("AUTHN-13");
        using var mail = new SampleMail();
        var hash = $"{new string('A', 43)}=";
        var field = $"DKIM-Signature: v=1; a=rsa-sha256; {tags}; h=from; bh={hash}; b=AAAA\r\n";
        var verdict = Assert.Single(await CheckDkimAsync(mail, field));
        Assert.Equal(AuthenticationResult.Permerror, verdict.Result);
        Assert.Empty(mail.Resolver.Asked);
        var told = AuthenticationResults.Compose("mx.example", new MailChecks { Dkim = [verdict] });
        var outside = string.Concat(told.Split('"').Where((_, part) => part % 2 == 0));
        Assert.DoesNotContain("pass", outside, StringComparison.Ordinal);
        Assert.DoesNotContain(told.Replace("\r\n", "", StringComparison.Ordinal), char.IsControl);
    }

    [Fact]
    public async Task Signatures_BeyondCount_CostNoMoreThanTen()
    {
        SecurityCase.Get("AUTHN-14");
        using var mail = new SampleMail();
        var many = string.Concat(Enumerable.Range(0, 50).Select(i => mail.Sign(
            Signed, basic: $"v=1; a=rsa-sha256; d=d{i}.example.org")));
        var verdicts = await CheckDkimAsync(mail, many);
        Assert.Equal(10, verdicts.Count);
        Assert.Equal(10, mail.Resolver.Asked.Count);
        // A section of a megabyte is not read on.
        var huge = await CheckDkimAsync(mail, $"DKIM-Signature: {Basic}; b={new string('A', 1 << 20)}\r\n");
        Assert.All(huge, one => Assert.NotEqual(AuthenticationResult.Pass, one.Result));
    }

    [Fact]
    public async Task Signature_OfTenThousandNames_TakesEachFieldOnce()
    {
        SecurityCase.Get("AUTHN-14");
        using var mail = new SampleMail();
        var names = string.Concat(Enumerable.Repeat("from:to:subject:x-no:", 2500)) + "from";
        var field = mail.Sign($"c=relaxed/relaxed; h={names}");
        using var content = SampleMail.Read(field + SampleMail.Head, SampleMail.Body);
        Assert.Equal(
            3, content.Header.Select(content.Signatures[0].Names, content.Signatures[0].Field).Count());
        Assert.Equal(AuthenticationResult.Pass, (await CheckDkimAsync(mail, field))[0].Result);
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("\r\n")]
    [InlineData(" \r\n")]
    [InlineData("\t ")]
    public void WhiteSpace_OfTenMegabytes_IsNotHeld(string blank)
    {
        SecurityCase.Get("AUTHN-14");
        using var mail = new SampleMail();
        var piece = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(blank, 10_000)));
        using var content = new SignedContent();
        content.Append(Encoding.ASCII.GetBytes($"{mail.Sign(Signed)}{SampleMail.Head}\r\nx"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var octets = 0; octets < 10 << 20; octets += piece.Length)
            content.Append(piece);
        content.Append("y\r\n"u8);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 10);
        content.Complete();
        Assert.InRange(content.BodyOctetsOf(SignedForm.Relaxed), 4, 11 << 20);
    }

    [Theory]
    [InlineData("i=51", "1")]
    [InlineData("a gap", "1 3")]
    [InlineData("two of one", "1 1")]
    [InlineData("1000 sets", "1000")]
    [InlineData("cv=fail below", "1 2")]
    [InlineData("no first", "2")]
    public async Task Chain_ThatIsNone_FailsWithoutWork(string row, string instances)
    {
        SecurityCase.Get("AUTHN-17");
        using var mail = new SampleMail();
        var numbers = row switch
        {
            "i=51" => ["51"],
            "1000 sets" =>
                [.. Enumerable.Range(1, 1000).Select(i => i.ToString(CultureInfo.InvariantCulture))],
            _ => instances.Split(' '),
        };
        var head = string.Concat(numbers.Reverse().Select(i => SetOf(i, row == "cv=fail below" && i == "1")));
        using var content = SampleMail.Read(head + SampleMail.Head, SampleMail.Body);
        var verdict = await new ArcCheck(mail.Resolver, new FakeTimeProvider(SampleMail.Now))
            .CheckAsync(content, Cancel);
        Assert.Equal(AuthenticationResult.Fail, verdict.Result);
        Assert.InRange(verdict.Sealers.Count, 0, ArcChain.SetsMax);
        Assert.Empty(mail.Resolver.Asked);
    }

    /// <summary>RFC 9989 where it differs from RFC 7489: pct= is gone, t=y is new, a policy that cannot be
    /// read makes the record void unless it asks for reports, which makes it p=none (RFC 9989 §4.7,
    /// RFC 9989 §4.10.1).</summary>
    [Theory]
    [InlineData("v=DMARC1; p=reject|v=DMARC1; p=none", AuthenticationResult.None, null)]
    [InlineData("p=reject; v=DMARC1", AuthenticationResult.None, null)]
    [InlineData("v=DMARC1; p=junk", AuthenticationResult.Permerror, null)]
    [InlineData("v=DMARC1; p=junk; rua=mailto:a@example.com", AuthenticationResult.Fail, DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=reject; pct=0", AuthenticationResult.Fail, DmarcPolicy.Reject)]
    [InlineData("v=DMARC1; p=reject; pct=junk", AuthenticationResult.Fail, DmarcPolicy.Reject)]
    [InlineData("v=DMARC1; p=none; sp=reject", AuthenticationResult.Fail, DmarcPolicy.Reject)]
    [InlineData("v=DMARC1; p=none; np=reject", AuthenticationResult.Fail, DmarcPolicy.Reject)]
    [InlineData("10 KiB", AuthenticationResult.None, null)]
    public async Task Policy_OfADoubtfulRecord_IsThatOfRfc9989(
        string records, AuthenticationResult result, DmarcPolicy? policy)
    {
        SecurityCase.Get("AUTHN-22");
        records = records == "10 KiB" ? $"v=DMARC1; p=reject; x={new string('x', 10 << 10)}" : records;
        var resolver = new FakeResolver().Text("_dmarc.example.com", records.Split('|'));
        var (dmarc, _) = await new DmarcCheck(resolver).CheckAsync("sub.example.com", null, [], Cancel);
        Assert.Equal((result, policy), (dmarc.Result, dmarc.Policy));
    }

    /// <summary>A record above the organization helps nobody to another's name: there is no list of public
    /// suffixes, a record says of itself that it is one.</summary>
    [Theory]
    [InlineData("v=DMARC1; p=reject; psd=y", false)]
    [InlineData("v=DMARC1; p=reject; psd=n", true)]
    [InlineData("v=DMARC1; p=reject", true)]
    public async Task Record_OfAPublicSuffix_JoinsNoNamesBelow(string record, bool isAligned)
    {
        SecurityCase.Get("AUTHN-22");
        var resolver = new FakeResolver().Text("_dmarc.suffix.example", record);
        var (dmarc, _) = await new DmarcCheck(resolver).CheckAsync(
            "bank.suffix.example",
            new SpfVerdict(AuthenticationResult.Pass, "evil.suffix.example", SpfScope.MailFrom, null, null),
            [], Cancel);
        Assert.Equal(
            isAligned ? AuthenticationResult.Pass : AuthenticationResult.Fail, dmarc.Result);
        Assert.Equal("suffix.example", dmarc.RecordDomain);
    }

    static string SetOf(string instance, bool isFail)
    {
        const string rest = "a=rsa-sha256; d=example.org; s=s; b=AAAA";
        var state = isFail ? "fail" : instance == "1" ? "none" : "pass";
        return $"ARC-Seal: i={instance}; cv={state}; {rest}\r\n"
            + $"ARC-Message-Signature: i={instance}; h=from; bh={new string('A', 43)}=; {rest}\r\n"
            + $"ARC-Authentication-Results: i={instance}; mx.example.org; none\r\n";
    }

    static async ValueTask<IReadOnlyList<DkimVerdict>> CheckDkimAsync(SampleMail mail, string fields)
    {
        using var content = SampleMail.Read(fields + SampleMail.Head, SampleMail.Body);
        return await new DkimCheck(mail.Resolver, new FakeTimeProvider(SampleMail.Now))
            .CheckAsync(content, Cancel);
    }
}
