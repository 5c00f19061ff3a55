namespace Postern.Smtp.Client;

/// <summary>How setting up a session ended: greeting, EHLO, STARTTLS, AUTH.</summary>
public abstract record OpenResult
{
    OpenResult()
    {
    }

    /// <summary>Messages can be sent. The caller owns the connection.</summary>
    public sealed record Ready(SmtpClientConnection Connection) : OpenResult;

    /// <summary>The peer said no (4xx or 5xx) to the greeting, EHLO, HELO or STARTTLS.</summary>
    public sealed record Refused(SmtpStage Stage, Reply Reply) : OpenResult;

    /// <summary>TLS is required and STARTTLS is not in the EHLO reply (RFC 3207 §4.1).</summary>
    public sealed record TlsNotOffered : OpenResult;

    /// <summary>The handshake failed for another reason than the certificate.</summary>
    public sealed record TlsFailed(string Reason) : OpenResult;

    /// <summary>
    /// The certificate is not the one of the relay we were told to trust; the reason names the check.
    /// </summary>
    public sealed record CertificateRefused(string Reason) : OpenResult;

    /// <summary>A login is configured and the peer offers no AUTH. Nothing was sent.</summary>
    public sealed record LoginNotOffered : OpenResult;

    /// <summary>A login is configured and the session is not encrypted. Nothing was sent.</summary>
    public sealed record LoginNeedsTls : OpenResult;

    /// <summary>None of the mechanisms offered is one of ours.</summary>
    public sealed record NoCommonMechanism(string Offered) : OpenResult;

    /// <summary>AUTH was answered 4xx or 5xx.</summary>
    public sealed record LoginRefused(string Mechanism, Reply Reply) : OpenResult;

    /// <summary>
    /// The peer did not prove that it knows the password too (RFC 5802 §3), or its challenge made no sense.
    /// </summary>
    public sealed record PeerNotProven(string Mechanism, string Reason) : OpenResult;

    /// <summary>No answer.</summary>
    /// <param name="Detail">What happened, in words; never empty.</param>
    public sealed record Lost(SmtpStage Stage, LossCause Cause, string Detail) : OpenResult;
}

/// <summary>Why a conversation ended without an answer.</summary>
public enum LossCause
{
    /// <summary>The peer closed the connection.</summary>
    PeerClosed,

    /// <summary>The connection broke: a reset, an unreachable network.</summary>
    Broken,

    /// <summary>Nothing, or too little, within the step's time-out.</summary>
    TimedOut,

    /// <summary>What the peer said is no SMTP, or came when nothing was asked.</summary>
    ProtocolError,

    /// <summary>We are stopping.</summary>
    Stopped,
}
