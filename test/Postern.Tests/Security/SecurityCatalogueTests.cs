namespace Postern.Tests.Security;

/// <summary>Every case about the wire is played, or it is said who plays it.</summary>
public sealed class SecurityCatalogueTests
{
    static readonly string[] Areas = ["SMI", "SMO", "TLS", "CMD", "AUT", "DAT", "BDA", "REL", "CLI"];

    /// <summary>Cases that need another stage than a session in memory: file and method that play
    /// them.</summary>
    internal static readonly IReadOnlyDictionary<string, (string File, string Method)> Elsewhere =
        new Dictionary<string, (string, string)>
        {
            ["DAT-23"] = ("test/Postern.Tests/Smtp/Server/SmtpServerTests.cs",
                "Content_OneOctetEveryNineSeconds_IsCutOff"),
            ["TLS-20"] = ("test/interop/ClientTests.cs", "OpensslClient_ThatRenegotiates_IsRefused"),
            ["TLS-21"] = ("test/Postern.Tests/Security/SecurityServerTests.cs",
                "Flood_OfHandshakesOfOneAddress_IsCutAndOthersGoOn"),
            ["TLS-23"] = ("test/Postern.Tests/Listeners/ServerCertificateTests.cs",
                "Certificate_WithBrokenNewFile_StaysTheOldOneAndSaysWhy"),
        };

    [Fact]
    public void Cases_OfTheseAreas_AreEachPlayedOnce()
    {
        Assert.SkipUnless(File.Exists(SecurityCase.Path), $"The catalogue is not here: {SecurityCase.Path}");
        var played = SecurityServerTests.Played.Concat(SecurityRelayTests.Played)
            .Concat(SecurityClientTests.Played).Select(one => one.Id).Concat(Elsewhere.Keys);
        Assert.Equal(SecurityCase.Of(Areas).Select(one => one.Id).Order(), played.Order());
    }

    [Fact]
    public void TestsElsewhere_AreThere() => Assert.All(Elsewhere, row => Assert.Contains(
        $" {row.Value.Method}(", File.ReadAllText(Repository.PathOf(row.Value.File))));
}
