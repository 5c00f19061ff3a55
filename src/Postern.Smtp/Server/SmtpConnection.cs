using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Smtp.Server;

/// <summary>Bytes and time of one connection: lines and content in, replies out. It knows no rules.</summary>
/// <remarks>
/// Replies are collected and flushed when no complete command waits in the buffer (RFC 2920 §3.2). One timer
/// per connection serves all waits: it is moved only when it fires too early, so that a busy session never
/// touches it. It ends a wait by cancelling the pending read; data that came in the same moment is still
/// looked at first.
/// </remarks>
sealed partial class SmtpConnection : IDisposable
{
    const int UnflushedOctetsMax = 16 * 1024;
    const int DroppedOctetsMax = 64 * 1024;
    readonly PipeReader input;
    readonly PipeWriter output;
    readonly SmtpServerOptions options;
    readonly TimeProvider clock;
    readonly CancellationToken stopping;
    readonly CancellationTokenRegistration onStopping;
    ReadOnlySequence<byte> buffer;
    SequencePosition afterLine;
    ReadOnlyMemory<byte> line;
    byte[]? scratch;
    int unflushed;

    public SmtpConnection(
        PipeReader input, PipeWriter output, SmtpServerOptions options, TimeProvider clock,
            CancellationToken stopping)
    {
        this.input = input;
        this.output = output;
        this.options = options;
        this.clock = clock;
        this.stopping = stopping;
        onStopping = stopping
            .UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), input);
    }

    /// <summary>The line that <see cref="ReadLineAsync"/> found, without its line end; valid until
    /// <see cref="TakeLine"/>.</summary>
    public ReadOnlySpan<byte> Line => line.Span;

    /// <summary>Whether octets follow the line in what was read so far.</summary>
    public Waiting Waiting => buffer.Slice(afterLine).IsEmpty ? Waiting.Nothing : Waiting.MoreInput;

    public void Dispose()
    {
        onStopping.Dispose();
        timer?.Dispose();
        ReturnScratch();
    }

    /// <summary>Queues a reply. It goes out with <see cref="FlushAsync"/>, at the latest before the next
    /// wait.</summary>
    public void Write(Reply reply)
    {
        var octets = reply.Encoded.Span;
        output.Write(octets);
        unflushed += octets.Length;
    }

    /// <summary>Sends what is queued.</summary>
    public async ValueTask<Wire> FlushAsync()
    {
        if (unflushed == 0)
            return Wire.Ok;
        unflushed = 0;
        var flush = output.FlushAsync(CancellationToken.None);
        if (flush.IsCompletedSuccessfully)
        {
            _ = flush.Result;
            return Wire.Ok;
        }
        // A peer that does not read its replies is as late as one that does not send.
        StartTimer(options.CommandTimeout, flushing: true);
        var result = await flush;
        StopTimer();
        return result.IsCanceled && HasExpired ? Wire.TimedOut : Wire.Ok;
    }

    /// <summary>Reads the next command line.</summary>
    public async ValueTask<Wire> ReadLineAsync()
    {
        var timed = false;
        var dropped = 0L;
        if (unflushed > UnflushedOctetsMax && await FlushAsync() is not Wire.Ok and var late)
            return late;
        while (!stopping.IsCancellationRequested)
        {
            if (!input.TryRead(out var result))
            {
                if (await FlushAsync() is not Wire.Ok and var failure)
                    return failure;
                // One time limit for the whole line: an octet now and then does not keep a session.
                if (!timed)
                    StartTimer(options.CommandTimeout);
                timed = true;
                result = await input.ReadAsync(CancellationToken.None);
            }
            buffer = result.Buffer;
            var found = FindLine(ref dropped);
            if (found is { } wire)
            {
                StopTimer();
                return wire;
            }
            if (timed && HasExpired)
                return Wire.TimedOut;
            if (result.IsCompleted)
                return Wire.Closed;
        }
        return Wire.Stopping;
    }

    /// <summary>Gives the line back. Called once after <see cref="ReadLineAsync"/> returned Ok or
    /// BareLineFeed, before the next read.</summary>
    public void TakeLine()
    {
        line = default;
        ReturnScratch();
        buffer = default;
        input.AdvanceTo(afterLine);
    }

    /// <summary>Whether the peer has spoken although it is our turn. Waits for it at most
    /// <paramref name="patience"/>.</summary>
    public async ValueTask<bool> HasInputAsync(TimeSpan patience)
    {
        if (!input.TryRead(out var result))
        {
            if (patience <= TimeSpan.Zero)
                return false;
            StartTimer(patience);
            result = await input.ReadAsync(CancellationToken.None);
            StopTimer();
        }
        var spoke = !result.Buffer.IsEmpty;
        input.AdvanceTo(result.Buffer.Start);
        return spoke;
    }

    /// <summary>Looks for a line in the buffer and advances past what can be dropped. Null: more octets are
    /// needed.</summary>
    Wire? FindLine(ref long dropped)
    {
        if (buffer.IsEmpty)
        {
            input.AdvanceTo(buffer.Start);
            return null;
        }
        if (dropped == 0 && buffer.FirstSpan[0] == 0x16)
        {
            input.AdvanceTo(buffer.End);
            return Wire.TlsRecord;
        }
        if (buffer.PositionOf((byte)'\n') is not { } lineFeed)
            return KeepOrDrop(ref dropped);
        afterLine = buffer.GetPosition(1, lineFeed);
        var whole = buffer.Slice(0, afterLine);
        if (dropped > 0 || whole.Length > options.AuthOctetsMax)
        {
            input.AdvanceTo(afterLine);
            return Wire.LineTooLong;
        }
        line = whole.IsSingleSegment ? whole.First : CopyToScratch(whole);
        // RFC 5321 §2.3.8: only CR LF ends a line.
        var isWhole = line.Length >= 2 && line.Span[^2] == (byte)'\r';
        line = line[..^(isWhole ? 2 : 1)];
        return isWhole ? Wire.Ok : Wire.BareLineFeed;
    }

    Wire? KeepOrDrop(ref long dropped)
    {
        if (dropped == 0 && buffer.Length <= options.AuthOctetsMax)
        {
            input.AdvanceTo(buffer.Start, buffer.End);
            return null;
        }
        dropped += buffer.Length;
        input.AdvanceTo(buffer.End);
        return dropped > DroppedOctetsMax ? Wire.Endless : null;
    }

    ReadOnlyMemory<byte> CopyToScratch(ReadOnlySequence<byte> octets)
    {
        scratch = ArrayPool<byte>.Shared.Rent((int)octets.Length);
        octets.CopyTo(scratch);
        return scratch.AsMemory(0, (int)octets.Length);
    }

    void ReturnScratch()
    {
        // AUTH lines pass here: what held a password is wiped.
        if (scratch is not null)
            ArrayPool<byte>.Shared.Return(scratch, clearArray: true);
        scratch = null;
    }
}

/// <summary>How a wait for the peer ended.</summary>
enum Wire
{
    Ok,

    /// <summary>The peer sends no more.</summary>
    Closed,
    TimedOut,
    Stopping,

    /// <summary>A line over the limit was read and dropped.</summary>
    LineTooLong,

    /// <summary>A line ended by LF alone was read.</summary>
    BareLineFeed,

    /// <summary>A TLS record where a command was due.</summary>
    TlsRecord,

    /// <summary>More octets without an end than anybody honest sends.</summary>
    Endless,
}

/// <summary>Whether the peer has sent on without waiting for the reply.</summary>
enum Waiting
{
    Nothing,
    MoreInput,
}
