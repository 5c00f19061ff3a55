using System.Security.Cryptography;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Messages over Pub/Sub's limit, as files that the published document refers to.</summary>
/// <remarks>
/// The name comes from the queue id: a retry finds the file and writes nothing. It appears under its name
/// only when it is whole and flushed. Nothing here removes a file: that is the consumer's, or a timer's.
/// </remarks>
sealed class ClaimDirectory(string path)
{
    // Attempts for different recipients of one message may run at once, also of two transports with one
    // directory.
    static readonly SemaphoreSlim[] Writers =
        [.. Enumerable.Range(0, 16).Select(static _ => new SemaphoreSlim(1))];

    /// <exception cref="IOException">The file could not be written or flushed.</exception>
    public async ValueTask<PublishedContent> StoreAsync(QueueId id, ContentSource content,
        CancellationToken cancel)
    {
        var writer = Writers[(int)(id.Value % Writers.Length)];
        await writer.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var file = Path.GetFullPath(Path.Combine(path, $"{id}.eml"));
            var read = File.Exists(file)
                ? await ScanAsync(content, null, cancel).ConfigureAwait(false)
                : await WriteAsync(file, content, cancel).ConfigureAwait(false);
            return read with { Claim = new Uri(file) };
        }
        finally
        {
            writer.Release();
        }
    }

    async ValueTask<PublishedContent> WriteAsync(string file, ContentSource content, CancellationToken cancel)
    {
        Directory.CreateDirectory(path);
        var unfinished = file + ".part";
        // Left by a process that ended while it wrote.
        NativeFile.TryUnlink(unfinished);
        PublishedContent read;
        using (var target = NativeFile.Create(unfinished))
        {
            read = await ScanAsync(content, target, cancel).ConfigureAwait(false);
            target.Flush();
        }
        // rename(2): the name is ours alone, so that replacing a file of that name replaces the same octets.
        File.Move(unfinished, file, overwrite: true);
        NativeFile.FlushDirectory(path);
        return read;
    }

    static async ValueTask<PublishedContent> ScanAsync(
        ContentSource content, NativeFile? target, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var head = new byte[Math.Min(content.Octets, MailHeader.OctetsMax + 1)];
        var length = 0L;
        await content.ForEachAsync(
            segment =>
            {
                hash.AppendData(segment.Span);
                target?.Write(segment.Span);
                if (length < head.Length)
                    segment.Span[..(int)Math.Min(segment.Length, head.Length - length)]
                        .CopyTo(head.AsSpan((int)length));
                length += segment.Length;
            },
            cancel).ConfigureAwait(false);
        return new PublishedContent(head, length, Convert.ToHexStringLower(hash.GetHashAndReset()), null);
    }
}

/// <summary>A message's octets for publishing: whole, or their beginning and the file that holds
/// them.</summary>
/// <param name="Octets">All of them, or the first <see cref="MailHeader.OctetsMax"/> and one more
/// when they are in a file.</param>
/// <param name="Claim">The file. Null: <paramref name="Octets"/> is the message.</param>
sealed record PublishedContent(byte[] Octets, long TotalOctets, string Sha256, Uri? Claim)
{
    /// <summary>Reads content that fits into a Pub/Sub message.</summary>
    public static async ValueTask<PublishedContent> ReadAsync(ContentSource content, CancellationToken cancel)
    {
        var octets = new byte[content.Octets];
        var length = 0;
        await content.ForEachAsync(
            segment =>
            {
                segment.Span.CopyTo(octets.AsSpan(length));
                length += segment.Length;
            },
            cancel).ConfigureAwait(false);
        if (length != octets.Length)
            throw new InvalidDataException("The content is shorter than it says.");
        return new PublishedContent(octets, length, Convert.ToHexStringLower(SHA256.HashData(octets)), null);
    }

    /// <summary>The document <c>postern.inbound.v1</c> about it.</summary>
    public async ValueTask<(InboundDocument Document, MailDescription Mail)> DescribeAsync(
        Attempt attempt, InboundSource source, InboundParse parse, CancellationToken cancel)
    {
        if (Claim is not { } file)
        {
            var whole = await MailDescription.ReadAsync(Octets, Sha256, parse, cancel).ConfigureAwait(false);
            return (new InboundDocument(source, attempt, whole, new RawContent.Inline(Octets)), whole);
        }
        var mail = await MailDescription
            .ReadAsync(attempt.Content, Sha256, source.DataDirectory, parse, cancel).ConfigureAwait(false);
        return (new InboundDocument(source, attempt, mail, new RawContent.Reference(file)), mail);
    }
}
