using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Postern.Interop.Peers;

/// <summary>What holds of every page, whatever it shows.</summary>
static partial class PageCheck
{
    /// <summary>More than these tests have pages, so that a crawl ends.</summary>
    const int PagesMax = 150;

    /// <summary>Of one shape, as <c>/messages/{id}</c>, so many are looked at.</summary>
    const int OfOneShapeMax = 2;

    const int Phone = 390;

    /// <summary>Words of both languages, as labels.</summary>
    static readonly string[] Shared = ["HTML", "TLS", "Message-ID", "DNS", "MX", "SPF", "DKIM", "MIME"];

    /// <summary>Pages that can be reached by links from here and lie below it, each as path and
    /// query.</summary>
    /// <param name="look">What is done on each.</param>
    public static async Task<IReadOnlyList<string>> CrawlAsync(
        Tab tab, Func<string, Task> look, string from = "/")
    {
        var found = new List<string>();
        var shapes = new Dictionary<string, int>();
        var waiting = new Queue<string>([from]);
        var seen = new HashSet<string>([from]);
        while (waiting.TryDequeue(out var path))
        {
            var shape = ShapeOf(path);
            if (shapes.TryGetValue(shape, out var count) && count >= OfOneShapeMax)
                continue;
            shapes[shape] = count + 1;
            Assert.True(found.Count < PagesMax, $"more than {PagesMax} pages: {string.Join('\n', found)}");
            found.Add(path);
            await tab.GoAsync(path);
            var links = await LinksAsync(tab.Page);
            await look(path);
            foreach (var link in links)
            {
                if (link.StartsWith(from, StringComparison.Ordinal) && seen.Add(link))
                    waiting.Enqueue(link);
            }
        }
        return found;
    }

    /// <summary>Queue ids, numbers and names are of one kind each.</summary>
    public static string ShapeOf(string path)
    {
        path = Id().Replace(path, "{id}");
        path = Place().Replace(path, "={...}");
        return Name().Replace(path, "/$1/{name}");
    }

    /// <summary>Links of ours to pages, without what is downloaded, loads pictures from elsewhere, or is no
    /// page of ours.</summary>
    static Task<string[]> LinksAsync(IPage page) => page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll("a[href]:not([download])")]
          .filter((a) => a.origin === location.origin)
          .map((a) => a.pathname + a.search)
          .filter((path) => !/\.csv|\/source$|\/html|\/part\/|remote=1/.test(path))
        """);

    /// <summary>The language it says, and no label of the other one; tables of the configuration,
    /// <c>[inbound.rates]</c>, are called so in both.</summary>
    public static async Task LanguageAsync(Tab tab, string language)
    {
        Assert.Equal(language, await tab.Page.GetAttributeAsync("html", "lang"));
        var labels = await LabelsAsync(tab.Page);
        Assert.NotEmpty(labels);
        var strange = labels.Where(label => language == "ko"
            ? Latin().IsMatch(label) && !Hangul().IsMatch(label) && !Shared.Contains(label) && label[0] != '['
            : Hangul().IsMatch(label)).ToList();
        Assert.True(strange.Count == 0, $"{tab.Page.Url} in {language}: {string.Join(" | ", strange)}");
    }

    /// <summary>Texts that are ours whatever the page is about: of headings of columns and facts, buttons,
    /// places of the menu, fields.</summary>
    static Task<string[]> LabelsAsync(IPage page) => page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll(
            "th, dt, button, .side li a, .skip, label, legend, summary, caption, .tabs a, .empty")]
          .map((one) => [...one.childNodes].filter((node) => node.nodeType === 3)
            .map((node) => node.textContent).join(" ").trim())
          .concat([...document.querySelectorAll("nav, [role=region], [role=group], iframe")]
            .map((one) => (one.ariaLabel ?? one.title ?? "").trim()))
          .filter((text) => text !== "")
        """);

    /// <summary>On a phone nothing but tables of their own scrolls to the side.</summary>
    public static async Task PhoneAsync(Tab tab)
    {
        await tab.Page.SetViewportSizeAsync(Phone, 844);
        var wide = await tab.Page.EvaluateAsync<int>("() => document.scrollingElement.scrollWidth");
        if (wide > Phone)
            Assert.Fail($"{tab.Page.Url} is {wide} px wide on a phone of {Phone}: "
                + await tab.Page.EvaluateAsync<string>("""
                    () => [...document.querySelectorAll("main *")]
                      .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
                      .slice(0, 5).map((one) => one.outerHTML.slice(0, 200)).join("\n")
                    """));
        await tab.Page.SetViewportSizeAsync(1280, 900);
    }

    /// <summary>No violation that axe calls serious or critical.</summary>
    public static async Task AxeAsync(Tab tab)
    {
        // A mail's own HTML is none of ours, and its frame runs no script, axe's neither.
        var found = await tab.Page.RunAxe(new AxeRunOptions { Iframes = false });
        var grave = found.Violations.Where(one => one.Impact is "serious" or "critical").ToList();
        Assert.True(grave.Count == 0, tab.Page.Url + "\n" + string.Join('\n', grave.Select(one =>
            $"{one.Id}: {one.Help}\n"
            + string.Join('\n', one.Nodes.Take(3).Select(node => "  " + node.Html)))));
    }

    [GeneratedRegex("[0-9A-HJKMNP-TV-Z]{13}")]
    private static partial Regex Id();

    [GeneratedRegex("=[^&]+")]
    private static partial Regex Place();

    [GeneratedRegex("^/(transports|users|sandbox)/[^/?]+")]
    private static partial Regex Name();

    [GeneratedRegex(@"\p{IsBasicLatin}*[A-Za-z]")]
    private static partial Regex Latin();

    [GeneratedRegex(@"[\uAC00-\uD7A3]")]
    private static partial Regex Hangul();
}
