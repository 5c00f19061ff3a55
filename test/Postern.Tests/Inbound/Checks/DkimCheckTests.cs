using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Checks;

public sealed class DkimCheckTests : IDisposable
{
    const string Simple = "h=from:to:subject";
    const string Relaxed = "c=relaxed/relaxed; h=from:to:subject";

    readonly SampleMail mail = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => mail.Dispose();

    [Theory]
    [InlineData(Simple)]
    [InlineData(Relaxed)]
    [InlineData("c=relaxed; h=from")]
    [InlineData("c=simple/relaxed; h=From : Subject")]
    [InlineData("c=relaxed/simple; h=from:from:to:x-not-there")]
    public async Task Signature_OverTheMail_Passes(string tags)
    {
        var verdict = await CheckAsync(mail.Sign(tags));
        Assert.Equal(
            (AuthenticationResult.Pass, "example.org", "s", "rsa-sha256", null),
            (verdict.Result, verdict.Domain, verdict.Selector, verdict.Algorithm, verdict.Why));
    }

    [Theory]
    [InlineData("v=2; a=rsa-sha256; d=example.org", Simple, "v= is not 1")]
    [InlineData("a=rsa-sha256; d=example.org", Simple, "v= is not 1")]
    [InlineData("v=1; a=rsa-sha256", Simple, "d= is missing")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "c=simple", "h= is missing")]
    [InlineData("v=1; a=rsa-sha256; d=-", Simple, "d= is no domain")]
    [InlineData("v=1; a=rsa-sha512; d=example.org", Simple, "its algorithm is not known")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=to:subject", "From is not signed")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; h=from", "its tags cannot be read")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; ; t=1", "its tags cannot be read")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; i=ann@example.net",
        "i= is not of the domain of d=")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; i=ann@badexample.org",
        "i= is not of the domain of d=")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; t=20; x=20", "it expires before it was made")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; l=-1", "l= is no number")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; t=now", "t= is no number")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; c=nofws", "its canonicalization is not known")]
    [InlineData("v=1; a=rsa-sha256; d=example.org", "h=from; q=http", "its key is not in DNS")]
    public async Task Signature_ThatIsNone_IsPermError(string basic, string tags, string why)
    {
        var field = $"DKIM-Signature: {basic}; s=s; bh={Zeros}; {tags}; b=AAAA\r\n";
        var verdict = await CheckAsync(field);
        Assert.Equal((AuthenticationResult.Permerror, why), (verdict.Result, verdict.Why));
        Assert.Empty(mail.Resolver.Asked);
    }

    [Fact]
    public async Task Signature_OfSha1_IsPolicy()
    {
        var verdict = await CheckAsync(mail.Sign(Simple, basic: "v=1; a=rsa-sha1; d=example.org"));
        Assert.Equal(
            (AuthenticationResult.Policy, "rsa-sha1", "example.org"),
            (verdict.Result, verdict.Algorithm, verdict.Domain));
    }

    [Fact]
    public async Task Key_Of1024Bits_IsTaken()
    {
        using var small = new SampleMail(1024);
        var verdict = await CheckAsync(small.Sign(Simple), small);
        Assert.Equal(AuthenticationResult.Pass, verdict.Result);
    }

    [Fact]
    public async Task Key_Of512Bits_IsPolicy()
    {
        using var small = new SampleMail(512);
        var verdict = await CheckAsync(small.Sign(Simple), small);
        Assert.Equal(
            (AuthenticationResult.Policy, "its key of 512 bits is not taken"), (verdict.Result, verdict.Why));
    }

    [Theory]
    [InlineData("2026-06-01T11:59:59Z", AuthenticationResult.Fail, "it has expired")]
    [InlineData("2026-06-01T12:00:01Z", AuthenticationResult.Pass, null)]
    public async Task Signature_WithExpiry_HoldsUntilThen(string at, AuthenticationResult result, string? why)
    {
        var verdict = await CheckAsync(mail.Sign($"{Simple}; x={Seconds(at)}"));
        Assert.Equal((result, why), (verdict.Result, verdict.Why));
    }

    [Theory]
    [InlineData("2026-06-01T12:59:00Z", AuthenticationResult.Pass, null)]
    [InlineData("2026-06-01T13:01:00Z", AuthenticationResult.Fail, "it comes from the future")]
    public async Task Signature_OfALaterTime_MayBeAnHourAhead(
        string at, AuthenticationResult result, string? why)
    {
        var verdict = await CheckAsync(mail.Sign($"{Simple}; t={Seconds(at)}"));
        Assert.Equal((result, why), (verdict.Result, verdict.Why));
    }

    [Theory]
    [InlineData("To: bob@", "To: eve@")]
    [InlineData("Subject: hi\r\n", "")]
    [InlineData("Subject: hi\r\n", "Subject: hi\r\nSubject: buy\r\n")]
    [InlineData("Subject: hi\r\n", "Subject:  hi\r\n")]
    public async Task Header_Changed_FailsSimple(string was, string becomes)
    {
        var field = mail.Sign(Simple);
        var verdict = await CheckAsync(field, head: Changed(was, becomes));
        Assert.Equal(
            (AuthenticationResult.Fail, "the signature does not fit the header"),
            (verdict.Result, verdict.Why));
    }

    [Theory]
    [InlineData("Subject: hi\r\n", "SUBJECT :\r\n\t hi  \r\n")]
    [InlineData("To: bob", "X-Other: 1\r\nTo:bob")]
    [InlineData("From: Ann <", "From: Ann\r\n <")]
    public async Task Header_FoldedAnotherWay_PassesRelaxed(string was, string becomes)
    {
        var verdict = await CheckAsync(mail.Sign(Relaxed), head: Changed(was, becomes));
        Assert.Equal(AuthenticationResult.Pass, verdict.Result);
    }

    [Fact]
    public async Task Field_SignedAsMissing_MayNotBeAdded()
    {
        var field = mail.Sign("h=from:from:to:subject");
        var verdict = await CheckAsync(field, head: "From: eve@example.net\r\n" + SampleMail.Head);
        Assert.Equal(AuthenticationResult.Fail, verdict.Result);
    }

    [Theory]
    [InlineData("Hello  Bob,\r\n\r\nhow are you? ", AuthenticationResult.Pass)]
    [InlineData("Hello  Bob,\r\n\r\nhow are you? \r\n\r\n", AuthenticationResult.Pass)]
    [InlineData("Hello Bob,\r\n\r\nhow are you? \r\n", AuthenticationResult.Fail)]
    [InlineData("Hello  Bob,\r\n\r\nhow are you?\r\n", AuthenticationResult.Fail)]
    [InlineData("Hello  Bob,\r\n\r\n\r\nhow are you? \r\n", AuthenticationResult.Fail)]
    public async Task Body_Simple_MayDifferInItsLastEmptyLinesAlone(string body, AuthenticationResult result)
    {
        var verdict = await CheckAsync(mail.Sign(Simple), body: body);
        Assert.Equal(result, verdict.Result);
    }

    [Theory]
    [InlineData("Hello Bob, \t\r\n \r\nhow are\tyou?", AuthenticationResult.Pass)]
    [InlineData("Hello Bob,\r\n\r\nhow are you?\r\n \t\r\n\r\n", AuthenticationResult.Pass)]
    [InlineData(" Hello Bob,\r\n\r\nhow are you?\r\n", AuthenticationResult.Fail)]
    [InlineData("HelloBob,\r\n\r\nhow are you?\r\n", AuthenticationResult.Fail)]
    public async Task Body_Relaxed_MayDifferInWhiteSpace(string body, AuthenticationResult result)
    {
        var verdict = await CheckAsync(mail.Sign(Relaxed), body: body);
        Assert.Equal(result, verdict.Result);
    }

    [Theory]
    [InlineData("simple", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=")]
    [InlineData("relaxed", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    public async Task Body_Empty_HasTheHashOfTheRfc(string form, string hash)
    {
        // RFC 6376 §3.4.3, §3.4.4.
        var field = mail.Sign($"c=simple/{form}; h=from", body: "", bodyHash: hash);
        Assert.Equal(AuthenticationResult.Pass, (await CheckAsync(field, body: "")).Result);
        Assert.Equal(AuthenticationResult.Pass, (await CheckAsync(field, body: "\r\n\r\n")).Result);
    }

    [Fact]
    public async Task Body_Appended_PassesWithLengthAndSaysSo()
    {
        var field = mail.Sign($"{Simple}; l=13");
        var verdict = await CheckAsync(field, body: "Hello  Bob,\r\nBuy this!\r\n");
        Assert.Equal(
            (AuthenticationResult.Pass, "only the first 13 of 24 octets are signed"),
            (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Body_ShorterThanLength_Fails()
    {
        var verdict = await CheckAsync(mail.Sign($"{Simple}; l=9999"));
        Assert.Equal(
            (AuthenticationResult.Fail, "the body is shorter than l="), (verdict.Result, verdict.Why));
    }

    [Theory]
    [InlineData("v=DKIM1; p=", "its key is revoked")]
    [InlineData("v=DKIM1", "its key record has no key")]
    [InlineData("v=DKIM2; p=AAAA", "its key record is of another version")]
    [InlineData("k=rsa; v=DKIM1; p=AAAA", "its key record is of another version")]
    [InlineData("v=DKIM1; k=ed25519; p=AAAA", "its key is no rsa key")]
    [InlineData("v=DKIM1; p=AAAA", "its key is no rsa key")]
    [InlineData("v=DKIM1; p=A!", "its key is no base64")]
    [InlineData("v=DKIM1; p=AAAA; p=AAAA", "its key record cannot be read")]
    [InlineData("hello", "its key record cannot be read")]
    [InlineData("v=DKIM1; s=tlsrpt; p=AAAA", "its key is not for mail")]
    [InlineData("v=DKIM1; h=sha1; p=AAAA", "its key is for other hashes")]
    public async Task Key_ThatIsNone_IsPermError(string record, string why)
    {
        mail.Resolver.Text("s._domainkey.example.org", record);
        var verdict = await CheckAsync(mail.Sign(Simple));
        Assert.Equal((AuthenticationResult.Permerror, why), (verdict.Result, verdict.Why));
    }

    [Theory]
    [InlineData("v=DKIM1; h=sha1 : sha256; s=tlsrpt:email; n=hi; x_more=1; ", false)]
    [InlineData("s=*; ", false)]
    [InlineData("t=y; ", true)]
    [InlineData("v=DKIM1; t=s : y; ", true)]
    public async Task Key_WithFlags_IsTaken(string tags, bool isTesting)
    {
        mail.Resolver.Text("s._domainkey.example.org", mail.Record(tags));
        var verdict = await CheckAsync(mail.Sign(Simple));
        Assert.Equal((AuthenticationResult.Pass, isTesting), (verdict.Result, verdict.IsTesting));
    }

    [Theory]
    [InlineData("ann@mail.example.org", AuthenticationResult.Permerror)]
    [InlineData("ann@example.org", AuthenticationResult.Pass)]
    [InlineData("@EXAMPLE.org", AuthenticationResult.Pass)]
    public async Task Key_ForItsOwnDomainAlone_TakesNoIdentityBelow(
        string identity, AuthenticationResult result)
    {
        var field = mail.Sign($"{Simple}; i={identity}");
        Assert.Equal(AuthenticationResult.Pass, (await CheckAsync(field)).Result);
        mail.Resolver.Text("s._domainkey.example.org", mail.Record("t=s; "));
        var verdict = await CheckAsync(field);
        Assert.Equal((result, identity), (verdict.Result, verdict.Identity));
    }

    [Fact]
    public async Task Key_WithoutItsWrapping_IsTaken()
    {
        mail.Resolver.Text(
            "s._domainkey.example.org", "p=" + Convert.ToBase64String(mail.Key.ExportRSAPublicKey()));
        Assert.Equal(AuthenticationResult.Pass, (await CheckAsync(mail.Sign(Simple))).Result);
    }

    [Fact]
    public async Task Key_ThatDnsDoesNotKnow_IsPermError()
    {
        var field = mail.Sign(Simple, basic: "v=1; a=rsa-sha256; d=example.net");
        var verdict = await CheckAsync(field);
        Assert.Equal(
            (AuthenticationResult.Permerror, "there is no key at s._domainkey.example.net"),
            (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Dns_WithoutAnswer_IsTempError()
    {
        mail.Resolver.Unknown("s._domainkey.example.org");
        Assert.Equal(AuthenticationResult.Temperror, (await CheckAsync(mail.Sign(Simple))).Result);
    }

    [Fact]
    public async Task Dns_ThatNeverAnswers_IsTempErrorAfterTheLimitForItsSignatureAlone()
    {
        var clock = new FakeTimeProvider(SampleMail.Now);
        using var content = SampleMail.Read(
            mail.Sign(Simple, basic: "v=1; a=rsa-sha256; d=slow.example") + mail.Sign(Simple)
                + SampleMail.Head, SampleMail.Body);
        var checking = new DkimCheck(new SilentResolver(mail.Resolver), clock)
            .CheckAsync(content, Cancel).AsTask();
        clock.Advance(DkimCheck.ElapsedMax - TimeSpan.FromMilliseconds(1));
        Assert.False(checking.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(
            [(AuthenticationResult.Temperror, "DNS is too slow"), (AuthenticationResult.Pass, null)],
            (await checking).Select(one => (one.Result, one.Why)));
    }

    [Fact]
    public async Task Domain_OfOtherScripts_IsAskedForAsALabels()
    {
        var field = mail.Sign(Simple, basic: "v=1; a=rsa-sha256; d=bücher.example");
        mail.Resolver.Text("s._domainkey.xn--bcher-kva.example", mail.Record(""));
        var verdict = await CheckAsync(field);
        Assert.Equal(
            (AuthenticationResult.Pass, "xn--bcher-kva.example"), (verdict.Result, verdict.Domain));
    }

    [Fact]
    public async Task Signatures_BeyondTheLimit_AreNotLookedAt()
    {
        var field = mail.Sign(Simple);
        using var content = SampleMail.Read(
            string.Concat(Enumerable.Repeat(field, SignedContent.SignaturesDefault + 1)) + SampleMail.Head,
            SampleMail.Body);
        var verdicts = await Check().CheckAsync(content, Cancel);
        Assert.Equal(SignedContent.SignaturesDefault, verdicts.Count);
        Assert.All(verdicts, static verdict => Assert.Equal(AuthenticationResult.Pass, verdict.Result));
        Assert.Single(mail.Resolver.Asked);
    }

    [Fact]
    public async Task Header_WithALineThatIsNoField_ProvesNothing()
    {
        var verdict = await CheckAsync(mail.Sign(Simple), head: "no field\r\n" + SampleMail.Head);
        Assert.Equal(
            (AuthenticationResult.Permerror, "a line of the header section is no field"),
            (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Header_WithoutEnd_ProvesNothing()
    {
        var field = mail.Sign(Simple);
        var more = $"X: {new string('x', SignedContent.HeaderOctetsMax)}\r\n";
        var verdict = await CheckAsync(field, head: SampleMail.Head + more);
        Assert.Equal(
            (AuthenticationResult.Permerror, "the header section is too long"),
            (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Mail_WithoutSignature_HasNoVerdict()
    {
        using var content = SampleMail.Read(SampleMail.Head, SampleMail.Body);
        Assert.Empty(await Check().CheckAsync(content, Cancel));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public async Task Content_InPieces_IsTheSame(int length)
    {
        var octets = Encoding.UTF8.GetBytes(
            mail.Sign(Relaxed) + mail.Sign(Simple) + SampleMail.Head + "\r\n" + SampleMail.Body);
        using var content = new SignedContent();
        foreach (var piece in octets.Chunk(length))
            content.Append(piece);
        content.Complete();
        var verdicts = await Check().CheckAsync(content, Cancel);
        Assert.Equal(2, verdicts.Count);
        Assert.All(verdicts, static verdict => Assert.Equal(AuthenticationResult.Pass, verdict.Result));
    }

    static string Zeros => Convert.ToBase64String(new byte[32]);

    static string Changed(string was, string becomes) =>
        SampleMail.Head.Replace(was, becomes, StringComparison.Ordinal);

    static long Seconds(string at) =>
        DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeSeconds();

    DkimCheck Check(SampleMail? other = null) =>
        new((other ?? mail).Resolver, new FakeTimeProvider(SampleMail.Now));

    async ValueTask<DkimVerdict> CheckAsync(
        string field, SampleMail? other = null, string head = SampleMail.Head, string body = SampleMail.Body)
    {
        using var content = SampleMail.Read(field + head, body);
        return Assert.Single(await Check(other).CheckAsync(content, Cancel));
    }
}
