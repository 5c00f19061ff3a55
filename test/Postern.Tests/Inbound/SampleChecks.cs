using Postern.Mta.Inbound.Checks;

namespace Postern.Tests.Inbound;

/// <summary>Results of checks for tests, with every fact there is.</summary>
static class SampleChecks
{
    public static readonly MailChecks Full = new()
    {
        Spf = new SpfVerdict(
            AuthenticationResult.Softfail, "from.example", SpfScope.MailFrom, "not from here", "~all"),
        Dkim =
        [
            new DkimVerdict(AuthenticationResult.Temperror, "", "s0", "", "DNS does not answer"),
            new DkimVerdict(AuthenticationResult.Pass, "from.example", "s1", "rsa-sha256", null)
            {
                Identity = "@from.example",
                SignatureStart = "dzdVyOfA",
                IsTesting = true,
                IsAligned = true,
            },
        ],
        Dmarc = new DmarcVerdict(
            AuthenticationResult.Pass, "from.example", DmarcPolicy.Reject, "by DKIM")
        {
            RecordDomain = "from.example",
            IsDkimAligned = true,
        },
        Arc = new ArcVerdict(AuthenticationResult.None, ["list.example"], "no chain") { OldestPass = 1 },
        Spam = new SpamVerdict(SpamResult.Ham, 1.25, 6, "rspamd 3.11"),
        Listed = ["zen.example"],
        Rule = "listed",
        Action = Postern.Mta.VerdictAction.Tag,
        Virus = new VirusVerdict(VirusResult.Clean, "clamav 1.4", "none"),
        Milters = [new MilterVerdict("opendkim", MilterResult.Quarantine, "no key")],
    };
}
