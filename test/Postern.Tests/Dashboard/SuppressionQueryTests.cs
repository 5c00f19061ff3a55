using Postern.Dashboard;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class SuppressionQueryTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;

    readonly MailHall hall = new();

    ObjectTable<Suppression> Entries => hall.Queue.Suppressions.Entries;

    /// <summary>Two domains of which one begins like the other, and the list of all; 15 entries.</summary>
    public async ValueTask InitializeAsync()
    {
        foreach (var domain in (string[])["a.com", "a.com.au", "*"])
        {
            foreach (var kind in (SuppressionKind[])[SuppressionKind.Bounce, SuppressionKind.Complaint])
                await hall.Queue.SuppressAsync(
                    domain, kind, [Entry("ann@net.example"), Entry("bob@net.example")], None);
            await hall.Queue.SuppressAsync(domain, SuppressionKind.Allow, [Entry("net.example")], None);
        }
    }

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    static Named<Suppression> Entry(string address) =>
        new(address, new Suppression { Since = MailHall.Start });

    static SuppressionQuery Query(string domain = "", string kind = "", string address = "") =>
        SuppressionQuery.TryRead(
            name => name switch { "domain" => domain, "kind" => kind, _ => address }, out var query)
            ? query : throw new FormatException();

    async Task<List<string>> AllAsync(SuppressionQuery query, int limit)
    {
        var names = new List<string>();
        string? after = null;
        do
        {
            var page = await query.ReadAsync(Entries, after, limit, None);
            Assert.InRange(page.Entries.Count, 1, limit);
            names.AddRange(page.Entries.Select(entry => entry.Name));
            after = page.Next;
        }
        while (after is not null);
        return names;
    }

    [Theory]
    [InlineData("", "", "", 15)]
    [InlineData("a.com", "", "", 5)]
    [InlineData("A.COM", "", "", 5)]
    [InlineData("*", "", "", 5)]
    [InlineData("", "complaint", "", 6)]
    [InlineData("", "", "ann", 6)]
    [InlineData("", "", "ANN@", 6)]
    [InlineData("a.com.au", "bounce", "bob@net.example", 1)]
    public async Task Pages_HaveEveryEntryThatFits_Once(
        string domain, string kind, string address, int expected)
    {
        var query = Query(domain, kind, address);
        foreach (var limit in (int[])[1, 2, 4, 50])
        {
            var names = await AllAsync(query, limit);
            Assert.Equal(expected, names.Distinct().Count());
            Assert.Equal(expected, names.Count);
            Assert.Equal(names.Order(StringComparer.Ordinal), names);
        }
    }

    [Fact]
    public async Task Export_HasAllPages()
    {
        var names = new List<string>();
        await foreach (var entry in Query().AllAsync(Entries, None))
            names.Add(entry.Name);
        Assert.Equal(15, names.Distinct().Count());
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("1")]
    [InlineData("bounce,complaint")]
    public void Kind_ThatIsNone_IsNotRead(string kind) => Assert.False(
        SuppressionQuery.TryRead(name => name == "kind" ? kind : "", out _));

    [Fact]
    public void Text_ReadsBackToTheSame() => Assert.Equal(
        "domain=a.com&kind=bounce&address=x%2By@z.example",
        Query("a.com", "bounce", "x+y@z.example").Text);
}
