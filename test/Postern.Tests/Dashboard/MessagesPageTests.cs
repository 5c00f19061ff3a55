using Postern.Dashboard.Pages;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class MessagesPageTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync() =>
        house = await PageHouse.OpenAsync(MailHall.OptionsOf(MailHall.Route("all")));

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Theory]
    [InlineData("since=0001-01-01&until=0001-01-01")]
    [InlineData("since=9999-12-31&until=9999-12-31")]
    [InlineData("until=9999-12-30")]
    public async Task Days_FromTheFirstToTheLastOfAll_AreDays(string query)
    {
        var (status, html) = await house.ShowAsync<MessagesPage>("/messages?" + query);
        Assert.Equal(200, status);
        Assert.Contains("id=\"found\"", html, StringComparison.Ordinal);
    }
}
