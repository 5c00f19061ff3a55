using Postern.Dashboard.Pages;
using Postern.Mta;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Dashboard;

public sealed class RoutesPageTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync()
    {
        var options = OptionsOf(
            Route("shop", from: ["*@shop.example"], to: ["*@one.example"], via: ["first", "second"]),
            Route("in", to: ["*@in.example"], via: ["second"]) with { Accepts = MailDoors.Mx },
            Route("of kim", to: ["*@two.example"], via: ["first"]) with { Account = ["kim"] });
        house = await PageHouse.OpenAsync(options);
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    async Task<string> ShowAsync(string query) =>
        System.Net.WebUtility.HtmlDecode((await house.ShowAsync<RoutesPage>("/routes" + query)).Html);

    [Fact]
    public async Task Routes_AreShownInWords_WithWhatIsServed()
    {
        var page = await ShowAsync("");
        Assert.Contains("from *@shop.example", page, StringComparison.Ordinal);
        Assert.Contains("to *@in.example", page, StringComparison.Ordinal);
        Assert.Contains("logged in as kim", page, StringComparison.Ordinal);
        Assert.Contains("the first open one of", page, StringComparison.Ordinal);
        Assert.Contains("<li>in.example</li>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("this one decides", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?from=a@shop.example&to=b@one.example&door=submission", "shop", "first")]
    [InlineData("?from=a@shop.example&to=b@one.example&door=api", "shop", "first")]
    [InlineData("?from=&to=b@in.example&door=mx", "in", "second")]
    [InlineData("?to=b@two.example&account=kim", "of%20kim", "first")]
    public async Task AHit_NamesTheTransport_AndMarksTheRule(string query, string anchor, string transport)
    {
        var page = await ShowAsync(query);
        Assert.Contains($"It goes by {transport}.", page, StringComparison.Ordinal);
        Assert.Contains($"href=\"#route-{anchor}\"", page, StringComparison.Ordinal);
        Assert.Contains($"<li id=\"route-{anchor}\" class=\"decides\"", page, StringComparison.Ordinal);
        Assert.Single(page.Split("this one decides")[1..]);
    }

    [Theory]
    [InlineData("?from=a@shop.example&to=b@elsewhere.example")]
    [InlineData("?from=a@shop.example&to=b@one.example&door=mx")]
    [InlineData("?to=b@two.example&account=lee")]
    public async Task AMiss_SaysThatNoRouteTakesIt(string query)
    {
        var page = await ShowAsync(query);
        Assert.Contains("No route takes it.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("this one decides", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?from=nobody&to=b@one.example", "from-wrong")]
    [InlineData("?from=a@shop.example&to=b", "to-wrong")]
    [InlineData("?from=a@shop.example", "to-wrong")]
    public async Task ABadAddress_HasWordsBesideItsField(string query, string mark)
    {
        var page = await ShowAsync(query);
        Assert.Contains($"id=\"{mark}\">This is no address", page, StringComparison.Ordinal);
        Assert.Single(page.Split("This is no address")[1..]);
        Assert.DoesNotContain("id=\"decision\"", page, StringComparison.Ordinal);
    }
}
