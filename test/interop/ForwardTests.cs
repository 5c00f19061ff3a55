using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Postern.Tests.Doubles;

namespace Postern.Interop;

/// <summary>Mail of a stranger goes on to another server, which looks at SPF, DKIM, DMARC and ARC; what fails
/// there comes back to the stranger.</summary>
public sealed partial class ForwardTests : IAsyncDisposable
{
    const string Ann = "ann@sender.example";

    /// <summary>Where the stranger sends from; we send from 127.0.0.1.</summary>
    const string Client = "127.0.0.9";

    readonly ZoneServer zone = new();
    readonly SmtpSink home = new() { KeepsContent = true };
    readonly PosternProcess near = new("") { Hostname = "near.test" };
    readonly PosternProcess far = new("") { Hostname = "far.test" };
    readonly byte[] mail;

    public ForwardTests()
    {
        using var cases = new CheckCases(1, TimeProvider.System.GetUtcNow());
        cases.Publish(zone);
        mail = Enumerable.Range(0, 1000).Select(cases.Next).First(IsSound).Content;
        using var key = RSA.Create(2048);
        zone.Add("sender.example", "TXT", $"v=spf1 ip4:{Client} -all")
            .Add("return.example", "TXT", "v=spf1 ip4:127.0.0.1 -all")
            .Add("arc._domainkey.near.example", "TXT",
                "v=DKIM1; k=rsa; p=" + Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()));
        near.Directory.WriteSecret("arc.key", key.ExportPkcs8PrivateKeyPem());
    }

    static bool IsSound(CheckCase one) => one.From == "strict.example" && one.Signatures is [var only]
        && only == new MailSignature(
            "strict.example", "rsa-sha256", "relaxed/relaxed", IsShort: false, SignatureFlaw.None);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await near.DisposeAsync();
        await far.DisposeAsync();
        await home.DisposeAsync();
        zone.Dispose();
    }

    [Fact]
    public async Task ForwardedMail_PassesSpfDkimDmarcAndArc_AtThisProgramAndAtRspamd()
    {
        Tool.Require("rspamd");
        await using var rspamd = await RspamdChecks.StartAsync(zone.Endpoint, "example", "test");
        await StartAsync();
        Assert.StartsWith("250", await SendAsync("sales@in.test"));

        var (sender, content) = await GotAsync("box@far.test");
        Assert.Matches(@"^bounces\+[0-9A-Z]{13}\.F-[0-9a-f]{20}@return\.example$", sender);
        var results = AuthenticationField.ResultsOf(FarField().Match(content).Groups["value"].Value)
            .ToDictionary(one => one.Method, one => one.Result);
        Assert.Equal(("pass", "pass", "pass", "pass"),
            (results["spf"], results["dkim"], results["dmarc"], results["arc"]));
        Assert.Contains("ARC-Authentication-Results: i=1; near.test;", content);
        Assert.Contains("Delivered-To: sales@in.test", content);

        var octets = Encoding.Latin1.GetBytes(content.Replace("\n", "\r\n", StringComparison.Ordinal));
        var symbols = await rspamd.CheckAsync("127.0.0.1", sender, octets);
        Assert.True(
            symbols.ContainsKey("R_SPF_ALLOW") && symbols.ContainsKey("ARC_ALLOW")
            && symbols.ContainsKey("R_DKIM_ALLOW") && symbols.ContainsKey("DMARC_POLICY_ALLOW"),
            string.Join(' ', symbols.Keys));
        Assert.Contains("R_SPF_FAIL", (await rspamd.CheckAsync("127.0.0.1", Ann, octets)).Keys);
        var changed = Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(octets).Replace(
            "Subject: letter", "Subject: other", StringComparison.Ordinal));
        Assert.DoesNotContain("ARC_ALLOW", (await rspamd.CheckAsync("127.0.0.1", sender, changed)).Keys);
    }

    [Fact]
    public async Task Bounce_OfTheOtherServer_ComesBackToTheSenderOnce()
    {
        await StartAsync();
        Assert.StartsWith("250", await SendAsync("gone@in.test"));
        await Eventually.TrueAsync(
            () => !home.Deliveries.IsEmpty, "the sender is told", evidence: () => near.Said + far.Said);
        // Whatever came twice would have come before what was sent later.
        Assert.StartsWith("250", await SendAsync("sales@in.test"));
        await GotAsync("box@far.test");
        var told = Assert.Single(home.Deliveries);
        Assert.Equal(Ann, told.Recipient);
        Assert.Contains("gone@far.test", Encoding.Latin1.GetString(told.Content!));

        // The path is of no use to others, and the forwarded address none of ours.
        await using var wire = await SmtpWire.ConnectAsync(near.Port("mx"), Cancel);
        var path = (await GotAsync("box@far.test")).Sender;
        Assert.StartsWith(
            "550 5.7.1", await wire.SendAsync(new Letter("spam@evil.example", path, mail), Cancel));
        Assert.StartsWith("550", await wire.SendAsync(new Letter(Ann, "box@far.test", mail), Cancel));
    }

    [Fact]
    public async Task LoopBetweenTwoServers_EndsAfterOneRound_AndNobodyIsTold()
    {
        await StartAsync();
        Assert.StartsWith("250", await SendAsync("round@in.test"));
        await Eventually.TrueAsync(
            () => near.Said.Contains("came back to it", StringComparison.Ordinal), "the loop is found",
            evidence: () => near.Said + far.Said);
        Assert.StartsWith("250", await SendAsync("sales@in.test"));
        await GotAsync("box@far.test");
        Assert.Empty(home.Deliveries);
        Assert.Single(Loop().Matches(await File.ReadAllTextAsync(near.LogFile, Cancel)));
    }

    [Fact]
    public async Task ServerInside_GetsMailWithTheSenderThatItCameWith()
    {
        await StartAsync();
        Assert.StartsWith("250", await SendAsync("inner@far.test"));
        var (sender, content) = await GotAsync("inner@far.test");
        Assert.Equal(Ann, sender);
        Assert.DoesNotContain("ARC-Seal", content);
        // The script's own.
        Assert.Single(
            content.Split('\n'), line => line.StartsWith("Delivered-To:", StringComparison.Ordinal));
    }

    async Task StartAsync()
    {
        far.Settings = FarSettings(nearPort: 1);
        await far.StartAsync();
        near.Settings = NearSettings();
        await near.StartAsync();
        await far.ReloadAsync(FarSettings(near.Port("mx")));
    }

    async Task<string> SendAsync(string recipient)
    {
        await using var wire = await SmtpWire.ConnectAsync(near.Port("mx"), Client, Cancel);
        return await wire.SendAsync(new Letter(Ann, recipient, mail), Cancel);
    }

    /// <summary>What a script of the other server was given; line ends are LF.</summary>
    async Task<(string Sender, string Content)> GotAsync(string recipient)
    {
        var path = far.Directory.PathOf($"got-{recipient}");
        await Eventually.TrueAsync(
            () => File.Exists(path), $"{recipient} gets it", evidence: () => near.Said + far.Said);
        var text = (await File.ReadAllTextAsync(path, Encoding.Latin1, Cancel))
            .Replace("\r\n", "\n", StringComparison.Ordinal);
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        return (text[..end], text[(end + 1)..]);
    }

    string NearSettings() => string.Create(CultureInfo.InvariantCulture, $"""
        [dns]
        servers = ["{zone.Endpoint}"]

        [inbound]
        unchecked = []

        [forward]
        return-path = "bounces@return.example"
        arc-domain = "near.example"
        arc-selector = "arc"
        arc-key = "file:{near.Directory.PathOf("arc.key")}"

        [aliases.table]
        "sales@in.test" = ["box@far.test"]
        "gone@in.test" = ["gone@far.test"]
        "round@in.test" = ["round@far.test"]

        [transports.far]
        kind = "smtp"
        host = "[127.0.0.1]:{far.Port("mx")}"
        tls = "none"

        [transports.home]
        kind = "smtp"
        host = "[127.0.0.1]:{home.Port}"
        tls = "none"

        [[routes]]
        name = "inside"
        to = ["inner@far.test"]
        accepts = "mx"
        via = ["far"]

        [[routes]]
        name = "senders"
        to = ["*@sender.example"]
        accepts = "forward"
        via = ["home"]

        [[routes]]
        name = "on"
        to = ["*@far.test"]
        accepts = "forward"
        via = ["far"]
        """);

    string FarSettings(int nearPort) => string.Create(CultureInfo.InvariantCulture, $$"""
        [dns]
        servers = ["{{zone.Endpoint}}"]

        [inbound]
        unchecked = []

        [aliases.table]
        "round@far.test" = ["round@in.test"]

        [transports.near]
        kind = "smtp"
        host = "[127.0.0.1]:{{nearPort}}"
        tls = "none"

        [transports.script]
        kind = "pipe"
        argv = ["{{far.Directory.WriteScript("on-mail", $"""
        #!/bin/sh
        [ "$2" = gone@far.test ] && exit 67
        got={far.Directory.FullPath}/got
        (echo "$1"; /bin/cat) > "$got.$2" && /bin/mv "$got.$2" "$got-$2"
        """)}}", "${sender}", "${recipient}"]
        {{InboundTests.RunAs(far.Directory)}}

        [[routes]]
        name = "inbound"
        to = ["*@far.test"]
        accepts = "mx"
        bounce = true
        via = ["script"]

        [[routes]]
        name = "out"
        via = ["near"]
        """);

    [GeneratedRegex(
        @"^Authentication-Results:(?<value>\s*far\.test;[^\n]*(?:\n[ \t][^\n]*)*)", RegexOptions.Multiline)]
    private static partial Regex FarField();

    [GeneratedRegex("\"dead-lettered\"")]
    private static partial Regex Loop();
}
