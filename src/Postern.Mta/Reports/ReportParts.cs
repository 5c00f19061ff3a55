using System.Text;
using System.Text.RegularExpressions;
using MimeKit;
using MimeKit.Text;
using Postern.Mta.Inbound;

namespace Postern.Mta.Reports;

/// <summary>A mail taken apart into what a report consists of: the header, words for people, fields for
/// programs, the header of the returned message.</summary>
/// <remarks>Whatever stands in the mail, this neither throws nor descends further than
/// <see cref="DepthMax"/>.</remarks>
sealed partial class ReportParts
{
    const int DepthMax = 20;

    const int PartsMax = 100;

    /// <summary>Characters of words that are looked at.</summary>
    const int WordsCharactersMax = 32 * 1024;

    const int FieldsCharactersMax = 512 * 1024;

    readonly StringBuilder words = new();
    readonly StringBuilder html = new();
    int parts;

    ReportParts(MailHeader header) => Header = header;

    public MailHeader Header { get; }

    /// <summary>Of a delivery-status part, or of such fields among the words. Null: none.</summary>
    public DeliveryStatus? Status { get; private set; }

    /// <summary>Of a feedback-report part (RFC 5965 §3). Null: none.</summary>
    public DeliveryStatus? Feedback { get; private set; }

    /// <summary>A read receipt (RFC 8098).</summary>
    public bool HasDisposition { get; private set; }

    /// <summary>The words for people before the returned message, lines without quote marks.</summary>
    public IReadOnlyList<string> Lines { get; private set; } = [];

    /// <summary>Null: nothing was returned.</summary>
    public MailHeader? Original { get; private set; }

    /// <returns>Null: the octets are no message.</returns>
    public static ReportParts? Of(ReadOnlyMemory<byte> content)
    {
        MailCharsets.Register();
        if (content.Span.StartsWith("From "u8) || content.Span.StartsWith(">From "u8))
            content = content[(content.Span.IndexOf((byte)'\n') + 1)..];
        using var stream = new MemoryStream(content.ToArray(), writable: false);
        MimeMessage message;
        try
        {
            var options = new ParserOptions { MaxMimeDepth = DepthMax };
            message = new MimeParser(options, stream, MimeFormat.Entity).ParseMessage();
        }
        catch (FormatException)
        {
            return null;
        }
        var head = content.Span.IndexOf("\n\n"u8) is var lf and >= 0 ? lf + 1 : content.Length;
        if (content.Span.IndexOf("\r\n\r\n"u8) is var crlf and >= 0 && crlf < head)
            head = crlf + 2;
        var found = new ReportParts(HeaderOf(content.Span[..head]));
        using (message)
            found.Add(message.Body);
        found.Conclude();
        return found;
    }

    void Add(MimeEntity? entity)
    {
        if (entity is null || ++parts > PartsMax)
            return;
        switch (entity)
        {
            case Multipart { Count: 0 } multipart:
                // The boundary is another than the header says: all of it stands before the first part.
                words.Append(multipart.Preamble?.ReplaceLineEndings("\n"));
                break;
            case Multipart multipart:
                foreach (var part in multipart)
                    Add(part);
                break;
            // RFC 6522 §3: the third part.
            case MessagePart { Message: { } message }:
                Original ??= HeaderOf(message.Headers);
                break;
            case MimePart part:
                AddLeaf(part);
                break;
        }
    }

    void AddLeaf(MimePart part)
    {
        switch (part.ContentType.MimeType.ToLowerInvariant())
        {
            case "message/delivery-status" or "message/global-delivery-status":
                Status ??= DeliveryStatus.Read(TextOf(part, FieldsCharactersMax));
                break;
            case "message/feedback-report":
                Feedback ??= DeliveryStatus.Read(TextOf(part, FieldsCharactersMax));
                break;
            case "message/disposition-notification" or "message/global-disposition-notification":
                HasDisposition = true;
                break;
            case "text/rfc822-headers" or "message/rfc822-headers" or "message/global-headers":
                Original ??= HeaderOf(Encoding.UTF8.GetBytes(TextOf(part, MailHeader.OctetsMax)));
                break;
            case "text/html":
                html.Append(WithoutTags(TextOf(part, WordsCharactersMax))).Append('\n');
                break;
            case "text/plain" or "text/rfc822" or "":
                words.Append(TextOf(part, WordsCharactersMax)).Append('\n');
                break;
        }
    }

