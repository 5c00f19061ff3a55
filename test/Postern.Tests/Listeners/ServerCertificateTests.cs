using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Postern.Listeners;
using Postern.Mta;
using Postern.Tests.Configuration;

namespace Postern.Tests.Listeners;

public sealed class ServerCertificateTests : IDisposable
{
    readonly TemporaryDirectory directory = new();
    readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => directory.Dispose();

    ServerCertificate Open(TlsOptions? tls = null) =>
        ServerCertificate.Open(tls ?? new TlsOptions(), "mx.example.org", directory.PathOf(""), clock);

    string Make(string name, string hostname)
    {
        var path = directory.PathOf(name);
        ServerCertificate.MakeSelfSigned(path, hostname, clock);
        return path;
    }

    static string NameIn(ServerCertificate certificate) =>
        certificate.Options.ServerCertificateContext!.TargetCertificate
            .GetNameInfo(X509NameType.DnsName, false);

    [Fact]
    public void Certificate_WithNoneConfigured_IsMadeOnceAndForItsOwnerAlone()
    {
        var first = Open();
        var second = Open();
        var file = directory.PathOf("self-signed.pem");
        Assert.Equal("mx.example.org", NameIn(first));
        Assert.Equal(
            first.Options.ServerCertificateContext!.TargetCertificate.Thumbprint,
            second.Options.ServerCertificateContext!.TargetCertificate.Thumbprint);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public void Certificate_WithNoneConfigured_EmptyAfterAPowerCut_IsMadeAnew()
    {
        directory.Write("self-signed.pem", "");
        Assert.Equal("mx.example.org", NameIn(Open()));
    }

    [Fact]
    public void Certificate_WithNewFiles_IsShownAfterTheNextLook()
    {
        var file = Make("a.pem", "one.example.org");
        var certificate = Open(new TlsOptions { Certificate = file, Key = file });
        Assert.False(certificate.Refresh());
        Make("a.pem", "two.example.org");
        Assert.True(certificate.Refresh());
        Assert.Equal("two.example.org", NameIn(certificate));
    }

    // TLS-23
    [Fact]
    public void Certificate_WithBrokenNewFile_StaysTheOldOneAndSaysWhy()
    {
        var file = Make("a.pem", "one.example.org");
        var certificate = Open(new TlsOptions { Certificate = file, Key = file });
        directory.Write("a.pem", "no certificate");
        Assert.False(certificate.Refresh());
        Assert.Equal("one.example.org", NameIn(certificate));
        Assert.NotNull(certificate.Trouble);
        Make("a.pem", "three.example.org");
        Assert.True(certificate.Refresh());
        Assert.Null(certificate.Trouble);
    }

    [Fact]
    public void Certificate_WithTheKeyOfAnother_IsRefused()
    {
        var (one, other) = (Make("a.pem", "a.example"), Make("b.pem", "b.example"));
        var tls = new TlsOptions { Certificate = one, Key = other };
        var thrown = Record.Exception(() => Open(tls));
        Assert.NotNull(thrown);
        Assert.True(ServerCertificate.IsUnusable(thrown));
    }

    [Fact]
    public void Certificate_LessThanFourteenDaysBeforeItsEnd_EndsSoon()
    {
        var certificate = Open();
        Assert.False(certificate.EndsSoon);
        clock.SetUtcNow(certificate.NotAfter.AddDays(-13));
        Assert.True(certificate.EndsSoon);
    }

    [Fact]
    public void Options_ForTlsFromTheFirstOctet_KnowSmtpAlone()
    {
        var certificate = Open();
        Assert.Equal("smtp", Assert.Single(certificate.ImmediateOptions.ApplicationProtocols!).ToString());
        Assert.False(certificate.Options.AllowRenegotiation);
    }
}
