using System.Web;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports.Claims;
using Postern.Tests.Doubles;

namespace Postern.Tests.Transports.Claims;

public sealed class ClaimLinksTests
{
    static readonly QueueId id = new(1_000_000);

    readonly FakeTimeProvider clock = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Link_IsGoodUntilItsEnd()
    {
        var links = await OpenAsync(new MemoryStore());
        var claim = links.Make("https://mx.example.org/claims/", id, TimeSpan.FromDays(7))!;
        Assert.StartsWith(
            "https://mx.example.org/claims/000000000YGJ0.eml?expires=1700604800&signature=", claim.Address,
            StringComparison.Ordinal);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_700_604_800), claim.ExpiresAt);
        Assert.Equal(ClaimRight.Good, Judge(links, id, claim.Address));
        clock.Advance(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1));
        Assert.Equal(ClaimRight.Good, Judge(links, id, claim.Address));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(ClaimRight.Expired, Judge(links, id, claim.Address));
    }

    [Fact]
    public async Task Link_WithAnythingChanged_IsNotOurs()
    {
        var links = await OpenAsync(new MemoryStore());
        var query = QueryOf(links.Make("https://mx.example.org/claims", id, TimeSpan.FromDays(7))!.Address);
        Assert.Equal(ClaimRight.None, links.Judge(new QueueId(1_000_001), query.Expires, query.Signature));
        foreach (var expires in (string[])["", "1700604801", "01700604800", "+1700604800", " 1700604800",
            "9999999999999", "99999999999999999999", "x"])
            Assert.Equal(ClaimRight.None, links.Judge(id, expires, query.Signature));
        for (var i = 0; i < query.Signature.Length; i++)
        {
            var forged = query.Signature.ToCharArray();
            forged[i] = forged[i] == 'A' ? 'B' : 'A';
            Assert.Equal(ClaimRight.None, links.Judge(id, query.Expires, new string(forged)));
        }
        foreach (var signature in (string[])["", query.Signature[..^1], query.Signature + "A"])
            Assert.Equal(ClaimRight.None, links.Judge(id, query.Expires, signature));
    }

    [Fact]
    public async Task Key_IsThatOfTheStore()
    {
        var disk = new MemoryDisk();
        string address;
        await using (var store = new MemoryStore(disk))
            address = (await OpenAsync(store)).Make("https://x.example", id, TimeSpan.FromDays(1))!.Address;
        await using var same = new MemoryStore(disk);
        Assert.Equal(ClaimRight.Good, Judge(await OpenAsync(same), id, address));
        await using var other = new MemoryStore();
        Assert.Equal(ClaimRight.None, Judge(await OpenAsync(other), id, address));
    }

    [Fact]
    public async Task Key_ThatCannotBeStored_SignsNothing()
    {
        await using var store = new MemoryStore { Health = StoreHealth.Failed };
        var links = await OpenAsync(store);
        Assert.Null(links.Make("https://x.example", id, TimeSpan.FromDays(1)));
        Assert.False(links.IsOpen);
    }

    async Task<ClaimLinks> OpenAsync(MemoryStore store)
    {
        var links = new ClaimLinks(clock);
        await links.OpenAsync(store, Cancel);
        return links;
    }

    static ClaimRight Judge(ClaimLinks links, QueueId message, string address) =>
        links.Judge(message, QueryOf(address).Expires, QueryOf(address).Signature);

    static (string Expires, string Signature) QueryOf(string address)
    {
        var query = HttpUtility.ParseQueryString(new Uri(address).Query);
        return (query["expires"]!, query["signature"]!);
    }
}
