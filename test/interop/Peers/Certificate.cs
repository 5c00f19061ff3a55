using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Postern.Interop.Peers;

/// <summary>A certificate for 127.0.0.1 and localhost that is its own authority, as PEM files.</summary>
static class Certificate
{
    public static (string Certificate, string Key) Make(TemporaryDirectory directory)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        return (
            directory.Write("peer.pem", certificate.ExportCertificatePem(), TemporaryDirectory.Public),
            directory.Write("peer.key", key.ExportPkcs8PrivateKeyPem()));
    }

    public static X509Certificate2 Load(string path) => X509CertificateLoader.LoadCertificateFromFile(path);
}
