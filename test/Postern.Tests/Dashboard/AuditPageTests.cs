using Postern.Dashboard.Pages;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class AuditPageTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync() =>
        house = await PageHouse.OpenAsync(MailHall.OptionsOf(MailHall.Route("all")));

    public ValueTask DisposeAsync() => house.DisposeAsync();

    async Task NoteAsync(string actor, string what, int? count)
    {
        await house.Agent.Queue.NoteOperatedAsync(actor, what, count);
        await house.Agent.Index!.CatchUpAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Page_SaysWhoDidWhat_FromWhere_ToHowMany()
    {
        await NoteAsync("<i>ann</i>", "POST queue/hold?state=ready (command)", 1234);
        var (_, html) = await house.ShowAsync<AuditPage>("/audit");
        Assert.Contains("&lt;i&gt;ann&lt;/i&gt;", html, StringComparison.Ordinal);
        Assert.Contains("<code>POST queue/hold?state=ready</code>", html, StringComparison.Ordinal);
        Assert.Contains(">command</td>", html, StringComparison.Ordinal);
        Assert.Contains("1,234", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_GoOnBehindTheLast()
    {
        for (var i = 0; i < 51; i++)
            await NoteAsync("ann", $"POST nth/{i}/", null);
        var (_, html) = await house.ShowAsync<AuditPage>("/audit");
        Assert.Contains("nth/50/", html, StringComparison.Ordinal);
        Assert.DoesNotContain("nth/0/", html, StringComparison.Ordinal);
        var link = html[(html.IndexOf("/audit?before=", StringComparison.Ordinal))..];
        (_, html) = await house.ShowAsync<AuditPage>(link[..link.IndexOf('"', StringComparison.Ordinal)]);
        Assert.Contains("nth/0/", html, StringComparison.Ordinal);
        Assert.DoesNotContain("nth/1/", html, StringComparison.Ordinal);
        Assert.DoesNotContain("before=", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_OfNothing_SaysSo() => Assert.Contains(
        "Nothing has been done yet.", (await house.ShowAsync<AuditPage>("/audit")).Html,
        StringComparison.Ordinal);
}
