using System.Text.Json.Nodes;

namespace Postern.Interop.Dashboard;

/// <summary>A sandbox and a browser that looks into it.</summary>
sealed class SandboxStage : IAsyncDisposable
{
    const string Admin = "ann";
    const string Password = "a password of the tests";

    readonly PosternProcess postern = new("") { IsSandbox = true };
    readonly Browser browser;

    SandboxStage(Browser browser) => this.browser = browser;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What hangs on each mail.</summary>
    public static byte[] Attachment { get; } = [.. Enumerable.Range(0, 3000).Select(i => (byte)(i * 7))];

    static string Content => $"""
        Content-Type: multipart/mixed; boundary=outer

        --outer
        Content-Type: multipart/alternative; boundary=inner

        --inner
        Content-Type: text/plain; charset=utf-8

        The words alone.
        --inner
        Content-Type: text/html; charset=utf-8

        <div style="font-family: sans-serif; max-width: 36em; margin: 2em auto">
        <h1 style="color: #0b57c4">Thank you</h1>
        <p>We have packed your order. It leaves us today, and should be with you on Wednesday.</p>
        <p>주문하신 상품을 오늘 발송합니다. 수요일에 받아 보실 수 있습니다.</p>
        <table cellpadding="6"><tr><td>Green tea, 100 g</td><td>2</td><td>₩ 24,000</td></tr>
        <tr><td>Teapot, white</td><td>1</td><td>₩ 38,000</td></tr></table></div>
        <script>document.title = "taken over"</script><img src="http://tracker.example/x.png" alt="">
        --inner--
        --outer
        Content-Type: application/octet-stream; name="figures.bin"
        Content-Disposition: attachment; filename="figures.bin"
        Content-Transfer-Encoding: base64

        {Convert.ToBase64String(Attachment, Base64FormattingOptions.InsertLineBreaks)}
        --outer--

        """.ReplaceLineEndings("\r\n");

    public static async Task<SandboxStage> StartAsync()
    {
        var stage = new SandboxStage(await Browser.StartAsync());
        try
        {
            await stage.postern.StartAsync();
            await stage.MakeAdminAsync();
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
        return stage;
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        await postern.DisposeAsync();
    }

    /// <summary>By the printed link, as whoever has just started it.</summary>
    async Task MakeAdminAsync()
    {
        await using var tab = await browser.OpenAsync(postern.Root);
        await tab.Page.GotoAsync(postern.DashboardLink!);
        await tab.Page.Locator("input[name=name]").FillAsync(Admin);
        await tab.Page.Locator("input[name=password]").FillAsync(Password);
        await tab.Page.Locator("button.main").ClickAsync();
        await tab.Page.WaitForURLAsync(postern.Root.AbsoluteUri);
        tab.AssertNoTrouble();
    }

    public async Task<Tab> SignInAsync(TabOptions? options = null)
    {
        var tab = await browser.OpenAsync(postern.Root, options);
        await tab.SignInAsync(Admin, Password);
        return tab;
    }

    /// <summary>It has arrived at the sandbox's provider when this returns.</summary>
    public async Task SendAsync(string subject, string to = "you@example.org")
    {
        using var admin = postern.OpenAdmin();
        var before = await KeptAsync();
        await using (var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel))
            Assert.StartsWith("250 ", await wire.SendAsync(
                DashboardStage.LetterOf("app@sandbox.localhost", to, subject, Content), Cancel));
        await Eventually.TrueAsync(
            async () => await KeptAsync() == before + 1, "the provider has it", evidence: () => postern.Said);

        async Task<int> KeptAsync() => JsonNode.Parse(await admin.GetStringAsync(
            new Uri("sandbox/messages", UriKind.Relative), Cancel))!["messages"]!.AsArray().Count;
    }
}
