using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Postern.Interop.Dashboard;

/// <summary>The dashboard as people use it: while mail moves, without script, by keys alone, and in roles
/// that may not do everything.</summary>
public sealed class DashboardTests(DashboardStage stage) : IClassFixture<DashboardStage>
{
    /// <summary>Keys that may be pressed to reach something on a page.</summary>
    const int KeysMax = 80;

    PosternProcess Postern => stage.Postern;

    // ---- live

    /// <summary>Marks a node outside the parts that move: it is gone when the page was loaded anew.</summary>
    static async Task MarkAsync(Tab tab) =>
        await tab.Page.EvaluateAsync("() => { document.querySelector('h1').dataset.mark = 'here'; }");

    static Task StillThereAsync(Tab tab) => Expect(tab.Page.Locator("h1[data-mark=here]")).ToBeVisibleAsync();

    [Fact]
    public async Task Messages_WhileMailIsSent_ShowsItWithoutReload()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await tab.GoAsync("/messages");
        await MarkAsync(tab);
        var id = await stage.SubmitAsync("press@customer.example", "Fresh from the press");
        await Expect(tab.Page.Locator($"#m{id}")).ToHaveTextAsync("Fresh from the press");
        var row = tab.Page.GetByRole(AriaRole.Row).Filter(new() { Has = tab.Page.Locator($"#m{id}") });
        await Expect(row).ToContainTextAsync("relayed");
        await StillThereAsync(tab);
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task Message_WhileItIsTried_GrowsItsTimeline()
    {
        var id = await stage.SubmitAsync("busy.live@customer.example", "Tried and tried");
        await stage.StateAsync(id, "deferred");
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await tab.GoAsync($"/messages/{id}");
        await MarkAsync(tab);
        var attempts = tab.Page.Locator("#timeline > ol > li").Filter(new() { HasText = "450 4.2.1" });
        await Expect(attempts).ToHaveCountAsync(1);
        (await Postern.CommandAsync("queue", "retry", id)).Succeeded();
        await Expect(attempts).ToHaveCountAsync(2);
        await StillThereAsync(tab);
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task Overview_WhileMailIsSent_ChangesItsFigures()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await MarkAsync(tab);
        var accepted = tab.Page.Locator("#figures dd").First;
        var before = await accepted.InnerTextAsync();
        for (var i = 0; i < 3; i++)
            await stage.SubmitAsync($"figure{i}@customer.example", "One of three");
        // A beat of the figures is five seconds.
        await Expect(accepted).Not.ToHaveTextAsync(before, new() { Timeout = 20_000 });
        await StillThereAsync(tab);
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task Overview_WhileALaneOpensAndCloses_SaysSo()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await MarkAsync(tab);
        var lane = tab.Page.Locator("#hops").GetByRole(AriaRole.Row).Filter(new() { HasText = "archive" });
        await Expect(lane).ToContainTextAsync("closed");
        await using (var archive = new SmtpSink(stage.ArchivePort))
        {
            (await Postern.CommandAsync("queue", "retry", "--transport", "archive")).Succeeded();
            await Expect(lane).Not.ToContainTextAsync("closed");
            Assert.Equal(1, archive.Arrived);
        }
        await stage.SubmitAsync("ledger@archive.example", "Daily report of 1 December");
        await Expect(lane).ToContainTextAsync("closed");
        await StillThereAsync(tab);
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task Live_OfAPageThatIsBehind_TellsItAtOnce()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await tab.GoAsync("/routes");
        var told = await tab.Page.EvaluateAsync<string>("""
            () => new Promise((done) => {
              const stream = new EventSource("/live?seen=0.0.0.0.0.0");
              stream.onmessage = (one) => { stream.close(); done(one.data + " " + one.lastEventId); };
            })
            """);
        Assert.Matches(@"^changed (\d+\.){5}\d+$", told);
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task Page_WhoseSessionHasEnded_LeadsToTheLogin()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await tab.GoAsync("/messages");
        // As another tab of the same browser does.
        await tab.Page.EvaluateAsync("""
            () => fetch("/logout", {
              method: "POST", redirect: "manual",
              body: new URLSearchParams({ csrf: document.querySelector("input[name=csrf]").value }),
            })
            """);
        await Expect(tab.Page).ToHaveURLAsync(new Regex("/login"), new() { Timeout = 20_000 });
    }

    // ---- without script

