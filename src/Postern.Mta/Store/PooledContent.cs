using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Mta.Store;

/// <summary>
/// Content in memory, in pooled segments of 16 KiB; grows at its end until it is handed on.
/// </summary>
/// <remarks>
/// Segments go back exactly once: when it is disposed and no reader is open. Whoever appends does so alone;
/// reading may begin after the last append. What a reader or <see cref="TryGetMemory"/> gave is not to be
/// touched afterwards.
/// </remarks>
public sealed class PooledContent : StoredContent
{
    public const int SegmentOctets = 16 << 10;

    readonly MemoryBudget? budget;
    readonly Lock gate = new();
    Segment? first;
    Segment? last;
    long length;
    long charged;
    int readers;
    bool disposed;

    /// <param name="budget">Pays for the segments. Null: nobody counts them.</param>
    public PooledContent(MemoryBudget? budget = null) => this.budget = budget;

    public override long Octets => length;

    /// <summary>Copies octets to the end, beyond the budget where it must be.</summary>
    public void Append(ReadOnlySpan<byte> more)
    {
        var growth = GrowthOf(more.Length);
        if (growth > 0)
            budget?.TakeRegardless(growth);
        Copy(more, growth);
    }

    /// <summary>
    /// Copies octets to the end. False: the budget has not enough left, and nothing was copied.
    /// </summary>
    public bool TryAppend(ReadOnlySpan<byte> more)
    {
        var growth = GrowthOf(more.Length);
        if (growth > 0 && budget?.TryTake(growth) == false)
            return false;
        Copy(more, growth);
        return true;
    }

    /// <summary>Copies octets to the end as soon as the budget allows.</summary>
    public async ValueTask AppendAsync(ReadOnlyMemory<byte> more, CancellationToken cancel)
    {
        var growth = GrowthOf(more.Length);
        if (growth > 0 && budget is not null)
            await budget.TakeAsync(growth, cancel).ConfigureAwait(false);
        Copy(more.Span, growth);
    }

    public override bool TryGetMemory(out ReadOnlySequence<byte> octets)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        octets = first is null ? default : new ReadOnlySequence<byte>(first, 0, last!, last!.Used);
        return true;
    }

    public override PipeReader OpenReader()
    {
        lock (gate)
        {
            TryGetMemory(out var memory);
            readers++;
            return new Reader(this, PipeReader.Create(memory));
        }
    }

    public override void Dispose()
    {
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            if (readers == 0)
                Return();
        }
    }

    /// <summary>What an append of so many octets would take from the budget.</summary>
    public long GrowthOf(int more)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var over = more - (last is null ? 0 : SegmentOctets - last.Used);
        return over <= 0 ? 0 : ((over + SegmentOctets - 1L) / SegmentOctets) * SegmentOctets;
    }

    void Copy(ReadOnlySpan<byte> more, long growth)
    {
        charged += growth;
        while (!more.IsEmpty)
        {
            if (last is null || last.Used == SegmentOctets)
            {
                var next = new Segment(ArrayPool<byte>.Shared.Rent(SegmentOctets));
                last?.Link(next);
                first ??= next;
                last = next;
            }
            var count = last.Fill(more);
            more = more[count..];
            length += count;
        }
    }

    void CloseReader()
    {
        lock (gate)
        {
            if (--readers == 0 && disposed)
                Return();
        }
    }

    void Return()
    {
        for (var segment = first; segment is not null; segment = segment.Following)
            ArrayPool<byte>.Shared.Return(segment.Array);
        first = last = null;
        if (charged > 0)
            budget?.Return(charged);
        charged = 0;
    }

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] array)
        {
            Array = array;
            Memory = array.AsMemory(0, 0);
        }

        public byte[] Array { get; }
        public int Used { get; private set; }
        public Segment? Following => (Segment?)Next;

        public int Fill(ReadOnlySpan<byte> more)
        {
            var count = Math.Min(more.Length, SegmentOctets - Used);
            more[..count].CopyTo(Array.AsSpan(Used));
            Used += count;
            Memory = Array.AsMemory(0, Used);
            return count;
        }

        public void Link(Segment next)
        {
            next.RunningIndex = RunningIndex + Used;
            Next = next;
        }
    }

    /// <summary>Keeps the segments until it is completed.</summary>
    sealed class Reader(PooledContent owner, PipeReader inner) : PipeReader
    {
        bool completed;

        public override bool TryRead(out ReadResult result) => inner.TryRead(out result);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            inner.ReadAsync(cancellationToken);

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) =>
            inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
            if (completed)
                return;
            completed = true;
            inner.Complete(exception);
            owner.CloseReader();
        }
    }
}
