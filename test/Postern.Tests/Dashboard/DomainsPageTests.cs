using Postern.Dashboard;
using Postern.Dashboard.Pages;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class DomainsPageTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;

    readonly FakeResolver dns = new FakeResolver().Mx("mg.example.org", "mx.example.org")
        .Text("mg.example.org", "v=spf1 -all");

    PageHouse house = null!;

    public async ValueTask InitializeAsync()
    {
        house = await PageHouse.OpenAsync(MailHall.OptionsOf(MailHall.Route("all")) with
        {
            Domains = new Dictionary<string, DomainOptions>
            {
                ["mg.example.org"] = new() { ApiKeys = [new Secret("file:/etc/mg.key", "key-of-mg")] },
            },
            Accounts = new Dictionary<string, AccountOptions>
            {
                ["written"] = new() { Password = new Secret("file:/etc/written", "password-of-file") },
            },
        }, dns);
        await house.Agent.Queue.PutObjectAsync(AccountDirectory.Put(
            "made <b>", AccountDirectory.CreateCredential("password-of-store"), [],
            quota: Rate.TryParse("5000/day", out var quota) ? quota : null));
        await house.Agent.ReloadAccountsAsync(None);
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Domain_ShowsWhatItsDnsShouldHold()
    {
        var (_, html) = await house.ShowAsync<DomainsPage>("/domains");
        Assert.Contains("10 mx.example.org", html, StringComparison.Ordinal);
        Assert.Contains("v=spf1 a:mx.example.org ~all", html, StringComparison.Ordinal);
        Assert.Contains("not known yet", html, StringComparison.Ordinal);
        Assert.Empty(dns.Asked);
    }

    [Fact]
    public async Task Check_ComparesWithTheDns_OfConfiguredDomainsAlone()
    {
        var (_, html) = await house.ShowAsync<DomainsPage>("/domains?check=MG.example.org");
        Assert.Contains("as it should be", html, StringComparison.Ordinal);
        Assert.Contains("missing or different", html, StringComparison.Ordinal);
        Assert.Equal(["MX mg.example.org", "TXT mg.example.org"], dns.Asked.Order());
        dns.Asked.Clear();
        await house.ShowAsync<DomainsPage>("/domains?check=victim.example");
        Assert.Empty(dns.Asked);
    }

    [Fact]
    public async Task Page_HasReferences_AndNoSecret()
    {
        var (_, html) = await house.ShowAsync<DomainsPage>("/domains");
        Assert.Contains("file:/etc/mg.key", html, StringComparison.Ordinal);
        foreach (var secret in (string[])["key-of-mg", "password-of-file", "password-of-store"])
            Assert.DoesNotContain(secret, html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Account_OfTheStoreAlone_CanBeRemoved()
    {
        var (_, html) = await house.ShowAsync<DomainsPage>("/domains");
        Assert.Contains("made &lt;b&gt;", html, StringComparison.Ordinal);
        Assert.Contains("remove-account?name=made%20%3Cb%3E", html, StringComparison.Ordinal);
        Assert.DoesNotContain("remove-account?name=written", html, StringComparison.Ordinal);
        (_, html) = await house.ShowAsync<AccountRemovePage>("/domains/remove-account?name=made%20%3Cb%3E");
        Assert.Contains("value=\"DELETE accounts/made%20%3Cb%3E\"", html, StringComparison.Ordinal);
        (_, html) = await house.ShowAsync<AccountRemovePage>("/domains/remove-account?name=written");
        Assert.DoesNotContain("DELETE", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OperatorRole.Operator)]
    [InlineData(OperatorRole.Reader)]
    public async Task WhoIsNoAdmin_ChangesNoAccounts(OperatorRole role)
    {
        var (_, html) = await house.ShowAsync<DomainsPage>("/domains", role);
        Assert.DoesNotContain("POST accounts", html, StringComparison.Ordinal);
        Assert.DoesNotContain("remove-account", html, StringComparison.Ordinal);
        (_, html) = await house.ShowAsync<AccountRemovePage>(
            "/domains/remove-account?name=made%20%3Cb%3E", role);
        Assert.DoesNotContain("DELETE", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accounts_ArePagedByName()
    {
        var (first, next) = AccountLook.Page(house.Agent, "", 1);
        Assert.Equal("made <b>", Assert.Single(first).Account.Name);
        Assert.Equal(0, first[0].UsedToday);
        var (second, end) = AccountLook.Page(house.Agent, next!, 1);
        Assert.Equal("written", Assert.Single(second).Account.Name);
        Assert.Null(second[0].UsedToday);
        Assert.Null(end);
    }
}
