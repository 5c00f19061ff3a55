using System.Buffers;
using System.Globalization;
using System.Text;
using MimeKit;
using Postern.Smtp;

namespace Postern.Mta.Inbound;

/// <summary>A message taken apart as Mailgun shows it: fields, text, HTML, attachments.</summary>
/// <remarks>Never throws for what stands in a message: what is no MIME is text. A large one lies in a file
/// without a name while it is read. The octets are the truth.</remarks>
public sealed class ParsedMail : IAsyncDisposable
{
    /// <summary>Up to here the octets stay in memory.</summary>
    const int MemoryOctetsMax = 1 << 20;

    /// <summary>Header sections up to here, in octets, are taken apart: MimeKit keeps each field.</summary>
    const int HeadOctetsMax = 1 << 20;

    /// <summary>Lines that may begin a part: MimeKit keeps each part.</summary>
    const int BoundaryLinesMax = 20_000;

    const int DepthMax = 64;
    const int AttachmentsMax = 1000;
    const int OtherTextsMax = 20;

    readonly Stream octets;
    readonly int textOctetsMax;
    readonly SortedSet<string> defects = new(StringComparer.Ordinal);
    readonly List<MailAttachment> attachments = [];
    readonly Dictionary<string, string> otherTexts = new(StringComparer.Ordinal);
    StringBuilder? plain;
    StringBuilder? html;

    ParsedMail(Stream octets, MailHeader header, int textOctetsMax)
    {
        this.octets = octets;
        this.textOctetsMax = textOctetsMax;
        Header = header;
        Fields = FieldsOf(header);
    }

    internal MailHeader Header { get; }

    /// <summary>What is wrong with it below its header section, by fixed names, sorted.</summary>
    public IReadOnlyCollection<string> Defects => defects;

    /// <summary>There was more text than was asked for.</summary>
    public bool IsTextTruncated { get; private set; }

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
    public static ValueTask<ParsedMail> ReadAsync(
        ContentSource content, string directory, CancellationToken cancel) =>
        ReadAsync(content, directory, int.MaxValue, cancel);

    /// <summary>The fields of a header section, as <see cref="Fields"/> has them.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> FieldsOf(ReadOnlySpan<byte> octets)
    {
        var head = octets[..Math.Min(octets.Length, MailHeader.OctetsMax)];
        var end = head.IndexOf("\r\n\r\n"u8);
        return FieldsOf(MailHeader.Read(end < 0 ? head : head[..(end + 2)]));
    }

    // Where a field was folded with a tab its reader sees a space.
    static IReadOnlyList<KeyValuePair<string, string>> FieldsOf(MailHeader header) =>
        [.. header.Fields.Select(field => KeyValuePair.Create(field.Name, field.Value.Replace('\t', ' ')))];

