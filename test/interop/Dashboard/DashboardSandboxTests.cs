using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Postern.Interop.Dashboard;

/// <summary>The pages of the sandbox, which runs by no file and on ports of its own.</summary>
public sealed class DashboardSandboxTests : IAsyncLifetime
{
    SandboxStage sandbox = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => sandbox = await SandboxStage.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (sandbox is not null)
            await sandbox.DisposeAsync();
    }

    [Fact]
    public async Task Mail_OfTheSandbox_AppearsAndOpensInEveryView()
    {
        await using var tab = await sandbox.SignInAsync();
        var page = tab.Page;
        await tab.GoAsync("/sandbox");
        await Expect(page.Locator("#mails")).ToContainTextAsync("No mail yet.");
        await sandbox.SendAsync("Figures of the month");
        await page.GetByRole(AriaRole.Link, new() { Name = "Figures of the month" }).ClickAsync();

        var frame = page.FrameLocator("iframe");
        await Expect(frame.GetByRole(AriaRole.Heading)).ToHaveTextAsync("Thank you");
        await Expect(page).ToHaveTitleAsync("Figures of the month · Postern");
        await OpenAsync("Text", "The words alone.");
        await OpenAsync("Headers", "multipart/mixed");
        await OpenAsync("Source", "Content-Transfer-Encoding: base64");
        await OpenAsync("Attachments (1)", "figures.bin");
        var download = await page.RunAndWaitForDownloadAsync(
            () => page.GetByRole(AriaRole.Link, new() { Name = "figures.bin" }).ClickAsync());
        Assert.Equal("figures.bin", download.SuggestedFilename);
        Assert.Equal(
            SandboxStage.Attachment, await File.ReadAllBytesAsync(await download.PathAsync(), Cancel));

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
        await sandbox.SendAsync("Your order has shipped");
        await sandbox.SendAsync("주문하신 상품이 발송되었습니다");
        foreach (var (language, isDark) in new[] { ("en", false), ("ko", true) })
        {
            await using var tab = await sandbox.SignInAsync(
                new TabOptions { Language = language, IsDark = isDark });
            await Expect(tab.Page.Locator(".side a[href='/sandbox']")).ToHaveCountAsync(1);
            var pages = await PageCheck.CrawlAsync(tab, _ => LookAsync(tab, language), "/sandbox");
            Assert.InRange(pages.Count, 5, 30);
            tab.AssertNoTrouble();
        }
    }

    static async Task LookAsync(Tab tab, string language)
    {
        await PageCheck.LanguageAsync(tab, language);
        await PageCheck.PhoneAsync(tab);
        await PageCheck.AxeAsync(tab);
    }
}
