using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Store;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Asks ClamAV's clamd whether a message carries a virus.</summary>
/// <remarks>One connection for each message, as clamd wants it. The message is streamed and never whole in
/// memory. Nothing that clamd says or does not say makes it throw, and it ends within
/// <see cref="ClamavOptions.Timeout"/>.</remarks>
/// <param name="note">Told how clamd does, each time that it was asked.</param>
sealed class ClamavScanner(FilterConnect connect, FilterNote note, TimeProvider clock)
{
    /// <summary>How alarms call it.</summary>
    public const string Name = "clamav";

    /// <summary>Octets of a chunk with its length in front.</summary>
    const int ChunkOctetsMax = 64 << 10;

    const int LengthOctets = 4;

    /// <summary>Octets: names of signatures are far shorter.</summary>
    const int ReplyOctetsMax = 1 << 10;

    /// <summary>What clamd says it is, by its address, until it fails.</summary>
    readonly ConcurrentDictionary<FilterAddress, string> engines = [];

    public async ValueTask<VirusVerdict> ScanAsync(
        FilterAddress address, ClamavOptions options, StoredContent content, CancellationToken cancel)
    {
        if (content.Octets > options.SizeMax)
            return new VirusVerdict(VirusResult.Skipped, engines.GetValueOrDefault(address, Name), null);
        using var limit = new CancellationTokenSource(options.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var (reply, trouble) = await AskAsync(address, content, either.Token, cancel).ConfigureAwait(false);
        note(Name, trouble);
        if (trouble is not null)
            engines.TryRemove(address, out _);
        var engine = trouble is null
            ? await FindEngineAsync(address, either.Token, cancel).ConfigureAwait(false) : Name;
        return reply switch
        {
            ClamavReply.Clean => new VirusVerdict(VirusResult.Clean, engine, null),
            ClamavReply.Found(var signature) => new VirusVerdict(VirusResult.Infected, engine, signature),
            ClamavReply.TooLarge => new VirusVerdict(VirusResult.Skipped, engine, null),
            ClamavReply.Failed or null => new VirusVerdict(VirusResult.Error, engine, null),
            _ => throw new UnreachableException(),
        };
    }

    /// <returns>What it replied, and what is wrong with it. Null: it did not, nothing is.</returns>
    async ValueTask<(ClamavReply? Reply, string? Trouble)> AskAsync(
        FilterAddress address, StoredContent content, CancellationToken limit, CancellationToken cancel)
    {
        try
        {
            var clamd = await connect(address, limit).ConfigureAwait(false);
            await using (clamd.ConfigureAwait(false))
            {
                await TrySendAsync(clamd, content, limit).ConfigureAwait(false);
                var line = await ReadLineAsync(clamd, limit).ConfigureAwait(false);
                if (!ClamavReply.TryParse(line.Span, out var reply))
                    return (null, line.IsEmpty ? "it hung up" : "it does not talk as clamd does");
                return (reply, reply is ClamavReply.Failed(var text) ? $"it says: {text}" : null);
            }
        }
        catch (Exception broken) when (FilterFailure.IsOf(broken, cancel))
        {
            return (null, FilterFailure.ReasonOf(broken));
        }
    }

    /// <summary>The whole message; or less of it, where clamd has hung up after it had replied.</summary>
    static async ValueTask TrySendAsync(Stream clamd, StoredContent content, CancellationToken limit)
    {
        try
        {
            await SendAsync(clamd, content, limit).ConfigureAwait(false);
        }
        catch (IOException hungUp) when (hungUp is not ContentDamagedException)
        {
            // Its reply is read next, and says why.
        }
    }

    static async ValueTask SendAsync(Stream clamd, StoredContent content, CancellationToken limit)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkOctetsMax);
        var reader = content.OpenReader();
        try
        {
            await clamd.WriteAsync("zINSTREAM\0"u8.ToArray(), limit).ConfigureAwait(false);
            var filled = LengthOctets;
            while (true)
            {
                var read = await reader.ReadAsync(limit).ConfigureAwait(false);
                try
                {
                    foreach (var piece in read.Buffer)
                        filled = await SendAsync(clamd, chunk, filled, piece, limit).ConfigureAwait(false);
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }
                if (read.IsCompleted)
                    break;
            }
            if (filled > LengthOctets)
                await SendChunkAsync(clamd, chunk, filled, limit).ConfigureAwait(false);
            // A chunk of no octets is the end.
            await SendChunkAsync(clamd, chunk, LengthOctets, limit).ConfigureAwait(false);
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    /// <returns>How far the chunk is filled now.</returns>
    static async ValueTask<int> SendAsync(
        Stream clamd, byte[] chunk, int filled, ReadOnlyMemory<byte> more, CancellationToken limit)
    {
        while (!more.IsEmpty)
        {
            var count = Math.Min(more.Length, ChunkOctetsMax - filled);
            more[..count].CopyTo(chunk.AsMemory(filled));
            (filled, more) = (filled + count, more[count..]);
            if (filled < ChunkOctetsMax)
                break;
            await SendChunkAsync(clamd, chunk, filled, limit).ConfigureAwait(false);
            filled = LengthOctets;
        }
        return filled;
    }

    static ValueTask SendChunkAsync(Stream clamd, byte[] chunk, int filled, CancellationToken limit)
    {
        BinaryPrimitives.WriteInt32BigEndian(chunk, filled - LengthOctets);
        return clamd.WriteAsync(chunk.AsMemory(0, filled), limit);
    }

    /// <summary>What stands before the first NUL. Empty: it never came, or too much did.</summary>
    static async ValueTask<ReadOnlyMemory<byte>> ReadLineAsync(Stream clamd, CancellationToken limit)
    {
        var line = new byte[ReplyOctetsMax];
        for (var filled = 0; filled < line.Length;)
        {
            var count = await clamd.ReadAsync(line.AsMemory(filled), limit).ConfigureAwait(false);
            if (count == 0)
                return default;
            var end = line.AsSpan(filled, count).IndexOf((byte)0);
            if (end >= 0)
                return line.AsMemory(0, filled + end);
            filled += count;
        }
        return line;
    }

    /// <summary>Its name alone, where it does not tell its version.</summary>
    async ValueTask<string> FindEngineAsync(
        FilterAddress address, CancellationToken limit, CancellationToken cancel)
    {
        if (engines.TryGetValue(address, out var known))
            return known;
        var engine = Name;
        try
        {
            var clamd = await connect(address, limit).ConfigureAwait(false);
            await using (clamd.ConfigureAwait(false))
            {
                await clamd.WriteAsync("zVERSION\0"u8.ToArray(), limit).ConfigureAwait(false);
                var line = await ReadLineAsync(clamd, limit).ConfigureAwait(false);
                if (ClamavReply.TryParseEngine(line.Span, out var told))
                    engine = told;
            }
        }
        catch (Exception broken) when (FilterFailure.IsOf(broken, cancel))
        {
            // The message has its verdict; a number is not worth an alarm.
        }
        return engines.GetOrAdd(address, engine);
    }
}

/// <summary>Told how a filter does.</summary>
/// <param name="trouble">Null: it answered.</param>
delegate void FilterNote(string filter, string? trouble);
