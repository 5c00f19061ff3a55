using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class QueueTotalsTests
{
    static async Task<IReadOnlyList<QueueTotal>> CountAsync(
        MailHall hall, QueueGroup by, QueueFilter? filter = null)
    {
        var totals = new QueueTotals(filter ?? QueueFilter.All, by, hall.Clock.GetUtcNow());
        var page = await hall.Store.ListAsync(
            filter ?? QueueFilter.All, default, 100, CancellationToken.None);
        foreach (var stored in page.Messages)
            totals.Add(stored);
        return totals.Rows;
    }

    static long[] Column(int index, long count)
    {
        var columns = new long[QueueTotals.AgesMinutes.Count + 1];
        columns[index] = count;
        return columns;
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 0)]
    [InlineData(5.01, 1)]
    [InlineData(1280, 8)]
    [InlineData(1281, 9)]
    public async Task Age_DecidesTheColumn(double minutes, int column)
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("a@one.net", "b@one.net");
        await hall.RunAsync();
        hall.Clock.Advance(TimeSpan.FromMinutes(minutes));
        var row = Assert.Single(await CountAsync(hall, QueueGroup.Lane));
        Assert.Equal(("relay", 2), (row.Name, row.Total));
        Assert.Equal(Column(column, 2), row.ByAge);
    }

    [Fact]
    public async Task Groups_AreLargestFirst_AndTheFilterMeansRecipients()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("one", to: ["*@one.net"], via: ["first"]), Route("two")));
        foreach (var way in (string[])["first", "relay"])
            hall.Ways[way].Otherwise = Results.Greylisted;
        await hall.AcceptAsync("a@one.net", "b@two.net", "c@two.net");
        await hall.AcceptAsync(hall.Letter(""), "d@two.net!");
        await hall.RunAsync();
        async Task<string> Names(QueueGroup by, QueueFilter? filter = null) => string.Join(
            ' ', (await CountAsync(hall, by, filter)).Select(row => $"{row.Name}={row.Total}"));
        Assert.Equal("relay=3 first=1", await Names(QueueGroup.Lane));
        Assert.Equal("relay=3 first=1", await Names(QueueGroup.Transport));
        Assert.Equal("two=3 one=1", await Names(QueueGroup.Route));
        Assert.Equal("example.org=3 <>=1", await Names(QueueGroup.Sender));
        Assert.Equal("two.net=3 one.net=1", await Names(QueueGroup.Recipient));
        Assert.Equal("two.net=1", await Names(
            QueueGroup.Recipient, new QueueFilter { State = RecipientState.Held }));
        Assert.Equal("one.net=1", await Names(
            QueueGroup.Recipient, new QueueFilter { Recipient = "*@one.net" }));
    }

    [Fact]
    public async Task DoneOnes_CountWhereTheyAreAskedFor()
    {
        await using var hall = new MailHall();
        hall.Relay.AnswerEach(Results.Relayed, Results.Greylisted);
        await hall.AcceptAsync("a@one.net", "b@one.net");
        await hall.RunAsync();
        Assert.Equal(1, Assert.Single(await CountAsync(hall, QueueGroup.Lane)).Total);
        var done = new QueueFilter { State = RecipientState.Done };
        Assert.Equal(1, Assert.Single(await CountAsync(hall, QueueGroup.Lane, done)).Total);
    }

    [Fact]
    public async Task TooManyGroups_AreCountedTogether()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        var totals = new QueueTotals(QueueFilter.All, QueueGroup.Recipient, Start);
        await hall.AcceptAsync("a@one.net");
        var stored = (await hall.Store.ListAsync(QueueFilter.All, default, 1, CancellationToken.None))
            .Messages[0];
        for (var i = 0; i < 10_010; i++)
            totals.Add(stored with
            {
                Recipients = [stored.Recipients[0] with { Address = Mailbox($"a@d{i}.net") }],
            });
        Assert.Equal(10_001, totals.Rows.Count);
        Assert.Equal(("(others)", 10), (totals.Rows[0].Name, totals.Rows[0].Total));
    }
}
