using System.Buffers;
using System.IO.Pipelines;

namespace Postern.Smtp.Server;

/// <summary>Content: DATA and the chunks of BDAT.</summary>
sealed partial class SmtpConnection
{
    static readonly ReadOnlyMemory<byte> CarriageReturn = "\r"u8.ToArray();
    DotScanner scanner;
    TimeSpan waited;

    /// <summary>Reads to the end of DATA into <paramref name="intake"/>, dots unstuffed.</summary>
    public async ValueTask<Wire> ReadDataAsync(ContentIntake intake)
    {
        scanner = new DotScanner();
        waited = TimeSpan.Zero;
        while (true)
        {
            var (wire, read) = await ReadContentAsync(intake.Octets);
            if (read is not { } result)
                return wire;
            var consumed = result.Buffer.End;
            try
            {
                consumed = await TakeDataAsync(result.Buffer, intake);
            }
            finally
            {
                input.AdvanceTo(consumed);
            }
            if (scanner.HasEnded)
                return Wire.Ok;
            if (wire != Wire.Ok)
                return wire;
            if (result.IsCompleted)
                return Wire.Closed;
            if (intake.Octets > options.DiscardedOctetsMax)
                return Wire.Endless;
        }
    }

    /// <summary>Reads exactly <paramref name="octets"/>. A null <paramref name="intake"/> drops
    /// them.</summary>
    public async ValueTask<Wire> ReadChunkAsync(ContentIntake? intake, long octets)
    {
        waited = TimeSpan.Zero;
        var taken = 0L;
        while (taken < octets)
        {
            var (wire, read) = await ReadContentAsync(taken);
            if (read is not { } result)
                return wire;
            var part = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, octets - taken));
            try
            {
                taken += part.Length;
                if (intake is not null && !part.IsEmpty)
                    await intake.WriteAsync(part, stopping);
            }
            finally
            {
                input.AdvanceTo(part.End);
            }
            if (taken == octets)
                break;
            if (wire != Wire.Ok)
                return wire;
            if (result.IsCompleted)
                return Wire.Closed;
        }
        return Wire.Ok;
    }

    /// <summary>Writes the content in <paramref name="octets"/>; returns where the end of data was, else the
    /// end.</summary>
    async ValueTask<SequencePosition> TakeDataAsync(ReadOnlySequence<byte> octets, ContentIntake intake)
    {
        long start = 0, at = 0;
        foreach (var memory in octets)
        {
            for (var i = 0; i < memory.Length && !scanner.HasEnded;)
            {
                scanner.Take(memory.Span[i..], out var kept, out var skipped, out var carriedCr);
                if (carriedCr)
                    await intake.WriteAsync(new ReadOnlySequence<byte>(CarriageReturn), stopping);
                i += kept + skipped;
                at += kept;
                if (skipped == 0)
                    continue;
                if (at > start)
                    await intake.WriteAsync(octets.Slice(start, at - start), stopping);
                at += skipped;
                start = at;
            }
        }
        if (at > start)
            await intake.WriteAsync(octets.Slice(start, at - start), stopping);
        return octets.GetPosition(at);
    }

    /// <summary>The next octets of content; no result when there was no read.</summary>
    /// <remarks>Time counts only while we wait for the peer, not while the sink makes us wait.</remarks>
    async ValueTask<(Wire Wire, ReadResult? Result)> ReadContentAsync(long octets)
    {
        if (input.TryRead(out var waiting))
            return (stopping.IsCancellationRequested ? Wire.Stopping : Wire.Ok, waiting);
        if (await FlushAsync() is not Wire.Ok and var failure)
            return (failure, null);
        // Postfix's smtpd_per_request_deadline: the time allowed grows with what has arrived.
        var allowed = options.CommandTimeout
            + TimeSpan.FromSeconds((double)octets / options.ContentOctetsPerSecondMin);
        var left = allowed - waited;
        if (left <= TimeSpan.Zero)
            return (Wire.TimedOut, null);
        var since = clock.GetTimestamp();
        StartTimer(left < options.CommandTimeout ? left : options.CommandTimeout);
        var result = await input.ReadAsync(CancellationToken.None);
        StopTimer();
        waited += clock.GetElapsedTime(since);
        var wire = !result.IsCanceled ? Wire.Ok
            : HasExpired ? Wire.TimedOut
            : stopping.IsCancellationRequested ? Wire.Stopping
            : Wire.Ok;
        return (wire, result);
    }
}
