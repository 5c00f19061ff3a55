using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.Playwright;
using WebCookie = Microsoft.Playwright.Cookie;

namespace Postern.Interop.Dashboard;

/// <summary>Who may ask, and from where.</summary>
public sealed partial class BrowserSecurityTests
{
    /// <summary>Origins that are not the dashboard's: another port, to which cookies go along, and another
    /// site.</summary>
    public static TheoryData<string> Others => ["near", "far"];

    Uri OtherOrigin(string name) => name == "near" ? house.Site.Near : house.Site.Far;

    /// <summary>A page of somebody else, in a tab that is signed in to the dashboard.</summary>
    async Task<Tab> LureAsync(string other, string html)
    {
        var tab = await house.OpenTabAsync();
        await tab.GoAsync("/");
        await tab.Page.GotoAsync(new Uri(OtherOrigin(other), house.Site.Serve(html)).AbsoluteUri);
        return tab;
    }

    [Theory, MemberData(nameof(Others))] // UI-07
    public async Task Act_FromAnotherOrigin_Is403AndDoesNothing(string other)
    {
        var id = await house.SubmitAsync("Subject: stays\n\nx\n");
        var call = $"POST queue/hold?id={id}";
        await using var tab = await LureAsync(other, $"""
            <form id=form method=post action="{house.Root}act"><input name=call value="{call}"></form>
            <form id=out method=post action="{house.Root}logout"></form>
            <img src="{house.Root}act?call={Uri.EscapeDataString(call)}">
            <img src="{house.Root}logout"><img src="{house.Root}queue/act?do=hold&id={id}">
            """);
        foreach (var type in new[] { "text/plain", "application/x-www-form-urlencoded" })
            await tab.Page.EvaluateAsync("""
                ([url, type, call]) => fetch(url, {
                  method: "POST", mode: "no-cors", credentials: "include", headers: { "Content-Type": type },
                  body: "call=" + encodeURIComponent(call),
                }).catch(() => {})
                """, new[] { house.Root + "act", type, call });
        foreach (var form in new[] { "form", "out" })
        {
            var answer = await tab.Page.RunAndWaitForResponseAsync(
                () => tab.Page.EvaluateAsync($"() => document.getElementById('{form}').submit()"),
                one => one.Request.Method == "POST");
            // Without its cookie, which another site's request has not, the way out leads to the login.
            var expected = form == "out" && other == "far" ? 303 : 403;
            Assert.Equal((form, expected), (form, answer.Status));
            await tab.Page.WaitForURLAsync(house.Root + "**");
            await tab.Page.GoBackAsync();
        }
        Assert.DoesNotContain("\"held\"", await house.ShowAsync(id), StringComparison.OrdinalIgnoreCase);
        // He is still signed in, and the same act on a page of ours is done.
        await tab.GoAsync($"/messages/{id}");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Hold" }).ClickAsync();
        await tab.Page.GetByRole(AriaRole.Status).WaitForAsync();
        Assert.Contains("\"held\"", await house.ShowAsync(id), StringComparison.OrdinalIgnoreCase);
    }

    [Theory, MemberData(nameof(Others))] // UI-07: nobody is signed in under the name of another.
    public async Task Login_FromAnotherOrigin_SignsNobodyIn(string other)
    {
        await using var tab = await house.Browser.OpenAsync(house.Root);
        await tab.GoAsync("/login");
        await tab.Page.GotoAsync(new Uri(OtherOrigin(other), house.Site.Serve($"""
            <form id=form method=post action="{house.Root}login"><input name=name value=reader>
            <input name=password value="{BrowserHouse.Password}"></form>
            """)).AbsoluteUri);
        var answer = await tab.Page.RunAndWaitForResponseAsync(
            () => tab.Page.EvaluateAsync("() => document.getElementById('form').submit()"),
            one => one.Request.Method == "POST");
        Assert.Equal(403, answer.Status);
        await tab.Page.WaitForURLAsync(house.Root + "**");
        Assert.DoesNotContain(await tab.Context.CookiesAsync(), one => one.Name == "postern-session");
        await tab.GoAsync("/queue");
        Assert.Contains("/login", tab.Page.Url);
    }

