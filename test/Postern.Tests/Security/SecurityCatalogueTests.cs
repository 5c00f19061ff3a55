namespace Postern.Tests.Security;

/// <summary>Every case of these areas is played, or it is said who plays it, or what it waits for.</summary>
public sealed class SecurityCatalogueTests
{
    static readonly string[] Areas =
        ["SMI", "SMO", "TLS", "CMD", "AUT", "DAT", "BDA", "REL", "CLI", "DSN",
        "DOS", "FS", "LOG", "SSRF"];

    const string Targets = "test/Postern.Tests/Webhooks/WebTargetsTests.cs";

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
            ["DOS-01"] = ("test/interop/SecurityTests.cs", "Connections_ThatIdle_TakeLittleMemory"),
            ["DOS-03"] = ("test/interop/SecurityTests.cs", "Connections_OpenedAndClosed_LeaveNoDescriptor"),
            ["DOS-05"] = ("test/interop/SecurityTests.cs", "Descriptors_ThatAreFew_EndNoProcess"),
            ["DOS-14"] = ("test/interop/SecurityTests.cs", "Noise_OnEveryPort_EndsTheSessionAlone"),
            ["FS-03"] = ("test/interop/SecurityTests.cs", "Files_WhateverTheUmask_AreForTheirOwner"),
            ["FS-07"] = ("test/interop/SecurityTests.cs", "DataDirectory_OfARunningPostern_IsRefused"),
            ["FS-16"] = ("test/interop/SecurityTests.cs", "Noise_OnEverySocket_EndsTheRequestAlone"),
            ["SSRF-01"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-02"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-03"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-05"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-06"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-07"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-09"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-10"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-11"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-12"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-13"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-16"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-17"] = (Targets, "Url_ThatLeadsInside_IsRefusedWhenSet"),
            ["SSRF-14"] = (Targets, "Connection_ToAnAddressInside_IsNotMade"),
            ["SSRF-19"] = (Targets, "Answer_WithoutEnd_IsReadUpToALimit"),
            ["SSRF-20"] = ("test/interop/WebhookTests.cs", "Webhook_OfARealMessage_IsValidToMailgunJs"),
        };

    /// <summary>Cases about what is not there yet, and what that is.</summary>
    static readonly Dictionary<string, string> Waiting = new()
    {
        ["DSN-13"] = "reading reports and telling hard from soft",
        ["LOG-07"] = "SPF and DKIM checks, which read TXT records",
        ["FS-08"] = "the sendmail command",
        ["FS-09"] = "the sendmail command",
        ["FS-10"] = "the sendmail command",
        ["FS-12"] = "the sendmail command",
    };

    [Fact]
    public void Cases_OfTheseAreas_AreEachPlayedOnce()
    {
        Assert.SkipUnless(File.Exists(SecurityCase.Path), $"The catalogue is not here: {SecurityCase.Path}");
        var played = SecurityServerTests.Played.Concat(SecurityRelayTests.Played)
            .Concat(SecurityClientTests.Played).Concat(SecurityReportTests.Played)
            .Concat(SecurityLoadTests.Played).Concat(SecurityFileTests.Played)
            .Concat(SecurityLogTests.Played).Select(one => one.Id)
            .Concat(Elsewhere.Keys).Concat(Waiting.Keys);
        Assert.Equal(SecurityCase.Of(Areas).Select(one => one.Id).Order(), played.Order());
    }

    [Fact]
    public void TestsElsewhere_AreThere() => Assert.All(Elsewhere, row => Assert.Contains(
        $" {row.Value.Method}(", File.ReadAllText(Repository.PathOf(row.Value.File))));
}
