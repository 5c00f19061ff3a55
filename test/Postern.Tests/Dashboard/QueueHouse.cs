using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Tests.Configuration;
using Postern.Tests.Doubles;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Dashboard;

/// <summary>An agent over what a test put into its store, and its pages as text.</summary>
/// <remarks>Its clock stands: nothing is attempted that the store does not call for at once.</remarks>
sealed class QueueHouse : IAsyncDisposable
{
    readonly TemporaryDirectory directory = new();
    readonly FakeTimeProvider clock = new(Sample.Start);
    MailTransferAgent agent = null!;
    DashboardParts parts = null!;

    public MemoryStore Store { get; } = new(new MemoryDisk());

    public async Task StartAsync(PosternOptions options)
    {
        options = options with { Log = new LogOptions { File = directory.PathOf("log") } };
        agent = await MailTransferAgent.StartAsync(
            options, Store,
            new AgentParts(clock, new Random(1), NullLoggerFactory.Instance, new Metrics(),
                (name, _) => new ScriptedTransport(name), new FakeResolver()),
            TestContext.Current.CancellationToken);
        parts = new DashboardParts(agent, new Pulse(agent.Metrics.Totals, clock), null, clock);
    }

    /// <summary>The page as a browser would show its characters, and its status.</summary>
    public async Task<(int Status, string Html)> ShowAsync<TPage>(
        string address, string language = "en", OperatorRole role = OperatorRole.Operator,
        params (string Name, string Value)[] route)
        where TPage : DashboardPage
    {
        var uri = new Uri("http://localhost" + address);
        var context = new DefaultHttpContext();
        context.Request.Path = uri.AbsolutePath;
        context.Request.QueryString = new QueryString(uri.Query);
        context.Request.Headers.AcceptLanguage = language;
        foreach (var (name, value) in route)
            context.Request.RouteValues[name] = value;
        var visit = new Visit(
            context, parts,
            new Access(
                "kim", role, new Session("", new SessionOwner.First(), default, default, ""), "token"));
        await using var services = new ServiceCollection().BuildServiceProvider();
        await using var renderer = new HtmlRenderer(services, NullLoggerFactory.Instance);
        var html = await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var page = await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(
                new Dictionary<string, object?> { [nameof(DashboardPage.Visit)] = visit }));
            return page.ToHtmlString();
        });
        return (context.Response.StatusCode, html);
    }

    public async ValueTask DisposeAsync()
    {
        var stop = agent.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        while (!stop.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
        await stop;
        await agent.DisposeAsync();
        directory.Dispose();
    }
}
