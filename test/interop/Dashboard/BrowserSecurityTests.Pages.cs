using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Postern.Interop.Dashboard;

/// <summary>What strangers say is text on every page; and every answer has a strict policy.</summary>
public sealed partial class BrowserSecurityTests
{
    /// <summary>ESC, NUL, BEL and U+202E, beside the word of the catalogue.</summary>
    const string Hostile = "a\e[2J\0\a\u202elevel=error";

    static string Markup(string where) => $"<img id=pwn alt={where} src=x onerror=alert(1)>";

    [Fact] // UI-05
    public async Task Markup_OfStrangers_IsTextOnEveryPage()
    {
        house.Relay.Replies["markup"] = Encoding.ASCII.GetBytes($"550 5.1.1 {Markup("REPLY")}\r\n");
        house.Relay.Replies["waits"] = Encoding.ASCII.GetBytes($"450 4.2.1 {Markup("DEFER")}\r\n");
        var mail = await house.SubmitAsync($"""
            From: "{Markup("FROM")}" <a@sender.test>
            To: "{Markup("TO")}" <waits@rude.test>
            Subject: {Markup("SUBJECT")}
            Message-ID: <{Markup("ID").Replace(" ", "/")}@sender.test>
            X-<img/id=pwn/alt=FIELD/src=x/onerror=alert(1)>: {Markup("VALUE")}
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=b

            --b

            {Markup("TEXT")}</pre></section>
            --b
            Content-Type: application/{Markup("TYPE").Replace(" ", "")}
            Content-Disposition: attachment; filename="{Markup("FILE")}"

            x
            --b--

            """, "waits@rude.test");
        await SendTaggedAsync(Markup("TAG"));
        var helo = await house.Postern.CommandAsync(
            ["deliver", "--sender", "a@sender.test", "--recipient", "x@in.test", "--client-address",
                "192.0.2.1", "--helo", Markup("EHLO")], "Subject: x\n\nx\n"u8.ToArray());
        helo.Succeeded();
        (await house.Postern.CommandAsync(
            "suppression", "add", "markup@list.test", "--reason", Markup("REASON"), "--tag", "t"))
            .Succeeded();
        await using var tab = await house.OpenTabAsync();
        await tab.WatchAuditsAsync();
        await Eventually.TrueAsync(
            async () => (await TextAsync(tab, "/messages?q=EHLO")).Length > 0
                && (await TextAsync(tab, "/messages")).Contains("TAG", StringComparison.Ordinal)
                && (await TextAsync(tab, $"/messages/{mail}")).Contains("DEFER", StringComparison.Ordinal),
            "all is on the pages", evidence: () => house.Postern.Said);
        var seen = new StringBuilder();
        foreach (var path in PathsOf(mail).Concat(await LinksAsync(tab, "/messages")))
            seen.Append(await TextAsync(tab, path));
        const string places = "FROM TO SUBJECT ID FIELD VALUE TEXT FILE TAG EHLO REPLY DEFER REASON";
        foreach (var where in places.Split(' '))
            Assert.Contains($"alt={where}", seen.ToString());
        tab.AssertNoTrouble();
    }

    static IEnumerable<string> PathsOf(string id)
    {
        var markup = Uri.EscapeDataString($"\"'>{Markup("QUERY")}");
        return
        [
            "/", "/queue", $"/queue?q={markup}&sender={markup}", $"/queue/{id}/why", "/transports",
            "/transports/rude", "/routes", $"/routes?from={markup}&to={markup}", "/inbound",
            "/inbound?view=quarantine", $"/inbound?view=dead-letters&transport={markup}", "/suppressions",
            $"/suppressions?address={markup}&domain={markup}", "/domains", "/settings", "/audit", "/users",
            $"/messages?q={markup}&state={markup}", $"/messages/{id}",
            $"/login?trouble={markup}&return={markup}", $"/messages/{id}/content?view=text",
            $"/messages/{id}/content?view=headers", $"/messages/{id}/content?view=headers&raw=1",
            $"/messages/{id}/content?view=source", $"/messages/{id}/content?view=attachments",
        ];
    }

    /// <summary>What a page shows, none of which is an element.</summary>
    static async Task<string> TextAsync(Tab tab, string path)
    {
        await tab.GoAsync(path);
        Assert.Equal(0, await tab.Page.Locator("#pwn").CountAsync());
        return await tab.Page.Locator("main").InnerTextAsync();
    }

    static async Task<string[]> LinksAsync(Tab tab, string path)
    {
        await tab.GoAsync(path);
        return await tab.Page.EvaluateAsync<string[]>(
            "() => [...document.querySelectorAll('#found tbody a')].map(one => one.getAttribute('href'))");
    }

