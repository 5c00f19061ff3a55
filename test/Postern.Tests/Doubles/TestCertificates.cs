using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Postern.Tests.Doubles;

/// <summary>An authority of our own and certificates for relays, good and bad.</summary>
sealed class TestCertificates
{
    static readonly DateTimeOffset Begin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    readonly X509Certificate2 authority;

    TestCertificates()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Postern test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        authority = request.CreateSelfSigned(Begin, Begin.AddYears(80));
        Good = Issue("mx.relay.example", Begin.AddYears(79), "mx.relay.example", "localhost");
        OtherName = Issue("other.example", Begin.AddYears(79), "other.example");
        NameOnlyInCommonName = Issue("mx.relay.example", Begin.AddYears(79));
        Expired = Issue("mx.relay.example", Begin.AddYears(1), "mx.relay.example");
        SelfSigned = MakeSelfSigned();
    }

    public static TestCertificates Shared { get; } = new();

    /// <summary>What a client trusts.</summary>
    public X509Certificate2Collection Authorities =>
        [X509CertificateLoader.LoadCertificate(authority.RawData)];

    /// <summary>For mx.relay.example and localhost.</summary>
    public X509Certificate2 Good { get; }
    public X509Certificate2 OtherName { get; }
    public X509Certificate2 NameOnlyInCommonName { get; }
    public X509Certificate2 Expired { get; }
    public X509Certificate2 SelfSigned { get; }

    X509Certificate2 Issue(string commonName, DateTimeOffset until, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request(commonName, key, names);
        using var issued = request.Create(authority, Begin, until, RandomNumberGenerator.GetBytes(8));
        return Usable(issued.CopyWithPrivateKey(key));
    }

    static X509Certificate2 MakeSelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Usable(Request(
            "mx.relay.example", key, ["mx.relay.example"]).CreateSelfSigned(Begin, Begin.AddYears(79)));
    }

    static CertificateRequest Request(string commonName, ECDsa key, string[] names)
    {
        var request = new CertificateRequest($"CN={commonName}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        if (names.Length == 0)
            return request;
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
            alternatives.AddDnsName(name);
        request.CertificateExtensions.Add(alternatives.Build());
        return request;
    }

    static X509Certificate2 Usable(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
}