    [Theory, MemberData(nameof(Others))] // UI-08
    public async Task Page_InAFrameOfAnotherOrigin_IsNotShown(string other)
    {
        var id = (await house.SubmitHtmlAsync(["<p>framed</p>"]))[0];
        string[] paths =
            ["", "login", "queue", "act", $"messages/{id}/content", $"messages/{id}/content/html"];
        await using var tab = await LureAsync(other, string.Concat(
            paths.Select(path => $"<iframe src=\"{house.Root}{path}\"></iframe>")));
        await Eventually.TrueAsync(
            () => Refused() >= paths.Length, "each frame is refused",
            evidence: () => string.Join('\n', tab.Troubles));
        await Eventually.TrueAsync(
            () => tab.Page.Frames.Skip(1).All(frame => frame.Url == "chrome-error://chromewebdata/"),
            "each shows the browser's own page instead",
            evidence: () => string.Join('\n', tab.Page.Frames.Select(frame => frame.Url)));

        int Refused() => tab.Troubles.Count(
            one => one.StartsWith("console", StringComparison.Ordinal) && one.Contains("frame-ancestors"));
    }

    [Fact] // UI-09
    public async Task Cookie_OverTls_IsForThisHostAloneAndNoScript()
    {
        await using var tab = await house.Browser.OpenAsync(house.Postern.Dashboard("https"));
        await BrowserHouse.SignInAsync(tab, "admin");
        var cookies = await tab.Context.CookiesAsync();
        Assert.Equal("__Host-postern-session", Assert.Single(cookies).Name);
        var id = await house.SubmitAsync("Subject: held\n\nx\n");
        await tab.GoAsync($"/messages/{id}");
        // What became of an act travels in a cookie too.
        var acted = await tab.Page.RunAndWaitForResponseAsync(
            () => tab.Page.GetByRole(AriaRole.Button, new() { Name = "Hold" }).ClickAsync(),
            one => one.Request.Method == "POST");
        var notice = await acted.HeaderValueAsync("set-cookie");
        Assert.Contains("postern-notice", notice);
        foreach (var flag in new[] { "secure", "httponly", "samesite=strict", "path=/" })
            Assert.Contains(flag, notice!.ToLowerInvariant());
        Assert.All(cookies, one => Assert.Equal(
            (true, true, SameSiteAttribute.Strict, "/", "127.0.0.1"),
            (one.Secure, one.HttpOnly, one.SameSite, one.Path, one.Domain)));
        Assert.Equal("", await tab.Page.EvaluateAsync<string>("() => document.cookie"));
    }

    [Fact] // UI-09
    public async Task Session_FixedBeforehandOrEnded_IsNobodys()
    {
        await using var tab = await house.Browser.OpenAsync(house.Root);
        const string planted = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        await tab.Context.AddCookiesAsync(
            [new WebCookie { Name = "postern-session", Value = planted, Url = house.Root.AbsoluteUri }]);
        await BrowserHouse.SignInAsync(tab, "operator");
        var first = await SessionAsync(tab);
        Assert.NotEqual(planted, first);
        // In the same browser, by a link of the command line.
        var link = (await house.Postern.CommandAsync("user", "link", "operator")).Succeeded().Output;
        await tab.SignInAsync(link.Split().First(word => word.StartsWith("http", StringComparison.Ordinal)));
        var second = await SessionAsync(tab);
        Assert.NotEqual(first, second);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await tab.Page.WaitForURLAsync("**/login");
        foreach (var token in new[] { planted, first, second })
        {
            await tab.Context.AddCookiesAsync(
                [new WebCookie { Name = "postern-session", Value = token, Url = house.Root.AbsoluteUri }]);
            await tab.GoAsync("/queue");
            Assert.Contains("/login", tab.Page.Url);
        }
    }

    static async Task<string> SessionAsync(Tab tab) =>
        Assert.Single(await tab.Context.CookiesAsync(), one => one.Name == "postern-session").Value;

