using System.Diagnostics;
using System.Globalization;
using Postern.Mta.Inbound.Checks;
using Postern.Smtp;

namespace Postern.Mta.Inbound;

/// <summary>What is decided about mail from other servers by what was found out about it.</summary>
static class Verdicts
{
    /// <summary>The first rule that matches.</summary>
    /// <returns>Null: none does, and the mail is taken.</returns>
    public static VerdictOptions? Find(
        IReadOnlyList<VerdictOptions> rules, MailChecks checks, ReversePath sender, string delimiter)
    {
        foreach (var rule in rules)
        {
            if (Matches(rule, checks, sender, delimiter))
                return rule;
        }
        return null;
    }

    static bool Matches(VerdictOptions rule, MailChecks checks, ReversePath sender, string delimiter) =>
        (rule.From is null || rule.From.Any(pattern => pattern.Matches(sender.Mailbox, delimiter)))
        && IsIn(rule.Spf, checks.Spf?.Result)
        && IsIn(rule.Dkim, checks.DkimResult)
        && IsIn(rule.Dmarc, checks.Dmarc?.Result)
        && IsIn(rule.DmarcPolicy, checks.Dmarc?.Policy)
        && IsIn(rule.Arc, checks.Arc?.Result)
        && IsIn(rule.Iprev, checks.Iprev?.Result)
        && IsIn(rule.Helo, checks.Helo?.Result)
        && IsIn(rule.Spam, checks.Spam?.Result)
        && IsIn(rule.Virus, checks.Virus?.Result)
        && (rule.Milter is null || FindMilter(rule, checks) is not null)
        && (rule.Listed is null || rule.Listed.Any(zone => checks.Listed.Contains(zone)));

    /// <summary>What was not found out matches nothing.</summary>
    static bool IsIn<T>(IReadOnlyList<T>? wanted, T? found) where T : struct =>
        wanted is null || (found is { } known && wanted.Contains(known));

    /// <summary>The first that says one of what is waited for.</summary>
    static MilterVerdict? FindMilter(VerdictOptions rule, MailChecks checks) =>
        checks.Milters?.FirstOrDefault(milter => rule.Milter!.Contains(milter.Result));

    /// <summary>The enhanced code of a refusal, less its class, and what the peer is told.</summary>
    public static (int Detail, string Text) Explain(VerdictOptions rule, MailChecks checks)
    {
        var reasons = Reasons(rule, checks).ToList();
        return reasons switch
        {
            [] => (1, "not taken here"),
            [var only] => only,
            // RFC 7372 §3.3: more than one failed, where it is authentication that did.
            _ => (reasons.TrueForAll(reason => reason.Detail == 1) ? 1 : 26,
                string.Join(", ", reasons.Select(reason => reason.Text))),
        };
    }

    static IEnumerable<(int Detail, string Text)> Reasons(VerdictOptions rule, MailChecks checks)
    {
        // RFC 7372 §3.2.
        if (rule.Spf is not null && checks.Spf is { } spf)
            yield return (spf.Result is AuthenticationResult.Temperror or AuthenticationResult.Permerror
                ? 24 : 23, $"SPF {CheckWords.Of(spf.Result)} for {spf.Domain}{Quote(spf.Explanation)}");
        // RFC 7372 §3.1.
        if (rule.Dkim is not null && checks.DkimResult is { } dkim)
            yield return (20, $"DKIM {CheckWords.Of(dkim)}");
        // One result of two mechanisms (RFC 7372 §3.3).
        if ((rule.Dmarc is not null || rule.DmarcPolicy is not null) && checks.Dmarc is { } dmarc)
            yield return (26, $"DMARC {CheckWords.Of(dmarc.Result)} for {dmarc.Domain}");
        // RFC 8617 §5.2.2.
        if (rule.Arc is not null && checks.Arc is { } arc)
            yield return (29, $"ARC {CheckWords.Of(arc.Result)}");
        // RFC 7372 §3.3.
        if (rule.Iprev is not null && checks.Iprev is { } iprev)
            yield return (25, $"reverse DNS {CheckWords.Of(iprev.Result)} for the client's address");
        if (rule.Helo is not null && checks.Helo is { } helo)
            yield return (1, $"HELO {CheckWords.Of(helo.Result)}{(helo.Why is { } why ? $": {why}" : "")}");
        if (rule.Listed is not null)
            yield return (1, $"the client is listed by {checks.Listed.First(rule.Listed.Contains)}");
        if (rule.Spam is not null && checks.Spam is { } spam)
            yield return (1, TextOf(spam));
        if (rule.Virus is not null && checks.Virus is { } virus)
            yield return (1, TextOf(virus));
        if (rule.Milter is not null && FindMilter(rule, checks) is { } milter)
            yield return (1, TextOf(milter));
    }

    static string TextOf(SpamVerdict spam) => spam.Result switch
    {
        SpamResult.Ham => $"no spam{ScoreOf(spam)}",
        SpamResult.Suspect => $"suspected spam{ScoreOf(spam)}",
        SpamResult.Spam => $"spam{ScoreOf(spam)}",
        SpamResult.Skipped => "the spam filter was not asked",
        SpamResult.Error => "the spam filter gives no answer",
        _ => throw new UnreachableException(),
    };

    static string ScoreOf(SpamVerdict spam) => spam.Score is not { } score ? ""
        : spam.Threshold is { } threshold
            ? string.Create(CultureInfo.InvariantCulture, $", score {score:0.##} of {threshold:0.##}")
            : string.Create(CultureInfo.InvariantCulture, $", score {score:0.##}");

    static string TextOf(VirusVerdict virus) => virus.Result switch
    {
        VirusResult.Clean => "no virus found",
        VirusResult.Infected => $"virus {virus.Signature}",
        VirusResult.Skipped => "not scanned for viruses",
        VirusResult.Error => "the virus scanner gives no answer",
        _ => throw new UnreachableException(),
    };

    /// <summary>What is wrong with a milter is for alarms and not for peers.</summary>
    static string TextOf(MilterVerdict milter) => milter.Result switch
    {
        MilterResult.Accept => $"{milter.Name} accepts it",
        MilterResult.Quarantine => $"{milter.Name} would hold it{Quote(milter.Text)}",
        MilterResult.Discard => $"{milter.Name} would discard it",
        MilterResult.Defer => $"{milter.Name} would defer it{Quote(milter.Text)}",
        MilterResult.Reject => $"{milter.Name} would reject it{Quote(milter.Text)}",
        MilterResult.Skipped => $"{milter.Name} was not asked",
        MilterResult.Error => $"{milter.Name} gives no answer",
        _ => throw new UnreachableException(),
    };

    static string Quote(string? explanation) => explanation is null ? "" : $": {explanation}";
}
