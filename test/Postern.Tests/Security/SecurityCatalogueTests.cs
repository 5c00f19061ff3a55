namespace Postern.Tests.Security;

/// <summary>Every case of these areas is played, or it is said who plays it, or what it waits for.</summary>
public sealed class SecurityCatalogueTests
{
    const string Hooks = "test/Postern.Tests/Hooks/ProviderHooksTests.cs";
    const string Mails = "test/interop/Dashboard/BrowserSecurityTests.Mail.cs";
    const string Pages = "test/interop/Dashboard/BrowserSecurityTests.Pages.cs";
    const string SignIns = "test/interop/Dashboard/BrowserSecurityTests.SignIn.cs";
    const string Shown = "test/interop/Dashboard/BrowserSecurityTests.cs";
    const string Targets = "test/Postern.Tests/Webhooks/WebTargetsTests.cs";

    static readonly string[] Areas =
        ["SMI", "SMO", "TLS", "CMD", "AUT", "DAT", "BDA", "REL", "CLI", "DSN",
        "DOS", "FS", "LOG", "API", "WHK", "SSRF", "AUTHN", "UI"];

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
            ["DSN-13"] = ("test/Postern.Tests/Reports/BounceSamplesTests.cs",
                "Samples_AreClassifiedRight_AtLeast95InAHundred"),
            ["API-13"] = ("test/Postern.Tests/Api/Mailgun/MailgunSendTests.cs", "Mime_ThatIsNoMessage_Is400"),
            ["API-16"] = ("test/Postern.Tests/Api/Mailgun/FormReaderTests.cs",
                "Body_ThatUnpacksToTooMuch_Is413"),
            ["API-18"] = ("test/interop/ApiTests.cs", "Answer_OfAProcessThatIsKilledAtOnce_IsKept"),
            ["WHK-01"] = (Hooks, "Signature_ThatDoesNotHold_Is406AndNoEvent"),
            ["WHK-02"] = (Hooks, "Signature_ThatDoesNotHold_Is406AndNoEvent"),
            ["WHK-03"] = (Hooks, "Posts_OfOneTokenAtTheSameTime_AreStoredOnce"),
            ["WHK-04"] = (Hooks, "Token_UsedBefore_CarriesNoOtherEvent"),
            ["WHK-06"] = (Hooks, "Events_InAnyOrder_AreAllKept"),
            ["WHK-08"] = (Hooks, "Body_OfTenMegabytes_Is413"),
            ["WHK-09"] = ("test/interop/Crash/HookKillTests.cs",
                "Webhooks_RepeatedForgedAndUnderKills_AreAppliedOnce"),
            ["UI-01"] = (Mails, "Frame_OfTheSuite_RunsNothingAndAsksNobody"),
            ["UI-02"] = (Mails, "Picture_ThatStandsElsewhere_LoadsAfterAClickAlone"),
            ["UI-04"] = (Mails, "Html_ThatWantsThePage_StaysInItsFrame"),
            ["UI-05"] = (Pages, "Markup_OfStrangers_IsTextOnEveryPage"),
            ["UI-07"] = (SignIns, "Act_FromAnotherOrigin_Is403AndDoesNothing"),
            ["UI-08"] = (SignIns, "Page_InAFrameOfAnotherOrigin_IsNotShown"),
            ["UI-09"] = (SignIns, "Cookie_OverTls_IsForThisHostAloneAndNoScript"),
            ["UI-10"] = (SignIns, "Guesses_OnTheLoginPage_EndInARefusalThatTheRightPasswordDoesNotLift"),
            ["UI-11"] = (SignIns, "Origin_ThatIsForged_IsInNoLink"),
            ["UI-12"] = (Shown, "Csv_OfHostileCells_HasNoFormula"),
            ["UI-13"] = (SignIns, "Message_OfSomebodyElse_IsNotShownById"),
            ["UI-14"] = (Shown, "Name_InEitherFormOfHangul_IsShownOnceAndFoundByBoth"),
            ["AUTHN-09"] = ("test/Postern.Tests/Inbound/Checks/DkimSuiteTests.cs",
                "Chasquid_Case_IsJudgedTheSameWay"),
            ["AUTHN-16"] = ("test/Postern.Tests/Inbound/Checks/ArcSuiteTests.cs",
                "Validation_EveryCase_IsJudgedAsTheSuiteSays"),
        };

    /// <summary>Cases about what is not there yet, and what that is.</summary>
    static readonly Dictionary<string, string> Waiting = new()
    {
        ["API-17"] = "a flood of the http listener, as FloodTests has one of the SMTP ports",
        ["AUTHN-15"] = "a count of each signature over time: a bounded table beside the store, and a "
            + "field of the event accepted",
        ["AUTHN-27"] = "DANE",
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
            .Concat(SecurityLogTests.Played).Concat(SecurityApiTests.Played)
            .Concat(SecurityAuthnTests.Played).Select(one => one.Id)
            .Concat(Elsewhere.Keys).Concat(Waiting.Keys);
        Assert.Equal(SecurityCase.Of(Areas).Select(one => one.Id).Order(), played.Order());
    }

    [Fact]
    public void TestsElsewhere_AreThere() => Assert.All(Elsewhere, row => Assert.Contains(
        $" {row.Value.Method}(", File.ReadAllText(Repository.PathOf(row.Value.File))));
}
