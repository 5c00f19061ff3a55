using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;

namespace Postern.Smtp.Client;

/// <summary>Replies of a peer, one after the other, and whether it speaks when nothing was asked.</summary>
sealed class ReplyReader(PipeReader input)
{
    readonly ReplyParser parser = new();
    ValueTask<ReadResult> pending;
    bool isPending;

    /// <summary>Waits for one whole reply.</summary>
    public async ValueTask<ReplyRead> ReadAsync(CancellationToken abort)
    {
        while (true)
        {
            var read = await (isPending ? TakePending() : input.ReadAsync(abort));
            var buffer = read.Buffer;
            var examined = buffer.End;
            try
            {
                switch (parser.TryParse(ref buffer, out var reply))
                {
                    case ReplyParse.Complete:
                        examined = buffer.Start;
                        return new ReplyRead(reply, default);
                    case ReplyParse.Malformed:
                        return ReplyRead.Malformed;
                    case ReplyParse.Incomplete when read.IsCompleted:
                        return ReplyRead.Closed;
                }
            }
            finally
            {
                input.AdvanceTo(buffer.Start, examined);
            }
        }
    }

    [SuppressMessage("Reliability", "CA2012", Justification =
        "Kept until the next ReadAsync, which takes it once; a Task would be an allocation per flight.")]
    void Listen(CancellationToken abort)
    {
        pending = input.ReadAsync(abort);
        isPending = true;
    }

    /// <summary>
    /// Begins to listen before anything is asked. True when octets, or the end, are there already.
    /// </summary>
    public bool SpokeFirst(CancellationToken abort)
    {
        if (!isPending)
            Listen(abort);
        return pending.IsCompleted;
    }

    /// <summary>
    /// Octets came in one piece with the last reply. Looks at no socket, so that a handshake may follow.
    /// </summary>
    public bool HasLeftover()
    {
        if (isPending || !input.TryRead(out var read))
            return isPending;
        var has = !read.Buffer.IsEmpty;
        input.AdvanceTo(read.Buffer.Start);
        return has;
    }

    /// <summary>Lets go of the pipe; a read still under way must have been aborted.</summary>
    public async ValueTask CompleteAsync()
    {
        if (isPending)
        {
            try
            {
                await TakePending();
            }
            catch (
                Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
            {
                // The connection is gone, as asked.
            }
        }
        await input.CompleteAsync();
    }

    ValueTask<ReadResult> TakePending()
    {
        isPending = false;
        var read = pending;
        pending = default;
        return read;
    }
}

/// <summary>What reading a reply gave: a reply, or the way it did not come.</summary>
readonly record struct ReplyRead(Reply? Reply, LossCause Cause)
{
    public static readonly ReplyRead Malformed = new(null, LossCause.ProtocolError);
    public static readonly ReplyRead Closed = new(null, LossCause.PeerClosed);
}