    [Fact]
    public async Task Pages_WithoutScript_FindAMessageAndHoldIt()
    {
        var id = await stage.SubmitAsync("busy.plain@customer.example", "Plain as paper");
        await stage.StateAsync(id, "deferred");
        await using var tab = await stage.SignInAsync(
            DashboardStage.Operator, new TabOptions { HasScript = false });
        await tab.GoAsync("/messages");
        await tab.Page.GetByRole(AriaRole.Searchbox).FillAsync("subject:paper");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Search" }).ClickAsync();
        await tab.Page.GetByRole(AriaRole.Link, new() { Name = "Plain as paper" }).ClickAsync();
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Hold" }).ClickAsync();
        await Expect(tab.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("Done: 1 changed.");
        await stage.StateAsync(id, "held");
        await stage.AssertDoneAsync(DashboardStage.Operator, $"POST queue/hold?id={id}");
        tab.AssertNoTrouble();
    }

    // ---- keys

    /// <summary>What has the focus, as a selector would name it, and whether it can be seen.</summary>
    static async Task<bool> HasFocusAsync(Tab tab, ILocator wanted)
    {
        var look = await tab.Page.EvaluateAsync<string>("""
            () => {
              const one = document.activeElement, box = one.getBoundingClientRect();
              const style = getComputedStyle(one);
              const isShown = box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0
                && box.left < innerWidth && box.top < innerHeight;
              return isShown && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
                ? "" : one.outerHTML.slice(0, 200);
            }
            """);
        Assert.True(look.Length == 0, $"the focus cannot be seen on {look} ({tab.Page.Url})");
        return await wanted.EvaluateAsync<bool>("one => one === document.activeElement");
    }

    static async Task TabToAsync(Tab tab, ILocator wanted)
    {
        for (var i = 0; i < KeysMax; i++)
        {
            await tab.Page.Keyboard.PressAsync("Tab");
            if (await HasFocusAsync(tab, wanted))
                return;
        }
        Assert.Fail($"{KeysMax} keys do not lead to {wanted}");
    }

    [Fact]
    public async Task Keys_Alone_FindAMessageAndHoldIt()
    {
        var id = await stage.SubmitAsync("busy.keys@customer.example", "Keys only");
        await stage.StateAsync(id, "deferred");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        var page = tab.Page;
        await tab.GoAsync("/messages");
        await page.Keyboard.PressAsync("Tab");
        Assert.True(await HasFocusAsync(tab, page.Locator("a.skip")), "the skip link comes first");
        await page.Keyboard.PressAsync("Enter");
        await TabToAsync(tab, page.GetByRole(AriaRole.Searchbox));
        await page.Keyboard.TypeAsync("Keys only");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/messages?q=*");
        await TabToAsync(tab, page.Locator($"#m{id}"));
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync($"**/messages/{id}");
        await TabToAsync(tab, page.GetByRole(AriaRole.Button, new() { Name = "Hold" }));
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Done: 1 changed.");
        await stage.StateAsync(id, "held");
        tab.AssertNoTrouble();
    }

    // ---- roles

    static Dictionary<string, string> OriginOf(Tab tab) =>
        new() { ["Origin"] = tab.Root.GetLeftPart(UriPartial.Authority) };

    /// <summary>A form that no page of his has, with his own session and its token.</summary>
    static async Task<int> ForgeAsync(Tab tab, string call, params (string Name, string Value)[] more)
    {
        var csrf = await tab.Page.Locator(".who input[name=csrf]").InputValueAsync();
        var form = tab.Page.APIRequest.CreateFormData();
        foreach (var (name, value) in new[] { ("csrf", csrf), ("call", call) }.Concat(more))
            form.Append(name, value);
        var answer = await tab.Page.APIRequest.PostAsync("/act", new APIRequestContextOptions
        {
            Form = form,
            MaxRedirects = 0,
            Headers = OriginOf(tab),
        });
        return answer.Status;
    }

    [Fact]
    public async Task Reader_SeesNoActs_AndDoesNone()
    {
        var id = await stage.SubmitAsync(
            "busy.reader@customer.example", "Not for readers", content: "\r\nA secret.\r\n");
        await stage.StateAsync(id, "deferred");
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        var pages = await PageCheck.CrawlAsync(tab, _ => LookAsync());
        Assert.InRange(pages.Count, 12, 60);
        foreach (var path in new[] { $"/messages/{id}", $"/queue/{id}/why" })
        {
            await tab.GoAsync(path);
            await LookAsync();
        }
        Assert.Equal(403, await ForgeAsync(tab, $"POST queue/hold?id={id}"));
        Assert.Equal("deferred", await stage.StateOfAsync(id));
        Assert.Empty(await stage.DoneByAsync(DashboardStage.Reader));
        tab.AssertNoTrouble();
        foreach (var path in new[] { "content", "content/source", "content/html", "content/part/1" })
        {
            var answer = await tab.Page.APIRequest.GetAsync($"/messages/{id}/{path}");
            Assert.Equal(403, answer.Status);
            Assert.DoesNotContain("A secret", await answer.TextAsync());
        }

        async Task LookAsync()
        {
            await Expect(tab.Page.Locator("form[action='/act']")).ToHaveCountAsync(0);
            await Expect(tab.Page.Locator("a[href*='/queue/act'], a[href$='/content']")).ToHaveCountAsync(0);
        }
    }

    [Fact]
    public async Task Operator_HasNoPageOfUsers_AndMakesNone()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await Expect(tab.Page.Locator(".side a[href='/users']")).ToHaveCountAsync(0);
        Assert.Equal(403, await ForgeAsync(
            tab, "POST users", ("body.name", "mallory"), ("body.role", "admin"),
            ("body.password", "12345678")));
        Assert.Equal(403, await ForgeAsync(tab, "POST reload"));
        Assert.DoesNotContain("mallory", (await Postern.CommandAsync("user", "list")).Succeeded().Output);
        tab.AssertNoTrouble();
        await tab.GoAsync("/users", status: 403);
        await tab.GoAsync($"/users/{DashboardStage.Admin}", status: 403);
        await tab.GoAsync("/domains");
        await Expect(tab.Page.Locator("form[action='/act']")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Act_OfAFormWithoutItsToken_IsRefused()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Admin);
        var answer = await tab.Page.APIRequest.PostAsync("/act", new APIRequestContextOptions
        {
            Form = tab.Page.APIRequest.CreateFormData().Append("call", "POST reload").Append("csrf", "AAAA"),
            Headers = OriginOf(tab),
        });
        Assert.Equal(403, answer.Status);
        Assert.DoesNotContain(
            await stage.DoneByAsync(DashboardStage.Admin),
            one => one.StartsWith("POST reload", StringComparison.Ordinal));
    }
}
