using Postern.Dashboard.Pages;
using Postern.Mta.Accounts;
using Postern.Mta.Suppressions;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class SuppressionsPageTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;

    PageHouse house = null!;

    public async ValueTask InitializeAsync()
    {
        house = await PageHouse.OpenAsync(MailHall.OptionsOf(MailHall.Route("all")));
        await house.Agent.Queue.SuppressAsync("*", SuppressionKind.Bounce, [
            new("ann+x@net.example", new Suppression
            {
                Since = house.Now,
                Code = "550",
                Error = "no <i>such</i> user\u202E",
            })], None);
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task List_ShowsWho_Why_AndTheWayOff()
    {
        var (_, html) = await house.ShowAsync<SuppressionsPage>("/suppressions?kind=bounce");
        Assert.Contains("ann&#x2B;x@net.example", html, StringComparison.Ordinal);
        Assert.Contains("550 no &lt;i&gt;such&lt;/i&gt; user\\u{202e}", html, StringComparison.Ordinal);
        Assert.Contains(
            "/suppressions/remove?domain=*&amp;kind=bounce&amp;address=ann%2Bx@net.example", html,
            StringComparison.Ordinal);
        Assert.Contains("/suppressions.csv?kind=bounce", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/suppressions?kind=complaint")]
    [InlineData("/suppressions?address=bob")]
    [InlineData("/suppressions?domain=mg.example.org")]
    [InlineData("/suppressions?kind=nonsense")]
    public async Task List_HasNothingThatDoesNotFit(string address)
    {
        var (_, html) = await house.ShowAsync<SuppressionsPage>(address);
        Assert.DoesNotContain("net.example", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reader_CannotAddOrRemove()
    {
        var (_, html) = await house.ShowAsync<SuppressionsPage>("/suppressions", OperatorRole.Reader);
        Assert.Contains("@net.example", html, StringComparison.Ordinal);
        Assert.DoesNotContain("POST suppressions", html, StringComparison.Ordinal);
        Assert.DoesNotContain("/suppressions/remove", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Removal_IsOfThatOneEntry()
    {
        var (status, html) = await house.ShowAsync<SuppressionRemovePage>(
            "/suppressions/remove?domain=%2A&kind=bounce&address=ann%2Bx%40net.example");
        Assert.Equal(200, status);
        Assert.Contains(
            "value=\"DELETE suppressions?domain=*&amp;kind=bounce&amp;address=ann%2Bx@net.example\"",
            html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("domain=*&kind=complaint&address=ann%2Bx@net.example")]
    [InlineData("domain=*&address=ann%2Bx@net.example")]
    [InlineData("")]
    public async Task Removal_OfWhatIsNotThere_Is404(string query)
    {
        var (status, html) = await house.ShowAsync<SuppressionRemovePage>("/suppressions/remove?" + query);
        Assert.Equal(404, status);
        Assert.DoesNotContain("DELETE", html, StringComparison.Ordinal);
    }
}
