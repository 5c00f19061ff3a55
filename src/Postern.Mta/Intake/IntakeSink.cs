using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>Makes content canonical while it arrives, keeps it in memory while it is small and in a file when
/// it is not.</summary>
/// <remarks>
/// A bare LF becomes CRLF, a bare CR is refused (DESIGN §9.3): what is stored holds line ends of one kind, so
/// no next hop can read an end of data where none was. From here on the octets never change.
/// </remarks>
sealed class IntakeSink(IMailStore store, QueueId id, MemoryBudget budget) : ContentSink
{
    /// <summary>Content up to this size, in octets, stays in the store (DESIGN §3).</summary>
    const int MemoryOctetsMax = 256 << 10;

    /// <summary>What is kept aside of a report: its notice stands before what it returns.</summary>
    const int HeadOctetsMax = 64 << 10;

    /// <summary>Mended lines gather up to about this many octets before they are kept.</summary>
    const int MendedOctetsMax = 16 << 10;

    readonly PooledContent memory = new(budget);
    ArrayBufferWriter<byte>? mended;
    ContentFileWriter? file;
    bool afterCr;
    bool handedOver;
    bool isComplete;
    bool endsWithLineEnd;
    long lineOctets;

    public QueueId Id => id;

    /// <summary>Keeps the first octets aside, up to <see cref="HeadOctetsMax"/>. Null: nobody reads
    /// them.</summary>
    public ArrayBufferWriter<byte>? Head { get; init; }

    /// <summary>The header section is read for who asks for its fields.</summary>
    public bool ReadsFields { get; init; }

    /// <summary>Known with <see cref="Header"/>. Null: nobody asked.</summary>
    public MailHeader? Fields { get; private set; }

    /// <summary>Canonical octets taken so far.</summary>
    public long Octets { get; private set; }

    public ContentTraits Traits { get; private set; }

    /// <summary>What the header section says; read when the content spills or ends.</summary>
    public HeaderScan? Header { get; private set; }

