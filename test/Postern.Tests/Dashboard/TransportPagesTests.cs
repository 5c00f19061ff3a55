using Postern.Dashboard.Pages;
using Postern.Mta;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Dashboard;

public sealed class TransportPagesTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync()
    {
        var options = OptionsOf(Route("all", via: ["relay"]));
        house = await PageHouse.OpenAsync(options with
        {
            Transports = new Dictionary<string, TransportOptions>(options.Transports)
            {
                ["hub"] = new() { Kind = TransportKind.Smtp, Host = "[hub.example]:25" },
                ["direct"] = new() { Kind = TransportKind.Smtp },
            },
        });
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Transports_AreAllShown_WithWhereTheyLead()
    {
        var (_, page) = await house.ShowAsync<TransportsPage>("/transports");
        foreach (var text in (string[])["/transports/relay", "/transports/hub", "[hub.example]:25", "own MX"])
            Assert.Contains(text, page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transport_OffersToTryItNow()
    {
        var (status, page) = await house.ShowAsync<TransportPage>("/transports/hub", name: "hub");
        Assert.Equal(200, status);
        Assert.Contains("value=\"POST queue/retry?transport=hub\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transport_ThatIsNone_IsNotFound() => Assert.Equal(
        404, (await house.ShowAsync<TransportPage>("/transports/x", name: "x")).Status);
}
