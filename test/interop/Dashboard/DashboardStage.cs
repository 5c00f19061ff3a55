using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Tests.Doubles;

namespace Postern.Interop.Dashboard;

/// <summary>A Postern with mail in every state, a browser, and the names of who signs in.</summary>
/// <remarks>Shared by a class: each test sends mail of its own, which its address tells apart.</remarks>
public sealed class DashboardStage : IAsyncLifetime
{
    public const string Admin = "ann";
    public const string Operator = "otto";
    public const string Reader = "rita";
    public const string Domain = "mail.shop.example";
    const string Password = "a password of the tests";
    const string SigningKey = "signing-key-of-the-stage";

    readonly ZoneServer zone = new();
    Browser? browser;

    internal SmtpSink Relay { get; }

    /// <summary>Takes what comes in, but for <see cref="Closed"/>.</summary>
    internal SmtpSink Mailboxes { get; }

    internal PosternProcess Postern { get; } = new("") { Hostname = "mx.shop.example" };

    /// <summary>Nobody listens there until a test does.</summary>
    internal int ArchivePort { get; } = PosternProcess.FreePort();

    /// <summary>Recipients whose relay is told to come later.</summary>
    internal HashSet<string> Later { get; } = [];

    /// <summary>Mailboxes that take nothing now.</summary>
    internal HashSet<string> Closed { get; } = ["old-desk@in.shop.example"];

    public DashboardStage()
    {
        Relay = new SmtpSink { Refuses = RefusalOf };
        Mailboxes = new SmtpSink
        {
            Refuses = recipient => Closed.Contains(recipient) ? "550 5.1.1 No such mailbox" : null,
        };
    }

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>By the address: <c>busy...</c> is told to come later, <c>gone...</c> is unknown.</summary>
    string? RefusalOf(string recipient) =>
        recipient.StartsWith("busy", StringComparison.Ordinal) || Later.Contains(recipient)
            ? "450 4.2.1 Mailbox busy, try again later"
        : recipient.StartsWith("gone", StringComparison.Ordinal) ? "550 5.1.1 No such user here" : null;

    public async ValueTask InitializeAsync()
    {
        browser = await Browser.StartAsync();
        Postern.Settings = Settings();
        await Postern.StartAsync();
        foreach (var (name, role) in new[] { (Admin, "admin"), (Operator, "operator"), (Reader, "reader") })
            (await Postern.CommandAsync(["user", "add", name, "--role", role], Bytes(Password + "\n")))
                .Succeeded();
        await FillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        await Postern.DisposeAsync();
        await Relay.DisposeAsync();
        await Mailboxes.DisposeAsync();
        zone.Dispose();
    }

    string Settings() => string.Create(CultureInfo.InvariantCulture, $"""
        [queue]
        keep-content = "1h"

        [dns]
        servers = ["{zone.Endpoint}"]

        [inbound]
        unchecked = []
        checks = ["spf"]

        [[inbound.verdicts]]
        name = "advertisers"
        action = "quarantine"
        from = ["*@offers.example"]

        [[inbound.verdicts]]
        name = "forged"
        action = "tag"
        spf = ["fail"]

        [accounts.shop]
        password = "file:{Postern.Directory.WriteSecret("shop.secret", Password)}"
        senders = ["*@shop.example"]

        [domains."{Domain}"]
        api-keys = ["file:{Postern.Directory.WriteSecret("api.key", "key")}"]

        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:{Relay.Port}"
        tls = "none"
        signing-key = "file:{Postern.Directory.WriteSecret("signing.key", SigningKey)}"

        [transports.archive]
        kind = "smtp"
        host = "[127.0.0.1]:{ArchivePort}"
        tls = "none"

        [transports.mailboxes]
        kind = "smtp"
        host = "[127.0.0.1]:{Mailboxes.Port}"
        tls = "none"

        [[routes]]
        name = "inbound"
        to = ["*@in.shop.example"]
        accepts = "mx"
        via = ["mailboxes"]

        [[routes]]
        name = "archive"
        to = ["*@archive.example"]
        via = ["archive"]

        [[routes]]
        name = "everything"
        via = ["relay"]
        """);

    /// <summary>Something in every list, and more than one page has room for in none.</summary>
    async Task FillAsync()
    {
        zone.Add("offers.example", "TXT", "v=spf1 -all").Add("partner.example", "TXT", "v=spf1 +all")
            .Add("forged.example", "TXT", "v=spf1 -all");
        await SubmitAsync("minji.kim@customer.example", "주문하신 상품이 발송되었습니다");
        await SubmitAsync("alice@customer.example", "Your order 10482 has shipped");
        await SubmitAsync("busy.bob@customer.example", "Your invoice for November");
        await SubmitAsync("gone.carol@customer.example", "Welcome to the shop");
        await SubmitAsync("ledger@archive.example", "Daily report of 30 November");
        var held = await SubmitAsync("busy.held@customer.example", "Price list 2027");
        await StateAsync(held, "deferred");
        (await Postern.CommandAsync("queue", "hold", held)).Succeeded();
        await ReceiveAsync("news@offers.example", "sales@in.shop.example", "Save 90 % on everything");
        await ReceiveAsync("jisoo.lee@partner.example", "sales@in.shop.example", "견적 요청드립니다");
        await ReceiveAsync("boss@forged.example", "sales@in.shop.example", "Urgent payment");
        await DeadLetterAsync("dan@partner.example", "old-desk@in.shop.example");
        (await Postern.CommandAsync(
            ["account", "add", "scanner", "--sender", "*@shop.example"], Bytes(Password + "\n"))).Succeeded();
        (await Postern.CommandAsync(
            "suppression", "add", "left@customer.example", "--domain", Domain, "--reason", "asked by phone"))
            .Succeeded();
    }

