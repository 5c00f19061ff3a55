using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Postern.Mta;

namespace Postern.Listeners;

/// <summary>The certificate all listeners show: from PEM files, read again when they change, or one we make
/// ourselves.</summary>
/// <remarks>
/// Law: a new pair of files takes the place of the old one only when it is whole and fits together; until
/// then the old one is shown and <see cref="Trouble"/> says why. New handshakes use the new one, running
/// sessions are left alone.
/// </remarks>
sealed class ServerCertificate
{
    /// <summary>An alarm is raised when fewer than this is left (DESIGN §9.5).</summary>
    static readonly TimeSpan WarnBefore = TimeSpan.FromDays(14);

    static readonly TimeSpan SelfSignedFor = TimeSpan.FromDays(3650);

    readonly Lock gate = new();
    readonly TimeProvider clock;
    string certificateFile, keyFile;
    byte[] seen = [];
    State state;

    ServerCertificate(string certificateFile, string keyFile, TimeProvider clock)
    {
        this.certificateFile = certificateFile;
        this.keyFile = keyFile;
        this.clock = clock;
        var (fingerprint, first) = Read(certificateFile, keyFile);
        seen = fingerprint;
        state = first;
    }

    /// <summary>For the handshake of STARTTLS.</summary>
    public SslServerAuthenticationOptions Options => state.Starttls;

    /// <summary>For TLS from the first octet: another protocol's client is turned away by its ALPN (the
    /// ALPACA attack).</summary>
    public SslServerAuthenticationOptions ImmediateOptions => state.Immediate;

    /// <summary>For https, whose listeners speak HTTP/1.1 and offer nothing else.</summary>
    public SslServerAuthenticationOptions HttpsOptions => state.Https;

    public DateTimeOffset NotAfter => state.NotAfter;

    /// <summary>Why changed files are not used. Null: all is well.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Fewer than 14 days are left.</summary>
    public bool EndsSoon => state.NotAfter - clock.GetUtcNow() < WarnBefore;

    /// <summary>Opens what <c>[tls]</c> names, or the self-signed one of the data directory, which is made
    /// when missing or empty.</summary>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="CryptographicException">The files are no pair of certificate and key.</exception>
    public static ServerCertificate Open(
        TlsOptions tls, string hostname, string dataDirectory, TimeProvider clock)
    {
        if (tls.Certificate is { } certificate)
            return new ServerCertificate(certificate, tls.Key ?? certificate, clock);
        var file = Path.Combine(dataDirectory, "self-signed.pem");
        if (new FileInfo(file) is not { Exists: true, Length: > 0 })
            MakeSelfSigned(file, hostname, clock);
        return new ServerCertificate(file, file, clock);
    }

    /// <summary>The files of a reloaded configuration; what is shown changes with the next
    /// <see cref="Refresh"/>.</summary>
    public void Rename(TlsOptions tls)
    {
        if (tls.Certificate is not { } certificate)
            return;
        lock (gate)
            (certificateFile, keyFile) = (certificate, tls.Key ?? certificate);
    }

    /// <summary>Reads the files again when they have changed.</summary>
    /// <returns>True: a new certificate is shown from now on.</returns>
    public bool Refresh()
    {
        lock (gate)
        {
            try
            {
                if (seen.AsSpan().SequenceEqual(Fingerprint(certificateFile, keyFile)))
                    return false;
                var (fingerprint, next) = Read(certificateFile, keyFile);
                (seen, state, Trouble) = (fingerprint, next, null);
                return true;
            }
            catch (Exception e) when (IsUnusable(e))
            {
                Trouble = $"{certificateFile}, {keyFile}: {e.Message}";
                return false;
            }
        }
    }

    public static bool IsUnusable(Exception e) =>
        e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    /// <summary>Makes a certificate and its key, PEM in one file that only its owner may read.</summary>
    public static void MakeSelfSigned(string file, string hostname, TimeProvider clock)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={Ascii(hostname)}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Ascii(hostname));
        if (hostname != "localhost")
            names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        // It is its own authority, so that a client may be told to trust exactly this one.
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1", null)], false));
        var now = clock.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.Add(SelfSignedFor));
        PrivateFile
            .Write(file, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    static string Ascii(string hostname) => new IdnMapping().GetAscii(hostname);

    static (byte[] Fingerprint, State State) Read(string certificateFile, string keyFile)
    {
        // Fingerprint first: files that change in between are read again the next time.
        var fingerprint = Fingerprint(certificateFile, keyFile);
        var all = new X509Certificate2Collection();
        all.ImportFromPemFile(certificateFile);
        var leaf = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        var others = new X509Certificate2Collection();
        others
            .AddRange(all.Where(c => !c.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span)).ToArray());
        var context = SslStreamCertificateContext.Create(leaf, others, offline: true);
        return (fingerprint, new State(
            OptionsFor(context),
            OptionsFor(context, new SslApplicationProtocol("smtp")),
            OptionsFor(context, SslApplicationProtocol.Http11),
            leaf.NotAfter.ToUniversalTime()));
    }

    static SslServerAuthenticationOptions OptionsFor(
        SslStreamCertificateContext context, params List<SslApplicationProtocol> protocols) => new()
        {
            ServerCertificateContext = context,
            // RFC 8996: nothing below 1.2.
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            ApplicationProtocols = protocols.Count > 0 ? protocols : null,
        };

    static byte[] Fingerprint(string certificateFile, string keyFile)
    {
        var all = new StringBuilder(File.ReadAllText(certificateFile)).Append('\0')
            .Append(File.ReadAllText(keyFile));
        return SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString()));
    }

    sealed record State(
        SslServerAuthenticationOptions Starttls,
        SslServerAuthenticationOptions Immediate,
        SslServerAuthenticationOptions Https,
        DateTimeOffset NotAfter);
}
