using System.Text;
using Microsoft.Playwright;
using Postern.Tests.Dashboard.Mail;

namespace Postern.Interop.Dashboard;

/// <summary>What mails are made of, in the frame and on the tabs of their pages.</summary>
public sealed partial class BrowserSecurityTests
{
    /// <summary>Frames on one page at a time.</summary>
    const int FramesMax = 25;

    /// <summary>What a document has that runs, loads or leads away; nothing is good.</summary>
    const string Dangers = """
        () => [...document.querySelectorAll("*")].flatMap(one => [
          ...[..."script,iframe,frame,object,embed,form,base,link,svg,math,video,audio,template".split(",")]
            .filter(name => one.localName === name),
          ...[...one.attributes].filter(each => each.name.startsWith("on")
            || /^\s*(javascript|vbscript):/i.test(each.value)
            || (/^(src|srcset|background|poster)$/.test(each.name) && !each.value.startsWith("data:image/")))
            .map(each => `${one.localName} ${each.name}=${each.value}`)])
        """;

    /// <summary>Without this none of the other tests would say anything.</summary>
    [Theory]
    [InlineData("<img src=x onerror=alert(1)>", null, "dialog")]
    [InlineData("<img src=http://localhost:1/p>", null, "left for")]
    [InlineData("<meta http-equiv=refresh content='0;url=http://localhost:1/p'>", null, "left for")]
    [InlineData("<script>alert(1)</script>", "script-src 'none'", "audit")]
    [InlineData("<script>alert(1)</script>", "sandbox", "console error")]
    [InlineData("<p style='color:red'>x</p>", "style-src 'none'", "console error")]
    public async Task Watch_OfARawAttack_SeesWhatItDoes(string html, string? policy, string expected)
    {
        await using var tab = await house.Browser.OpenAsync(house.Site.Near);
        await tab.WatchAuditsAsync();
        await tab.GoAsync(house.Site.Serve(html, policy));
        await Eventually.TrueAsync(
            () => tab.Troubles.Any(one => one.StartsWith(expected, StringComparison.Ordinal)), expected,
            evidence: () => string.Join('\n', tab.Troubles));
    }

    [Fact] // UI-01, with our own attacks.
    public Task Frame_OfAnAttack_RunsNothingAndAsksNobody() => ShowAttacksAsync([.. HardHtml.Attacks]);

    [Fact] // UI-01
    public Task Frame_OfTheSuite_RunsNothingAndAsksNobody() => ShowAttacksAsync(
        HardHtml.OfTheSuite(SuiteFolder("xss-dompurify")));

    async Task ShowAttacksAsync(IReadOnlyList<string> attacks)
    {
        Assert.NotEmpty(attacks);
        var ids = await house.SubmitHtmlAsync(attacks);
        await using var tab = await house.OpenTabAsync();
        await tab.WatchAuditsAsync();
        await ShowAllAsync(tab, ids);
        // Opened by itself it is no safer a place for an attack.
        foreach (var id in ids.Where((_, index) => index % 20 == 0))
        {
            await tab.GoAsync($"/messages/{id}/content/html");
            Assert.Empty(await tab.Page.EvaluateAsync<string[]>(Dangers));
        }
        tab.AssertNoTrouble();
        TestContext.Current.SendDiagnosticMessage("{0} attacks are shown", attacks.Count);
    }

    /// <summary>Each mail's document in a frame like that of its page, which is the pattern of
    /// them all.</summary>
    async Task ShowAllAsync(Tab tab, IReadOnlyList<string> ids)
    {
        var pattern = (await house.SubmitHtmlAsync(["<p>pattern</p>"]))[0];
        foreach (var batch in ids.Chunk(FramesMax))
        {
            await tab.GoAsync($"/messages/{pattern}/content?view=html");
            var own = tab.Page.Locator("iframe");
            Assert.Equal("", await own.GetAttributeAsync("sandbox"));
            Assert.Equal("no-referrer", await own.GetAttributeAsync("referrerpolicy"));
            await tab.Page.EvaluateAsync("""
                ids => Promise.all(ids.map(id => new Promise(done => {
                  const frame = document.querySelector("iframe").cloneNode();
                  frame.loading = "eager";
                  frame.onload = done;
                  frame.src = `/messages/${id}/content/html`;
                  document.querySelector("section.mail").append(frame);
                })))
                """, batch);
            var shown = tab.Page.Frames.Where(frame => batch.Any(
                id => frame.Url == new Uri(tab.Root, $"/messages/{id}/content/html").AbsoluteUri)).ToArray();
            Assert.Equal(batch.Length, shown.Length);
            foreach (var frame in shown)
            {
                var dangers = await frame.EvaluateAsync<string[]>(Dangers);
                Assert.True(dangers.Length == 0, $"{frame.Url}: {string.Join(", ", dangers)}");
            }
        }
    }

