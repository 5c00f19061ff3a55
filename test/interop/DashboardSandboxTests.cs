using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Postern.Interop;

/// <summary>The pages of the sandbox, which runs by no file and on ports of its own.</summary>
public sealed class DashboardSandboxTests : IAsyncLifetime
{
    static readonly byte[] file = [.. Enumerable.Range(0, 3000).Select(i => (byte)(i * 7))];

    readonly PosternProcess postern = new("") { IsSandbox = true };
    Browser browser = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static string Content => $"""
        Content-Type: multipart/mixed; boundary=outer

        --outer
        Content-Type: multipart/alternative; boundary=inner

        --inner
        Content-Type: text/plain; charset=utf-8

        The words alone.
        --inner
        Content-Type: text/html; charset=utf-8

        <h1>Fine words</h1><script>document.title = "taken over"</script><img src="http://tracker.example/x.png">
        --inner--
        --outer
        Content-Type: application/octet-stream; name="figures.bin"
        Content-Disposition: attachment; filename="figures.bin"
        Content-Transfer-Encoding: base64

        {Convert.ToBase64String(file, Base64FormattingOptions.InsertLineBreaks)}
        --outer--

        """.ReplaceLineEndings("\r\n");

    public async ValueTask InitializeAsync()
    {
        browser = await Browser.StartAsync();
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        await postern.DisposeAsync();
    }

    async Task<Tab> SignInAsync(TabOptions? options = null)
    {
        var tab = await browser.OpenAsync(postern.Root, options);
        await tab.SignInAsync(postern.DashboardLink!);
        return tab;
    }

    [Fact]
    public async Task Mail_OfTheSandbox_AppearsAndOpensInEveryView()
    {
        await using var tab = await SignInAsync();
        var page = tab.Page;
        await tab.GoAsync("/sandbox");
        await Expect(page.Locator("#mails")).ToContainTextAsync("No mail yet.");
        await SendAsync("Figures of the month");
        await page.GetByRole(AriaRole.Link, new() { Name = "Figures of the month" }).ClickAsync();

        var frame = page.FrameLocator("iframe");
        await Expect(frame.GetByRole(AriaRole.Heading)).ToHaveTextAsync("Fine words");
        await Expect(page).ToHaveTitleAsync("Figures of the month · Postern");
        await OpenAsync("Text", "The words alone.");
        await OpenAsync("Headers", "multipart/mixed");
        await OpenAsync("Source", "Content-Transfer-Encoding: base64");
        await OpenAsync("Attachments (1)", "figures.bin");
        var download = await page.RunAndWaitForDownloadAsync(
            () => page.GetByRole(AriaRole.Link, new() { Name = "figures.bin" }).ClickAsync());
        Assert.Equal("figures.bin", download.SuggestedFilename);
        Assert.Equal(file, await File.ReadAllBytesAsync(await download.PathAsync(), Cancel));

        await page.GetByRole(AriaRole.Link, new() { Name = "Its timeline" }).ClickAsync();
        await Expect(page.Locator("#timeline")).ToContainTextAsync("Relayed");
        tab.AssertNoTrouble();

        async Task OpenAsync(string tabName, string shown)
        {
            await page.GetByRole(AriaRole.Navigation, new() { Name = "Views of this mail" })
                .GetByRole(AriaRole.Link, new() { Name = tabName }).ClickAsync();
            await Expect(page.Locator("section.mail")).ToContainTextAsync(shown);
        }
    }

    [Fact]
    public async Task Pages_OfTheSandbox_AreWholeAndFitAndHaveNoFaultOfAxe()
    {
        await SendAsync("Your order has shipped");
        await SendAsync("주문하신 상품이 발송되었습니다");
        string link = postern.DashboardLink!;
        foreach (var (language, isDark) in new[] { ("en", false), ("ko", true) })
        {
            await using var tab = await browser.OpenAsync(
                postern.Root, new TabOptions { Language = language, IsDark = isDark });
            await tab.SignInAsync(link);
            await Expect(tab.Page.Locator(".side a[href='/sandbox']")).ToHaveCountAsync(1);
            var pages = (await PageCheck.CrawlAsync(tab, "/sandbox"))
                .Where(path => path.StartsWith("/sandbox", StringComparison.Ordinal)).ToList();
            Assert.InRange(pages.Count, 5, 30);
            foreach (var path in pages)
            {
                await tab.GoAsync(path);
                await PageCheck.LanguageAsync(tab, language);
                await PageCheck.PhoneAsync(tab);
                await PageCheck.AxeAsync(tab);
            }
            tab.AssertNoTrouble();
            link = await AnotherLinkAsync(tab);
        }
    }

    /// <summary>The printed one signs in once; an admin may have others.</summary>
    async Task<string> AnotherLinkAsync(Tab tab)
    {
        await tab.GoAsync("/users");
        await tab.Page.Locator("input[name='body.name']").FillAsync("kim");
        await tab.Page.Locator("select[name='body.role']").SelectOptionAsync("admin");
        await tab.Page.Locator("button.main").ClickAsync();
        await tab.GoAsync("/users/kim");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Make a link" }).ClickAsync();
        return await tab.Page.GetByRole(AriaRole.Status).Locator("code").InnerTextAsync();
    }

    /// <summary>It has arrived at the sandbox's provider when this returns.</summary>
    async Task SendAsync(string subject)
    {
        using var admin = postern.OpenAdmin();
        var before = await KeptAsync();
        await using (var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel))
            Assert.StartsWith("250 ", await wire.SendAsync(DashboardStage.LetterOf(
                "app@sandbox.localhost", "you@example.org", subject, Content), Cancel));
        await Eventually.TrueAsync(
            async () => await KeptAsync() == before + 1, "the provider has it", evidence: () => postern.Said);

        async Task<int> KeptAsync() => JsonNode.Parse(await admin.GetStringAsync(
            new Uri("sandbox/messages", UriKind.Relative), Cancel))!["messages"]!.AsArray().Count;
    }
}
