using System.Buffers;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>One run of a started child: the message goes in, the output comes out, the end is awaited, all at
/// once.</summary>
sealed class PipeConversation(ChildProcess child, string program, TimeSpan limit, TimeProvider clock)
{
    const byte CarriageReturn = 13;
    const byte LineFeed = 10;

    /// <summary>Runs until the child has ended or is killed. Throws only what reading the content
    /// throws.</summary>
    public async Task<PipeRun> RunAsync(
        ReadOnlyMemory<byte> prefix, ContentSource content, CancellationToken cancel)
    {
        using var ended = new CancellationTokenSource();
        using var late = new CancellationTokenSource(limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        var output = new byte[PipeRun.OutputOctetsMax];
        var reading = child.ReadOutputAsync(output, ended.Token);
        var feeding = FeedAsync(prefix, content, ended.Token);
        try
        {
            await child.Exited.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            child.KillGroup();
        }
        var status = await child.Exited.ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        var length = await reading.ConfigureAwait(false);
        length += child.DrainOutput(output.AsSpan(length));
        await feeding.ConfigureAwait(false);
        var text = PipeRun.Tidy(output.AsSpan(0, length));
        var signal = ChildStatus.SignalOf(status);
        PipeRun run = signal == 0
            ? new PipeRun.Exited(program, text, ChildStatus.ExitCodeOf(status))
            : signal == Posix.SignalKill && cancel.IsCancellationRequested
                ? new PipeRun.Stopped(program, text)
                : signal == Posix.SignalKill && late.IsCancellationRequested
                    ? new PipeRun.TimedOut(program, text, limit)
                    : new PipeRun.Killed(program, text, signal);
        return run with { Tail = PipeRun.TailOf(output.AsSpan(0, length)) };
    }

    /// <summary>Writes fields and content, then closes. A script may stop reading whenever it likes: its exit
    /// code counts.</summary>
    async Task FeedAsync(ReadOnlyMemory<byte> prefix, ContentSource content, CancellationToken ended)
    {
        var reader = content.OpenReader();
        var lines = ArrayPool<byte>.Shared.Rent(16 << 10);
        try
        {
            await child.Input.WriteAsync(prefix, ended).ConfigureAwait(false);
            var last = LineFeed;
            while (true)
            {
                var read = await reader.ReadAsync(ended).ConfigureAwait(false);
                foreach (var segment in read.Buffer)
                    last = await WriteLinesAsync(segment, lines, last, ended).ConfigureAwait(false);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
            // As pipe(8) does: the last line ends like the others.
            if (last is not LineFeed)
                await child.Input.WriteAsync(new[] { LineFeed }, ended).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException || IsBrokenPipe(e))
        {
            // Its end is the answer; nothing is to be said about what it did not read.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(lines);
            await reader.CompleteAsync().ConfigureAwait(false);
            await child.Input.DisposeAsync().ConfigureAwait(false);
        }
    }

    async ValueTask<byte> WriteLinesAsync(
        ReadOnlyMemory<byte> octets, byte[] lines, byte last, CancellationToken ended)
    {
        while (!octets.IsEmpty)
        {
            var part = octets[..Math.Min(octets.Length, lines.Length)];
            octets = octets[part.Length..];
            var length = DropReturns(part.Span, lines);
            if (length == 0)
                continue;
            await child.Input.WriteAsync(lines.AsMemory(0, length), ended).ConfigureAwait(false);
            last = lines[length - 1];
        }
        return last;
    }

    // Content is canonical (DESIGN §9.3): a CR stands nowhere but before an LF.
    internal static int DropReturns(ReadOnlySpan<byte> from, Span<byte> to)
    {
        var length = 0;
        while (!from.IsEmpty)
        {
            var at = from.IndexOf(CarriageReturn);
            var line = at < 0 ? from : from[..at];
            line.CopyTo(to[length..]);
            length += line.Length;
            from = at < 0 ? [] : from[(at + 1)..];
        }
        return length;
    }

    static bool IsBrokenPipe(Exception exception) => exception is IOException
        or System.Net.Sockets.SocketException;
}
