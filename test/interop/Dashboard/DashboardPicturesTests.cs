using Microsoft.Playwright;

namespace Postern.Interop.Dashboard;

/// <summary>The pictures of the documentation, taken where <c>POSTERN_SCREENSHOTS</c> names a
/// directory.</summary>
public sealed class DashboardPicturesTests(DashboardStage stage) : IClassFixture<DashboardStage>
{
    /// <summary>Of one picture, so that the repository stays small.</summary>
    const int OctetsMax = 150 * 1024;

    static readonly string? directory = Environment.GetEnvironmentVariable("POSTERN_SCREENSHOTS");

    static readonly TabOptions[] looks =
    [
        new() { Language = "en", Height = 860 }, new() { Language = "en", Height = 860, IsDark = true },
        new() { Language = "ko", Height = 860 }, new() { Language = "ko", Height = 860, IsDark = true },
    ];

    [Fact]
    public async Task Pictures_OfMailOnItsWay_AreTaken()
    {
        Assert.SkipWhen(directory is null, "POSTERN_SCREENSHOTS names no directory for pictures");
        var delivered = await DayAsync();
        foreach (var look in looks)
        {
            await using var tab = await stage.SignInAsync(DashboardStage.Operator, look);
            await TakeAsync(tab, "/", "overview", look);
            await TakeAsync(tab, $"/messages/{delivered}", "timeline", look);
            await TakeAsync(tab, "/queue", "queue", look);
            await TakeAsync(tab, "/transports", "transports", look);
            tab.AssertNoTrouble();
        }
    }

    [Fact]
    public async Task Pictures_OfTheSandbox_AreTaken()
    {
        Assert.SkipWhen(directory is null, "POSTERN_SCREENSHOTS names no directory for pictures");
        await using var sandbox = await SandboxStage.StartAsync();
        await sandbox.SendAsync("Welcome to the shop", "hello@customer.example");
        await sandbox.SendAsync("비밀번호 재설정 안내", "minji.kim@customer.example");
        await sandbox.SendAsync("Your order 10482 has shipped", "alice@customer.example");
        await sandbox.SendAsync("주문하신 상품이 발송되었습니다", "jihoon.park@customer.example");
        foreach (var look in looks)
        {
            await using var tab = await sandbox.SignInAsync(look);
            await TakeAsync(tab, look.Language == "ko" ? "/sandbox/4" : "/sandbox/3", "sandbox", look);
            tab.AssertNoTrouble();
        }
    }

    /// <summary>Some traffic, and one that was told to come later, was tried again and arrived.</summary>
    /// <returns>The queue id of that one.</returns>
    async Task<string> DayAsync()
    {
        const string late = "jihoon.park@customer.example";
        stage.Later.Add(late);
        var id = await stage.SubmitAsync(late, "주문 10483 배송 안내 · Your order is on its way");
        await stage.StateAsync(id, "deferred");
        (string To, string Subject)[] others =
        [
            ("seoyeon.choi@customer.example", "결제가 완료되었습니다"),
            ("grace@customer.example", "Your receipt 20771"),
            ("hyunwoo.jung@customer.example", "12월 소식지"),
            ("oliver@customer.example", "Reset your password"),
            ("yuna.han@customer.example", "문의하신 내용에 답변드립니다"),
            ("emma@customer.example", "Your ticket 5512"),
        ];
        foreach (var (to, subject) in others)
            await stage.SubmitAsync(to, subject);
        stage.Later.Remove(late);
        (await stage.Postern.CommandAsync("queue", "retry", id)).Succeeded();
        await stage.EventAsync(id, "relayed");
        await stage.TellAsync(id, late, "delivered");
        return id;
    }

    static async Task TakeAsync(Tab tab, string path, string name, TabOptions look)
    {
        await tab.GoAsync(path);
        Directory.CreateDirectory(directory!);
        var theme = look.IsDark ? "dark" : "light";
        var file = Path.Combine(directory!, $"{name}-{look.Language}-{theme}.png");
        await tab.Page.ScreenshotAsync(new PageScreenshotOptions { Path = file, FullPage = true });
        if (Tool.Find("pngquant") is { } pngquant)
            (await Command.RunAsync(pngquant, "--force", "--strip", "--output", file, "--", file))
                .Succeeded();
        var octets = new FileInfo(file).Length;
        Assert.True(octets <= OctetsMax, $"{file} has {octets} octets, over {OctetsMax}");
    }
}
