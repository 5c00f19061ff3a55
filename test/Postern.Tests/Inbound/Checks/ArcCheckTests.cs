using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Inbound.Checks;

namespace Postern.Tests.Inbound.Checks;

/// <summary>Chains that <see cref="ArcSeal"/> made: what ValiMail's suite does not ask.</summary>
public sealed class ArcCheckTests : IDisposable
{
    const string Results = "mx.example.org; dkim=pass";

    readonly SampleMail mail = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => mail.Dispose();

    [Fact]
    public async Task Chain_OfFiftySets_Passes_AndIsFull()
    {
        var head = SampleMail.Head;
        for (var i = 0; i < ArcChain.SetsMax; i++)
            head = await SealAsync(head) + head;
        var verdict = await CheckAsync(head);
        Assert.Equal((AuthenticationResult.Pass, 0, null), (verdict.Result, verdict.OldestPass, verdict.Why));
        Assert.Equal(Enumerable.Repeat("example.org", ArcChain.SetsMax), verdict.Sealers);
        Assert.Equal("", await SealAsync(head));
        Assert.Single(mail.Resolver.Asked.Distinct());
    }

    [Fact]
    public async Task Chain_OfMoreSets_Fails()
    {
        var set = await SealAsync(SampleMail.Head);
        var verdict = await CheckAsync(
            string.Concat(Enumerable.Repeat(set, ArcChain.SetsMax + 1)) + SampleMail.Head);
        Assert.Equal(
            (AuthenticationResult.Fail, "there are more than 50 sets"), (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Mail_ChangedOnTheWay_PassesFromWhereItWasSealedAgain()
    {
        var head = await SealAsync(SampleMail.Head) + SampleMail.Head;
        head = await SealAsync(head) + head;
        head = head.Replace("Subject: hi", "Subject: [list] hi", StringComparison.Ordinal);
        head = await SealAsync(head, found: AuthenticationResult.Pass) + head;
        var verdict = await CheckAsync(head);
        Assert.Equal((AuthenticationResult.Pass, 3), (verdict.Result, verdict.OldestPass));
    }

    [Fact]
    public async Task Dns_WithoutAnswer_IsTempError()
    {
        var head = await SealAsync(SampleMail.Head) + SampleMail.Head;
        mail.Resolver.Unknown("s._domainkey.example.org");
        var verdict = await CheckAsync(head);
        Assert.Equal(
            (AuthenticationResult.Temperror, "message signature 1: DNS does not answer for "
                + "s._domainkey.example.org"),
            (verdict.Result, verdict.Why));
        Assert.Equal(["example.org"], verdict.Sealers);
    }

    [Fact]
    public async Task Body_Changed_Fails()
    {
        var verdict = await CheckAsync(await SealAsync(SampleMail.Head) + SampleMail.Head, "Other\r\n");
        Assert.Equal(
            (AuthenticationResult.Fail, "message signature 1: the body has changed"),
            (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Results_Changed_BreakTheSeal()
    {
        var head = await SealAsync(SampleMail.Head) + SampleMail.Head;
        var verdict = await CheckAsync(head.Replace("dkim=pass", "dkim=fail", StringComparison.Ordinal));
        Assert.Equal(
            (AuthenticationResult.Fail, "seal 1: the signature does not fit the header"),
            (verdict.Result, verdict.Why));
    }

    [Fact]
    public async Task Chain_Broken_IsSealedOnceAndGivenUp()
    {
        var head = "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=example.net; s=s; b=AAAA\r\n" + SampleMail.Head;
        var set = await SealAsync(head);
        Assert.Contains("cv=fail", set, StringComparison.Ordinal);
        Assert.Contains("i=2", set, StringComparison.Ordinal);
        Assert.Equal("", await SealAsync(set + head));
    }

    [Fact]
    public async Task Mail_WithoutChain_HasNone()
    {
        var verdict = await CheckAsync(SampleMail.Head);
        Assert.Equal(AuthenticationResult.None, verdict.Result);
        Assert.Empty(verdict.Sealers);
    }

    [Fact]
    public async Task Seal_SignsWhatIsThere_AndKeepsLinesShort()
    {
        var set = await SealAsync(SampleMail.Head);
        Assert.Contains("h=From:To:Subject;", set, StringComparison.Ordinal);
        // Base64 is not folded, or a seal would break with the folding.
        Assert.All(set.Split("\r\n"), static line => Assert.InRange(line.Length, 0, 998));
    }

    async ValueTask<ArcVerdict> CheckAsync(string head, string body = SampleMail.Body)
    {
        using var content = SampleMail.Read(head, body);
        return await new ArcCheck(mail.Resolver, new FakeTimeProvider(SampleMail.Now))
            .CheckAsync(content, Cancel);
    }

    /// <param name="head">What is sealed.</param>
    /// <param name="found">What the sealer found before it changed the mail. Null: it changed
    /// nothing.</param>
    async ValueTask<string> SealAsync(string head, AuthenticationResult? found = null)
    {
        var verdict = await CheckAsync(head);
        verdict = verdict with { Result = found ?? verdict.Result };
        using var content = new SignedContent { IsToBeSealed = true };
        content.Append(Encoding.UTF8.GetBytes($"{head}\r\n{SampleMail.Body}"));
        content.Complete();
        var sealer = new ArcSealer("example.org", "s", mail.Key);
        var made = ArcSeal.TryMake(content, verdict, Results, sealer, SampleMail.Now);
        return made is null ? "" : Encoding.UTF8.GetString(made);
    }
}