    /// <param name="textOctetsMax">Of each kind of text, decoded from its transfer encoding.</param>
    public static async ValueTask<ParsedMail> ReadAsync(
        ContentSource content, string directory, int textOctetsMax, CancellationToken cancel)
    {
        Stream octets = content.Octets <= MemoryOctetsMax ? new MemoryStream() : OpenNameless(directory);
        try
        {
            await CopyAsync(content, octets, cancel).ConfigureAwait(false);
            return await ReadAsync(octets, textOctetsMax, cancel).ConfigureAwait(false);
        }
        catch
        {
            await octets.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Octets that somebody has in memory already; they must not change meanwhile.</summary>
    internal static ValueTask<ParsedMail> ReadAsync(
        byte[] octets, int textOctetsMax, CancellationToken cancel) =>
        ReadAsync(new MemoryStream(octets, writable: false), textOctetsMax, cancel);

    static async ValueTask<ParsedMail> ReadAsync(Stream octets, int textOctetsMax, CancellationToken cancel)
    {
        MailCharsets.Register();
        var head = MailHeader.Read(await HeadOfAsync(octets, cancel).ConfigureAwait(false));
        var mail = new ParsedMail(octets, head, textOctetsMax);
        if (await IsBoundedAsync(octets, cancel).ConfigureAwait(false))
            await mail.ParseAsync(cancel).ConfigureAwait(false);
        else
            mail.defects.Add("too-complex");
        return mail;
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

    /// <summary>Taking it apart will not cost more memory than it is worth.</summary>
    static async ValueTask<bool> IsBoundedAsync(Stream octets, CancellationToken cancel)
    {
        octets.Position = 0;
        var piece = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            // The last octets of a piece stand before those of the next one.
            var (kept, lines, position, isHead) = (0, 0, 0L, true);
            while (true)
            {
                var read = await octets.ReadAsync(piece.AsMemory(kept), cancel).ConfigureAwait(false);
                if (read == 0)
                    return !isHead || position <= HeadOctetsMax;
                var span = piece.AsSpan(0, kept + read);
                lines += span.Count("\n--"u8);
                isHead = isHead && span.IndexOf("\n\r\n"u8) < 0
                    && !(position == 0 && span.StartsWith("\r\n"u8));
                position += read;
                if (lines > BoundaryLinesMax || (isHead && position > HeadOctetsMax))
                    return false;
                kept = Math.Min(2, span.Length);
                span[^kept..].CopyTo(span);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
            octets.Position = 0;
        }
    }

    async ValueTask ParseAsync(CancellationToken cancel)
    {
        var options = new ParserOptions { CharsetEncoding = MailCharsets.Hangul, MaxMimeDepth = DepthMax };
        try
        {
            var parser = new MimeParser(options, octets, MimeFormat.Entity, persistent: true);
            var message = await parser.ParseMessageAsync(cancel).ConfigureAwait(false);
            if (message.Body is { } body)
                Take(body, 0, "");
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException)
        {
            // No MIME at all: whoever reads it sees what there is.
            defects.Add("unreadable-mime");
            octets.Position = 0;
            var all = new byte[Math.Min(octets.Length, MemoryOctetsMax)];
            await octets.ReadExactlyAsync(all, cancel).ConfigureAwait(false);
            plain = new StringBuilder(MailCharsets.Decode(all, null));
        }
    }

    /// <param name="part">The number of the one it stands in, as IMAP counts. Empty: of none.</param>
    void Take(MimeEntity entity, int depth, string part)
    {
        if (entity is Multipart parts)
        {
            if (depth == DepthMax)
                defects.Add("too-deep");
            for (var i = 0; i < parts.Count && depth < DepthMax; i++)
                Take(parts[i], depth + 1, NumberOf(part, i + 1));
            return;
        }
        if (entity is TextPart { IsAttachment: false } text && TakeText(text))
            return;
        if (attachments.Count < AttachmentsMax)
            attachments.Add(new MailAttachment(entity, part.Length > 0 ? part : "1"));
        else
            // It is in the octets.
            defects.Add("too-many-attachments");
    }

    static string NumberOf(string parent, int number) => parent.Length == 0
        ? number.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{parent}.{number}");

    /// <returns>False: it is a file.</returns>
    bool TakeText(TextPart part)
    {
        if (part.IsPlain && part.FileName is null)
            Append(ref plain, part);
        else if (part.IsHtml && part.FileName is null)
            Append(ref html, part);
        else if (part.IsPlain || part.IsHtml || otherTexts.Count == OtherTextsMax
            || part.ContentType.MediaSubtype.ToLowerInvariant() is not { Length: > 0 and <= 40 } subtype
            // It becomes the name of a field: none of ours.
            || subtype is "mime" || !subtype.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '+'))
            return false;
        else
            otherTexts.TryAdd(subtype, TextOf(part, textOctetsMax));
        return true;
    }

    void Append(ref StringBuilder? to, TextPart part)
    {
        var text = TextOf(part, Math.Max(0, textOctetsMax - (to?.Length ?? 0)));
        if (to is null)
            to = new StringBuilder(text);
        else if (text.Length > 0)
            to.Append("\r\n").Append(text);
    }

    string TextOf(TextPart part, int octetsMax)
    {
        if (part.Content is null)
            return "";
        using var decoded = part.Content.Open();
        var octets = Read(decoded, octetsMax);
        var label = part.ContentType.Charset;
        if (label is { Length: > 0 } && MailCharsets.Find(label) is null)
            defects.Add("unknown-charset");
        var text = MailCharsets.Decode(octets.Span, label);
        if (decoded.ReadByte() >= 0)
        {
            IsTextTruncated = true;
            // Of a character that was cut.
            text = text.TrimEnd('\ufffd');
        }
        if (text.Contains('\ufffd', StringComparison.Ordinal))
            defects.Add("undecodable-text");
        return text;
    }

    static ReadOnlyMemory<byte> Read(Stream from, int octetsMax)
    {
        var to = new ArrayBufferWriter<byte>();
        while (to.WrittenCount < octetsMax)
        {
            var room = to.GetSpan(4096);
            var read = from.Read(room[..Math.Min(room.Length, octetsMax - to.WrittenCount)]);
            if (read == 0)
                break;
            to.Advance(read);
        }
        return to.WrittenMemory;
    }
}