    [Fact] // UI-09; a Postern of its own, whose sessions are short.
    public async Task Session_AfterItsTimeOrANewPassword_IsOver()
    {
        await using var postern = await StartAsync("[dashboard]\nsession = \"12h\"\n");
        // With script an open page goes to the login by itself, in the middle of what is asked here.
        await using var tab = await house.Browser.OpenAsync(
            postern.Dashboard(), new TabOptions { HasScript = false });
        await BrowserHouse.SignInAsync(tab, "ada");
        (await postern.CommandAsync(["user", "password", "ada"], "another horse\n"u8.ToArray())).Succeeded();
        await tab.GoAsync("/queue");
        Assert.Contains("/login", tab.Page.Url);
        await postern.ReloadAsync("[dashboard]\nsession = \"2s\"\n");
        await tab.SignInAsync("ada", "another horse");
        await Eventually.TrueAsync(
            async () =>
            {
                await tab.Page.GotoAsync("/queue");
                return tab.Page.Url.Contains("/login", StringComparison.Ordinal);
            },
            "the session ends", evidence: () => postern.Said);
    }

    /// <summary>A Postern of a test's own, with one user.</summary>
    static async Task<PosternProcess> StartAsync(string settings)
    {
        var postern = await PosternProcess.StartAsync(settings);
        (await postern.CommandAsync(
            ["user", "add", "ada", "--role", "admin"],
            Encoding.UTF8.GetBytes(BrowserHouse.Password + "\n"))).Succeeded();
        return postern;
    }

    [Fact] // UI-10; a Postern of its own, since all tests come from one address.
    public async Task Guesses_OnTheLoginPage_EndInARefusalThatTheRightPasswordDoesNotLift()
    {
        await using var postern = await StartAsync("");
        await using var tab = await house.Browser.OpenAsync(postern.Dashboard());
        await tab.GoAsync("/login");
        await tab.Page.EvaluateAsync("() => { window.answers = []; }");
        await Eventually.TrueAsync(
            async () =>
            {
                // Answers are held back longer and longer: nobody waits for them.
                await tab.Page.EvaluateAsync("""
                    () => {
                      const form = new URLSearchParams(new FormData(document.querySelector("form")));
                      form.set("name", "ada");
                      form.set("password", "wrong horse");
                      fetch("/login", { method: "POST", body: form, redirect: "manual" })
                        .then(answer => window.answers.push(answer.status), () => {});
                    }
                    """);
                return await tab.Page.EvaluateAsync<bool>("() => window.answers.includes(429)");
            },
            "guessing is refused", evidence: () => postern.Said);
        await tab.Page.Locator("input[name=name]").FillAsync("ada");
        await tab.Page.Locator("input[name=password]").FillAsync(BrowserHouse.Password);
        var answer = await tab.Page.RunAndWaitForResponseAsync(
            () => tab.Page.Locator("button.main").ClickAsync(), one => one.Request.Method == "POST"
                && one.Request.IsNavigationRequest);
        Assert.Equal(429, answer.Status);
        var wait = await answer.HeaderValueAsync("retry-after");
        Assert.InRange(int.Parse(wait!, CultureInfo.InvariantCulture), 1, 600);
        await tab.Page.GetByRole(AriaRole.Alert).WaitForAsync();
        Assert.DoesNotContain(await tab.Context.CookiesAsync(), one => one.Name == "postern-session");
        Assert.DoesNotContain("wrong horse", postern.Said);
    }

