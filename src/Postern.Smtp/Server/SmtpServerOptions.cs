using System.Net.Security;

namespace Postern.Smtp.Server;

/// <summary>What one listener promises and limits. Sizes are octets; every default has its source beside
/// it.</summary>
public sealed record SmtpServerOptions
{
    /// <summary>Our name in the greeting, in EHLO and in 421.</summary>
    public required string Hostname { get; init; }

    /// <summary>What follows the name in the greeting.</summary>
    public string Banner { get; init; } = "ESMTP Postern";

    public TlsMode Tls { get; init; } = TlsMode.None;

    /// <summary>The certificate of the moment, asked for at each handshake. Must be set unless
    /// <see cref="Tls"/> is None.</summary>
    public Func<SslServerAuthenticationOptions>? TlsOptions { get; init; }

    public AuthOffer Auth { get; init; } = AuthOffer.Never;

    /// <summary>SIZE (RFC 1870), counted without the dots that are stuffed.</summary>
    public long ContentOctetsMax { get; init; } = 50L * 1024 * 1024;

    /// <summary>Refused content is read on up to this; then the connection is closed.</summary>
    public long DiscardedOctetsMax { get; init; } = 1L << 30;

    /// <summary>RFC 5321 §4.5.3.1.8 asks for at least 100; Postfix takes 1000.</summary>
    public int RecipientsMax { get; init; } = 1000;

    /// <summary>RFC 5321 §4.5.3.1.4, with CRLF. MAIL and RCPT may be longer by what the extensions
    /// add.</summary>
    public int CommandOctetsMax { get; init; } = 512;

    /// <summary>RFC 4954 §4, with CRLF: AUTH and its responses.</summary>
    public int AuthOctetsMax { get; init; } = 12_288;

    /// <summary>After so many refused commands each further reply waits <see cref="ErrorDelay"/> (Postfix's
    /// soft limit).</summary>
    public int ErrorsBeforeDelay { get; init; } = 10;

    /// <summary>So many refused commands end the session with 421 (Postfix's hard limit).</summary>
    public int ErrorsMax { get; init; } = 20;

    public TimeSpan ErrorDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>So many NOOP, RSET, VRFY, HELP and EHLO between two messages end the session
    /// (Postfix).</summary>
    public int JunkCommandsMax { get; init; } = 100;

    /// <summary>RFC 5321 §4.5.3.2.7: one command, first octet to last, and each wait inside
    /// content.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The whole TLS handshake.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Content slower than this, after a start of <see cref="CommandTimeout"/>, is cut off (Postfix,
    /// smtpd_min_data_rate).</summary>
    public int ContentOctetsPerSecondMin { get; init; } = 500;
}

/// <summary>How TLS comes into a session.</summary>
public enum TlsMode
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Offered after EHLO (RFC 3207).</summary>
    StartTls,

    /// <summary>The first octets are a handshake (RFC 8314 §3.3, port 465).</summary>
    Immediate,
}

/// <summary>Where AUTH is offered.</summary>
public enum AuthOffer
{
    Never,

    /// <summary>Inside TLS only (RFC 4954 §4, RFC 8314).</summary>
    UnderTls,

    /// <summary>In clear too: a listener on a loopback address, for tests and for programs without
    /// TLS.</summary>
    Anywhere,
}
