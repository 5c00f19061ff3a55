using System.Buffers;
using Postern.Mta.Store;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

public sealed class PooledContentTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(16_384)]
    [InlineData(50_000)]
    public async Task Append_InPiecesOfAnySize_GivesTheOctetsInOrder(int piece)
    {
        var octets = Enumerable.Range(0, 40_000).Select(i => (byte)(i % 251)).ToArray();
        using var content = new PooledContent();
        for (var at = 0; at < octets.Length; at += piece)
            content.Append(octets.AsSpan(at, Math.Min(piece, octets.Length - at)));

        Assert.Equal(40_000, content.Octets);
        Assert.True(content.TryGetMemory(out var memory));
        Assert.Equal(octets, memory.ToArray());
        Assert.Equal(octets, (await ReadTextAsync(content)).Select(c => (byte)c));
    }

    [Fact]
    public void TryAppend_BeyondTheBudget_CopiesNothing()
    {
        var budget = new MemoryBudget(2 * PooledContent.SegmentOctets);
        using var content = new PooledContent(budget);
        Assert.True(content.TryAppend(new byte[PooledContent.SegmentOctets + 1]));
        Assert.False(content.TryAppend(new byte[PooledContent.SegmentOctets]));
        Assert.Equal(PooledContent.SegmentOctets + 1, content.Octets);
        Assert.True(content.TryAppend(new byte[PooledContent.SegmentOctets - 1]));
        Assert.Equal(0, budget.FreeOctets);
    }

    [Fact]
    public void Dispose_Twice_GivesTheBudgetBackOnce()
    {
        var budget = new MemoryBudget(1 << 20);
        var content = new PooledContent(budget);
        content.Append(new byte[100]);
        content.Dispose();
        content.Dispose();
        Assert.Equal(1 << 20, budget.FreeOctets);
    }

    [Fact]
    public void Dispose_WhileAReaderIsOpen_WaitsForItsEnd()
    {
        var budget = new MemoryBudget(1 << 20);
        var content = new PooledContent(budget);
        content.Append(new byte[100]);
        var reader = content.OpenReader();
        content.Dispose();
        Assert.True(reader.TryRead(out var result));
        Assert.Equal(100, result.Buffer.Length);
        Assert.NotEqual(1 << 20, budget.FreeOctets);
        reader.Complete();
        reader.Complete();
        Assert.Equal(1 << 20, budget.FreeOctets);
    }

    [Fact]
    public void Use_AfterDispose_Throws()
    {
        var content = new PooledContent();
        content.Dispose();
        Assert.Throws<ObjectDisposedException>(() => content.TryGetMemory(out _));
        Assert.Throws<ObjectDisposedException>(content.OpenReader);
        Assert.Throws<ObjectDisposedException>(() => content.Append("x"u8));
    }
}
