using Postern.Api;
using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Api;

public sealed class EventReaderTests : IAsyncDisposable
{
    /// <summary>What finds the last place by halving may take, and a few pages.</summary>
    const int ReadsMax = 100;

    readonly MemoryStore store = new() { EventReadsMax = ReadsMax };

    public ValueTask DisposeAsync() => store.DisposeAsync();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task CommitAsync(int events)
    {
        var change = new StoreChange();
        for (var number = 0; number < events; number++)
            change.Events.Add(new MailEvent
            {
                Kind = EventKind.Operated,
                At = Sample.Start + TimeSpan.FromSeconds(number),
                Actor = "ann",
                Why = "POST reload",
            });
        await store.CommitAsync(change);
    }

    async Task<long[]> DownAsync(long before)
    {
        var places = new List<long>();
        await foreach (var stored in new EventReader(store).DownAsync(before, Cancel))
            places.Add(stored.Seq);
        return [.. places];
    }

    [Theory]
    [InlineData(long.MinValue, 0)]
    [InlineData(-1, 0)]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(2501, 2500)]
    [InlineData(2502, 2500)]
    [InlineData(5000, 2500)]
    [InlineData(long.MaxValue, 2500)]
    public async Task Down_FromAnyNumber_ReadsWhatIsBeforeIt_AndEnds(long before, int last)
    {
        await CommitAsync(2500);
        Assert.Equal(Enumerable.Range(1, last).Reverse().Select(seq => (long)seq), await DownAsync(before));
    }

    [Fact]
    public async Task Down_OfAnEmptyStore_Ends() => Assert.Empty(await DownAsync(long.MaxValue));

    [Fact]
    public async Task Down_WhereWhatCameFirstIsGone_DoesNotLookForIt()
    {
        const int all = 200 * 1000;
        await CommitAsync(all);
        await store.SweepAsync(Sample.Start, Sample.Start + TimeSpan.FromSeconds(all - 3), Cancel);
        var places = await DownAsync(all + 1);
        Assert.Equal([all, all - 1, all - 2], places);
    }
}
