using System.Text;
using System.Text.Json;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Accounts;

public sealed class ApiKeysTests
{
    static readonly DateTimeOffset now = new(2026, 3, 26, 12, 59, 15, TimeSpan.Zero);

    static readonly PosternOptions options = new()
    {
        Api = new ApiOptions { Keys = [new Secret("env:A", "account")] },
        Domains = new Dictionary<string, DomainOptions>
        {
            ["a.example"] = new() { ApiKeys = [new Secret("env:B", "both"), new Secret("env:C", "only-a")] },
            ["B.example"] = new() { ApiKeys = [new Secret("env:B", "both")] },
        },
    };

    static async Task<ApiKeys> LoadAsync(params StoredKey[] stored)
    {
        await using var store = new MemoryStore(new MemoryDisk());
        var change = new StoreChange();
        change.Objects.AddRange(
            stored.Select((key, place) => ApiKeys.TableOf(store).Put($"id-{place}", key)));
        await store.CommitAsync(change);
        return await ApiKeys.LoadAsync(options, store, TestContext.Current.CancellationToken);
    }

    static StoredKey Key(
        string secret, KeyRole role, string? domain = null, DateTimeOffset? expiresAt = null) => new(
        Convert.ToBase64String(ApiKeys.HashOf(secret)), role, KeyKind.User, domain, "", now, expiresAt);

    static IReadOnlyList<KeyReach> Find(ApiKeys keys, string secret, TimeSpan later = default) =>
        keys.Find(Encoding.UTF8.GetBytes(secret), now + later);

    [Fact]
    public async Task Key_OfTheFile_OpensTheDomainsItStandsAt()
    {
        var keys = await LoadAsync();
        Assert.Equal(
            [new KeyReach.Domain("a.example"), new KeyReach.Domain("b.example")], Find(keys, "both"));
        Assert.Equal([new KeyReach.Domain("a.example")], Find(keys, "only-a"));
        Assert.Equal([new KeyReach.Account()], Find(keys, "account"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Account")]
    [InlineData("account ")]
    [InlineData("accoun")]
    public async Task Key_ThatIsNone_OpensNothing(string key) => Assert.Empty(Find(await LoadAsync(), key));

    [Fact]
    public async Task Role_OfAStoredKey_SaysWhatItOpens()
    {
        var keys = await LoadAsync(
            Key("1", KeyRole.Admin), Key("2", KeyRole.Developer), Key("3", KeyRole.Basic),
            Key("4", KeyRole.Sending, "a.example"), Key("5", KeyRole.Admin, "a.example"));
        Assert.Equal([new KeyReach.Account()], Find(keys, "1"));
        Assert.Equal([new KeyReach.Account()], Find(keys, "2"));
        Assert.Equal([new KeyReach.Reading()], Find(keys, "3"));
        Assert.Equal([new KeyReach.Sending("a.example")], Find(keys, "4"));
        Assert.Equal([new KeyReach.Sending("a.example")], Find(keys, "5"));
    }

    [Fact]
    public async Task Key_OpensNothing_FromTheMomentItExpires()
    {
        var keys = await LoadAsync(Key("1", KeyRole.Admin, expiresAt: now.AddSeconds(10)));
        Assert.NotEmpty(Find(keys, "1", TimeSpan.FromSeconds(9)));
        Assert.Empty(Find(keys, "1", TimeSpan.FromSeconds(10)));
    }

    public static TheoryData<KeyReach, string, KeyUse, bool> Reaches => new()
    {
        { new KeyReach.Account(), "a", KeyUse.Change, true },
        { new KeyReach.Reading(), "a", KeyUse.Read, true },
        { new KeyReach.Reading(), "a", KeyUse.Change, false },
        { new KeyReach.Reading(), "a", KeyUse.Send, false },
        { new KeyReach.Domain("a"), "a", KeyUse.Send, true },
        { new KeyReach.Domain("a"), "a", KeyUse.Change, true },
        { new KeyReach.Domain("a"), "b", KeyUse.Read, false },
        { new KeyReach.Sending("a"), "a", KeyUse.Send, true },
        { new KeyReach.Sending("a"), "a", KeyUse.Read, false },
        { new KeyReach.Sending("a"), "b", KeyUse.Send, false },
    };

    [Theory]
    [MemberData(nameof(Reaches), DisableDiscoveryEnumeration = true)]
    public void Reach_OpensADomain(KeyReach reach, string domain, KeyUse use, bool opens) =>
        Assert.Equal(opens, reach.Opens(domain, use));

    [Fact]
    public void Reach_OfADomain_OpensNothingOfTheAccount()
    {
        Assert.False(new KeyReach.Domain("a").OpensAccount(KeyUse.Read));
        Assert.False(new KeyReach.Sending("a").OpensAccount(KeyUse.Send));
        Assert.False(new KeyReach.Reading().OpensAccount(KeyUse.Change));
    }

    [Fact]
    public async Task Hash_ThatIsDamaged_IsNoKey() => await Assert.ThrowsAsync<JsonException>(
        () => LoadAsync(Key("1", KeyRole.Admin) with { Hash = "AAAA" }));

    [Fact]
    public void Secret_ThatIsMade_HasItsIdAtTheEndAnd128BitsBefore()
    {
        var (id, secret) = ApiKeys.Create();
        Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{8}$", id);
        Assert.Matches($"^[0-9a-f]{{32}}-{id}$", secret);
        Assert.NotEqual(secret, ApiKeys.Create().Secret);
    }
}
