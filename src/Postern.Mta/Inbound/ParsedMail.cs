using System.Globalization;
using System.Text;
using MimeKit;
using MimeKit.IO;
using Postern.Smtp;

namespace Postern.Mta.Inbound;

/// <summary>A message taken apart as Mailgun shows it: fields, text, HTML, attachments.</summary>
/// <remarks>Never throws for what stands in a message: what is no MIME is text. A large one lies in a file
/// without a name while it is read. The octets are the truth.</remarks>
public sealed class ParsedMail : IAsyncDisposable
{
    /// <summary>Up to here the octets stay in memory.</summary>
    const int MemoryOctetsMax = 1 << 20;

    const int DepthMax = 64;
    const int AttachmentsMax = 1000;
    const int OtherTextsMax = 20;

    readonly Stream octets;
    readonly List<MailAttachment> attachments = [];
    readonly Dictionary<string, string> otherTexts = new(StringComparer.Ordinal);
    StringBuilder? plain;
    StringBuilder? html;

    ParsedMail(Stream octets, MailHeader header)
    {
        this.octets = octets;
        // Where a field was folded with a tab its reader sees a space.
        Fields = [.. header.Fields.Select(
            field => KeyValuePair.Create(field.Name, field.Value.Replace('\t', ' ')))];
    }

    /// <summary>Decoded, in order, with their names as they stand.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Fields { get; }

    /// <summary>The text parts. Null: there are none.</summary>
    public string? Plain => plain?.ToString();

    public string? Html => html?.ToString();

    /// <summary>Text of other kinds that is no attachment, by subtype: <c>calendar</c>.</summary>
    public IReadOnlyDictionary<string, string> OtherTexts => otherTexts;

    public IReadOnlyList<MailAttachment> Attachments => attachments;

    /// <summary>The text, made of the HTML where there is none. Null: there is neither.</summary>
    public string? PlainOrMade => Plain ?? (Html is { } page ? HtmlText.Of(page) : null);

