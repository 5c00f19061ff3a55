using System.Diagnostics;

namespace Postern.Smtp.Client;

/// <summary>Where a conversation with a relay stands: what was asked last, or is being sent.</summary>
public enum SmtpStage
{
    /// <summary>Waiting for the greeting.</summary>
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    TlsHandshake,
    Auth,
    Reset,
    MailFrom,
    RcptTo,
    Data,

    /// <summary>A chunk that is not the last one (RFC 3030).</summary>
    Bdat,

    /// <summary>Content is on its way, its end is not.</summary>
    Body,

    /// <summary>The final dot or the last chunk was sent.</summary>
    EndOfData,
}

/// <summary>The words of Postfix for the stages, which log readers know.</summary>
public static class SmtpStages
{
    /// <summary>As in "(in reply to RCPT TO command)".</summary>
    public static string CommandName(this SmtpStage stage) => stage switch
    {
        SmtpStage.Greeting => "initial server greeting",
        SmtpStage.Ehlo => "EHLO command",
        SmtpStage.Helo => "HELO command",
        SmtpStage.StartTls or SmtpStage.TlsHandshake => "STARTTLS command",
        SmtpStage.Auth => "AUTH command",
        SmtpStage.Reset => "RSET command",
        SmtpStage.MailFrom => "MAIL FROM command",
        SmtpStage.RcptTo => "RCPT TO command",
        SmtpStage.Data => "DATA command",
        SmtpStage.Bdat => "BDAT command",
        SmtpStage.Body => "message body",
        SmtpStage.EndOfData => "end of DATA command",
        _ => throw new UnreachableException(),
    };

    /// <summary>As in "lost connection with host[ip] while sending RCPT TO".</summary>
    public static string Activity(this SmtpStage stage) => stage switch
    {
        SmtpStage.Greeting => "receiving the initial server greeting",
        SmtpStage.Ehlo => "performing the EHLO handshake",
        SmtpStage.Helo => "performing the HELO handshake",
        SmtpStage.StartTls => "receiving the STARTTLS response",
        SmtpStage.TlsHandshake => "performing the TLS handshake",
        SmtpStage.Auth => "performing SASL authentication",
        SmtpStage.Reset => "sending RSET",
        SmtpStage.MailFrom => "sending MAIL FROM",
        SmtpStage.RcptTo => "sending RCPT TO",
        SmtpStage.Data => "sending DATA command",
        SmtpStage.Bdat => "sending BDAT command",
        SmtpStage.Body => "sending message body",
        SmtpStage.EndOfData => "sending end of data -- message may be sent more than once",
        _ => throw new UnreachableException(),
    };
}
