using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Postern.Smtp.Client;

/// <summary>How a session to a relay is set up.</summary>
public sealed record SmtpClientOptions
{
    /// <summary>Our own name, the argument of EHLO.</summary>
    public required string HeloName { get; init; }

    /// <summary>The relay's name: sent as SNI, and the one its certificate must hold.</summary>
    public required string RelayName { get; init; }

    public ClientProtocol Protocol { get; init; } = ClientProtocol.Smtp;

    public TlsMode Tls { get; init; } = TlsMode.Opportunistic;

    /// <summary>Roots to trust instead of the system's. Null: the system's.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>Null: no login. Otherwise nothing is ever sent without one.</summary>
    public ClientLogin? Login { get; init; }

    /// <summary>The login may cross the wire without TLS. For a relay on a network of our own only.</summary>
    public bool AllowLoginInClear { get; init; }

    /// <summary>Content goes by BDAT where CHUNKING is offered (RFC 3030). Never over LMTP.</summary>
    public bool UseChunking { get; init; } = true;

    public ClientTimeouts Timeouts { get; init; } = new();
}

/// <summary>What is spoken with the peer.</summary>
public enum ClientProtocol
{
    Smtp,

    /// <summary>RFC 2033: to who keeps mailboxes and no queue; each recipient has an answer of its
    /// own.</summary>
    Lmtp,
}

/// <summary>How much TLS a session to a relay has.</summary>
public enum TlsMode
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Where offered; the certificate is not checked (RFC 7435).</summary>
    Opportunistic,

    /// <summary>By STARTTLS; encrypted and the name verified, else nothing is sent.</summary>
    Required,

    /// <summary>From the first octet (RFC 8314 §3.3); encrypted and the name verified.</summary>
    Immediate,
}

/// <summary>User name and password at a relay.</summary>
public sealed record ClientLogin(string UserName, string Password)
{
    /// <summary>Never shows the password.</summary>
    public override string ToString() => UserName;

    /// <summary>A relay's words without the password, in whatever form it has heard it.</summary>
    internal string Hide(string text)
    {
        var octets = Encoding.UTF8.GetBytes(Password);
        string[] secrets =
        [
            Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{UserName}\0{Password}")),
            Convert.ToBase64String(octets),
            Password,
        ];
        foreach (var secret in secrets)
        {
            if (secret.Length > 0)
                text = text.Replace(secret, Hidden, StringComparison.Ordinal);
        }
        return text;
    }

    /// <summary>In the place of what is not shown.</summary>
    internal const string Hidden = "(hidden)";
}

/// <summary>The time-outs of RFC 5321 §4.5.3.2, each for one step.</summary>
public sealed record ClientTimeouts
{
    /// <summary>RFC 5321 §4.5.3.2.1.</summary>
    public TimeSpan Greeting { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>EHLO, HELO, STARTTLS, each step of AUTH, RSET: as MAIL.</summary>
    public TimeSpan Command { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The whole TLS handshake.</summary>
    public TimeSpan TlsHandshake { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>RFC 5321 §4.5.3.2.2.</summary>
    public TimeSpan Mail { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>RFC 5321 §4.5.3.2.3.</summary>
    public TimeSpan Rcpt { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>RFC 5321 §4.5.3.2.4.</summary>
    public TimeSpan DataInitiation { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>RFC 5321 §4.5.3.2.5: one piece of content to be taken.</summary>
    public TimeSpan DataBlock { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>RFC 5321 §4.5.3.2.6.</summary>
    public TimeSpan DataTermination { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the reply to QUIT is waited for; nothing depends on it.</summary>
    public TimeSpan Quit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The limit of one step.</summary>
    public TimeSpan Of(SmtpStage stage) => stage switch
    {
        SmtpStage.Greeting => Greeting,
        SmtpStage.Ehlo or SmtpStage.Helo or SmtpStage.StartTls => Command,
        SmtpStage.Auth or SmtpStage.Reset => Command,
        SmtpStage.TlsHandshake => TlsHandshake,
        SmtpStage.MailFrom => Mail,
        SmtpStage.RcptTo => Rcpt,
        SmtpStage.Data => DataInitiation,
        SmtpStage.Bdat or SmtpStage.Body => DataBlock,
        SmtpStage.EndOfData => DataTermination,
        _ => throw new UnreachableException(),
    };
}
