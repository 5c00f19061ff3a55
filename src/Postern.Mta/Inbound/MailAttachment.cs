using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using MimeKit;

namespace Postern.Mta.Inbound;

/// <summary>A file of a message.</summary>
public sealed class MailAttachment
{
    const int NameCharactersMax = 255;

    /// <summary>RFC 5322 §2.1.1: no line is longer.</summary>
    const int ContentIdCharactersMax = 998;

    static readonly FormatOptions Lines = new() { NewLineFormat = NewLineFormat.Dos };

    readonly MimeEntity entity;

    internal MailAttachment(MimeEntity entity, string part)
    {
        this.entity = entity;
        Part = part;
        Name = NameOf(entity);
        ContentType = TypeOf(entity);
        ContentId = entity.ContentId is { Length: > 0 and <= ContentIdCharactersMax } id
            && !id.Any(char.IsControl) ? $"<{id}>" : null;
        // RFC 2183 §2.1; what the HTML shows has an identifier and often no disposition.
        IsInline = entity.ContentDisposition is { Disposition: var how }
            ? how.Equals("inline", StringComparison.OrdinalIgnoreCase) : ContentId is not null;
        using var digest = new DigestStream();
        Write(digest);
        (Octets, Sha256) = (digest.Length, digest.Finish());
    }

    /// <summary>Its number as IMAP counts parts: <c>2.1</c>.</summary>
    public string Part { get; }

    /// <summary>It is shown within the text.</summary>
    public bool IsInline { get; }

    /// <summary>Of the decoded octets, in small hexadecimal digits.</summary>
    public string Sha256 { get; }

    /// <summary>Without path and controls; never empty.</summary>
    public string Name { get; }

    public string ContentType { get; }

    /// <summary>With angle brackets. Null: it has none.</summary>
    public string? ContentId { get; }

    /// <summary>Decoded.</summary>
    public long Octets { get; }

    public async ValueTask WriteToAsync(Stream to, CancellationToken cancel)
    {
        if (entity is MimePart part)
        {
            if (part.Content is { } content)
                await content.DecodeToAsync(to, cancel).ConfigureAwait(false);
        }
        else if (entity is MessagePart { Message: { } message })
            await message.WriteToAsync(Lines, to, cancel).ConfigureAwait(false);
    }

    void Write(Stream to)
    {
        if (entity is MimePart part)
            part.Content?.DecodeTo(to);
        else if (entity is MessagePart { Message: { } message })
            message.WriteTo(Lines, to);
    }

    static string NameOf(MimeEntity entity)
    {
        var given = Mended(GivenName(entity));
        var name = new string([.. given.Where(c => !char.IsControl(c))
            .TakeLast(NameCharactersMax)]);
        name = name[(name.LastIndexOfAny(['/', '\\']) + 1)..].Trim();
        return name.Length > 0 ? name : entity is MessagePart ? "message.eml" : "unnamed";
    }

    static string GivenName(MimeEntity entity)
    {
        // The parser takes raw octets for Korean ones; what is Western is read again.
        var raw = entity.Headers.FirstOrDefault(field => field.Id == HeaderId.ContentDisposition)?.RawValue;
        if (raw is not null && !Ascii.IsValid(raw)
            && ContentDisposition.TryParse(MailHeader.Guess(raw), raw, out var disposition)
            && disposition.FileName is { Length: > 0 } file)
            return file;
        if (entity.ContentDisposition?.FileName is { Length: > 0 } named)
            return named;
        raw = entity.Headers.FirstOrDefault(field => field.Id == HeaderId.ContentType)?.RawValue;
        return raw is not null && !Ascii.IsValid(raw)
            && MimeKit.ContentType.TryParse(MailHeader.Guess(raw), raw, out var type)
            ? type.Name ?? "" : entity.ContentType.Name ?? "";
    }

    /// <summary>RFC 2231 §4 as it is misspelt: an extended value without a charset, or in quotes under the
    /// plain name.</summary>
    static string Mended(string name)
    {
        var quotes = name.IndexOf("''", StringComparison.Ordinal);
        if (quotes > 0 && name.Contains('%', StringComparison.Ordinal)
            && MailCharsets.Find(name[..quotes]) is { } charset)
            return charset.GetString(Unescaped(name[(quotes + 2)..]));
        if (Ascii.IsValid(name) || name.Any(static c => c > '\u00ff'))
            return name;
        var octets = Encoding.Latin1.GetBytes(name);
        return Utf8.IsValid(octets) ? Encoding.UTF8.GetString(octets) : name;
    }

    static byte[] Unescaped(string text)
    {
        var octets = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 <= text.Length - 1 && byte.TryParse(text.AsSpan(i + 1, 2),
                NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
            {
                octets.Add(octet);
                i += 2;
            }
            else
                octets.AddRange(Encoding.UTF8.GetBytes(text[i].ToString()));
        }
        return [.. octets];
    }

    /// <summary>It stands in header fields of ours: what is no token there is a stream of octets.</summary>
    static string TypeOf(MimeEntity entity)
    {
        var type = string.Create(CultureInfo.InvariantCulture,
            $"{entity.ContentType.MediaType}/{entity.ContentType.MediaSubtype}").ToLowerInvariant();
        return type.Length <= 100 && type.Count(c => c == '/') == 1
            && type.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '.' or '+' or '_')
            ? type : "application/octet-stream";
    }
}

/// <summary>Keeps the count and the sum of what is written, and nothing else.</summary>
sealed class DigestStream : Stream
{
    readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    long octets;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => octets;

    public override long Position
    {
        get => octets;
        set => throw new NotSupportedException();
    }

    public string Finish() => Convert.ToHexStringLower(hash.GetHashAndReset());

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        hash.AppendData(buffer);
        octets += buffer.Length;
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            hash.Dispose();
        base.Dispose(disposing);
    }
}
