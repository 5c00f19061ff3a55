using System.Security.Cryptography;
using Postern.Smtp;

namespace Postern.Mta.Inbound;

/// <summary>What a document tells of a message's content; taken once for all its recipients.</summary>
/// <remarks>Never throws for what stands in a message. What it holds is bounded, however large the message
/// is.</remarks>
sealed class MailDescription
{
    /// <summary>Each of text and HTML, in octets of UTF-8. With 1 MiB of content inside, and all of it to be
    /// escaped, a document then still fits into one message of Pub/Sub.</summary>
    public const int BodyOctetsMax = 256 << 10;

    MailDescription(ParsedMail mail, long octets, string sha256, InboundParse parse)
    {
        Octets = octets;
        Sha256 = sha256;
        Header = mail.Header;
        Attachments = mail.Attachments;
        Defects = mail.Defects;
        if (parse is not InboundParse.Bodies)
            return;
        Text = CutOf(mail.Plain);
        Html = CutOf(mail.Html);
        Stripped = mail.PlainOrMade is { } words ? QuotedText.Of(PlainText.Cut(words, BodyOctetsMax)) : null;
        IsTextTruncated = mail.IsTextTruncated
            || Text?.Length < mail.Plain?.Length || Html?.Length < mail.Html?.Length;
    }

    public long Octets { get; }

    /// <summary>Of the octets as they are, in small hexadecimal digits.</summary>
    public string Sha256 { get; }

    public MailHeader Header { get; }

    /// <summary>Null: there is none, or none was asked for.</summary>
    public string? Text { get; }

    /// <summary>Null: there is none, or none was asked for.</summary>
    public string? Html { get; }

    /// <summary>The words of the author alone, made of the HTML where there is no text. Null as
    /// above.</summary>
    public QuotedText? Stripped { get; }

    public bool IsTextTruncated { get; }

    /// <summary>Their facts; their octets can no longer be read.</summary>
    public IReadOnlyList<MailAttachment> Attachments { get; }

    /// <summary>Those of the header section stand in <see cref="Header"/>.</summary>
    public IReadOnlyCollection<string> Defects { get; }

    /// <param name="directory">Where a large one lies while it is read.</param>
    public static async ValueTask<MailDescription> ReadAsync(
        ContentSource content, string directory, InboundParse parse, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await content.ForEachAsync(segment => hash.AppendData(segment.Span), cancel).ConfigureAwait(false);
        var sum = Convert.ToHexStringLower(hash.GetHashAndReset());
        return await ReadAsync(content, sum, directory, parse, cancel).ConfigureAwait(false);
    }

    /// <param name="sha256">Of the content, where it is known already.</param>
    public static async ValueTask<MailDescription> ReadAsync(
        ContentSource content, string sha256, string directory, InboundParse parse, CancellationToken cancel)
    {
        await using var mail = await ParsedMail.ReadAsync(content, directory, TextMax(parse), cancel)
            .ConfigureAwait(false);
        return new MailDescription(mail, content.Octets, sha256, parse);
    }

    /// <summary>Octets that somebody has in memory already.</summary>
    public static async ValueTask<MailDescription> ReadAsync(
        byte[] octets, string sha256, InboundParse parse, CancellationToken cancel)
    {
        await using var mail = await ParsedMail.ReadAsync(octets, TextMax(parse), cancel)
            .ConfigureAwait(false);
        return new MailDescription(mail, octets.Length, sha256, parse);
    }

    static int TextMax(InboundParse parse) => parse is InboundParse.Bodies ? BodyOctetsMax : 0;

    static string? CutOf(string? text) => text is null ? null : PlainText.Cut(text, BodyOctetsMax);
}
