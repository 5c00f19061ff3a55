using CsCheck;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Queue;

namespace Postern.Tests.Inbound.Checks;

public sealed class AuthenticationResultsTests
{
    const string Ours = "mx.example.org";

    static readonly SpfVerdict Spf =
        new(AuthenticationResult.Pass, "example.com", SpfScope.MailFrom, null, "ip4:192.0.2.0/24");

    static readonly DkimVerdict Dkim =
        new(AuthenticationResult.Pass, "example.com", "sel", "rsa-sha256", null)
        {
            Identity = "@example.com",
            SignatureStart = "dzdVyO+/",
        };

    [Fact]
    public void Field_OfAllChecks_IsFoldedAndQuoted()
    {
        var checks = new MailChecks
        {
            Spf = Spf,
            Dkim = [Dkim, new(AuthenticationResult.Permerror, "", "", "", "its tags cannot be read")],
            Dmarc = new(AuthenticationResult.Pass, "example.com", DmarcPolicy.Reject, null),
            Arc = new(AuthenticationResult.Pass, ["a.example"], null) { OldestPass = 2 },
        };
        Assert.Equal(
            """
            Authentication-Results: mx.example.org;
             spf=pass reason="ip4:192.0.2.0/24" smtp.mailfrom=example.com;
             dkim=pass header.d=example.com header.i=@example.com header.s=sel
                header.a=rsa-sha256 header.b="dzdVyO+/";
             dkim=permerror reason="its tags cannot be read";
             dmarc=pass header.from=example.com policy.dmarc=reject;
             arc=pass header.oldest-pass=2

            """.ReplaceLineEndings("\r\n"),
            AuthenticationResults.Compose(Ours, checks));
    }

    [Fact]
    public void Field_OfNoCheck_SaysNone() => Assert.Equal(
        "Authentication-Results: mx.example.org; none\r\n",
        AuthenticationResults.Compose(Ours, new MailChecks()));

    [Fact]
    public void Field_OfMailWithoutSignature_SaysSo() => Assert.Equal(
        "Authentication-Results: mx.example.org;\r\n dkim=none;\r\n arc=none\r\n",
        AuthenticationResults.Compose(
            Ours, new MailChecks { Dkim = [], Arc = new(AuthenticationResult.None, [], null) }));

    [Fact]
    public void Chain_WithoutKeyNow_IsToldAsFail() => Assert.Contains(
        "arc=fail reason=\"seal 1: DNS does not answer\"",
        AuthenticationResults.Compose(Ours, new MailChecks
        {
            Arc = new(AuthenticationResult.Temperror, [], "seal 1: DNS does not answer"),
        }),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("a\"; dkim=pass header.d=bank.example; x=\"",
        "\"a\\\"; dkim=pass header.d=bank.example; x=\\\"\"")]
    [InlineData("a\r\nSubject: x", "\"a??Subject: x\"")]
    [InlineData("a\\", "\"a\\\\\"")]
    [InlineData("\u202ea", "\"?a\"")]
    [InlineData("a;b", "\"a;b\"")]
    [InlineData("a b@example.com", "\"a b@example.com\"")]
    [InlineData("a(b)@example.com", "\"a(b)@example.com\"")]
    [InlineData("a@b@example.com", "\"a@b@example.com\"")]
    [InlineData("a+b@example.com", "a+b@example.com")]
    public void Value_OfAPeer_EndsWhereItEnds(string identity, string written) => Assert.EndsWith(
        $" header.i={written}\r\n",
        AuthenticationResults.Compose(Ours, new MailChecks
        {
            Dkim = [new(AuthenticationResult.Fail, "", "", "", null) { Identity = identity }],
        }), StringComparison.Ordinal);

