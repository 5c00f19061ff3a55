using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports.Brokers;

/// <summary>One server of a message broker.</summary>
/// <param name="Host">A name, or the text of an address without brackets.</param>
readonly record struct BrokerServer(string Host, int Port)
{
    public bool IsLoopback => Host == "localhost"
        || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}");

    /// <summary>Reads <c>host</c>, <c>host:port</c>, <c>192.0.2.1:port</c>, <c>[address]:port</c>.</summary>
    public static bool TryParse(string text, int defaultPort, out BrokerServer server)
    {
        server = default;
        var isBracketed = text.StartsWith('[');
        var end = text.IndexOf(isBracketed ? ']' : ':', StringComparison.Ordinal);
        if (isBracketed && end < 0)
            return false;
        var host = isBracketed ? text[1..end] : end < 0 ? text : text[..end];
        var rest = isBracketed ? text[(end + 1)..] : end < 0 ? "" : text[end..];
        var isHost = isBracketed
            ? Network.TryParseAddress(host, out _)
            : Network.TryParseAddress(host, out _) || HostName.IsValid(host);
        if (!isHost)
            return false;
        var port = defaultPort;
        if (rest.Length > 0
            && !(rest[0] == ':'
                && int.TryParse(rest.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
                && port is > 0 and <= ushort.MaxValue))
            return false;
        server = new BrokerServer(host, port);
        return true;
    }

    /// <exception cref="ArgumentException">One of them does not parse, or there is none.</exception>
    public static IReadOnlyList<BrokerServer> AllOf(TransportOptions options, int defaultPort)
    {
        if (options.Servers.Count == 0)
            throw new ArgumentException("there are no servers", nameof(options));
        return [.. options.Servers.Select(text => TryParse(text, defaultPort, out var server)
            ? server : throw new ArgumentException($"\"{text}\" is no server", nameof(options)))];
    }

    /// <summary>Where nothing is said, what stays on this machine is in the clear and nothing else
    /// is.</summary>
    public static bool UsesTls(TransportOptions options) => options.Tls is { } tls
        ? tls is not TransportTls.None
        : !AllOf(options, 0).All(static server => server.IsLoopback);

    /// <summary>Certificates are verified against the system's authorities, or against <c>ca</c>
    /// alone.</summary>
    /// <param name="host">Null: whom a client connects to, it knows itself.</param>
    public static SslClientAuthenticationOptions AuthenticationOf(TransportOptions options, string? host)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (options.Ca is { Value: var pem })
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.ImportFromPem(pem);
        }
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            CertificateChainPolicy = policy,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
    }

    /// <summary>Split at the first colon. Null: no login.</summary>
    public static (string User, string Password)? LoginOf(TransportOptions options) =>
        options.Login?.Value is { } login && login.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
            ? (login[..colon], login[(colon + 1)..])
            : null;
}
