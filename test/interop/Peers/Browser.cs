using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Postern.Interop.Peers;

/// <summary>Debian's Chromium, headless, driven by Playwright.</summary>
sealed class Browser : IAsyncDisposable
{
    const float WithinMs = 30_000;

    readonly IPlaywright playwright;
    readonly IBrowser browser;

    Browser(IPlaywright playwright, IBrowser browser) =>
        (this.playwright, this.browser) = (playwright, browser);

    public static async Task<Browser> StartAsync()
    {
        var chromium = Tool.Require("chromium");
        // Two processors, and other suites beside.
        Assertions.SetDefaultExpectTimeout(WithinMs);
        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = chromium,
            // Root may not use Chromium's own sandbox; what it shows is ours.
            ChromiumSandbox = false,
            Args = ["--disable-gpu", "--disable-dev-shm-usage"],
        });
        return new Browser(playwright, browser);
    }

    /// <summary>A window of its own, with its own cookies.</summary>
    public async Task<Tab> OpenAsync(Uri root, TabOptions? options = null)
    {
        options ??= new TabOptions();
        var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = root.AbsoluteUri,
            Locale = options.Language,
            ColorScheme = options.IsDark ? ColorScheme.Dark : ColorScheme.Light,
            TimezoneId = options.Zone,
            IgnoreHTTPSErrors = true,
            JavaScriptEnabled = options.HasScript,
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = new ViewportSize { Width = options.Width, Height = options.Height },
        });
        context.SetDefaultTimeout(60_000);
        return new Tab(context, await context.NewPageAsync(), root);
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }
}

/// <summary>Who looks, and on what.</summary>
sealed record TabOptions
{
    public string Language { get; init; } = "en-US";
    public bool IsDark { get; init; }
    public bool HasScript { get; init; } = true;
    public string Zone { get; init; } = "Asia/Seoul";
    public int Width { get; init; } = 1280;
    public int Height { get; init; } = 900;
}

/// <summary>One page in a window, and everything that went wrong on it.</summary>
sealed class Tab : IAsyncDisposable
{
    readonly IBrowserContext context;
    readonly ConcurrentQueue<string> troubles = new();

    public Tab(IBrowserContext context, IPage page, Uri root)
    {
        this.context = context;
        Page = page;
        Root = root;
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                troubles.Enqueue($"console {message.Type}: {message.Text} ({page.Url})");
        };
        page.PageError += (_, error) => troubles.Enqueue($"script: {error} ({page.Url})");
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(root.AbsoluteUri, StringComparison.Ordinal)
                && !request.Url.StartsWith("data:", StringComparison.Ordinal)
                && !request.Url.StartsWith("blob:", StringComparison.Ordinal))
                troubles.Enqueue($"left for {request.Url} ({page.Url})");
        };
        page.Popup += (_, popup) => troubles.Enqueue($"opened {popup.Url} ({page.Url})");
        page.FrameNavigated += (_, frame) =>
        {
            if (!frame.Url.StartsWith(root.AbsoluteUri, StringComparison.Ordinal)
                && frame.Url is not ("" or "about:blank"))
                troubles.Enqueue($"went to {frame.Url} ({page.Url})");
        };
        page.Dialog += async (_, dialog) =>
        {
            troubles.Enqueue($"dialog: {dialog.Message} ({page.Url})");
            await dialog.DismissAsync();
        };
    }

    public IPage Page { get; }
    public Uri Root { get; }

    public IBrowserContext Context => context;

    /// <summary>Console errors, script errors, requests that left our origin, dialogs.</summary>
    public IReadOnlyCollection<string> Troubles => troubles;

    /// <summary>What Chromium's own audits report is trouble too: violations of a policy.</summary>
    public async Task WatchAuditsAsync()
    {
        var session = await context.NewCDPSessionAsync(Page);
        session.Event("Audits.issueAdded").OnEvent += (_, told) =>
        {
            var issue = told!.Value.GetProperty("issue");
            if (issue.GetProperty("code").GetString() == "ContentSecurityPolicyIssue")
                troubles.Enqueue($"audit: {issue} ({Page.Url})");
        };
        await session.SendAsync("Audits.enable");
    }

    /// <summary>By the link that Postern printed at its start.</summary>
    public async Task SignInAsync(string link)
    {
        await Page.GotoAsync(link);
        await Page.GetByRole(AriaRole.Button).Last.ClickAsync();
        await Page.WaitForURLAsync(new Uri(Root, "/").AbsoluteUri);
    }

    public async Task SignInAsync(string name, string password)
    {
        await Page.GotoAsync("/login");
        await Page.Locator("input[name=name]").FillAsync(name);
        await Page.Locator("input[name=password]").FillAsync(password);
        await Page.Locator("button.main").ClickAsync();
        await Page.WaitForURLAsync(new Uri(Root, "/").AbsoluteUri);
    }

    /// <summary>The page at a path, which must answer so.</summary>
    public async Task GoAsync(string path, int status = 200)
    {
        var answer = await Page.GotoAsync(path);
        Assert.True(status == answer!.Status, $"{path} answers {answer.Status}, not {status}");
    }

    public void AssertNoTrouble() => Assert.True(troubles.IsEmpty, string.Join("\n", troubles));

    public async ValueTask DisposeAsync() => await context.DisposeAsync();
}
