using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace Postern.Interop.Dashboard;

/// <summary>One Postern, one browser and a site of somebody else, for all tests of a class.</summary>
/// <remarks>What goes to <c>rude.test</c> is refused as a test says; all else waits for a next hop that is
/// not there, with its content. Started by the first test, which skips where there is no browser.</remarks>
public sealed partial class BrowserHouse : IAsyncDisposable
{
    public const string Domain = "shop.test";
    internal const string Password = "correct horse";

    readonly Dictionary<string, BrowserContextCookiesResult[]> signedIn = [];
    Task? opening;
    Browser? browser;
    OtherSite? site;

    internal PosternProcess Postern { get; } = new("");
    internal RudeRelay Relay { get; } = new();
    internal OtherSite Site => site!;
    internal Browser Browser => browser!;
    internal Uri Root => Postern.Dashboard();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Once for all; where it failed, or was skipped, it is so for each test.</summary>
    internal Task OpenAsync() => opening ??= StartAsync();

    async Task StartAsync()
    {
        browser = await Browser.StartAsync();
        site = await OtherSite.StartAsync();
        Postern.Settings = string.Create(CultureInfo.InvariantCulture, $"""
            [[listen]]
            name = "https"
            on   = "127.0.0.1:0"
            for  = "http"
            tls  = "immediate"

            [domains."{Domain}"]
            api-keys = ["file:{Postern.Directory.WriteSecret("shop.key", "shop-key")}"]

            [domains."other.test"]
            api-keys = ["file:{Postern.Directory.WriteSecret("other.key", "other-key")}"]

            [transports.nowhere]
            kind = "smtp"
            host = "[127.0.0.1]:1"
            tls = "none"

            [transports.rude]
            kind = "smtp"
            host = "[127.0.0.1]:{Relay.Port}"
            tls = "none"

            [[routes]]
            name = "inbound"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["nowhere"]

            [[routes]]
            name = "rude"
            to = ["*@rude.test"]
            via = ["rude"]

            [[routes]]
            name = "everything"
            via = ["nowhere"]
            """);
        await Postern.StartAsync(seconds: 120);
        foreach (var role in new[] { "admin", "operator", "reader" })
            (await Postern.CommandAsync(
                ["user", "add", role, "--role", role], Encoding.UTF8.GetBytes(Password + "\n"))).Succeeded();
    }

    /// <summary>A window of its own, signed in as the user that has the name of its role.</summary>
    internal async Task<Tab> OpenTabAsync(
        string user = "admin", string listener = "http", TabOptions? options = null)
    {
        var tab = await Browser.OpenAsync(Postern.Dashboard(listener), options);
        if (signedIn.TryGetValue(listener + user, out var cookies))
            await tab.Context.AddCookiesAsync(cookies.Select(one => new Cookie
            {
                Name = one.Name,
                Value = one.Value,
                Url = tab.Root.AbsoluteUri,
                HttpOnly = one.HttpOnly,
                SameSite = one.SameSite,
            }));
        else
        {
            await SignInAsync(tab, user);
            signedIn[listener + user] = [.. await tab.Context.CookiesAsync()];
        }
        return tab;
    }

    internal static Task SignInAsync(Tab tab, string user) => tab.SignInAsync(user, Password);

    /// <summary>Takes a message in by SMTP, as it is.</summary>
    /// <returns>Its queue id; null where the content was refused.</returns>
    internal static async Task<string?> SubmitAsync(SmtpWire wire, byte[] content, string to = "x@wait.test")
    {
        var reply = await wire.SendAsync(
            new Letter("a@sender.test", to, content, " BODY=8BITMIME SMTPUTF8"), Cancel);
        return QueuedAs().Match(reply) is { Success: true } queued ? queued.Groups[1].Value : null;
    }

    internal async Task<string> SubmitAsync(string content, string to = "x@wait.test")
    {
        await using var wire = await SmtpWire.ConnectAsync(Postern.Port("submission"), Cancel);
        var id = await SubmitAsync(wire, Encoding.UTF8.GetBytes(content.ReplaceLineEndings("\r\n")), to);
        return id ?? throw new InvalidOperationException("the message was refused");
    }

    /// <summary>Messages of nothing but HTML, each a message.</summary>
    internal async Task<List<string>> SubmitHtmlAsync(IEnumerable<string> documents)
    {
        await using var wire = await SmtpWire.ConnectAsync(Postern.Port("submission"), Cancel);
        var ids = new List<string>();
        foreach (var html in documents)
        {
            var body = Convert.ToBase64String(
                Encoding.UTF8.GetBytes(html), Base64FormattingOptions.InsertLineBreaks);
            var id = await SubmitAsync(wire, Encoding.ASCII.GetBytes(
                "From: a@sender.test\r\nSubject: html\r\nMIME-Version: 1.0\r\n"
                + "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                + body + "\r\n"));
            ids.Add(Assert.IsType<string>(id));
        }
        return ids;
    }

    /// <summary>Mailgun's API, with the key of a domain.</summary>
    internal HttpClient Api(string key = "shop-key") => new()
    {
        BaseAddress = new Uri(Root, "v3/"),
        DefaultRequestHeaders =
        {
            Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes("api:" + key))),
        },
    };

    /// <summary>What the store says of a message.</summary>
    internal async Task<string> ShowAsync(string id) =>
        (await Postern.CommandAsync("queue", "show", id, "--json")).Succeeded().Output;

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        if (site is not null)
            await site.DisposeAsync();
        await Postern.DisposeAsync();
        await Relay.DisposeAsync();
    }

    [GeneratedRegex("queued as ([0-9A-Z]{13})")]
    private static partial Regex QueuedAs();
}
