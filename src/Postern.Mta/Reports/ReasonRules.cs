using System.Text.RegularExpressions;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Mta.Reports;

/// <summary>Why a recipient failed: from the words, then from the stage, the status and the reply.</summary>
/// <remarks>The words come first, since a status is often general (5.0.0), often wrong and sometimes absent.
/// Addresses, URLs and the codes within lines are left out before words are compared, so that nobody's name
/// decides. The first rule that fits wins; the order of <see cref="Words"/> is from the particular to the
/// general.</remarks>
static partial class ReasonRules
{
    /// <summary>Characters that are compared.</summary>
    const int CharactersMax = 8000;

    public static BounceReason Find(BounceEvidence evidence)
    {
        if (evidence.Action is ReportKind.Delivered or ReportKind.Relayed or ReportKind.Expanded)
            return BounceReason.Delivered;
        var all = Comparable($"{evidence.Text} {evidence.Context}");
        foreach (var rule in Sources)
        {
            if (rule.Source.IsMatch(evidence.Source) && rule.Words.IsMatch(all))
                return rule.Reason;
        }
        return ByWords(evidence.Text, evidence) ?? ByWords(evidence.Context, evidence)
            ?? ByStage(evidence.Stage) ?? (evidence.Status is { } status ? ByStatus(status) : null)
            ?? ByReply(evidence.ReplyCode)
            ?? (evidence.Action == ReportKind.Delayed ? BounceReason.Expired
                : Comparable(evidence.Text).Any(char.IsLetter) ? BounceReason.OnHold
                : BounceReason.Undefined);
    }

    static BounceReason? ByWords(string text, BounceEvidence evidence)
    {
        text = Comparable(text);
        foreach (var rule in Words)
        {
            if (!rule.Words.IsMatch(text))
                continue;
            return rule.Words == UserUnknown ? OfUnknownUser(evidence)
                : AtStage(rule.Reason, evidence.Stage);
        }
        return null;
    }

    /// <summary>That a user is unknown is proved at RCPT, or by a status that says so, or by words that stand
    /// alone. After the content was read, or beside a status about something else, it is a refusal of this
    /// message; at MAIL the sender is meant.</summary>
    static BounceReason OfUnknownUser(BounceEvidence evidence) => (evidence.Stage, evidence.Status) switch
    {
        (SmtpStage.MailFrom, _) => BounceReason.Rejected,
        (_, { Subject: 1, Detail: 6 }) => BounceReason.HasMoved,
        (_, { Subject: 1 }) or (SmtpStage.RcptTo, _) => BounceReason.UserUnknown,
        (SmtpStage.Data, _) or (_, { Subject: 0 or 2 or 3 }) => BounceReason.Filtered,
        _ => BounceReason.UserUnknown,
    };

    /// <summary>Before RCPT nothing was said of a recipient: the client is meant, then the sender.</summary>
    static BounceReason AtStage(BounceReason reason, SmtpStage? stage) => (stage, reason) switch
    {
        (SmtpStage.Ehlo, BounceReason.SecurityError or BounceReason.PolicyViolation or BounceReason.Rejected
            or BounceReason.SystemError) => BounceReason.Blocked,
        (SmtpStage.MailFrom, BounceReason.HostUnknown) => BounceReason.Rejected,
        _ => reason,
    };

    static BounceReason? ByStage(SmtpStage? stage) => stage switch
    {
        SmtpStage.Ehlo => BounceReason.Blocked,
        SmtpStage.MailFrom => BounceReason.Rejected,
        _ => null,
    };

    /// <summary>RFC 3463 §3, RFC 7505 §4.2 and the registry of statuses.</summary>
    static BounceReason? ByStatus(EnhancedStatus status) => (status.Subject, status.Detail) switch
    {
        (1, 0 or 1 or 3 or 9) => BounceReason.UserUnknown,
        (1, 2) => BounceReason.HostUnknown,
        (1, 4) or (2, 0 or 4) => BounceReason.Filtered,
        (1, 6) => BounceReason.HasMoved,
        (1, 7 or 8) => BounceReason.Rejected,
        (1, 10) or (3, 2) or (7, 27) => BounceReason.NotAccept,
        (2, 1) => BounceReason.Suspend,
        (2, 2) => BounceReason.MailboxFull,
        (2, 3) => BounceReason.ExceedLimit,
        (3, 1) or (4, 5) when status.Class == 4 || status.Subject == 3 => BounceReason.SystemFull,
        (3, 4) => BounceReason.MesgTooBig,
        (3, _) => BounceReason.SystemError,
        (4, 4) => BounceReason.HostUnknown,
        (4, 7 or 1) => BounceReason.Expired,
        (4, 0) when status.Class == 4 => BounceReason.Expired,
        (4, _) => BounceReason.NetworkError,
        (5, 3) => BounceReason.TooManyConn,
        (5, 1 or 2 or 4) => BounceReason.SyntaxError,
        (6, _) => BounceReason.ContentError,
        (7, 20 or 21 or 22 or 23 or 24 or 26 or 29 or 30 or 509) => BounceReason.AuthFailure,
        (7, 25) => BounceReason.RequirePtr,
        (7, 13) => BounceReason.Suspend,
        (7, _) => BounceReason.SecurityError,
        _ => null,
    };

    /// <summary>RFC 5321 §4.2.2, where the code itself says what is wrong.</summary>
    static BounceReason? ByReply(int? code) => code switch
    {
        421 => BounceReason.Expired,
        452 => BounceReason.SystemFull,
        500 or 501 or 502 or 503 or 504 => BounceReason.SyntaxError,
        521 or 556 => BounceReason.NotAccept,
        551 => BounceReason.HasMoved,
        552 => BounceReason.MailboxFull,
        _ => null,
    };

    static string Comparable(string text)
    {
        if (text.Length > CharactersMax)
            text = text[..CharactersMax];
        text = Url.Replace(text, " ");
        text = ContinuedReply.Replace(text, " ");
        text = AnyAddress.Replace(text, " ");
        return Space.Replace(text, " ");
    }

    [GeneratedRegex(@"https?://[^\s)>\]]*", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase)]
    static partial Regex Url { get; }

    [GeneratedRegex(@"\b[245]\d\d([ -][245]\.\d{1,3}\.\d{1,3}|-)", RegexOptions.NonBacktracking)]
    static partial Regex ContinuedReply { get; }

    [GeneratedRegex(@"[^\s<>()\[\]:;,""]+@[^\s<>()\[\]:;,""]+", RegexOptions.NonBacktracking)]
    static partial Regex AnyAddress { get; }

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    static partial Regex Space { get; }
}

/// <summary>What a report gives to judge a recipient by.</summary>
sealed record BounceEvidence
{
    public ReportKind Action { get; init; }
    public EnhancedStatus? Status { get; init; }
    public int? ReplyCode { get; init; }
    public SmtpStage? Stage { get; init; }

    /// <summary>The reply or the passage about this recipient.</summary>
    public required string Text { get; init; }

    /// <summary>What else the report says that can only be about this recipient.</summary>
    public string Context { get; init; } = "";

    /// <summary>Who speaks: hosts and authors.</summary>
    public string Source { get; init; } = "";
}