    async Task SendTaggedAsync(string tag)
    {
        using var api = house.Api();
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["from"] = "a@shop.test",
            ["to"] = "markup@rude.test",
            ["subject"] = "tagged",
            ["text"] = "x",
            ["o:tag"] = tag,
        });
        using var sent = await api.PostAsync(
            new Uri($"{BrowserHouse.Domain}/messages", UriKind.Relative), form, Cancel);
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
    }

    [Theory] // Where words are refused at the door, or told in the log alone, no page has them.
    [InlineData("LOG-02")]
    [InlineData("LOG-04")]
    [InlineData("LOG-05")]
    [InlineData("LOG-09")]
    public async Task Words_OfTheLogsCases_AreTextOnThePages(string id)
    {
        var (content, to) = HostileMail(id);
        var message = await house.SubmitAsync(content, to);
        await using var tab = await house.OpenTabAsync();
        await Eventually.TrueAsync(
            async () => (await TextAsync(tab, $"/messages/{message}")).Length > 0 && (id != "LOG-05"
                || (await TextAsync(tab, $"/messages/{message}")).Contains("level=error")),
            "the page knows it", evidence: () => house.Postern.Said);
        var seen = "";
        foreach (var path in PathsOf(message).Where(path => path.Contains(message) || path is "/messages"
            or "/queue" or "/inbound" or "/transports/rude"))
        {
            var text = await TextAsync(tab, path);
            Assert.DoesNotContain(text.EnumerateRunes(), rune => rune.Value is not ('\n' or '\t' or '\r')
                && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format);
            if (!path.Contains("raw=1") && !path.Contains("view=source"))
                Assert.DoesNotMatch("A{1100}", text);
            seen += text;
        }
        Assert.Contains("level=error", seen);
        tab.AssertNoTrouble();
    }

    (string Content, string To) HostileMail(string id)
    {
        var megabyte = new string('A', 200_000);
        house.Relay.Replies["log-05"] = Encoding.UTF8.GetBytes(
            $"450-4.2.0 {Hostile}\r\n450 4.2.0 {new string('A', 1500)}\r\n");
        return id switch
        {
            "LOG-02" => ("Subject: x\n\nx\n", "level=error@wait.test"),
            "LOG-04" => ($"Subject: {Hostile} =?utf-8?b?DQpsZXZlbD1mYXRhbBsHAA==?=\n"
                + $"Message-ID: <{Hostile}{megabyte}@b.test>\n\nx\n", "x@wait.test"),
            "LOG-05" => ("Subject: x\n\nx\n", "log-05@rude.test"),
            "LOG-09" => ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                + $"Content-Disposition: attachment; filename=\"{Hostile}{megabyte}\"\n\nx\n--b--\n",
                "x@wait.test"),
            _ => ("Subject: x\n\nx\n", "x@wait.test"),
        };
    }

    [Fact]
    public async Task Answers_OfTheDashboard_HaveAStrictPolicy()
    {
        var id = await house.SubmitAsync("Subject: crawled\n\nx\n");
        await using var tab = await house.OpenTabAsync();
        await tab.GoAsync("/");
        var (todo, seen) = (new Queue<string>(PathsOf(id)), new HashSet<string>(StringComparer.Ordinal));
        foreach (var path in new[] { "/favicon.ico", "/nothing/here", "/act", "/logout", "/messages/x" })
            todo.Enqueue(path);
        while (todo.TryDequeue(out var path) && seen.Count < CrawledMax)
        {
            if (!seen.Add(ShapeOf(path)))
                continue;
            var answer = await tab.Context.APIRequest.GetAsync(path, new() { MaxRedirects = 0 });
            Assert.True(answer.Status < 500, $"{path}: {answer.Status}");
            CheckPolicy(path, answer.Headers.GetValueOrDefault("content-security-policy"));
            var type = answer.Headers.GetValueOrDefault("content-type") ?? "";
            if (!type.StartsWith("text/html", StringComparison.Ordinal))
                continue;
            var html = await answer.TextAsync();
            Assert.DoesNotMatch(
                @"<style|<script(?! src=""/assets/)|(?:href|src|action)=""\s*(javascript|data|vbscript):",
                html);
            // What stands in quotes may be anything.
            Assert.DoesNotMatch(@"<[^>]*\s(style|on[a-z]+)=", Quoted().Replace(html, "\"\""));
            foreach (Match link in Links().Matches(html))
                todo.Enqueue(WebUtility.HtmlDecode(link.Groups[1].Value));
        }
        // A stranger's answers have it too, and what is refused.
        await using var stranger = await house.Browser.OpenAsync(house.Root);
        foreach (var path in new[] { "/", "/live", "/login", "/suppressions.csv", "/messages", "/users" })
            CheckPolicy(path, (await stranger.Context.APIRequest.GetAsync(path, new() { MaxRedirects = 0 }))
                .Headers.GetValueOrDefault("content-security-policy"));
        foreach (var path in new[] { "/act", "/login", "/logout", "/messages" })
            CheckPolicy(path, (await stranger.Context.APIRequest.PostAsync(path, new() { MaxRedirects = 0 }))
                .Headers.GetValueOrDefault("content-security-policy"));
        Assert.InRange(seen.Count, 40, CrawledMax);
        TestContext.Current.SendDiagnosticMessage("{0} answers have their policy", seen.Count);
    }

    const int CrawledMax = 400;

    /// <summary>Pages of one kind are looked at once.</summary>
    static string ShapeOf(string path) => QueueIdText().Replace(path, "ID");

    static void CheckPolicy(string path, string? policy)
    {
        Assert.True(policy is not null, $"{path} has no policy");
        var isFrame = FramePath().IsMatch(path);
        Assert.Contains("default-src 'none'", policy);
        Assert.DoesNotContain("*", policy);
        Assert.Equal(isFrame, policy.Contains("unsafe", StringComparison.Ordinal));
        if (isFrame)
            Assert.StartsWith(
                "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
                    + "img-src data:",
                policy);
        else
            Assert.Matches("sandbox;|frame-ancestors 'none'", policy);
    }

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex("(?:href|src|action)=\"(/[^\"#]*)")]
    private static partial Regex Links();

    [GeneratedRegex("[0-9A-HJKMNP-TV-Z]{13}")]
    private static partial Regex QueueIdText();

    [GeneratedRegex(@"^/messages/[^/]+/content/html")]
    private static partial Regex FramePath();
}