    [Theory]
    [InlineData("mime-dovecot")]
    [InlineData("mime-flanker")]
    [InlineData("mime-rubymail")]
    public async Task Mail_OfASuite_IsShownAndItsFrameIsSafe(string suite)
    {
        var folder = SuiteFolder(suite);
        var (ids, refused) = (new Dictionary<string, string>(), 0);
        await using (var wire = await SmtpWire.ConnectAsync(house.Postern.Port("submission"), Cancel))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order())
            {
                if (await BrowserHouse.SubmitAsync(wire, WithCrLf(await File.ReadAllBytesAsync(file, Cancel)))
                    is { } id)
                    ids[id] = file;
                else
                    refused++;
            }
        }
        Assert.NotEmpty(ids);
        await using var tab = await house.OpenTabAsync();
        await tab.WatchAuditsAsync();
        var slowest = TimeSpan.Zero;
        foreach (var (id, file) in ids)
        {
            var took = await OpenAsync(tab, $"/messages/{id}/content", file);
            slowest = took > slowest ? took : slowest;
            foreach (var view in new[] { "text", "headers", "headers&raw=1", "source", "attachments" })
                await OpenAsync(tab, $"/messages/{id}/content?view={view}", file);
        }
        await ShowAllAsync(tab, [.. ids.Keys]);
        tab.AssertNoTrouble();
        TestContext.Current.SendDiagnosticMessage(
            "{0}: {1} mails are shown, {2} are refused at the door; the slowest page took {3:0} ms",
            suite, ids.Count, refused, slowest.TotalMilliseconds);
    }

    /// <summary>A page within a second; on a machine that is busy at one moment, another look
    /// counts.</summary>
    static async Task<TimeSpan> OpenAsync(Tab tab, string path, string what)
    {
        var took = TimeSpan.Zero;
        for (var look = 0; look < 3; look++)
        {
            var begin = TimeProvider.System.GetTimestamp();
            var answer = await tab.Context.APIRequest.GetAsync(path);
            took = TimeProvider.System.GetElapsedTime(begin);
            Assert.True(answer.Status == 200, $"{path}: {answer.Status}: {what}");
            if (took < TimeSpan.FromSeconds(1))
                return took;
        }
        Assert.Fail($"{path} takes {took}: {what}");
        return took;
    }

    static string SuiteFolder(string name)
    {
        var folder = Path.Combine(Tool.Root, "../shared/data", name);
        Assert.SkipUnless(Directory.Exists(folder), $"The suite is not here: {folder}");
        return folder;
    }

    /// <summary>As a client sends lines of a file.</summary>
    static byte[] WithCrLf(byte[] file)
    {
        var text = Encoding.Latin1.GetString(file);
        return Encoding.Latin1.GetBytes(text.ReplaceLineEndings("\r\n").TrimEnd('\r', '\n') + "\r\n");
    }

    [Fact] // UI-02
    public async Task Picture_ThatStandsElsewhere_LoadsAfterAClickAlone()
    {
        var far = house.Site.Far;
        var mark = $"{nameof(Picture_ThatStandsElsewhere_LoadsAfterAClickAlone)}/";
        string At(string name) => new Uri(far, mark + name).AbsoluteUri;
        var id = (await house.SubmitHtmlAsync([$"""
            <html><head><link rel=stylesheet href="{At("link")}"><style>@import "{At("import")}";
            p {"{"} background: url({At("sheet")}) {"}"}</style></head><body background="{At("body")}">
            <img src="{At("picture")}" srcset="{At("srcset")} 1x">
            <p style="background:url({At("style")})">x</p>
            <video poster="{At("poster")}" src="{At("video")}" autoplay></video><audio src="{At("audio")}">
            <table background="{At("table")}"><tr><td background="{At("cell")}">x</td></tr></table>
            <iframe src="{At("frame")}"></iframe><object data="{At("object")}"></object>
            <input type=image src="{At("input")}"><svg><image href="{At("svg")}" /></svg></body></html>
            """]))[0];
        await using var tab = await house.OpenTabAsync();
        await tab.WatchAuditsAsync();
        await tab.GoAsync($"/messages/{id}/content?view=html");
        await Assertions.Expect(tab.Page.FrameLocator("section.mail iframe").Locator("p"))
            .ToHaveTextAsync("x");
        await tab.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        tab.AssertNoTrouble();
        Assert.Empty(Asked());
        await tab.Page.GetByRole(AriaRole.Link, new() { Name = "Load remote pictures" }).ClickAsync();
        await Eventually.TrueAsync(() => Asked().Any(), "the picture is asked for", evidence: () =>
            string.Join('\n', tab.Troubles));
        await tab.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        Assert.All(
            Asked(), one => Assert.Equal(("picture", null), (Path.GetFileName(one.Path), one.Referrer)));

        IEnumerable<SiteRequest> Asked() =>
            house.Site.Requests.Where(one => one.Path.StartsWith("/" + mark, StringComparison.Ordinal));
    }

    [Theory] // UI-04
    [InlineData("overlay")]
    [InlineData("tables")]
    [InlineData("plaintext")]
    public async Task Html_ThatWantsThePage_StaysInItsFrame(string name)
    {
        var id = (await house.SubmitHtmlAsync([name switch
        {
            "overlay" => "<div style='position:fixed;inset:0;top:-900px;left:-900px;width:9000px;"
                + "height:9000px;z-index:2147483647;background:red'>OVER</div>"
                + "<style>html,body{position:fixed;width:300vw;margin:-500px}</style>",
            "tables" => string.Concat(Enumerable.Repeat("<table><tr><td>", 700_000)) + "OVER",
            _ => "OVER<plaintext></iframe></section></body><h1>OVER</h1><script>alert(1)</script>",
        }]))[0];
        await using var tab = await house.OpenTabAsync();
        await tab.WatchAuditsAsync();
        await tab.GoAsync($"/messages/{id}/content?view=html");
        var frame = tab.Page.FrameLocator("section.mail iframe");
        await Assertions.Expect(frame.Locator("body")).ToBeAttachedAsync();
        await tab.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        // Whoever clicks there hits what he sees.
        foreach (var link in new[] { "Queue", "Headers", "Source" })
            await tab.Page.GetByRole(AriaRole.Link, new() { Name = link, Exact = true })
                .ClickAsync(new() { Trial = true });
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" })
            .ClickAsync(new() { Trial = true });
        Assert.Equal(0, await tab.Page.GetByText("OVER", new() { Exact = true }).CountAsync());
        Assert.True(await tab.Page.EvaluateAsync<bool>(
            "() => document.documentElement.scrollWidth <= innerWidth"));
        tab.AssertNoTrouble();
    }
}
