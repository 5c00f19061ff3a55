using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

public sealed class MemoryStoreTests : StoreContract
{
    readonly MemoryDisk disk = new();

    protected override IMailStore Open() => new MemoryStore(disk);

    [Fact]
    public async Task Crash_ForgetsWhatWasHeldAndNothingElse()
    {
        var store = (MemoryStore)Store;
        await store.CommitAsync(Accept(1));
        store.Holds = HeldChanges.All;
        var lost = store.CommitAsync(Accept(2)).AsTask();
        store.Crash();
        Assert.False(lost.IsCompleted);
        await using var next = new MemoryStore(disk);
        Assert.Equal(1, Assert.Single(
            (await next.ListAsync(QueueFilter.All, default, 9, None)).Messages).Message.Id.Value);
    }

    [Fact]
    public async Task FailNext_Failed_IsForGood()
    {
        var store = (MemoryStore)Store;
        store.FailNext(StoreHealth.Failed);
        await RefusedAsync(store, Accept(1));
        await RefusedAsync(store, Tell(Event(1, EventKind.Held)));
        Assert.Equal(StoreHealth.Failed, store.Health);
    }
}
