using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Intake;
using Postern.Mta.Routing;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Mta.Inbound.Checks.AuthenticationResult;

namespace Postern.Tests.Inbound;

public sealed class VerdictsTests
{
    static readonly ReversePath Sender = new(MailHall.Mailbox("a@sender.example"));

    static readonly MailChecks Forged = new()
    {
        Spf = new SpfVerdict(Softfail, "sender.example", SpfScope.MailFrom, null, "~all"),
        Dkim =
        [
            new DkimVerdict(Fail, "list.example", "s", "rsa-sha256", "body hash"),
            new DkimVerdict(Permerror, "sender.example", "s", "rsa-sha256", "no key"),
        ],
        Dmarc = new DmarcVerdict(Fail, "bank.example", DmarcPolicy.Reject, null),
        Arc = new ArcVerdict(None, [], null),
        Iprev = new IprevVerdict(Permerror, null),
        Helo = new HeloVerdict(Fail, "it is our own name"),
        Listed = ["zen.example"],
        Spam = new SpamVerdict(SpamResult.Spam, 12.3, 6, "rspamd 3.4"),
        Virus = new VirusVerdict(VirusResult.Infected, "clamav 1.4", "Eicar-Test-Signature"),
    };

    static readonly MailChecks Milled = new()
    {
        Milters =
        [
            new MilterVerdict("first", MilterResult.Accept, null),
            new MilterVerdict("second", MilterResult.Reject, "550 5.7.1 no"),
        ],
    };

    static readonly VerdictOptions Rule = new() { Name = "rule", Action = VerdictAction.Reject };

    static VerdictOptions? Find(MailChecks checks, params VerdictOptions[] rules) =>
        Verdicts.Find(rules, checks, Sender, "+");

    [Fact]
    public void Rules_AreTriedInOrder() => Assert.Equal("second", Find(
        Forged,
        Rule with { Name = "first", Spf = [Fail] },
        Rule with { Name = "second", Spf = [Fail, Softfail] },
        Rule with { Name = "third" })?.Name);

    [Fact]
    public void Keys_AreJoinedByAnd()
    {
        var rule = Rule with { Dmarc = [Fail], DmarcPolicy = [DmarcPolicy.Reject] };
        Assert.NotNull(Find(Forged, rule));
        Assert.Null(Find(Forged, rule with { DmarcPolicy = [DmarcPolicy.Quarantine] }));
        Assert.Null(Find(Forged, rule with { From = [AddressPattern.Parse("*@other.example")] }));
        Assert.NotNull(Find(Forged, rule with { From = [AddressPattern.Parse("*@sender.example")] }));
    }

    [Fact]
    public void WhatWasNotChecked_MatchesNothing() => Assert.Null(Find(
        new MailChecks(), Rule with { Spf = [None] }, Rule with { Dkim = [None] },
        Rule with { Dmarc = [None] }, Rule with { Arc = [None] }, Rule with { Iprev = [None] },
        Rule with { Helo = [None] }, Rule with { Listed = ["zen.example"] },
        Rule with { Virus = [VirusResult.Error] }, Rule with { Spam = [SpamResult.Error] },
        Rule with { Milter = [MilterResult.Error] }));

    [Theory]
    [InlineData(MilterResult.Accept, true)]
    [InlineData(MilterResult.Reject, true)]
    [InlineData(MilterResult.Defer, false)]
    public void AnyMilter_MayBeTheOne(MilterResult wanted, bool isFound) =>
        Assert.Equal(isFound, Find(Milled, Rule with { Milter = [wanted] }) is not null);

    [Theory]
    [InlineData(MilterResult.Accept, null, "m accepts it")]
    [InlineData(MilterResult.Quarantine, "odd", "m would hold it: odd")]
    [InlineData(MilterResult.Discard, null, "m would discard it")]
    [InlineData(MilterResult.Defer, "451 4.7.1 later", "m would defer it: 451 4.7.1 later")]
    [InlineData(MilterResult.Reject, "550 5.7.1 no", "m would reject it: 550 5.7.1 no")]
    [InlineData(MilterResult.Skipped, null, "m was not asked")]
    [InlineData(MilterResult.Error, "/run/secret/path: no such file", "m gives no answer")]
    public void Milter_IsQuoted(MilterResult result, string? text, string expected)
    {
        var checks = new MailChecks { Milters = [new MilterVerdict("m", result, text)] };
        Assert.Equal((1, expected), Verdicts.Explain(Rule with { Milter = [result] }, checks));
    }

