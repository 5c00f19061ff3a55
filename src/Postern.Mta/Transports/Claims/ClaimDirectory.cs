using System.Security.Cryptography;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Transports.Claims;

/// <summary>Messages over the limit as files of this machine, named as such or by a signed link.</summary>
/// <remarks>
/// A file appears under its name only when it is whole and flushed. Nothing here removes one: that is the
/// consumer's, or <see cref="ClaimSweep"/>'s.
/// </remarks>
sealed class ClaimDirectory(TransportOptions options, InboundSource source)
    : ClaimStore(source, options.Parse)
{
    /// <summary>Behind the queue id.</summary>
    public const string Extension = ".eml";

    /// <summary>Behind the name, while the file is not whole.</summary>
    public const string Unfinished = ".part";

    // Attempts for different recipients of one message may run at once, also of two transports with one
    // directory.
    static readonly SemaphoreSlim[] Writers =
        [.. Enumerable.Range(0, 16).Select(static _ => new SemaphoreSlim(1))];

    readonly string path = PathOf(options, source.DataDirectory);

    public static string PathOf(TransportOptions options, string dataDirectory) =>
        Path.GetFullPath(options.ClaimDirectory ?? Path.Combine(dataDirectory, "claims"));

    public static string NameOf(QueueId id) => $"{id}{Extension}";

    /// <exception cref="IOException">The file could not be written or flushed.</exception>
    protected override async ValueTask<ClaimOutcome> StoreAsync(Attempt attempt, CancellationToken cancel)
    {
        var (id, content) = (attempt.Message.Id, attempt.Content);
        var file = Path.Combine(path, NameOf(id));
        var writer = Writers[(int)(id.Value % Writers.Length)];
        await writer.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var sum = File.Exists(file)
                ? await FindAsync(file, content, cancel).ConfigureAwait(false)
                : await WriteAsync(file, content, cancel).ConfigureAwait(false);
            return ReferenceOf(id, file) is { } claim
                ? new ClaimOutcome.Stored(new PublishedContent([], sum, claim))
                : new ClaimOutcome.Waits(Down("The key that signs links is not stored yet"));
        }
        finally
        {
            writer.Release();
        }
    }

    /// <returns>Null: links are asked for and cannot be signed.</returns>
    ClaimReference? ReferenceOf(QueueId id, string file) => options.ClaimUrl is { } root
        ? Source.Claims?.Links.Make(root, id, options.ClaimExpires)
        : new ClaimReference(new Uri(file).AbsoluteUri);

    /// <summary>The time that it is kept for begins anew with what is published now.</summary>
    ValueTask<string> FindAsync(string file, ContentSource content, CancellationToken cancel)
    {
        if (options.ClaimKeep is not null && Source.Claims is { Clock: var clock })
            File.SetLastWriteTimeUtc(file, clock.GetUtcNow().UtcDateTime);
        return ScanAsync(content, null, cancel);
    }

    async ValueTask<string> WriteAsync(string file, ContentSource content, CancellationToken cancel)
    {
        Directory.CreateDirectory(path);
        var unfinished = file + Unfinished;
        // Left by a process that ended while it wrote.
        NativeFile.TryUnlink(unfinished);
        string sum;
        using (var target = NativeFile.Create(unfinished))
        {
            sum = await ScanAsync(content, target, cancel).ConfigureAwait(false);
            target.Flush();
        }
        // rename(2): the name is ours alone, so that replacing a file of that name replaces the same octets.
        File.Move(unfinished, file, overwrite: true);
        NativeFile.FlushDirectory(path);
        return sum;
    }

    /// <returns>SHA-256, in small hexadecimal digits.</returns>
    static async ValueTask<string> ScanAsync(
        ContentSource content, NativeFile? target, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await content.ForEachAsync(
            segment =>
            {
                hash.AppendData(segment.Span);
                target?.Write(segment.Span);
            },
            cancel).ConfigureAwait(false);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
