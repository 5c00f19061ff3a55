namespace Postern.Mta.Reports;

/// <summary>Why mail came back, by the names Sisimai gives the reasons (<see cref="BounceReasons.NameOf"/> in
/// lower case).</summary>
public enum BounceReason
{
    /// <summary>Nothing says why.</summary>
    Undefined,

    /// <summary>Something says why, in words no rule knows.</summary>
    OnHold,

    /// <summary>No bounce: a report of success.</summary>
    Delivered,

    /// <summary>The address does not exist.</summary>
    UserUnknown,

    /// <summary>The domain does not exist.</summary>
    HostUnknown,

    /// <summary>The address has moved for good.</summary>
    HasMoved,

    /// <summary>The domain or host takes no mail at all.</summary>
    NotAccept,

    /// <summary>The recipient, or a rule of his, refuses the message after it was read; also an unknown user
    /// that is told after the content.</summary>
    Filtered,

    /// <summary>The mailbox is over its quota.</summary>
    MailboxFull,

    /// <summary>The account exists and is switched off for now.</summary>
    Suspend,

    /// <summary>The queue's lifetime passed, or the report is of a delay.</summary>
    Expired,

    /// <summary>The sender's address is refused.</summary>
    Rejected,

    /// <summary>The client's address or name is refused.</summary>
    Blocked,

    /// <summary>The client's or the domain's reputation is too low.</summary>
    BadReputation,

    /// <summary>The client's address has no name in DNS, or a wrong one.</summary>
    RequirePtr,

    /// <summary>SPF, DKIM or DMARC failed.</summary>
    AuthFailure,

    PolicyViolation,
    SpamDetected,
    VirusDetected,
    SecurityError,

    /// <summary>The content is malformed.</summary>
    ContentError,

    /// <summary>RFC 5322 is broken.</summary>
    NotCompliantRfc,

    /// <summary>Larger than the recipient's system takes.</summary>
    MesgTooBig,

    /// <summary>Larger than this recipient may get.</summary>
    ExceedLimit,

    NoRelaying,

    /// <summary>Too many connections or recipients at once.</summary>
    TooManyConn,

    /// <summary>Too many messages in a time.</summary>
    Speeding,

    NetworkError,
    SystemError,

    /// <summary>The recipient's system has no room.</summary>
    SystemFull,

    /// <summary>A program that delivers failed.</summary>
    MailerError,

    /// <summary>An SMTP command was not understood.</summary>
    SyntaxError,

    FailedStartTls,
}

/// <summary>What follows from a reason.</summary>
public static class BounceReasons
{
    /// <summary>True when no later message to this address will fare better, so that it belongs on the
    /// suppression list.</summary>
    public static bool IsHard(this BounceReason reason) => reason is BounceReason.UserUnknown
        or BounceReason.HostUnknown or BounceReason.HasMoved or BounceReason.NotAccept;

    /// <summary>Sisimai's name: lower case, no dashes.</summary>
    public static string NameOf(this BounceReason reason) => reason.ToString().ToLowerInvariant();

    /// <summary>The <c>reason</c> of Mailgun's failed event, coarser than ours.</summary>
    public static string MailgunNameOf(this BounceReason reason) => reason switch
    {
        _ when reason.IsHard() => "bounce",
        BounceReason.Expired => "old",
        BounceReason.Blocked or BounceReason.BadReputation or BounceReason.RequirePtr
            or BounceReason.AuthFailure or BounceReason.PolicyViolation or BounceReason.SpamDetected
            or BounceReason.Speeding or BounceReason.TooManyConn => "espblock",
        _ => "generic",
    };
}