    [Theory]
    [InlineData(Pass, Fail, Pass)]
    [InlineData(Fail, Temperror, Temperror)]
    [InlineData(Fail, Permerror, Fail)]
    [InlineData(null, null, None)]
    public void Dkim_IsAsGoodAsItsBestSignature(
        AuthenticationResult? first, AuthenticationResult? second, AuthenticationResult expected)
    {
        var checks = new MailChecks
        {
            Dkim = [.. new[] { first, second }.OfType<AuthenticationResult>()
                .Select(result => new DkimVerdict(result, "d", "s", "a", null))],
        };
        Assert.Equal(expected, checks.DkimResult);
    }

    public static TheoryData<VerdictOptions, string> Refusals => new()
    {
        { Rule with { Spf = [Softfail] },
            "550 5.7.23 Message rejected: SPF softfail for sender.example" },
        { Rule with { Dkim = [Fail] }, "550 5.7.20 Message rejected: DKIM fail" },
        { Rule with { Dmarc = [Fail], Action = VerdictAction.Defer },
            "451 4.7.26 Message rejected: DMARC fail for bank.example" },
        { Rule with { Iprev = [Permerror] },
            "550 5.7.25 Message rejected: reverse DNS permerror for the client's address" },
        { Rule with { Arc = [None] }, "550 5.7.29 Message rejected: ARC none" },
        { Rule with { Listed = ["zen.example"] },
            "550 5.7.1 Message rejected: the client is listed by zen.example" },
        { Rule with { Spf = [Softfail], Iprev = [Permerror] },
            "550 5.7.26 Message rejected: SPF softfail for sender.example, reverse DNS permerror for the "
            + "client's address" },
        { Rule with { Spam = [SpamResult.Spam] },
            "550 5.7.1 Message rejected: spam, score 12.3 of 6" },
        { Rule with { Spam = [SpamResult.Spam], Virus = [VirusResult.Infected],
            Action = VerdictAction.Defer },
            "451 4.7.1 Message rejected: spam, score 12.3 of 6, virus Eicar-Test-Signature" },
        { Rule with { Virus = [VirusResult.Infected] },
            "550 5.7.1 Message rejected: virus Eicar-Test-Signature" },
        { Rule with { Virus = [VirusResult.Infected], Listed = ["zen.example"] },
            "550 5.7.1 Message rejected: the client is listed by zen.example, virus Eicar-Test-Signature" },
        { Rule with { Virus = [VirusResult.Infected], Spf = [Softfail] },
            "550 5.7.26 Message rejected: SPF softfail for sender.example, virus Eicar-Test-Signature" },
        { Rule, "550 5.7.1 Message rejected: not taken here" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Refusal_SaysWhatItWasFor(VerdictOptions rule, string expected)
    {
        var reply = IntakeReplies.NotWanted(rule, Forged);
        Assert.Equal(expected, $"{reply.Code} {reply.Status} {Assert.Single(reply.Lines)}");
    }

    [Fact]
    public void Explanation_OfAStranger_CannotBreakTheReply()
    {
        var checks = Forged with
        {
            Spf = new SpfVerdict(
                Fail, "x.example", SpfScope.Helo, "no\r\n250 yes\u001b[2J" + new string('a', 9999), null),
        };
        var text = IntakeReplies.NotWanted(Rule with { Spf = [Fail] }, checks).Lines[0];
        Assert.DoesNotContain(text, character => character is < ' ' or > '~');
        Assert.InRange(text.Length, 50, 300);
    }

    [Theory]
    [InlineData(SpamResult.Suspect, 4.26, 15.0, "suspected spam, score 4.26 of 15")]
    [InlineData(SpamResult.Spam, -1.0, null, "spam, score -1")]
    [InlineData(SpamResult.Ham, null, null, "no spam")]
    [InlineData(SpamResult.Skipped, null, null, "the spam filter was not asked")]
    [InlineData(SpamResult.Error, null, null, "the spam filter gives no answer")]
    public void SpamFilter_IsQuoted(SpamResult result, double? score, double? threshold, string expected)
    {
        var checks = new MailChecks { Spam = new SpamVerdict(result, score, threshold, "rspamd") };
        Assert.Equal((1, expected), Verdicts.Explain(Rule with { Spam = [result] }, checks));
    }

    [Theory]
    [InlineData(VirusResult.Clean, "no virus found")]
    [InlineData(VirusResult.Skipped, "not scanned for viruses")]
    [InlineData(VirusResult.Error, "the virus scanner gives no answer")]
    public void Scanner_IsQuoted(VirusResult result, string expected)
    {
        var checks = new MailChecks { Virus = new VirusVerdict(result, "clamav", null) };
        Assert.Equal((1, expected), Verdicts.Explain(Rule with { Virus = [result] }, checks));
    }
}
