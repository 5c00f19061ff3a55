using System.Text;
using Microsoft.Playwright;

namespace Postern.Interop.Dashboard;

/// <summary>One Postern with a way for each trouble, by the recipient's domain, and a browser that is signed
/// in.</summary>
public sealed class TroubleHouse : IAsyncLifetime
{
    internal const string Password = "relay:right";
    internal const string SlowRate = "1/hour";
    internal const string Topic = "projects/postern/topics/mail";

    Browser? browser;
    IReadOnlyList<Cookie> session = [];

    internal PosternProcess Postern { get; } = new("");
    internal int DownPort { get; } = PosternProcess.FreePort();
    internal int TopicPort { get; } = PosternProcess.FreePort();
    internal FaultyRelay Guarded { get; } = new() { Login = Password };
    internal FaultyRelay Knowing { get; } = new(RelayFault.UnknownRecipient);
    internal FaultyRelay Grey { get; } = new(RelayFault.Greylists);
    internal FaultyRelay Paced { get; } = new();
    internal FaultyRelay Awaited { get; } = new(RelayFault.FullMailbox);
    internal FaultyRelay Silent { get; } = new(RelayFault.LosesReply);
    internal FaultyRelay Late { get; } = new(RelayFault.FullMailbox);

    Uri Root => new($"http://127.0.0.1:{Postern.Port("http")}/");

    public async ValueTask InitializeAsync()
    {
        browser = await Browser.StartAsync();
        Postern.Settings = Settings();
        Postern.Environment["PUBSUB_EMULATOR_HOST"] = $"127.0.0.1:{TopicPort}";
        await Postern.StartAsync();
        await using var tab = await browser.OpenAsync(Root);
        await tab.SignInAsync(Postern.DashboardLink!);
        session =
        [
            .. (await tab.Context.CookiesAsync()).Select(one => new Cookie
            {
                Name = one.Name, Value = one.Value, Domain = one.Domain, Path = one.Path,
                HttpOnly = one.HttpOnly, Secure = one.Secure, SameSite = one.SameSite,
            }),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        await Postern.DisposeAsync();
        foreach (var relay in new[] { Guarded, Knowing, Grey, Paced, Awaited, Silent, Late })
            await relay.DisposeAsync();
    }

    internal async Task<Tab> OpenAsync(string language)
    {
        var tab = await browser!.OpenAsync(Root, new TabOptions { Language = language });
        await tab.Context.AddCookiesAsync(session);
        return tab;
    }

    /// <summary>To <c>box</c> at the domain of this way; its queue id.</summary>
    internal async Task<string> SendAsync(string way, string listener)
    {
        var cancel = TestContext.Current.CancellationToken;
        var content = Encoding.ASCII.GetBytes($"From: <a@sender.test>\r\nSubject: {way}\r\n\r\nhello\r\n");
        await using var wire = await SmtpWire.ConnectAsync(Postern.Port(listener), cancel);
        var reply = await wire.SendAsync(new Letter("a@sender.test", $"box@{way}.test", content), cancel);
        Assert.StartsWith("250 2.0.0 Ok: queued as ", reply);
        return reply.Split(' ')[^1];
    }

    string Settings() => string.Join("\n\n",
    [
        Smtp("down", DownPort),
        Smtp("guarded", Guarded.Port, $"""
            login = "file:{Postern.Directory.WriteSecret("login", "relay:wrong")}"
            """),
        Smtp("knowing", Knowing.Port), Route("knowing", "accepts = \"mx\""),
        Smtp("grey", Grey.Port),
        Smtp("paced", Paced.Port, $"rate = \"{SlowRate}\""),
        Smtp("awaited", Awaited.Port),
        Smtp("silent", Silent.Port),
        Smtp("late", Late.Port),
        Route("late", "accepts = \"mx\"\nretry = [\"1s\"]\ngive-up = \"2s\""),
        Script("failing", Postern.Directory.WriteScript("failing", "#!/bin/sh\necho lost my way\nexit 1")),
        Script("absent", Postern.Directory.PathOf("absent")),
        $"""
        [transports.topic]
        kind = "pubsub"
        topic = "{Topic}"
        """,
        Route("topic", "accepts = \"mx\""),
        .. new[] { "down", "guarded", "grey", "paced", "awaited", "silent" }.Select(way => Route(way)),
    ]);

    static string Smtp(string name, int port, string more = "") => $"""
        [transports.{name}]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        tls = "none"
        {more}
        """;

    string Script(string name, string program) => $"""
        [transports.{name}]
        kind = "pipe"
        argv = ["{program}"]
        {InboundTests.RunAs(Postern.Directory)}

        {Route(name, "accepts = \"mx\"")}
        """;

    static string Route(string name, string more = "") => $"""
        [[routes]]
        name = "{name}"
        to = ["*@{name}.test"]
        via = ["{name}"]
        {more}
        """;
}
