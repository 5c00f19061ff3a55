using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>What a mail says that came to a return path: <see cref="DeliveryReport"/>,
/// <see cref="Complaint"/> or <see cref="AutoReply"/>.</summary>
/// <remarks>Everything in it was written by whoever sent the mail: it proves nothing before it is joined to a
/// message by a token that only Postern could make.</remarks>
public abstract record ReturnedMail
{
    private protected ReturnedMail()
    {
    }

    /// <summary>The message it speaks of, as far as it says.</summary>
    public required OriginalMail Original { get; init; }
}

/// <summary>A delivery status notification, of RFC 3464 or in free words.</summary>
public sealed record DeliveryReport : ReturnedMail
{
    /// <summary>At least one, at most <see cref="BounceReader.RecipientsMax"/>.</summary>
    public required IReadOnlyList<RecipientFate> Recipients { get; init; }

    /// <summary>The host that wrote the report. Null: not said.</summary>
    public string? ReportingMta { get; init; }
}

/// <summary>An abuse report (RFC 5965).</summary>
public sealed record Complaint : ReturnedMail
{
    /// <summary>RFC 5965 §7.3: <c>abuse</c>, <c>fraud</c>, <c>virus</c>, <c>not-spam</c>, <c>other</c>,
    /// <c>auth-failure</c>... in lower case. Only the first three and other are the recipient's
    /// wish.</summary>
    public required string FeedbackType { get; init; }

    /// <summary>The recipient does not want the mail.</summary>
    public bool IsOfTheRecipient => FeedbackType is "abuse" or "fraud" or "virus" or "other";

    /// <summary>Those who complain: Original-Rcpt-To, else Removal-Recipient, else To of the original. May be
    /// empty: many feedback loops hide them.</summary>
    public required IReadOnlyList<Mailbox> Recipients { get; init; }

    public string? UserAgent { get; init; }

    /// <summary>The client address the complained-of mail came from, as written.</summary>
    public string? SourceIp { get; init; }

    /// <summary>When the original arrived there. Null: not said, or unreadable.</summary>
    public DateTimeOffset? ArrivedAt { get; init; }
}

/// <summary>A vacation notice, a read receipt or another answer of a machine that says nothing about
/// delivery.</summary>
public sealed record AutoReply : ReturnedMail;

/// <summary>What happened to one recipient.</summary>
/// <param name="Address">Null: not named, or unreadable.</param>
/// <param name="Original">What the sender had given, where the report names it.</param>
/// <param name="Status">Null: none was given.</param>
/// <param name="ReplyCode">The SMTP reply's three digits. Null: no reply was quoted.</param>
/// <param name="Diagnostic">The words of the report, one line of at most
/// <see cref="BounceReader.DiagnosticCharactersMax"/> characters.</param>
/// <param name="RemoteMta">The host that refused. Null: not said.</param>
public sealed record RecipientFate(Mailbox? Address, Mailbox? Original, ReportKind Action,
    EnhancedStatus? Status, int? ReplyCode, string Diagnostic, BounceReason Reason, string? RemoteMta)
{
    /// <summary>No later message will fare better. A delay is not over: only <see cref="ReportKind.Failed"/>
    /// ends anything.</summary>
    public bool IsHard => Reason.IsHard();
}

/// <summary>What a report tells of the message it is about, to join it by.</summary>
/// <param name="MessageId">With its angle brackets. Null: not returned.</param>
/// <param name="EnvelopeId">ENVID as given at MAIL (RFC 3461 §4.4), or the peer's own id.</param>
/// <param name="QueueId">Postern's mark in reports of its own.</param>
/// <param name="ReturnPath">The reverse-path of the original.</param>
/// <param name="Tokens">What follows <c>bounces+</c> in local parts of the addresses the report came to or
/// names as return path; to be verified by its mac.</param>
/// <param name="To">Recipients by the original's header.</param>
public sealed record OriginalMail(string? MessageId, string? EnvelopeId, string? QueueId, Mailbox? ReturnPath,
    IReadOnlyList<string> Tokens, IReadOnlyList<Mailbox> To);