    /// <summary>The decoded value of the first such field; empty where there is none.</summary>
    public string TextOf(string name) => Fields.FirstOrDefault(
        field => field.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";

    /// <summary>As Mailgun spells names of fields: <c>Message-Id</c>, <c>Dkim-Signature</c>.</summary>
    public static string TitleOf(string name)
    {
        var title = name.ToLowerInvariant().ToCharArray();
        for (var i = 0; i < title.Length; i++)
        {
            if (i == 0 || title[i - 1] == '-')
                title[i] = char.ToUpperInvariant(title[i]);
        }
        return new string(title);
    }

    /// <param name="directory">Where a large one lies while it is read.</param>
    public static async ValueTask<ParsedMail> ReadAsync(
        ContentSource content, string directory, CancellationToken cancel)
    {
        MailCharsets.Register();
        Stream octets = content.Octets <= MemoryOctetsMax ? new MemoryStream() : OpenNameless(directory);
        try
        {
            await CopyAsync(content, octets, cancel).ConfigureAwait(false);
            var mail = new ParsedMail(octets, MailHeader.Read(await HeadOfAsync(octets, cancel)
                .ConfigureAwait(false)));
            await mail.ParseAsync(cancel).ConfigureAwait(false);
            return mail;
        }
        catch
        {
            await octets.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask DisposeAsync() => octets.DisposeAsync();

    static async ValueTask CopyAsync(ContentSource content, Stream octets, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            await reader.CopyToAsync(octets, cancel).ConfigureAwait(false);
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Gone with its last descriptor, also when the process is killed.</summary>
    static FileStream OpenNameless(string directory)
    {
        var path = Path.Combine(directory, Path.GetRandomFileName());
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.Asynchronous,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        File.Delete(path);
        return file;
    }

    static async ValueTask<byte[]> HeadOfAsync(Stream octets, CancellationToken cancel)
    {
        octets.Position = 0;
        var head = new byte[Math.Min(octets.Length, MailHeader.OctetsMax + 4)];
        await octets.ReadExactlyAsync(head, cancel).ConfigureAwait(false);
        octets.Position = 0;
        var end = head.AsSpan().IndexOf("\r\n\r\n"u8);
        return end < 0 ? head : head[..(end + 2)];
    }

    async ValueTask ParseAsync(CancellationToken cancel)
    {
        var options = new ParserOptions { CharsetEncoding = MailCharsets.Hangul, MaxMimeDepth = DepthMax };
        try
        {
            var parser = new MimeParser(options, octets, MimeFormat.Entity, persistent: true);
            var message = await parser.ParseMessageAsync(cancel).ConfigureAwait(false);
            if (message.Body is { } body)
                Take(body, 0);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException)
        {
            // No MIME at all: whoever reads it sees what there is.
            octets.Position = 0;
            var all = new byte[Math.Min(octets.Length, MemoryOctetsMax)];
            await octets.ReadExactlyAsync(all, cancel).ConfigureAwait(false);
            plain = new StringBuilder(Decode(all, null));
        }
    }

    void Take(MimeEntity entity, int depth)
    {
        switch (entity)
        {
            case Multipart parts when depth < DepthMax:
                foreach (var part in parts)
                    Take(part, depth + 1);
                break;
            case TextPart text when !text.IsAttachment && TakeText(text):
                break;
            case MimePart or MessagePart when attachments.Count < AttachmentsMax:
                attachments.Add(new MailAttachment(entity));
                break;
            default:
                // A multipart too deep, or one too many: it is in the octets.
                break;
        }
    }

    /// <returns>False: it is a file.</returns>
    bool TakeText(TextPart part)
    {
        if (part.IsPlain && part.FileName is null)
            Append(ref plain, TextOf(part));
        else if (part.IsHtml && part.FileName is null)
            Append(ref html, TextOf(part));
        else if (part.IsPlain || part.IsHtml || otherTexts.Count == OtherTextsMax
            || part.ContentType.MediaSubtype.ToLowerInvariant() is not { Length: > 0 and <= 40 } subtype
            // It becomes the name of a field: none of ours.
            || subtype is "mime" || !subtype.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '+'))
            return false;
        else
            otherTexts.TryAdd(subtype, TextOf(part));
        return true;
    }

    static void Append(ref StringBuilder? to, string text)
    {
        if (to is null)
            to = new StringBuilder(text);
        else
            to.Append("\r\n").Append(text);
    }

    static string TextOf(TextPart part)
    {
        if (part.Content is null)
            return "";
        using var decoded = new MemoryStream();
        part.Content.DecodeTo(decoded);
        return Decode(decoded.GetBuffer().AsSpan(0, (int)decoded.Length), part.ContentType.Charset);
    }

    /// <summary>Many programs name a charset that is not theirs, or none.</summary>
    static string Decode(ReadOnlySpan<byte> octets, string? charset)
    {
        var isShifted = charset?.StartsWith("iso-2022", StringComparison.OrdinalIgnoreCase) == true;
        if (Ascii.IsValid(octets) && !isShifted)
            return Encoding.ASCII.GetString(octets);
        var named = charset is { Length: > 0 } name ? MailCharsets.Find(name) : null;
        if (named is null or ASCIIEncoding)
            named = System.Text.Unicode.Utf8.IsValid(octets) ? Encoding.UTF8 : MailCharsets.Hangul;
        return named.GetString(octets);
    }
}

/// <summary>A file of a message.</summary>
public sealed class MailAttachment
{
    const int NameCharactersMax = 255;
    static readonly FormatOptions Lines = new() { NewLineFormat = NewLineFormat.Dos };

    readonly MimeEntity entity;

    internal MailAttachment(MimeEntity entity)
    {
        this.entity = entity;
        Name = NameOf(entity);
        ContentType = TypeOf(entity);
        ContentId = entity.ContentId is { Length: > 0 } id && !id.Any(char.IsControl) ? $"<{id}>" : null;
        using var measure = new MeasuringStream();
        Write(measure);
        Octets = measure.Length;
    }

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
        var given = entity.ContentDisposition?.FileName ?? entity.ContentType.Name ?? "";
        var name = new string([.. given.Where(c => !char.IsControl(c))
            .TakeLast(NameCharactersMax)]);
        name = name[(name.LastIndexOfAny(['/', '\\']) + 1)..].Trim();
        return name.Length > 0 ? name : entity is MessagePart ? "message.eml" : "unnamed";
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
