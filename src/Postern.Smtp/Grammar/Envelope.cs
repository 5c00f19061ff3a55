namespace Postern.Smtp;

/// <summary>Reverse-path, forward-paths and their parameters (RFC 5321 §2.3.1).</summary>
public sealed record Envelope(
    ReversePath ReversePath,
    MailParameters Parameters,
    IReadOnlyList<EnvelopeRecipient> Recipients);

/// <summary>The reverse-path of MAIL; a null mailbox is the null sender <c>&lt;&gt;</c> (RFC 5321
/// §4.5.5).</summary>
public readonly record struct ReversePath(Mailbox? Mailbox)
{
    public bool IsNull => Mailbox is null;

    /// <summary>With angle brackets: <c>&lt;a@b&gt;</c> or <c>&lt;&gt;</c>.</summary>
    public override string ToString() => $"<{Mailbox}>";
}

/// <summary>A forward-path of RCPT. Source routes are dropped when it is read (RFC 5321 Appendix
/// C).</summary>
public readonly record struct ForwardPath(Mailbox Mailbox)
{
    public override string ToString() => $"<{Mailbox}>";
}

/// <summary>BODY= of MAIL (RFC 6152).</summary>
public enum BodyType
{
    /// <summary>Not said.</summary>
    Unspecified,
    SevenBit,
    EightBitMime,
}

/// <summary>RET= of MAIL (RFC 3461 §4.3).</summary>
public enum DsnReturn
{
    Unspecified,
    Full,
    Headers,
}

/// <summary>NOTIFY= of RCPT (RFC 3461 §4.1). <see cref="Unspecified"/> means failure, and delay where we
/// report it.</summary>
[Flags]
public enum DsnNotify
{
    Unspecified = 0,
    Never = 1,
    Success = 2,
    Failure = 4,
    Delay = 8,
}

/// <summary>What MAIL said besides the reverse-path.</summary>
public sealed record MailParameters
{
    public static readonly MailParameters None = new();

    /// <summary>SIZE= in octets (RFC 1870 §6). Null when not declared.</summary>
    public long? DeclaredOctets { get; init; }

    public BodyType Body { get; init; }

    /// <summary>SMTPUTF8 was given (RFC 6531 §3.4).</summary>
    public bool SmtpUtf8 { get; init; }

    public DsnReturn Return { get; init; }

    /// <summary>ENVID=, decoded from xtext (RFC 3461 §4.4). Null when not given.</summary>
    public string? EnvelopeId { get; init; }
}

/// <summary>What RCPT said besides the forward-path.</summary>
public sealed record RcptParameters
{
    public static readonly RcptParameters None = new();

    public DsnNotify Notify { get; init; }

    /// <summary>ORCPT= as <c>rfc822;address</c>, decoded from xtext (RFC 3461 §4.2). Null when not
    /// given.</summary>
    public string? OriginalRecipient { get; init; }
}

/// <summary>One recipient of an envelope.</summary>
public sealed record EnvelopeRecipient(ForwardPath Path, RcptParameters Parameters);
