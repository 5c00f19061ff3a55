using System.Globalization;

namespace Postern.Interop;

/// <summary>ClamAV and rspamd themselves say what inbound mail is.</summary>
public sealed class FilterTests
{
    [Theory]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task Clamav_FindsEicar_AndItsOutageKeepsNothingOut(string way)
    {
        await using var clamav = await ClamavPeer.StartAsync();
        var address = way == "unix" ? $"unix:{clamav.Socket}"
            : string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{clamav.Port}");
        await using var postern = await StartAsync($"""
            [inbound.clamav]
            address = "{address}"
            [[inbound.verdicts]]
            action = "reject"
            virus = ["infected"]
            """);
        (await SendAsync(postern, "harmless")).Succeeded();
        Assert.Contains(
            "550 5.7.1 Message rejected: virus Eicar",
            (await SendAsync(postern, ClamavPeer.TestFile)).Output);
        // Over its StreamMaxLength: it hangs up in the middle, and its words are heard.
        (await SendAsync(postern, string.Concat(Enumerable.Repeat($"{new string('x', 900)}\n", 3000))))
            .Succeeded();
        Assert.False(await postern.HasAlarmAsync("filter"));

        await clamav.StopAsync();
        (await SendAsync(postern, ClamavPeer.TestFile)).Succeeded();
        await postern.AlarmAsync("filter");
        await clamav.BeginAsync();
        Assert.Contains(
            "550 5.7.1 Message rejected: virus Eicar",
            (await SendAsync(postern, ClamavPeer.TestFile)).Output);
        await Eventually.TrueAsync(
            async () => !await postern.HasAlarmAsync("filter"), "the alarm is over",
            evidence: () => postern.Said);
    }

    [Fact]
    public async Task Rspamd_FindsGtube_AndIsToldTheEnvelope()
    {
        await using var rspamd = await RspamdPeer.StartAsync();
        await using var postern = await StartAsync(string.Create(CultureInfo.InvariantCulture, $"""
            [inbound.rspamd]
            url = "http://127.0.0.1:{rspamd.Port}"
            [[inbound.verdicts]]
            action = "reject"
            spam = ["spam"]
            """));
        Assert.Contains(
            "550 5.7.1 Message rejected: spam, score 15 of 15",
            (await SendAsync(postern, RspamdPeer.Gtube)).Output);
        (await SendAsync(postern, "harmless", "box@in.test,other@in.test")).Succeeded();
        await Eventually.TrueAsync(
            () => rspamd.Log.Contains("rcpts: <box@in.test,other@in.test>", StringComparison.Ordinal),
            "rspamd logs both recipients", evidence: () => rspamd.Log);
        Assert.Contains("ip: 127.0.0.1, from: <a@sender.test>", rspamd.Log);
        Assert.False(await postern.HasAlarmAsync("filter"));
    }

    static async Task<PosternProcess> StartAsync(string filters)
    {
        var postern = new PosternProcess("");
        postern.Directory.MakeDirectory("mail/box");
        postern.Directory.MakeDirectory("mail/other");
        postern.Settings = $$"""
            [inbound]
            checks = []
            unchecked = []
            {{filters}}
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

    static Task<Command> SendAsync(PosternProcess postern, string body, string to = "box@in.test") =>
        Command.RunAsync(
            Tool.Require("swaks"), "--server", "127.0.0.1",
            "--port", postern.Port("mx").ToString(CultureInfo.InvariantCulture),
            "--from", "a@sender.test", "--to", to, "--helo", "client.test",
            "--body", "@" + postern.Directory.Write("body", body));
}
