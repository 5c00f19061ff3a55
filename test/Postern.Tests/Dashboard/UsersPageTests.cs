using Postern.Dashboard.Pages;
using Postern.Mta.Accounts;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class UsersPageTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync()
    {
        house = await PageHouse.OpenAsync(MailHall.OptionsOf(MailHall.Route("all")));
        foreach (var name in (string[])["ann", "김 철수"])
            await house.Agent.Users.AddAsync(
                name, OperatorRole.Admin, null, TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Page_ListsUsers_WithTheirRoles()
    {
        var (status, html) = await house.ShowAsync<UsersPage>("/users");
        Assert.Equal(200, status);
        Assert.Contains(">ann</td>", html, StringComparison.Ordinal);
        Assert.Contains("link alone", html, StringComparison.Ordinal);
        Assert.Contains("/users/%EA%B9%80%20%EC%B2%A0%EC%88%98", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OperatorRole.Operator)]
    [InlineData(OperatorRole.Reader)]
    public async Task Page_ForWhoIsNoAdmin_Is403_AndTellsNothing(OperatorRole role)
    {
        var (status, html) = await house.ShowAsync<UsersPage>("/users", role);
        Assert.Equal(403, status);
        Assert.DoesNotContain("철수", html, StringComparison.Ordinal);
        (status, html) = await house.ShowAsync<UserPage>("/users/ann", role, name: "ann");
        Assert.Equal(403, status);
        Assert.DoesNotContain("POST users", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task User_CanBeChanged_AndRemoved()
    {
        var (_, html) = await house.ShowAsync<UserPage>("/users/ann", name: "ann");
        foreach (var call in (string[])[
            "POST users/ann/link", "POST users/ann/password", "POST users/ann/role", "DELETE users/ann"])
            Assert.Contains($"value=\"{call}\"", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task User_WhoIsNotThere_Is404()
    {
        var (status, _) = await house.ShowAsync<UserPage>("/users/bob", name: "bob");
        Assert.Equal(404, status);
    }
}
