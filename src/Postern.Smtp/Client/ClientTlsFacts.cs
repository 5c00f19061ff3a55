using System.Security.Authentication;

namespace Postern.Smtp.Client;

/// <summary>What the handshake with a relay agreed on.</summary>
public sealed record ClientTlsFacts(SslProtocols Protocol, string Cipher, TlsTrust Trust)
{
    /// <summary>As in Postfix's log: <c>TLSv1.3</c>.</summary>
    public string ProtocolName => Protocol switch
    {
        SslProtocols.Tls13 => "TLSv1.3",
        SslProtocols.Tls12 => "TLSv1.2",
        _ => Protocol.ToString(),
    };
}

/// <summary>How far the peer's certificate was checked, in Postfix's words.</summary>
public enum TlsTrust
{
    /// <summary>Encrypted to whoever answered.</summary>
    Untrusted,

    /// <summary>Chain and name checked.</summary>
    Verified,
}
