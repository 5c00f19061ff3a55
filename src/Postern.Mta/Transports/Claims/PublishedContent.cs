using System.Security.Cryptography;
using Postern.Mta.Inbound;
using Postern.Smtp;

namespace Postern.Mta.Transports.Claims;

/// <summary>A message's octets for publishing: the octets, or where they lie.</summary>
/// <param name="Octets">All of them; none when they lie elsewhere.</param>
/// <param name="Sha256">In small hexadecimal digits.</param>
/// <param name="Claim">Null: <paramref name="Octets"/> is the message.</param>
sealed record PublishedContent(byte[] Octets, string Sha256, ClaimReference? Claim)
{
    /// <summary>Reads content that fits into what is published.</summary>
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
        return new PublishedContent(octets, Convert.ToHexStringLower(SHA256.HashData(octets)), null);
    }

    /// <summary>The document <c>postern.inbound.v1</c> about it.</summary>
    public async ValueTask<(InboundDocument Document, MailDescription Mail)> DescribeAsync(
        Attempt attempt, InboundSource source, InboundParse parse, CancellationToken cancel)
    {
        if (Claim is not { } claim)
        {
            var whole = await MailDescription.ReadAsync(Octets, Sha256, parse, cancel).ConfigureAwait(false);
            return (new InboundDocument(source, attempt, whole, new RawContent.Inline(Octets)), whole);
        }
        var mail = await MailDescription
            .ReadAsync(attempt.Content, Sha256, source.DataDirectory, parse, cancel).ConfigureAwait(false);
        return (new InboundDocument(source, attempt, mail, new RawContent.Reference(claim)), mail);
    }
}

/// <summary>Where a reader of a document fetches a message, and until when.</summary>
/// <param name="Address">A URI of <c>file</c>, <c>https</c>, <c>gs</c> or <c>s3</c>.</param>
/// <param name="Generation">Of an object of Google Cloud Storage. Null: there is no such thing.</param>
/// <param name="ExpiresAt">Null: the address itself has no end.</param>
sealed record ClaimReference(string Address, string? Generation = null, DateTimeOffset? ExpiresAt = null);

/// <summary>Sums of a message, by which two stores know that they hold the same.</summary>
/// <param name="Sha256">In small hexadecimal digits.</param>
/// <param name="Md5">In base64, as object stores name it. No more than a sum: nobody is kept out by
/// it.</param>
sealed record ClaimSums(long Octets, string Sha256, string Md5)
{
    public static async ValueTask<ClaimSums> OfAsync(ContentSource content, CancellationToken cancel)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        var length = 0L;
        await content.ForEachAsync(
            segment =>
            {
                sha256.AppendData(segment.Span);
                md5.AppendData(segment.Span);
                length += segment.Length;
            },
            cancel).ConfigureAwait(false);
        return new ClaimSums(
            length, Convert.ToHexStringLower(sha256.GetHashAndReset()),
            Convert.ToBase64String(md5.GetHashAndReset()));
    }
}
