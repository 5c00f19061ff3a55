using Microsoft.Extensions.Time.Testing;
using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

/// <summary>Users, sessions and links on a store in memory, by a clock that is moved by hand.</summary>
sealed class DashboardHouse : IAsyncDisposable
{
    public static readonly PasswordVerifier Verifier = new(new byte[16], 10, new byte[32]);

    public DashboardHouse()
    {
        Users = new UserDirectory(Store, PutAsync, Clock);
        Links = new LoginLinks(Store, PutAsync, Users, Clock);
        Sessions = NewSessions();
    }

    public MemoryStore Store { get; } = new();

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));

    public DashboardOptions Options { get; set; } = new();

    public UserDirectory Users { get; }
    public LoginLinks Links { get; }
    public Sessions Sessions { get; }

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>As the next process has them, before they are loaded.</summary>
    public Sessions NewSessions() => new(Store, PutAsync, Post, Users, () => Options, Clock);

    public async ValueTask PutAsync(IReadOnlyList<ObjectChange> changes)
    {
        var change = new StoreChange();
        change.Objects.AddRange(changes);
        await Store.CommitAsync(change);
    }

    void Post(IReadOnlyCollection<ObjectChange> changes)
    {
        var change = new StoreChange();
        change.Objects.AddRange(changes);
        Store.Post(change);
    }

    public async ValueTask<User> AddAsync(string name, OperatorRole role)
    {
        Assert.Equal(UserChange.Done, await Users.AddAsync(name, role, Verifier, Cancel));
        Assert.True(Users.TryFind(name, out var user));
        return user;
    }

    /// <returns>The token of his cookie.</returns>
    public ValueTask<string> EnterAsync(User user) =>
        Sessions.StartAsync(new SessionOwner.OfUser(user.Name, user.Generation), "192.0.2.1", earlier: null);

    /// <summary>How many objects of a kind are stored.</summary>
    public async ValueTask<int> StoredAsync(string kind) =>
        (await Store.ReadObjectsAsync(kind, Cancel)).Count;

    public static OidcOptions Oidc(params string[] readers) => new()
    {
        Issuer = "https://id.example.org",
        ClientId = "postern",
        Admins = [AddressPattern.Parse("alice@example.org")],
        Readers = [.. readers.Select(AddressPattern.Parse)],
    };

    public async ValueTask DisposeAsync()
    {
        Links.Dispose();
        Users.Dispose();
        await Store.DisposeAsync();
    }
}
