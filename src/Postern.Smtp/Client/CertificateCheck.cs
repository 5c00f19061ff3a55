using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Postern.Smtp.Client;

/// <summary>Decides on a relay's certificate and remembers in words why not.</summary>
sealed class CertificateCheck(SmtpClientOptions options)
{
    /// <summary>The check that failed. Null while none has.</summary>
    public string? Refusal { get; private set; }

    public SslClientAuthenticationOptions ToAuthenticationOptions()
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (options.Authorities is { } authorities)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }
        return new SslClientAuthenticationOptions
        {
            TargetHost = options.RelayName,
            CertificateChainPolicy = policy,
            // RFC 8996: TLS 1.2 is the least for mail.
            EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12
                | System.Security.Authentication.SslProtocols.Tls13,
            RemoteCertificateValidationCallback = Accepts,
        };
    }

    bool Accepts(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (options.Tls is TlsMode.Opportunistic)
            return true;
        Refusal = Judge(certificate, chain, errors);
        return Refusal is null;
    }

    string? Judge(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 presented)
            return "no certificate was presented";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
            return ChainReason(chain);
        // RFC 9525 §6.3: only subjectAltName counts, never the common name; SslStream alone would take that
        // too.
        if (Uri.CheckHostName(options.RelayName) == UriHostNameType.Unknown
            || !presented.MatchesHostname(options.RelayName, allowWildcards: true, allowCommonName: false))
            return $"the certificate is not for the name {options.RelayName}";
        return null;
    }

    static string ChainReason(X509Chain? chain)
    {
        var status = X509ChainStatusFlags.NoError;
        foreach (var element in chain?.ChainStatus ?? [])
            status |= element.Status;
        if (status.HasFlag(X509ChainStatusFlags.NotTimeValid))
            return "the certificate has expired or is not valid yet";
        if (status.HasFlag(X509ChainStatusFlags.UntrustedRoot) && chain?.ChainElements.Count == 1)
            return "the certificate is self-signed";
        if (status.HasFlag(
            X509ChainStatusFlags.UntrustedRoot) || status.HasFlag(X509ChainStatusFlags.PartialChain))
            return "the certificate's issuer is not trusted";
        return $"the certificate chain does not hold: {status}";
    }
}
