using Postern.Dashboard.Pages;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class SettingsPageTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync() => house = await PageHouse.OpenAsync(
        MailHall.OptionsOf(MailHall.Route("all")) with
        {
            Queue = new QueueOptions { Lifetime = TimeSpan.FromDays(1) },
        });

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Page_TellsOfTheServer()
    {
        var (_, html) = await house.ShowAsync<SettingsPage>("/settings");
        Assert.Contains("1.2.3", html, StringComparison.Ordinal);
        Assert.Contains("2 h 0 min", html, StringComparison.Ordinal);
        Assert.Contains("takes mail", html, StringComparison.Ordinal);
        Assert.Contains("<span class=\"badge warn\">10 d 0 h</span>", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificate_ThatHasEnded_IsSaidToHave()
    {
        house.CertificateEnd = house.Now - TimeSpan.FromDays(1);
        var (_, html) = await house.ShowAsync<SettingsPage>("/settings");
        Assert.Contains("<span class=\"badge bad\">has ended</span>", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_ThatDiffersFromItsDefault_IsMarkedInWords()
    {
        var (_, html) = await house.ShowAsync<SettingsPage>("/settings?q=[queue] lifetime");
        Assert.Contains("&quot;1d&quot;", html, StringComparison.Ordinal);
        Assert.Contains("&quot;5d&quot;", html, StringComparison.Ordinal);
        Assert.Contains("<span class=\"badge warn\">file</span>", html, StringComparison.Ordinal);
        Assert.DoesNotContain(">default</span>", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_AtItsDefault_IsMarkedInWords()
    {
        var (_, html) = await house.ShowAsync<SettingsPage>("/settings?q=bounce-lifetime");
        Assert.Contains(">default</span>", html, StringComparison.Ordinal);
        Assert.DoesNotContain(">file</span>", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OperatorRole.Admin, true)]
    [InlineData(OperatorRole.Operator, false)]
    [InlineData(OperatorRole.Reader, false)]
    public async Task Reload_IsForAdmins(OperatorRole role, bool isOffered)
    {
        var (_, html) = await house.ShowAsync<SettingsPage>("/settings", role);
        Assert.Equal(isOffered, html.Contains("POST reload", StringComparison.Ordinal));
    }
}
