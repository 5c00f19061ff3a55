using Postern.Mta.Store;

namespace Postern.Tests.Mta.Store;

public sealed class MemoryBudgetTests
{
    [Fact]
    public async Task Take_BeyondWhatIsLeft_WaitsInTurn()
    {
        var budget = new MemoryBudget(10);
        Assert.True(budget.TryTake(8));
        var first = budget.TakeAsync(5, CancellationToken.None).AsTask();
        var second = budget.TakeAsync(1, CancellationToken.None).AsTask();
        Assert.False(budget.TryTake(1));
        Assert.False(second.IsCompleted);
        budget.Return(8);
        await first;
        await second;
        Assert.Equal(4, budget.FreeOctets);
    }

    [Fact]
    public async Task Cancel_OfTheFirst_LetsTheNextGo()
    {
        var budget = new MemoryBudget(10);
        Assert.True(budget.TryTake(8));
        using var cancel = new CancellationTokenSource();
        var first = budget.TakeAsync(5, cancel.Token).AsTask();
        var second = budget.TakeAsync(2, CancellationToken.None).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<TaskCanceledException>(() => first);
        await second;
        Assert.Equal(0, budget.FreeOctets);
    }
}
