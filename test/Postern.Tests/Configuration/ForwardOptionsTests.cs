using System.Security.Cryptography;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;

namespace Postern.Tests.Configuration;

public sealed class ForwardOptionsTests
{
    const string Listener = "\n[[listen]]\non = \"127.0.0.1:2525\"\nfor = \"submission\"\n";
    const string Sealed = "[forward]\narc-domain = \"d.example\"\narc-selector = \"s1\"\n";

    static readonly string Pem = PemOf(2048);
    static readonly string ShortPem = PemOf(1024);

    static string PemOf(int bits)
    {
        using var key = RSA.Create(bits);
        return key.ExportPkcs8PrivateKeyPem();
    }

    static string PublicPem()
    {
        using var key = RSA.Create();
        key.ImportFromPem(Pem);
        return key.ExportSubjectPublicKeyInfoPem();
    }

    static ConfigurationResult Read(string text) => ConfigurationReader.ReadText(
        text + Listener, "postern.toml", new ConfigurationSurroundings
        {
            Variable = name => name switch
            {
                "KEY" => Pem,
                "SHORT" => ShortPem,
                "PUBLIC" => PublicPem(),
                "WORDS" => "no key",
                _ => null,
            },
        });

    [Fact]
    public void Forward_WithAllItsSettings_IsRead_AndItsKeyIsInTheDnsPlan()
    {
        var read = Read(Sealed + "arc-key = \"env:KEY\"\nreturn-path = \"b@return.example\"\n");
        Assert.Empty(read.Errors);
        Assert.Equal("return.example", read.Options.Forward.ReturnDomain);
        var record = DnsPlan.Of(read.Options, "d.example").SealKey!;
        using var key = RSA.Create();
        key.ImportFromPem(Pem);
        Assert.Equal("s1._domainkey.d.example", record.Name);
        Assert.Equal(
            $"v=DKIM1; k=rsa; p={Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())}", record.Text);
        Assert.Null(DnsPlan.Of(read.Options, "other.example").SealKey);
        Assert.Null(DnsPlan.Of(new PosternOptions(), "d.example").SealKey);
    }

    [Theory]
    [InlineData("arc-key = \"env:SHORT\"", "holds no PEM private key of RSA with 2048 bits or more")]
    [InlineData("arc-key = \"env:PUBLIC\"", "holds no PEM private key of RSA with 2048 bits or more")]
    [InlineData("arc-key = \"env:WORDS\"", "holds no PEM private key of RSA with 2048 bits or more")]
    [InlineData("arc-key = \"env:NOTHING\"", "the environment variable NOTHING is not set")]
    [InlineData("arc-key = \"file:/does/not/exist\"", "/does/not/exist does not exist")]
    [InlineData("", "forward.arc-key: is missing; seals need arc-domain, arc-selector and arc-key")]
    [InlineData("arc-key = \"env:KEY\"\n[inbound]\nchecks = [\"spf\"]", "add \"arc\" to inbound.checks")]
    public void Seal_ThatCannotBeMade_IsTheOneError(string more, string error) =>
        Assert.Contains(error, Assert.Single(Read(Sealed + more).Errors).ToString(),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("return-path = \"drop\"", "must be \"keep\" or an address")]
    [InlineData("return-path = \"b@x.example\"\n[log]\nkeep = \"2d\"", "must be 7d at least")]
    [InlineData("arc-domain = \"no domain\"\narc-selector = \"s\"\narc-key = \"env:KEY\"", "is no domain")]
    [InlineData("arc-domain = \"d.example\"\narc-selector = \"a b\"\narc-key = \"env:KEY\"",
        "is no selector")]
    public void Forward_ThatIsWrong_IsTheOneError(string text, string error) =>
        Assert.Contains(error, Assert.Single(Read("[forward]\n" + text).Errors).ToString(),
            StringComparison.Ordinal);

    [Fact]
    public void Route_MayBeForForwardedMail()
    {
        var read = Read("""
            [transports.relay]
            kind = "smtp"
            [[routes]]
            accepts = "forward"
            via = ["relay"]
            """);
        Assert.Empty(read.Errors);
        Assert.Equal(MailDoors.Forward, read.Options.Routes[0].Accepts);
        Assert.Contains("accepts = [\"forward\"]", ConfigurationPrinter.Print(read.Options),
            StringComparison.Ordinal);
    }
}
