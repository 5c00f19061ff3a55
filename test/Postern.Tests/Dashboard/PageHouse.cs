using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Postern.Dashboard;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Transports;
using Postern.Tests.Configuration;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

/// <summary>An agent over a store in memory, and its pages as somebody sees them.</summary>
sealed partial class PageHouse : IAsyncDisposable
{
    public const string Csrf = "csrf-of-the-test";

    readonly TemporaryDirectory directory = new();
    readonly FakeTimeProvider clock = new(MailHall.Start);

    PageHouse()
    {
    }

    public MailTransferAgent Agent { get; private set; } = null!;

    public DateTimeOffset Now => clock.GetUtcNow();

    /// <summary>Null: in ten days.</summary>
    public DateTimeOffset? CertificateEnd { get; set; }

    /// <param name="store">With what a test put into it. Null: an empty one.</param>
    public static async Task<PageHouse> OpenAsync(
        PosternOptions options, IResolver? resolver = null, MemoryStore? store = null)
    {
        var house = new PageHouse();
        options = options with
        {
            Hostname = "mx.example.org",
            Data = house.directory.PathOf("data"),
            Log = new LogOptions { File = house.directory.PathOf("log") },
        };
        var parts = new AgentParts(
            house.clock, new Random(1), NullLoggerFactory.Instance, new Metrics(),
            (name, _) => new ScriptedTransport(name), resolver ?? new FakeResolver())
        {
            Index = house.directory.PathOf("index.db"),
        };
        house.Agent = await MailTransferAgent.StartAsync(
            options, store ?? new MemoryStore(), parts, TestContext.Current.CancellationToken);
        return house;
    }

    /// <summary>The page at an address.</summary>
    /// <param name="address">Path and query.</param>
    /// <param name="language">Accept-Language.</param>
    /// <param name="name">The part of the path that is a name. Null: it has none.</param>
    /// <param name="id">The part of the path that is a queue id. Null: it has none.</param>
    public async Task<(int Status, string Html)> ShowAsync<TPage>(
        string address, OperatorRole role = OperatorRole.Admin, string language = "en", string? name = null,
        string? id = null)
        where TPage : DashboardPage
    {
        await using var services = new ServiceCollection().AddLogging()
            .AddSingleton(new ServerFacts(
                "1.2.3", Now - TimeSpan.FromHours(2), [], () => CertificateEnd ?? Now.AddDays(10)))
            .BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services };
        var parts = address.Split('?', 2);
        context.Request.Path = parts[0];
        context.Request.QueryString = new QueryString(parts.Length > 1 ? "?" + parts[1] : "");
        context.Request.Headers.AcceptLanguage = language;
        if (name is not null)
            context.Request.RouteValues["name"] = name;
        if (id is not null)
            context.Request.RouteValues["id"] = id;
        var visit = new Visit(
            context, new DashboardParts(Agent, new Pulse(Agent.Metrics.Totals, clock), null, clock),
            new Access("ann", role, new Session("", new SessionOwner.First(), Now, Now, ""), Csrf));
        await using var renderer =
            new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        var html = await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var page = await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(
                new Dictionary<string, object?> { [nameof(DashboardPage.Visit)] = visit }));
            return page.ToHtmlString();
        });
        return (context.Response.StatusCode, WithLetters(html));
    }

    /// <summary>Letters beyond ASCII as themselves; what is escaped for safety stays so.</summary>
    static string WithLetters(string html) => Reference().Replace(html, match =>
        int.Parse(match.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            is > 0x7F and var letter ? char.ConvertFromUtf32(letter) : match.Value);

    [GeneratedRegex("&#x([0-9A-F]{1,6});")]
    private static partial Regex Reference();

    public async ValueTask DisposeAsync()
    {
        var stop = Agent.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        while (!stop.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
        await stop;
        await Agent.DisposeAsync();
        directory.Dispose();
    }
}
