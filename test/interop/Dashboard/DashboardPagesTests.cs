using Microsoft.Playwright;

namespace Postern.Interop.Dashboard;

/// <summary>Each page as a browser shows it: in both languages, light and dark, wide and on a
/// phone.</summary>
public sealed class DashboardPagesTests(DashboardStage stage) : IClassFixture<DashboardStage>
{
    /// <summary>Shapes of addresses that links must lead to; those of the sandbox have their own
    /// tests.</summary>
    static readonly string[] Shapes =
    [
        "/", "/messages", "/messages/{id}", "/messages/{id}/content", "/queue", "/queue/{id}/why",
        "/queue/act?do={...}", "/transports", "/transports/{name}", "/routes", "/inbound",
        "/inbound?view={...}", "/suppressions", "/suppressions/remove?domain={...}&kind={...}&address={...}",
        "/domains", "/domains/remove-account?name={...}", "/settings", "/audit", "/users", "/users/{name}",
    ];

    /// <summary>Forms lead to them.</summary>
    static readonly string[] Asked =
    [
        "/messages?q=order&state=relayed&since=2026-01-01", "/messages?q=nothing+like+it",
        "/queue?state=held", "/queue?state=nonsense", "/queue?sender=*%40shop.example&order=oldest",
        "/routes?from=a%40shop.example&to=b%40archive.example&door=submission", "/routes?to=nonsense",
        "/inbound?view=dead-letters&recipient=*%40in.shop.example", "/inbound/replay?older=1d",
        "/suppressions?address=left&kind=complaint", "/domains?check=mail.shop.example", "/settings?q=host",
        "/settings?changed=yes", "/?span=day", "/audit?before=3",
    ];

    [Theory]
    [InlineData("en", ColorScheme.Light)]
    [InlineData("ko", ColorScheme.Dark)]
    public async Task Page_OfEveryAddress_IsWholeAndFitsAndHasNoFaultOfAxe(string language, ColorScheme axe)
    {
        await using var tab = await stage.SignInAsync(
            DashboardStage.Admin, new TabOptions { Language = language, IsDark = axe == ColorScheme.Dark });
        var troubles = new List<string>();
        var shapes = new HashSet<string>();
        await PageCheck.CrawlAsync(tab, LookAsync);
        foreach (var page in Asked)
        {
            await tab.GoAsync(page);
            await LookAsync(page);
        }
        Assert.True(troubles.Count == 0, string.Join("\n\n", troubles));
        Assert.Empty(Shapes.Except(shapes));
        tab.AssertNoTrouble();

        async Task LookAsync(string path)
        {
            await TryAsync(() => PageCheck.LanguageAsync(tab, language));
            await TryAsync(() => PageCheck.PhoneAsync(tab));
            // Its rules take the longest: once for each kind of page.
            if (shapes.Add(PageCheck.ShapeOf(path)))
                await TryAsync(() => PageCheck.AxeAsync(tab));
        }

        async Task TryAsync(Func<Task> check)
        {
            try
            {
                await check();
            }
            catch (Xunit.Sdk.XunitException e)
            {
                troubles.Add(e.Message);
            }
        }
    }

    [Theory]
    [InlineData("en")]
    [InlineData("ko")]
    public async Task Login_OfNobody_IsWholeAndFitsAndHasNoFaultOfAxe(string language)
    {
        foreach (var isDark in new[] { false, true })
        {
            await using var tab = await stage.OpenAsync(
                new TabOptions { Language = language, IsDark = isDark });
            await tab.GoAsync("/queue?state=held");
            Assert.StartsWith("/login?return=", new Uri(tab.Page.Url).PathAndQuery);
            await PageCheck.LanguageAsync(tab, language);
            await PageCheck.PhoneAsync(tab);
            await PageCheck.AxeAsync(tab);
            tab.AssertNoTrouble();
        }
    }
}
