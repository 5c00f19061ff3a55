using System.Text;
using Postern.Dashboard;
using Postern.Mta.Accounts;

namespace Postern.Tests.Dashboard;

public sealed class LoginLinksTests : IAsyncLifetime
{
    readonly DashboardHouse house = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Link_SignsInOnce_AndLookingAtItUsesNothingUp()
    {
        var (token, _) = await house.Links.CreateFirstAsync(Cancel);
        Assert.IsType<LinkTarget.First>(await house.Links.FindAsync(token, Cancel));
        Assert.IsType<LinkTarget.First>(await house.Links.RedeemAsync(token, Cancel));
        Assert.Null(await house.Links.FindAsync(token, Cancel));
        Assert.Null(await house.Links.RedeemAsync(token, Cancel));
    }

    [Fact]
    public async Task Link_ShownByManyAtOnce_SignsInOne()
    {
        var (token, _) = await house.Links.CreateFirstAsync(Cancel);
        var targets = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            Task.Run(() => house.Links.RedeemAsync(token, Cancel).AsTask(), Cancel)));
        Assert.Single(targets, target => target is not null);
    }

    [Fact]
    public async Task Link_HoldsForADay()
    {
        var (early, _) = await house.Links.CreateFirstAsync(Cancel);
        house.Clock.Advance(LoginLinks.Lifetime - TimeSpan.FromSeconds(1));
        Assert.NotNull(await house.Links.FindAsync(early, Cancel));
        house.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await house.Links.RedeemAsync(early, Cancel));
    }

    [Fact]
    public async Task FirstLink_OfANewStart_EndsTheOneBefore()
    {
        var (before, _) = await house.Links.CreateFirstAsync(Cancel);
        var (token, _) = await house.Links.CreateFirstAsync(Cancel);
        Assert.Null(await house.Links.FindAsync(before, Cancel));
        Assert.NotNull(await house.Links.FindAsync(token, Cancel));
        await house.Links.EndFirstAsync(Cancel);
        Assert.Equal(0, await house.StoredAsync(LoginLinks.ObjectKind));
    }

    [Fact]
    public async Task FirstLink_OnceThereIsAnAdmin_IsWorthNothing()
    {
        var (token, _) = await house.Links.CreateFirstAsync(Cancel);
        await house.AddAsync("alice", OperatorRole.Admin);
        Assert.Null(await house.Links.RedeemAsync(token, Cancel));
    }

    [Fact]
    public async Task Link_OfAUser_EndsWithHisPasswordAndWithHim()
    {
        var alice = await house.AddAsync("alice", OperatorRole.Admin);
        var (token, _) = await house.Links.CreateAsync(alice, Cancel);
        Assert.Equal(
            "alice", Assert.IsType<LinkTarget.ForUser>(await house.Links.FindAsync(token, Cancel)).User.Name);
        await house.Users.ChangePasswordAsync("alice", DashboardHouse.Verifier, Cancel);
        Assert.Null(await house.Links.RedeemAsync(token, Cancel));
        Assert.True(house.Users.TryFind("alice", out alice));
        (token, _) = await house.Links.CreateAsync(alice, Cancel);
        await house.Users.RemoveAsync("alice", Cancel);
        Assert.Null(await house.Links.RedeemAsync(token, Cancel));
    }

    [Fact]
    public async Task Token_Has128Bits_AndIsNeverStored()
    {
        var (token, _) = await house.Links.CreateFirstAsync(Cancel);
        Assert.Matches("^[0-9a-f]{32}$", token);
        var stored = Assert.Single(await house.Store.ReadObjectsAsync(LoginLinks.ObjectKind, Cancel));
        Assert.DoesNotContain(
            token, stored.Name + Encoding.UTF8.GetString(stored.Json.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_BeyondTheirNumber_PushOutTheOneThatEndsFirst()
    {
        var alice = await house.AddAsync("alice", OperatorRole.Admin);
        var (first, _) = await house.Links.CreateAsync(alice, Cancel);
        house.Clock.Advance(TimeSpan.FromSeconds(1));
        for (var i = 1; i <= LoginLinks.LinksMax; i++)
            await house.Links.CreateAsync(alice, Cancel);
        Assert.Null(await house.Links.FindAsync(first, Cancel));
        Assert.Equal(LoginLinks.LinksMax, await house.StoredAsync(LoginLinks.ObjectKind));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("' or 1=1")]
    public async Task Token_NobodyWasGiven_SignsInNobody(string token)
    {
        await house.Links.CreateFirstAsync(Cancel);
        Assert.Null(await house.Links.FindAsync(token, Cancel));
        Assert.Null(await house.Links.RedeemAsync(token, Cancel));
    }
}