    void Conclude()
    {
        var text = string.IsNullOrWhiteSpace(words.ToString()) ? html : words;
        var lines = text.ToString(0, Math.Min(text.Length, WordsCharactersMax)).Split('\n')
            .Select(static line => WithoutQuote(line.TrimEnd())).ToArray();
        var fields = Array.FindIndex(lines, static line => FieldsBegin.IsMatch(line));
        if (Status is null && fields >= 0)
            Status = DeliveryStatus.Read(string.Join('\n', lines.Skip(fields)));
        var end = Array.FindIndex(lines, static line => OriginalBegins.IsMatch(line));
        var after = end + 1;
        var bare = Array.FindIndex(lines, static line => BareField.IsMatch(line));
        if (bare >= 0 && (end < 0 || bare < end))
        {
            while (bare > 0 && AnyField.IsMatch(lines[bare - 1]))
                bare--;
            end = after = bare;
        }
        Lines = end < 0 ? lines : lines[..end];
        if (end >= 0)
            Original ??= HeaderOf(Encoding.UTF8.GetBytes(string.Join("\r\n", lines.Skip(after)
                .Select(static line => line.StartsWith("   ", StringComparison.Ordinal) ? line[3..] : line)
                .SkipWhile(string.IsNullOrWhiteSpace).TakeWhile(static line => line.Length > 0))));
    }

    static MailHeader HeaderOf(ReadOnlySpan<byte> octets)
    {
        // Lines of reports end as their writer pleased.
        var text = Encoding.Latin1.GetString(octets);
        return MailHeader.Read(Encoding.Latin1.GetBytes(text.ReplaceLineEndings("\r\n")));
    }

    static MailHeader HeaderOf(HeaderList headers)
    {
        using var octets = new MemoryStream();
        headers.WriteTo(octets);
        return HeaderOf(octets.ToArray());
    }

    /// <summary>Decoded, line ends as LF, a charset nobody knows read as Latin 1.</summary>
    static string TextOf(MimePart part, int charactersMax)
    {
        if (part.Content is null)
            return "";
        using var octets = new MemoryStream();
        part.Content.DecodeTo(octets);
        var text = Encoding.UTF8.GetString(octets.GetBuffer(), 0, (int)octets.Length);
        if (part.ContentType.Charset is { } name && text.AsSpan().ContainsAnyExceptInRange('\t', '~'))
            text = (MailCharsets.Find(name) ?? Encoding.Latin1)
                .GetString(octets.GetBuffer(), 0, (int)octets.Length);
        return text[..Math.Min(text.Length, charactersMax)].ReplaceLineEndings("\n");
    }

    /// <summary>Without the mark of a forwarded line; the three of a transcript stay.</summary>
    static string WithoutQuote(string line) =>
        line switch
        {
            ['>', '>', '>', not '>', ..] or not ['>', ..] => line,
            ['>', ' ', ..] => line[2..],
            _ => line[1..],
        };

    static string WithoutTags(string markup)
    {
        var text = new StringBuilder();
        using var reader = new StringReader(markup);
        var tokens = new HtmlTokenizer(reader);
        while (tokens.ReadNextToken(out var token))
        {
            if (token is HtmlTagToken { Name: "br" or "p" or "div" or "tr" or "li" or "td" })
                text.Append('\n');
            else if (token is HtmlDataToken { Kind: HtmlTokenKind.Data } data)
                text.Append(data.Data);
        }
        return text.ToString();
    }

    const RegexOptions Words = RegexOptions.IgnoreCase
        | RegexOptions.CultureInvariant;

    [GeneratedRegex(@"^[ \t]*(reporting-mta|final-recipient|original-recipient)[ \t]*:",
        RegexOptions.NonBacktracking | Words)]
    static partial Regex FieldsBegin { get; }

    /// <summary>How mail systems announce what they return.</summary>
    [GeneratedRegex(
        @"^[ \t]*[-=_*#+ ]*(this is (a|the) copy of|a copy of (the|your) (original )?message"
        + "|below (this line )?is|below is|the original message (follows|headers?)|(the )?original (message"
        + "|mail)( text| headers?)?[ :.*=-]*$|original mail as follows|message headers? follow|unsent message"
        + "|unsent copy|returned message|the headers? of the original|headers? of the original"
        + "|undelivered message|message text follows|message (contents?|body) follows"
        + "|your (original )?message (follows|reads|is|was):?$|the following is a copy"
        + "|the first .{1,20} lines of|included is a copy|copy of (the )?message"
        + "|begin(ning)? of (the )?(original|returned)|text of (the )?(original|message)"
        + "|start of (the )?(original|returned))", RegexOptions.NonBacktracking | Words)]
    static partial Regex OriginalBegins { get; }

    /// <summary>A header section that begins without a word.</summary>
    [GeneratedRegex(@"^(return-path:[ \t]*<?|received:[ \t]|message-id:[ \t]*(<|$))",
        RegexOptions.NonBacktracking | Words)]
    static partial Regex BareField { get; }

    [GeneratedRegex(@"^([A-Za-z][A-Za-z0-9-]*:[ \t]|[ \t]+[^ \t])", RegexOptions.NonBacktracking)]
    static partial Regex AnyField { get; }
}