    [Fact]
    public void Field_WhateverPeersSay_IsReadWithTheirWordsAsValues() =>
        Gen.Select(Gen.String, Gen.String, Gen.String).Sample(static (selector, identity, why) =>
        {
            var field = AuthenticationResults.Compose(Ours, new MailChecks
            {
                Dkim = [Dkim with { Selector = selector, Identity = identity, Why = why }],
                Dmarc = new(AuthenticationResult.Fail, "example.com", null, null),
            });
            var value = field["Authentication-Results:".Length..];
            Assert.True(MimeKit.Cryptography.AuthenticationResults.TryParse(
                System.Text.Encoding.UTF8.GetBytes(value), out var read), field);
            Assert.Equal(["dkim", "dmarc"], read.Results.Select(static result => result.Method));
            Assert.Equal("example.com", read.Results[0].Properties[0].Value);
            Assert.All(field.Split("\r\n")[1..^1],
                static line => Assert.StartsWith(" ", line, StringComparison.Ordinal));
        });

    [Theory]
    [InlineData("Authentication-Results: mx.example.org; none")]
    [InlineData("authentication-RESULTS:mx.example.org;dkim=pass")]
    [InlineData("Authentication-Results : MX.Example.ORG ; none")]
    [InlineData("Authentication-Results:\r\n\tmx.example.org\r\n ; none")]
    [InlineData("Authentication-Results\r\n : mx.example.org; none")]
    [InlineData("Authentication-Results: mx.example.org 1; none")]
    [InlineData("Authentication-Results: mx.example.org/1; none")]
    [InlineData("Authentication-Results: mx.example.org. ; none")]
    [InlineData("Authentication-Results: mx.example.org")]
    [InlineData("Authentication-Results: (a (b\\) c)) mx.example.org (d) 1 (e); none")]
    [InlineData("Authentication-Results: mx.(a)example.org; none")]
    [InlineData("Authentication-Results: mx. example .org 1; none")]
    [InlineData("Authentication-Results: \"mx.example.org\"; none")]
    [InlineData("Authentication-Results: \"m\\x.example.org\"; none")]
    [InlineData("Authentication-Results: \"mx\".example.org; none")]
    [InlineData("Authentication-Results: (open mx.example.org; none")]
    [InlineData("Authentication-Results: \"mx.example.org; none")]
    public void Forged_InAnySpelling_IsFound(string field)
    {
        var head = $"Received: x\r\n{field}\r\nSubject: a\r\n";
        using var content = SampleMail.Read(head, "");
        Assert.Equal(
            [new ContentRange("Received: x\r\n".Length, field.Length + 2)],
            AuthenticationResults.FindForged(content.Header, Ours));
    }

    [Theory]
    [InlineData("Authentication-Results: mx.example.net; none")]
    [InlineData("Authentication-Results: example.org; none")]
    [InlineData("Authentication-Results: mx.example.organic; none")]
    [InlineData("Authentication-Results: a.mx.example.org; none")]
    [InlineData("Authentication-Results: mx.example.net; dkim=pass (mx.example.org)")]
    [InlineData("Authentication-Results: (mx.example.org) mx.example.net; none")]
    [InlineData("X-Authentication-Results: mx.example.org; none")]
    [InlineData("ARC-Authentication-Results: i=1; mx.example.org; none")]
    public void Field_OfAnother_Stays(string field)
    {
        using var content = SampleMail.Read(
            $"{field}\r\n", "Authentication-Results: mx.example.org; none\r\n");
        Assert.Empty(AuthenticationResults.FindForged(content.Header, Ours));
    }

    [Fact]
    public void Forged_Several_AreFoundInOrder()
    {
        const string Field = "Authentication-Results: mx.example.org; none\r\n";
        using var content = SampleMail.Read($"{Field}no field\r\n{Field}", "");
        Assert.Equal(
            [new ContentRange(0, Field.Length), new ContentRange(Field.Length + 10, Field.Length)],
            AuthenticationResults.FindForged(content.Header, Ours));
    }

    [Fact]
    public void Forged_OfANameInOtherScripts_IsFound()
    {
        using var content = SampleMail.Read("Authentication-Results: mx.bücher.example; none\r\n", "");
        Assert.Single(AuthenticationResults.FindForged(content.Header, "mx.xn--bcher-kva.example"));
    }
}