    [Fact] // UI-11
    public async Task Origin_ThatIsForged_IsInNoLink()
    {
        await using var postern = await StartAsync(
            "[dashboard]\nurl = \"https://mail.postern.test\"\n");
        await using var tab = await house.Browser.OpenAsync(postern.Dashboard());
        await tab.Context.SetExtraHTTPHeadersAsync(new Dictionary<string, string>
        {
            ["X-Forwarded-Host"] = "evil.test",
            ["X-Forwarded-Proto"] = "https",
            ["X-Forwarded-For"] = "192.0.2.66",
            ["X-Original-Host"] = "evil.test",
            ["X-Forwarded-Prefix"] = "//evil.test",
            ["Forwarded"] = "for=192.0.2.66;host=evil.test;proto=https",
        });
        await BrowserHouse.SignInAsync(tab, "ada");
        foreach (var path in new[] { "/", "/login?return=//evil.test", "/users", "/settings" })
        {
            await tab.GoAsync(path);
            Assert.Equal(postern.Dashboard().Authority, new Uri(tab.Page.Url).Authority);
            Assert.DoesNotContain("evil.test", await tab.Page.ContentAsync());
        }
        await tab.GoAsync("/users/ada");
        var link = (await postern.CommandAsync("user", "link", "ada")).Succeeded().Output;
        Assert.Contains("https://mail.postern.test/login?token=", link);
        using var http = new HttpClient { BaseAddress = postern.Dashboard() };
        foreach (var host in new[] { "evil.test", "127.0.0.1.evil.test", "mail.postern.test.evil.test" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "login") { Headers = { Host = host } };
            using var answer = await http.SendAsync(request, Cancel);
            Assert.Equal(HttpStatusCode.MisdirectedRequest, answer.StatusCode);
        }
        tab.AssertNoTrouble();
    }

    [Theory, MemberData(nameof(Others))] // UI-13
    public async Task Stream_ForAnotherOrigin_SaysNothing(string other)
    {
        await using var tab = await LureAsync(other, "<p>other</p>");
        var heard = await tab.Page.EvaluateAsync<string>("""
            url => new Promise(done => {
              const stream = new EventSource(url, { withCredentials: true });
              stream.onopen = () => done("opened");
              stream.onmessage = () => done("heard");
              stream.onerror = () => stream.readyState === EventSource.CLOSED && done("closed");
            })
            """, house.Root + "live");
        Assert.Equal("closed", heard);
        var read = await tab.Page.EvaluateAsync<string>("""
            url => fetch(url, { credentials: "include" }).then(answer => answer.text(), () => "nothing")
            """, house.Root + "messages");
        Assert.Equal("nothing", read);
        // A page of ours hears it open.
        await tab.GoAsync("/");
        Assert.Equal("opened", await tab.Page.EvaluateAsync<string>("""
            () => new Promise(done => {
              const stream = new EventSource("/live");
              stream.onopen = () => { stream.close(); done("opened"); };
              stream.onerror = () => done("failed");
            })
            """));
    }

    [Fact] // UI-13
    public async Task Message_OfSomebodyElse_IsNotShownById()
    {
        using (var api = house.Api())
        {
            using var form = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["from"] = "a@shop.test",
                ["to"] = "x@wait.test",
                ["subject"] = "of shop",
                ["text"] = "secret",
            });
            using var sent = await api.PostAsync(
                new Uri("shop.test/messages", UriKind.Relative), form, Cancel);
            Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        }
        using (var api = house.Api("other-key"))
        {
            foreach (var path in new[] { "shop.test/events", "shop.test/bounces", "domains/shop.test" })
            {
                using var answer = await api.GetAsync(new Uri(path, UriKind.Relative), Cancel);
                Assert.Contains(answer.StatusCode, new[]
                {
                    HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden, HttpStatusCode.NotFound,
                });
            }
        }
        var id = (await house.SubmitHtmlAsync(["<p>secret</p>"]))[0];
        await using var reader = await house.OpenTabAsync("reader");
        await using var stranger = await house.Browser.OpenAsync(house.Root);
        foreach (var end in new[] { "", "/html", "/source", "/source?save=1", "/part/1", "?view=source" })
        {
            var path = $"/messages/{id}/content{end}";
            var answer = await reader.Context.APIRequest.GetAsync(path);
            Assert.Equal((end, 403), (end, answer.Status));
            Assert.DoesNotContain("secret", await answer.TextAsync());
            answer = await stranger.Context.APIRequest.GetAsync(path, new() { MaxRedirects = 0 });
            Assert.Equal((end, 303), (end, answer.Status));
        }
        await using var admin = await house.OpenTabAsync();
        foreach (var path in new[] { "/messages/0000000000001/content", "/messages/'/content" })
            Assert.Equal(404, (await admin.Context.APIRequest.GetAsync(path)).Status);
    }
}
