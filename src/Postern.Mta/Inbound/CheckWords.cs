using Postern.Mta.Inbound.Checks;

namespace Postern.Mta.Inbound;

/// <summary>Results of checks as one word each, for attributes and for the environment of scripts; null where
/// nothing was checked.</summary>
public static class CheckWords
{
    // RFC 8601 §2.7: the words in small letters.
    public static string? Of<TResult>(TResult? result) where TResult : struct, Enum =>
        result is { } known ? Of(known) : null;

    public static string Of<TResult>(TResult result) where TResult : struct, Enum =>
        result.ToString().ToLowerInvariant();

    /// <summary>All of them for the log, as in <c>spf=pass dkim=none rule=listed</c>.</summary>
    public static string? LineOf(MailChecks? checks) => checks is null ? null : string.Join(' ', new[]
    {
        ("spf", SpfOf(checks)), ("dkim", DkimOf(checks)), ("dmarc", DmarcOf(checks)), ("arc", ArcOf(checks)),
        ("iprev", Of(checks.Iprev?.Result)), ("helo", Of(checks.Helo?.Result)), ("spam", SpamOf(checks)),
        ("virus", VirusOf(checks)), ("milter", MilterOf(checks)),
        ("listed", checks.Listed.Count == 0 ? null : string.Join(',', checks.Listed)),
        ("rule", checks.Rule),
    }.Where(one => one.Item2 is not null).Select(one => $"{one.Item1}={one.Item2}"));

    public static string? SpfOf(MailChecks? checks) => Of(checks?.Spf?.Result);

    public static string? DkimOf(MailChecks? checks) => Of(checks?.DkimResult);

    public static string? DmarcOf(MailChecks? checks) => Of(checks?.Dmarc?.Result);

    public static string? DmarcPolicyOf(MailChecks? checks) => Of(checks?.Dmarc?.Policy);

    public static string? ArcOf(MailChecks? checks) => Of(checks?.Arc?.Result);

    public static string? SpamOf(MailChecks? checks) => Of(checks?.Spam?.Result);

    public static string? VirusOf(MailChecks? checks) => Of(checks?.Virus?.Result);

    /// <summary>As in <c>opendkim:accept,spam:reject</c>.</summary>
    static string? MilterOf(MailChecks checks) => checks.Milters is { Count: > 0 } milters
        ? string.Join(',', milters.Select(milter => $"{milter.Name}:{Of(milter.Result)}")) : null;
}