    // ---- mail

    /// <returns>The queue id.</returns>
    internal async Task<string> SubmitAsync(
        string to, string subject, string? from = null, string? content = null)
    {
        from ??= "orders@shop.example";
        await using var wire = await SmtpWire.ConnectAsync(Postern.Port("submission"), Cancel);
        return IdOf(await wire.SendAsync(LetterOf(from, to, subject, content), Cancel));
    }

    /// <summary>From another server.</summary>
    internal async Task<string> ReceiveAsync(string from, string to, string subject)
    {
        await using var wire = await SmtpWire.ConnectAsync(Postern.Port("mx"), Cancel);
        return IdOf(await wire.SendAsync(LetterOf(from, to, subject, content: null), Cancel));
    }

    /// <summary>One that came in, was refused by the mailbox, and is kept.</summary>
    internal async Task<string> DeadLetterAsync(string from, string to)
    {
        Closed.Add(to);
        var id = await ReceiveAsync(from, to, "Reply to your letter");
        await StateAsync(id, "done");
        return id;
    }

    internal static Letter LetterOf(string from, string to, string subject, string? content)
    {
        var encoded = Ascii.IsValid(subject) ? subject
            : $"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(subject))}?=";
        return new Letter(from, to, Bytes(
            $"From: <{from}>\r\nTo: <{to}>\r\nSubject: {encoded}\r\nDate: Mon, 30 Nov 2026 09:00:00 +0900\r\n"
            + $"MIME-Version: 1.0\r\n{content ?? "\r\nThank you.\r\n"}"));
    }

    static string IdOf(string reply)
    {
        Assert.StartsWith("250 ", reply);
        return reply.Split(' ')[^1];
    }

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The provider tells what became of it, by a webhook.</summary>
    internal async Task TellAsync(string id, string recipient, string happened)
    {
        using var admin = Postern.OpenAdmin();
        var life = JsonNode.Parse(
            await admin.GetStringAsync(new Uri($"messages/{id}", UriKind.Relative), Cancel))!;
        var about = ((string)life["messageId"]!).Trim('<', '>');
        var at = TimeProvider.System.GetUtcNow();
        var body = MailgunHooks.Sign(
            new JsonObject
            {
                ["event"] = happened,
                ["id"] = $"told-{id}",
                ["timestamp"] = at.ToUnixTimeMilliseconds() / 1000.0,
                ["recipient"] = recipient,
                ["message"] = new JsonObject
                {
                    ["headers"] = new JsonObject { ["message-id"] = about },
                },
                ["delivery-status"] = new JsonObject { ["code"] = 250, ["message"] = "OK" },
            },
            SigningKey);
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await admin.PostAsync(new Uri(Postern.Root, "hooks/relay"), content, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
        await EventAsync(id, happened);
    }

    // ---- the store

    /// <summary>Of its first recipient; null when nothing of it is known any more.</summary>
    internal async Task<string?> StateOfAsync(string id)
    {
        using var admin = Postern.OpenAdmin();
        using var answer = await admin.GetAsync(new Uri($"queue/{id}", UriKind.Relative), Cancel);
        if (!answer.IsSuccessStatusCode)
            return null;
        var message = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;
        return (string?)message["recipients"]![0]!["state"];
    }

    /// <param name="state">Null: it is in the queue no more.</param>
    internal Task StateAsync(string id, string? state) => Eventually.TrueAsync(
        async () => await StateOfAsync(id) == state, $"{id} is {state ?? "gone"}", 15,
        () => Postern.Said);

    internal async Task<JsonArray> EventsOfAsync(string id)
    {
        using var admin = Postern.OpenAdmin();
        return JsonNode.Parse(await admin.GetStringAsync(
            new Uri($"messages/{id}", UriKind.Relative), Cancel))!["events"]!.AsArray();
    }

    internal Task EventAsync(string id, string kind) => Eventually.TrueAsync(
        async () => (await EventsOfAsync(id)).Any(one => (string?)one!["event"] == kind),
        $"{id} has an event {kind}", 15, () => Postern.Said);

    /// <summary>What was done over the admin API in somebody's name, as events tell it.</summary>
    internal async Task<IReadOnlyList<string>> DoneByAsync(string actor)
    {
        using var admin = Postern.OpenAdmin();
        var lines = await admin.GetStringAsync(
            new Uri("events?event=operated&limit=1000", UriKind.Relative), Cancel);
        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!["postern"]!)
            .Where(one => (string?)one["actor"] == actor)
            .Select(one => Uri.UnescapeDataString((string)one["why"]!))];
    }

    internal async Task AssertDoneAsync(string actor, string what)
    {
        var done = await DoneByAsync(actor);
        Assert.True(
            done.Any(one => one.StartsWith(Uri.UnescapeDataString(what), StringComparison.Ordinal)
                && one.EndsWith(" (page)", StringComparison.Ordinal)),
            $"{what} is not among\n{string.Join('\n', done)}");
    }

    // ---- the browser

    internal Task<Tab> OpenAsync(TabOptions? options = null) => browser!.OpenAsync(Postern.Root, options);

    internal async Task<Tab> SignInAsync(string name, TabOptions? options = null)
    {
        var tab = await OpenAsync(options);
        await tab.SignInAsync(name, Password);
        return tab;
    }
}
