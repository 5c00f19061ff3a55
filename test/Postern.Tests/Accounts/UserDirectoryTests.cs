using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Accounts;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Accounts;

public sealed class UserDirectoryTests : IAsyncLifetime
{
    static readonly PasswordVerifier verifier = new(new byte[16], 10, new byte[32]);

    readonly MemoryStore store = new();
    readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
    readonly UserDirectory users;

    public UserDirectoryTests() => users = New();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    UserDirectory New() => new(store, PutAsync, clock);

    async ValueTask PutAsync(IReadOnlyList<ObjectChange> changes)
    {
        var change = new StoreChange();
        change.Objects.AddRange(changes);
        await store.CommitAsync(change);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        users.Dispose();
        await store.DisposeAsync();
    }

    Task<UserChange> AddAsync(string name, OperatorRole role) =>
        users.AddAsync(name, role, verifier, Cancel).AsTask();

    User Find(string name)
    {
        Assert.True(users.TryFind(name, out var user));
        return user;
    }

    [Fact]
    public async Task User_IsThereAgainAfterAStart()
    {
        Assert.Equal(UserChange.Done, await AddAsync("\uc724", OperatorRole.Operator));
        Assert.Equal(UserChange.Done, await users.AddAsync("bob", OperatorRole.Reader, null, Cancel));
        using var next = New();
        await next.LoadAsync(Cancel);
        Assert.Equal(["bob", "\uc724"], next.All.Select(user => user.Name));
        Assert.True(next.TryFind("\uc724", out var found));
        Assert.Equal((OperatorRole.Operator, clock.GetUtcNow()), (found.Role, found.Since));
        Assert.Equal(verifier.Salt.ToArray(), found.Password!.Salt.ToArray());
        Assert.Equal(verifier.Rounds, found.Password.Rounds);
        Assert.Null(next.All.First().Password);
    }

    [Fact]
    public async Task Name_ThatIsTaken_IsRefused()
    {
        await AddAsync("alice", OperatorRole.Admin);
        Assert.Equal(UserChange.IsThere, await AddAsync("alice", OperatorRole.Reader));
        Assert.Equal(OperatorRole.Admin, Find("alice").Role);
    }

    [Fact]
    public async Task LastAdmin_StaysWhileThereIsAnybodyElse()
    {
        await AddAsync("alice", OperatorRole.Admin);
        await AddAsync("bob", OperatorRole.Reader);
        Assert.Equal(UserChange.LastAdmin, await users.RemoveAsync("alice", Cancel));
        Assert.Equal(
            UserChange.LastAdmin, await users.ChangeRoleAsync("alice", OperatorRole.Operator, Cancel));
        Assert.Equal(UserChange.Done, await users.RemoveAsync("bob", Cancel));
        Assert.Equal(UserChange.Done, await users.RemoveAsync("alice", Cancel));
        Assert.False(users.HasAdmin);
    }

    [Fact]
    public async Task Admin_WhoIsNotTheLast_MayGo()
    {
        await AddAsync("alice", OperatorRole.Admin);
        await AddAsync("bob", OperatorRole.Admin);
        Assert.Equal(UserChange.Done, await users.RemoveAsync("alice", Cancel));
        Assert.True(users.HasAdmin);
    }

    [Fact]
    public async Task Generation_RisesWithPasswordAndRole_AlsoWithinOneMillisecond()
    {
        await AddAsync("alice", OperatorRole.Admin);
        await AddAsync("bob", OperatorRole.Reader);
        var first = Find("bob").Generation;
        await users.ChangePasswordAsync("bob", verifier, Cancel);
        var second = Find("bob").Generation;
        await users.ChangeRoleAsync("bob", OperatorRole.Operator, Cancel);
        Assert.True(first < second && second < Find("bob").Generation);
    }

    [Fact]
    public async Task User_WhoComesBackUnderHisName_HasANewGeneration()
    {
        await AddAsync("alice", OperatorRole.Admin);
        var before = Find("alice").Generation;
        await users.RemoveAsync("alice", Cancel);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await AddAsync("alice", OperatorRole.Admin);
        Assert.True(before < Find("alice").Generation);
    }

    [Fact]
    public async Task FirstAdmin_IsMadeOnce()
    {
        await AddAsync("bob", OperatorRole.Reader);
        Assert.Equal(UserChange.Done, await users.AddFirstAsync("alice", verifier, Cancel));
        Assert.Equal(UserChange.IsThere, await users.AddFirstAsync("mallory", verifier, Cancel));
    }

    [Fact]
    public async Task User_WhoIsNotThere_IsUnknown()
    {
        Assert.Equal(UserChange.Unknown, await users.RemoveAsync("nobody", Cancel));
        Assert.Equal(UserChange.Unknown, await users.ChangePasswordAsync("nobody", verifier, Cancel));
        Assert.Equal(
            UserChange.Unknown, await users.ChangeRoleAsync("nobody", OperatorRole.Reader, Cancel));
    }

    [Fact]
    public async Task Change_ThatIsNotStored_IsNone()
    {
        store.FailNext(StoreHealth.Full);
        await Assert.ThrowsAsync<StoreException>(() => AddAsync("alice", OperatorRole.Admin));
        Assert.Empty(users.All);
    }

    [Theory]
    [InlineData("alice", "alice")]
    [InlineData("alice@example.org", "alice@example.org")]
    [InlineData("\u1112\u1161\u11ab", "\ud55c")]
    public void Name_IsKeptInOneForm(string typed, string kept)
    {
        Assert.True(UserDirectory.TryReadName(typed, out var name, out _));
        Assert.Equal(kept, name);
    }

    [Fact]
    public void Name_WithHalfACharacter_IsRefused() =>
        Assert.False(UserDirectory.TryReadName("al" + (char)0xd800 + "ice", out _, out _));

    [Theory]
    [InlineData("")]
    [InlineData(" alice")]
    [InlineData("al\u0007ice")]
    [InlineData("al\u202eice")]
    [InlineData("first")]
    public void Name_ThatIsNone_IsRefused(string typed) =>
        Assert.False(UserDirectory.TryReadName(typed, out _, out _));
}
