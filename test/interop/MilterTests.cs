using System.Globalization;
using System.Text;
using Postern.Tests.Doubles;

namespace Postern.Interop;

/// <summary>OpenDKIM and rspamd themselves are milters of the mx listener.</summary>
public sealed class MilterTests
{
    const int Seed = 20_262;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OpenDkim_WritesItsResults_AndRefusesBrokenSignatures()
    {
        using var zone = new ZoneServer();
        using var cases = new CheckCases(Seed, TimeProvider.System.GetUtcNow());
        cases.Publish(zone);
        var mails = Enumerable.Range(0, 200).Select(cases.Next).ToList();
        await using var opendkim = await OpenDkimMilter.StartAsync(zone.Endpoint);
        await using var postern = await StartAsync($"""
            [[inbound.milters]]
            name = "opendkim"
            address = "unix:{opendkim.Socket}"
            """);
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), Cancel);
        var honest = mails.First(mail => IsOf(mail, SignatureFlaw.None));
        Assert.StartsWith("250", await SendAsync(wire, WithForged(honest.Content)));
        var taken = await GotAsync(postern, 1);
        Assert.Contains("; dkim=pass", FieldOf(taken, OpenDkimMilter.AuthservId), StringComparison.Ordinal);
        // It has deleted what claims to come from itself.
        Assert.DoesNotContain("forged.example", taken, StringComparison.Ordinal);
        Assert.EndsWith(
            Encoding.ASCII.GetString(honest.Content).Replace("\r\n", "\n", StringComparison.Ordinal), taken,
            StringComparison.Ordinal);

        var changed = mails.First(mail => IsOf(mail, SignatureFlaw.BodyChanged));
        var refused = await SendAsync(wire, changed.Content);
        Assert.True(refused.StartsWith("550 5.7.", StringComparison.Ordinal), refused);
        Assert.False(await postern.HasAlarmAsync("filter"));

        await opendkim.StopAsync();
        Assert.StartsWith("250", await SendAsync(wire, changed.Content));
        await postern.AlarmAsync("filter");
        await opendkim.BeginAsync();
        Assert.Equal(refused, await SendAsync(wire, changed.Content));
        await Eventually.TrueAsync(
            async () => !await postern.HasAlarmAsync("filter"), "the alarm is over",
            evidence: () => postern.Said);
    }

    [Fact]
    public async Task Rspamd_RefusesGtubeInItsOwnWords_AndWritesItsField()
    {
        await using var rspamd = await RspamdPeer.StartAsync();
        await using var postern = await StartAsync(string.Create(CultureInfo.InvariantCulture, $"""
            [[inbound.milters]]
            name = "rspamd"
            address = "127.0.0.1:{rspamd.MilterPort}"
            when-down = "defer"
            """));
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), Cancel);
        Assert.Equal(
            "554 5.7.1 Gtube pattern",
            await SendAsync(wire, Encoding.ASCII.GetBytes($"Subject: x\r\n\r\n{RspamdPeer.Gtube}\r\n")));
        Assert.StartsWith("250", await SendAsync(wire, "Subject: x\r\n\r\nharmless\r\n"u8.ToArray()));
        var taken = await GotAsync(postern, 1);
        Assert.Contains("\nX-Spamd-Bar: /\n", taken, StringComparison.Ordinal);
        Assert.Contains("from: <a@sender.test>", rspamd.Log, StringComparison.Ordinal);
        Assert.False(await postern.HasAlarmAsync("filter"));

        await rspamd.StopAsync();
        Assert.StartsWith("451 4.7.1", await SendAsync(wire, "Subject: x\r\n\r\nharmless\r\n"u8.ToArray()));
        await postern.AlarmAsync("filter");
    }

    static bool IsOf(CheckCase mail, SignatureFlaw flaw) =>
        mail.Signatures is [{ Algorithm: "rsa-sha256", IsShort: false } only] && only.Flaw == flaw;

    static byte[] WithForged(byte[] content) =>
    [
        .. Encoding.ASCII.GetBytes(
            $"Authentication-Results: {OpenDkimMilter.AuthservId}; dkim=pass header.d=forged.example\r\n"),
        .. content,
    ];

    static string FieldOf(string mail, string authservId)
    {
        var start = mail.IndexOf($"Authentication-Results: {authservId}", StringComparison.Ordinal);
        Assert.True(start >= 0, mail);
        return mail[start..mail.IndexOf("\nReceived:", start, StringComparison.Ordinal)]
            .Replace("\n", "", StringComparison.Ordinal).Replace('\t', ' ');
    }

    static Task<string> SendAsync(SmtpWire wire, byte[] content) =>
        wire.SendAsync(new Letter("a@sender.test", "box@in.test", content), Cancel);

    /// <summary>The mails that were taken, once there are so many.</summary>
    static async Task<string> GotAsync(PosternProcess postern, int count)
    {
        var box = postern.Directory.PathOf("mail/box/new");
        await Eventually.TrueAsync(
            () => Directory.Exists(box) && Directory.GetFiles(box).Length == count, "the mail is in its box",
            evidence: () => postern.Said);
        return (await File.ReadAllTextAsync(Directory.GetFiles(box)[^1], Encoding.Latin1, Cancel))
            .Replace("\r\n", "\n", StringComparison.Ordinal);
    }

    static async Task<PosternProcess> StartAsync(string milters)
    {
        var postern = new PosternProcess("");
        postern.Directory.MakeDirectory("mail/box");
        postern.Settings = $$"""
            [inbound]
            checks = []
            unchecked = []
            {{milters}}
            [transports.boxes]
            kind = "maildir"
            directory = "{{postern.Directory.PathOf("mail")}}/${user}"
            [[routes]]
            name = "inbound"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["boxes"]
            """;
        await postern.StartAsync();
        return postern;
    }
}
