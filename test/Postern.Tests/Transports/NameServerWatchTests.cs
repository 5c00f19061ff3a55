using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Transports;

namespace Postern.Tests.Transports;

public sealed class NameServerWatchTests
{
    readonly FakeTimeProvider clock = new();
    readonly Channel<TaskCompletionSource> roots = Channel.CreateUnbounded<TaskCompletionSource>();
    readonly NameServerWatch watch;

    public NameServerWatchTests() => watch = new NameServerWatch(
        cancel =>
        {
            var root = new TaskCompletionSource();
            cancel.Register(() => root.TrySetCanceled(cancel));
            roots.Writer.TryWrite(root);
            return root.Task;
        },
        clock);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A question that nobody answers.</summary>
    Task<int> AskInVainAsync() => watch.AskAsync(
        cancel =>
        {
            var answer = new TaskCompletionSource<int>();
            cancel.Register(() => answer.TrySetCanceled(cancel));
            return answer.Task;
        },
        Cancel);

    ValueTask<TaskCompletionSource> RootAsync() => roots.Reader.ReadAsync(Cancel);

    /// <summary>Until the question about the root has ended as it does when nobody answers.</summary>
    async Task BecomeSilentAsync()
    {
        var waiting = AskInVainAsync();
        clock.Advance(NameServerWatch.DoubtAfter);
        var root = await RootAsync();
        root.TrySetException(new TimeoutException());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Name_WithoutAnAnswer_SaysNothingOfOthers_WhereTheRootIsAnswered()
    {
        var waiting = AskInVainAsync();
        clock.Advance(NameServerWatch.DoubtAfter);
        (await RootAsync()).SetResult();
        Assert.False(watch.IsSilent());
        Assert.Equal(1, await watch.AskAsync(_ => Task.FromResult(1), Cancel));
        Assert.False(waiting.IsCompleted);
    }

    [Fact]
    public async Task Root_WithoutAnAnswer_EndsAllThatWait()
    {
        var others = new[] { AskInVainAsync(), AskInVainAsync() };
        await BecomeSilentAsync();
        foreach (var other in others)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => other);
        Assert.True(watch.IsSilent());
    }

    [Fact]
    public async Task Silence_IsOverWithTheFirstAnswer_AndTheRootIsAskedOnceASecond()
    {
        await BecomeSilentAsync();
        Assert.True(watch.IsSilent());
        Assert.Equal(0, roots.Reader.Count);
        clock.Advance(NameServerWatch.RootEvery);
        Assert.True(watch.IsSilent());
        Assert.True(watch.IsSilent());
        (await RootAsync()).SetResult();
        while (watch.IsSilent())
            await Task.Yield();
        Assert.Equal(0, roots.Reader.Count);
        Assert.Equal(1, await watch.AskAsync(_ => Task.FromResult(1), Cancel));
    }

    [Fact]
    public async Task Root_ThatTakesTooLong_IsNoAnswer()
    {
        var waiting = AskInVainAsync();
        clock.Advance(NameServerWatch.DoubtAfter);
        await RootAsync();
        while (!waiting.IsCompleted)
        {
            clock.Advance(NameServerWatch.RootMax);
            await Task.Yield();
        }
        Assert.True(watch.IsSilent());
    }
}