    // The steps of large content wait for the disk thousands of times: their boxes are used again.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
    {
        try
        {
            await TakeAsync(octets, cancel).ConfigureAwait(false);
        }
        catch (StoreException failed)
        {
            Refusal = IntakeReplies.NotStored(failed.Health);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    async ValueTask TakeAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
    {
        foreach (var piece in octets)
        {
            for (var rest = piece; Refusal is null && rest.Length > 0;)
            {
                var length = TakeCanonical(rest.Span, out var isBare);
                if (isBare)
                {
                    length = Mend(rest.Span, length);
                    await KeepAsync(mended!.WrittenMemory, cancel).ConfigureAwait(false);
                }
                else
                    await KeepAsync(rest[..length], cancel).ConfigureAwait(false);
                rest = rest[length..];
            }
        }
    }

    /// <summary>Gathers lines with CRLF in the place of bare LF; the first one, already looked at, is
    /// <paramref name="length"/> octets long.</summary>
    /// <remarks>A message of nothing but bare LF must not cost two writes for each of its octets.</remarks>
    /// <returns>How many octets were taken.</returns>
    int Mend(ReadOnlySpan<byte> octets, int length)
    {
        mended ??= new ArrayBufferWriter<byte>(MendedOctetsMax);
        mended.ResetWrittenCount();
        var isBare = true;
        var taken = 0;
        while (true)
        {
            mended.Write(octets.Slice(taken, length));
            if (isBare)
                mended.Write("\r\n"u8);
            taken += length + (isBare ? 1 : 0);
            if (taken == octets.Length || mended.WrittenCount >= MendedOctetsMax || Refusal is not null)
                return taken;
            length = TakeCanonical(octets[taken..], out isBare);
        }
    }

    /// <summary>How many octets may be copied as they are; with <paramref name="isBare"/> the next one is a
    /// bare LF.</summary>
    int TakeCanonical(ReadOnlySpan<byte> octets, out bool isBare)
    {
        isBare = false;
        var at = 0;
        while (at < octets.Length)
        {
            if (afterCr && octets[at] != (byte)'\n')
            {
                Refusal = Replies.BareCarriageReturn;
                return 0;
            }
            var found = octets[at..].IndexOfAny((byte)'\r', (byte)'\n');
            if (found < 0)
            {
                lineOctets += octets.Length - at;
                break;
            }
            lineOctets += found;
            at += found + 1;
            if (octets[at - 1] == (byte)'\r')
            {
                afterCr = true;
                continue;
            }
            EndLine();
            if (afterCr)
                afterCr = false;
            else
            {
                isBare = true;
                Note(octets[..(at - 1)]);
                return at - 1;
            }
        }
        Note(octets);
        return octets.Length;
    }

    void EndLine()
    {
        // RFC 5321 §4.5.3.1.6: 1000 octets with the line end.
        if (lineOctets > 998)
            Traits |= ContentTraits.LongLine;
        lineOctets = 0;
    }

    void Note(ReadOnlySpan<byte> octets)
    {
        if (!Ascii.IsValid(octets))
            Traits |= ContentTraits.EightBit;
        if (octets.Contains((byte)0))
            Traits |= ContentTraits.Nul;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    async ValueTask KeepAsync(ReadOnlyMemory<byte> octets, CancellationToken cancel)
    {
        if (octets.IsEmpty)
            return;
        if (file is null && Octets + octets.Length > MemoryOctetsMax)
        {
            // A piece may be of any length: what stays in memory is filled first, since the header is read
            // there.
            var fits = (int)(MemoryOctetsMax - Octets);
            await KeepAsync(octets[..fits], cancel).ConfigureAwait(false);
            if (Refusal is not null)
                return;
            octets = octets[fits..];
            if (file is null)
                await SpillAsync(cancel).ConfigureAwait(false);
        }
        Octets += octets.Length;
        Head?.Write(octets.Span[..Math.Min(octets.Length, HeadOctetsMax - Head.WrittenCount)]);
        if (file is not null)
            await file.WriteAsync(new ReadOnlySequence<byte>(octets), cancel).ConfigureAwait(false);
        else if (!memory.TryAppend(octets.Span))
            await KeepWithoutMemoryAsync(octets, cancel).ConfigureAwait(false);
        endsWithLineEnd = octets.Span[^1] == (byte)'\n';
    }

    /// <summary>The memory for content is used up: a file takes it, small as it is, once its header section
    /// is known. Until then each message may have two segments, whatever the budget says.</summary>
    async ValueTask KeepWithoutMemoryAsync(ReadOnlyMemory<byte> octets, CancellationToken cancel)
    {
        memory.TryGetMemory(out var sofar);
        if (!HeaderScan.Of(sofar).IsComplete)
        {
            if (memory.Octets + octets.Length <= 2 * PooledContent.SegmentOctets)
                memory.Append(octets.Span);
            else
                Refusal = Replies.InsufficientStorage;
            return;
        }
        await SpillAsync(cancel).ConfigureAwait(false);
        await file!.WriteAsync(new ReadOnlySequence<byte>(octets), cancel).ConfigureAwait(false);
    }

    async ValueTask SpillAsync(CancellationToken cancel)
    {
        file = store.CreateContentFile(id);
        memory.TryGetMemory(out var sofar);
        ReadHeader(sofar);
        if (!Header.IsComplete)
            Refusal = IntakeReplies.HeaderTooLarge;
        await file.WriteAsync(sofar, cancel).ConfigureAwait(false);
        memory.Dispose();
    }

    [MemberNotNull(nameof(Header))]
    void ReadHeader(ReadOnlySequence<byte> content)
    {
        Header = HeaderScan.Of(content);
        if (!ReadsFields)
            return;
        var head = content.Slice(0, Math.Min(content.Length, MailHeader.OctetsMax)).ToArray();
        Fields = MailHeader.Read(head);
    }

    /// <summary>The content is whole: what it is refused for at its end, or null and everything about it is
    /// known.</summary>
    public Smtp.Reply? Complete()
    {
        if (isComplete)
            return Refusal;
        isComplete = true;
        if (afterCr)
            return Refusal = Replies.BareCarriageReturn;
        EndLine();
        if (Header is null)
        {
            memory.TryGetMemory(out var all);
            ReadHeader(all);
        }
        if (Octets > 0 && !endsWithLineEnd)
            Traits |= ContentTraits.NoFinalLineEnd;
        if (Header.HasEightBit)
            Traits |= ContentTraits.EightBitHeader;
        return null;
    }

    /// <summary>Gives the content over to the queue: octets in memory, or the name of the flushed
    /// file.</summary>
    public async ValueTask<(StoredContent? Content, string? File)> HandOverAsync(CancellationToken cancel)
    {
        if (file is not null)
        {
            await file.FlushAsync(cancel).ConfigureAwait(false);
            return (null, file.Name);
        }
        handedOver = true;
        return (memory, null);
    }

    /// <summary>What is in the file once it was handed over. The caller disposes.</summary>
    public StoredContent OpenFile() => file!.Open();

    /// <summary>The commit names the file: it stays.</summary>
    public void KeepFile() => file?.Keep();

    public override async ValueTask DisposeAsync()
    {
        if (file is not null)
            await file.DisposeAsync().ConfigureAwait(false);
        // Also after a spill that failed half-way, which left the memory as it was.
        if (!handedOver)
            memory.Dispose();
    }
}
