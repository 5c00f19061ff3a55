using System.Text;
using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Accounts;

namespace Postern.Tests.Dashboard;

public sealed class SessionsTests : IAsyncLifetime
{
    readonly DashboardHouse house = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => house.DisposeAsync();

    ValueTask<string> EnterAsync(SessionOwner owner, Session? earlier = null) =>
        house.Sessions.StartAsync(owner, "192.0.2.1", earlier);

    [Fact]
    public async Task Session_OfAUser_TellsNameRoleAndCsrf()
    {
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Admin));
        var access = house.Sessions.Find(token);
        Assert.Equal(("a", OperatorRole.Admin), (access!.User, access.Role));
        Assert.Matches("^[0-9a-f]{32}$", access.Csrf);
        Assert.Equal("192.0.2.1", access.Session.Address);
    }

    [Theory]
    [InlineData(OperatorRole.Reader, false, false)]
    [InlineData(OperatorRole.Operator, true, false)]
    [InlineData(OperatorRole.Admin, true, true)]
    public async Task Role_SaysWhatMayBeDone(OperatorRole role, bool mayAct, bool mayAdminister)
    {
        var access = house.Sessions.Find(await house.EnterAsync(await house.AddAsync("a", role)))!;
        Assert.Equal((mayAct, mayAdminister), (access.MayAct, access.MayAdminister));
    }

    [Fact]
    public async Task Tokens_AreEachNew_AndNeverStored()
    {
        var user = await house.AddAsync("a", OperatorRole.Admin);
        var (one, other) = (await house.EnterAsync(user), await house.EnterAsync(user));
        Assert.NotEqual(one, other);
        Assert.NotEqual(house.Sessions.Find(one)!.Csrf, house.Sessions.Find(other)!.Csrf);
        foreach (var stored in await house.Store.ReadObjectsAsync(Sessions.ObjectKind, Cancel))
            Assert.DoesNotContain(one, stored.Name + Encoding.UTF8.GetString(stored.Json.Span),
                StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("\ud55cAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void Token_NobodyWasGiven_IsNobodys(string token) => Assert.Null(house.Sessions.Find(token));

    [Fact]
    public async Task Session_EndsAfterTwelveHours()
    {
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Admin));
        house.Clock.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        Assert.NotNull(house.Sessions.Find(token));
        house.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(house.Sessions.Find(token));
    }

    [Fact]
    public async Task Session_LastsAsLongAsItIsSet()
    {
        house.Options = new DashboardOptions { Session = TimeSpan.FromMinutes(5) };
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Admin));
        house.Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Null(house.Sessions.Find(token));
    }

    [Fact]
    public async Task Session_EndsWithAnotherPassword()
    {
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Admin));
        await house.Users.ChangePasswordAsync("a", DashboardHouse.Verifier, Cancel);
        Assert.Null(house.Sessions.Find(token));
    }

    [Fact]
    public async Task Session_EndsWithAnotherRole()
    {
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Reader));
        await house.Users.ChangeRoleAsync("a", OperatorRole.Admin, Cancel);
        Assert.Null(house.Sessions.Find(token));
    }

    [Fact]
    public async Task Session_OfAUserWhoWent_IsNotThatOfTheNextOneOfHisName()
    {
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Admin));
        await house.Users.RemoveAsync("a", Cancel);
        Assert.Null(house.Sessions.Find(token));
        house.Clock.Advance(TimeSpan.FromSeconds(1));
        await house.AddAsync("a", OperatorRole.Admin);
        Assert.Null(house.Sessions.Find(token));
    }

    [Fact]
    public async Task Session_OfTheFirstLink_HoldsUntilThereIsAnAdmin()
    {
        var token = await EnterAsync(new SessionOwner.First());
        await house.AddAsync("reader", OperatorRole.Reader);
        Assert.Equal(OperatorRole.Admin, house.Sessions.Find(token)!.Role);
        await house.AddAsync("admin", OperatorRole.Admin);
        Assert.Null(house.Sessions.Find(token));
    }

    [Fact]
    public async Task Session_OfTheProvider_HasTheRoleOfItsListNow()
    {
        house.Options = new DashboardOptions { Oidc = DashboardHouse.Oidc("*@example.org") };
        var token = await EnterAsync(new SessionOwner.OfProvider("bob@example.org"));
        Assert.Equal(OperatorRole.Reader, house.Sessions.Find(token)!.Role);
        house.Options = new DashboardOptions { Oidc = DashboardHouse.Oidc() };
        Assert.Null(house.Sessions.Find(token));
    }

    [Theory]
    [InlineData("Alice@Example.Org", OperatorRole.Admin)]
    [InlineData("bob@example.org", OperatorRole.Reader)]
    [InlineData("alice+x@example.org", OperatorRole.Reader)]
    [InlineData("bob@example.org.evil.example", null)]
    [InlineData("bob@sub.example.org", null)]
    [InlineData("no address", null)]
    [InlineData("", null)]
    public void Address_OfTheProvider_GetsTheRoleOfTheFirstListThatHoldsIt(
        string address, OperatorRole? role) =>
        Assert.Equal(role, Sessions.RoleOf(DashboardHouse.Oidc("*@example.org"), address));

    [Fact]
    public async Task Login_WithASessionBefore_EndsIt()
    {
        var user = await house.AddAsync("a", OperatorRole.Admin);
        var before = await house.EnterAsync(user);
        var token = await EnterAsync(
            new SessionOwner.OfUser("a", user.Generation), house.Sessions.Find(before)!.Session);
        Assert.Null(house.Sessions.Find(before));
        Assert.NotNull(house.Sessions.Find(token));
        Assert.Equal(1, await house.StoredAsync(Sessions.ObjectKind));
    }

    [Fact]
    public async Task Session_ThatWasEnded_IsGoneFromTheStoreToo()
    {
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Admin));
        await house.Sessions.EndAsync(house.Sessions.Find(token)!.Session);
        Assert.Null(house.Sessions.Find(token));
        Assert.Equal(0, await house.StoredAsync(Sessions.ObjectKind));
    }

    [Fact]
    public async Task Sessions_AreThereAgainAfterAStart()
    {
        house.Options = new DashboardOptions { Oidc = DashboardHouse.Oidc("*@example.org") };
        var token = await house.EnterAsync(await house.AddAsync("a", OperatorRole.Operator));
        var provided = await EnterAsync(new SessionOwner.OfProvider("bob@example.org"));
        var next = house.NewSessions();
        await next.LoadAsync(Cancel);
        Assert.Equal(house.Sessions.Find(token), next.Find(token));
        Assert.Equal(OperatorRole.Reader, next.Find(provided)!.Role);
    }

    [Fact]
    public async Task Sessions_BeyondTheirNumber_PushOutTheOldest()
    {
        var user = await house.AddAsync("a", OperatorRole.Admin);
        var first = await house.EnterAsync(user);
        house.Clock.Advance(TimeSpan.FromSeconds(1));
        var second = await house.EnterAsync(user);
        for (var i = 2; i < Sessions.SessionsMax; i++)
            await house.EnterAsync(user);
        Assert.NotNull(house.Sessions.Find(first));
        await house.EnterAsync(user);
        Assert.Null(house.Sessions.Find(first));
        Assert.NotNull(house.Sessions.Find(second));
        Assert.Equal(Sessions.SessionsMax, house.Sessions.Count);
        Assert.Equal(Sessions.SessionsMax, await house.StoredAsync(Sessions.ObjectKind));
    }

    [Fact]
    public async Task Sweep_RemovesWhatDoesNotHold_InSmallSteps()
    {
        var user = await house.AddAsync("a", OperatorRole.Admin);
        for (var i = 0; i < Sessions.SweepMax + 10; i++)
            await house.EnterAsync(user);
        house.Clock.Advance(TimeSpan.FromHours(12));
        var fresh = await house.EnterAsync(user);
        house.Sessions.Sweep();
        Assert.Equal(11, await house.StoredAsync(Sessions.ObjectKind));
        house.Sessions.Sweep();
        Assert.Equal(1, await house.StoredAsync(Sessions.ObjectKind));
        Assert.NotNull(house.Sessions.Find(fresh));
    }
}
