using System.Net;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Inbound.Checks;
using Postern.Smtp;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Checks;

/// <summary>What the suite of the RFC does not ask.</summary>
public sealed class SpfCheckTests
{
    const string Domain = "d.example";
    readonly ZoneResolver zone = new();
    readonly FakeTimeProvider clock = new(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pass_NamesTheMechanism()
    {
        zone.Add(Domain, "TXT", "v=spf1 mx IP4:192.0.2.0/24 -all");
        zone.Add(Domain, "MX", "mx.d.example");
        Assert.Equal(
            new SpfVerdict(AuthenticationResult.Pass, Domain, SpfScope.MailFrom, null, "IP4:192.0.2.0/24"),
            await CheckAsync("app@D.Example"));
    }

    [Fact]
    public async Task NullSender_IsJudgedByTheHeloName()
    {
        zone.Add("mail.d.example", "TXT", "v=spf1 exists:%{l}.%{o} -all");
        zone.Add("postmaster.mail.d.example", "A", "127.0.0.2");
        var verdict = await CheckAsync(null);
        Assert.Equal(
            (AuthenticationResult.Pass, "mail.d.example", SpfScope.Helo),
            (verdict.Result, verdict.Domain, verdict.Scope));
    }

    [Theory]
    [InlineData("localhost", "localhost")]
    [InlineData("[192.0.2.1]", "[192.0.2.1]")]
    [InlineData("a..example", "a..example")]
    [InlineData("evil\r\nX: y\u202E", "evil??X: y?")]
    public async Task Domain_ThatIsNone_IsShownCleanAndNotAsked(string helo, string shown)
    {
        var verdict = await CheckAsync(null, helo: helo);
        Assert.Equal((AuthenticationResult.None, shown), (verdict.Result, verdict.Domain));
        Assert.Empty(zone.Asked);
    }

    [Fact]
    public async Task InternationalDomain_IsAskedForByItsALabels()
    {
        zone.Add("xn--9t4b11yi5a.example", "TXT", "v=spf1 -all");
        var verdict = await CheckAsync("app@테스트.example");
        Assert.Equal(
            (AuthenticationResult.Fail, "xn--9t4b11yi5a.example"), (verdict.Result, verdict.Domain));
    }

    [Fact]
    public async Task LocalPart_ThatIsNotAscii_MatchesNothing()
    {
        zone.Add(Domain, "TXT", "v=spf1 exists:%{l}.%{d} exists:%{s} -all exp=why.%{d}");
        zone.Add("why.d.example", "TXT", "for %{s}");
        var verdict = await CheckAsync("안녕@d.example");
        Assert.Equal((AuthenticationResult.Fail, null), (verdict.Result, verdict.Explanation));
        Assert.Equal(["TXT d.example", "TXT why.d.example"], zone.Asked);
    }

    [Fact]
    public async Task Explanation_ThatIsNotNeeded_IsNotAskedFor()
    {
        zone.Add(Domain, "TXT", "v=spf1 ~all exp=why.%{d}");
        zone.Add("why.d.example", "TXT", "no");
        var verdict = await CheckAsync("app@d.example");
        Assert.Equal((AuthenticationResult.Softfail, null), (verdict.Result, verdict.Explanation));
        Assert.Equal(["TXT d.example"], zone.Asked);
    }

    [Fact]
    public async Task Explanation_TellsTheTimeAndWhoAsks()
    {
        zone.Add(Domain, "TXT", "v=spf1 -all exp=why.%{d}");
        zone.Add("why.d.example", "TXT", "%{r} at %{t}: %{c} %{i} is no %{o} (%{H})%_%%%-");
        Assert.Equal(
            "mx.local.example at 1800000000: 192.0.2.7 192.0.2.7 is no d.example (a%20b) %%20",
            (await CheckAsync("app@d.example", helo: "a b")).Explanation);
    }

    [Fact]
    public async Task Explanation_IsCleanAndHasALimit()
    {
        zone.Add(Domain, "TXT", "v=spf1 -all exp=why.%{d}");
        zone.Add("why.d.example", "TXT", "%{h} " + new string('x', 500));
        var explanation = (await CheckAsync("app@d.example", helo: "a\r\n550 b\u00e9")).Explanation;
        Assert.StartsWith("a??550 b? xxx", explanation, StringComparison.Ordinal);
        Assert.Equal(SpfCheck.ExplanationCharactersMax, explanation!.Length);
    }

    [Fact]
    public async Task MailHosts_MoreThanTen_ArePermErrorEvenIfOneMatches()
    {
        zone.Add(Domain, "TXT", "v=spf1 mx -all");
        for (var i = 0; i <= SpfCheck.NamesMax; i++)
            zone.Add(Domain, "MX", "mx.d.example");
        zone.Add("mx.d.example", "A", "192.0.2.7");
        Assert.Equal(AuthenticationResult.Permerror, (await CheckAsync("app@d.example")).Result);
    }

    [Fact]
    public async Task Client_ThatIsMapped_IsIpv4()
    {
        zone.Add(Domain, "TXT", "v=spf1 ip6:::ffff:192.0.2.7 a:%{i}.%{v}.d.example ?all");
        zone.Add("192.0.2.7.in-addr.d.example", "A", "192.0.2.7");
        Assert.Equal(
            AuthenticationResult.Pass, (await CheckAsync("app@d.example", "::ffff:192.0.2.7")).Result);
    }

    [Fact]
    public async Task NamesOfTheClient_AreConfirmedOnce()
    {
        zone.Add(Domain, "TXT", "v=spf1 exists:1.%{p}.d.example exists:%{p}.d.example ptr ptr:other.example "
            + "-all exp=%{p}.d.example");
        string[] garbage = ["a..b", "", "x\ny.example", new string('y', 64) + ".example"];
        foreach (var name in (string[])[.. garbage, "one.other.example", "two.other.example"])
            zone.Add("7.2.0.192.in-addr.arpa", "PTR", name);
        var verdict = await CheckAsync("app@d.example");
        Assert.Equal(AuthenticationResult.Fail, verdict.Result);
        Assert.Equal(
            ["TXT d.example", "PTR 7.2.0.192.in-addr.arpa", "A one.other.example", "A two.other.example",
                "A 1.unknown.d.example", "A unknown.d.example", "TXT unknown.d.example"],
            zone.Asked);
    }

    [Fact]
    public async Task Dns_ThatNeverAnswers_IsTempErrorAfterTheLimit()
    {
        var checking = new SpfCheck(new SilentResolver(), clock)
            .CheckAsync(QuestionOf("app@d.example"), Cancel).AsTask();
        clock.Advance(SpfCheck.ElapsedMax - TimeSpan.FromMilliseconds(1));
        Assert.False(checking.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(AuthenticationResult.Temperror, (await checking).Result);
    }

    [Fact]
    public async Task Caller_WhoGivesUp_GetsNoVerdict()
    {
        using var impatient = new CancellationTokenSource();
        var checking = new SpfCheck(new SilentResolver(), clock)
            .CheckAsync(QuestionOf("app@d.example"), impatient.Token).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => checking);
    }

    [Theory]
    [InlineData("v=spf1 a:%{d}/24//64 a:%{d}%% -all", true)]
    [InlineData("v=spf1 +a ?mx/0 ~ptr -all", true)]
    [InlineData("v=spf1 exists:%{l1r-+.}._spf.%{d2}", true)]
    [InlineData("v=spf1 x=%{c} y= -all", true)]
    [InlineData("v=spf1 a:%{d0} -all", false)]
    [InlineData("v=spf1 a:%{d1000} -all", false)]
    [InlineData("v=spf1 a:%{d -all", false)]
    [InlineData("v=spf1 a:%{dx} -all", false)]
    [InlineData("v=spf1 a:%{} -all", false)]
    [InlineData("v=spf1 a:% -all", false)]
    [InlineData("v=spf1 a/ -all", false)]
    [InlineData("v=spf1 a// -all", false)]
    [InlineData("v=spf1 a/24/64 -all", false)]
    [InlineData("v=spf1 a//64/24 -all", false)]
    [InlineData("v=spf1 ip4:010.0.0.1 -all", false)]
    [InlineData("v=spf1 ip4:0x7f.0.0.1 -all", false)]
    [InlineData("v=spf1 ip4:192.0.2.0/ -all", false)]
    [InlineData("v=spf1 ip4:2001:db8:: -all", false)]
    [InlineData("v=spf1 ip6:192.0.2.1 -all", false)]
    [InlineData("v=spf1 ip6:fe80::1%1 -all", false)]
    [InlineData("v=spf1 ip6:[2001:db8::1] -all", false)]
    [InlineData("v=spf1 --all", false)]
    [InlineData("v=spf1 -", false)]
    [InlineData("v=spf1 exp=why.example exp=why.example", false)]
    [InlineData("v=spf1 includeinclude:d.example", false)]
    public void Record_IsReadWholeOrNot(string text, bool isRead)
    {
        Assert.True(SpfRecord.IsOfVersion(text));
        Assert.Equal(isRead, SpfRecord.TryParse(text, out var record, out var fault));
        Assert.Equal((isRead, isRead), (record is not null, fault is null));
    }

    [Fact]
    public void Record_OfTooManyCharacters_IsNone()
    {
        Assert.True(SpfRecord.TryParse("v=spf1".PadRight(SpfRecord.CharactersMax), out _, out _));
        Assert.False(SpfRecord.TryParse("v=spf1".PadRight(SpfRecord.CharactersMax + 1), out _, out _));
    }

    ValueTask<SpfVerdict> CheckAsync(
        string? sender, string client = "192.0.2.7", string helo = "mail.d.example") =>
        new SpfCheck(zone, clock).CheckAsync(QuestionOf(sender, client, helo), Cancel);

    static SpfQuestion QuestionOf(
        string? sender, string client = "192.0.2.7", string helo = "mail.d.example")
    {
        Mailbox? mailbox = null;
        Assert.True(sender is null || Mailbox.TryParse(sender, out mailbox));
        return SpfQuestion.Of(IPAddress.Parse(client), helo, mailbox, "mx.local.example");
    }
}
