using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MimeKit;
using MimeKit.Text;
using Postern.Mta.Intake;
using Postern.Smtp.Server;

namespace Postern.Api.Mailgun;

/// <summary>Makes the message of a form: text, AMP and HTML as alternatives, inline parts beside the HTML,
/// attachments behind them.</summary>
/// <remarks>Files are encoded while they are written: they are never in memory as a whole.</remarks>
sealed class MessageComposer(SendRequest request, TimeProvider clock, long octetsMax)
{
    /// <summary>Of one rendering of a template.</summary>
    const long StepsMax = 100_000;

    /// <summary>Of all renderings of a request: a batch makes a thousand of them.</summary>
    const long AllStepsMax = 20 * StepsMax;

    const int MemberCharactersMax = 900;

    /// <summary>Of a link on a line of the header.</summary>
    const int LinkCharactersMax = 990;

    static readonly FormatOptions Format = FormatOptions.Default.Clone();

    static MessageComposer() => Format.NewLineFormat = NewLineFormat.Dos;

    /// <param name="only">Whom the message of a batch is for. Null: it is one for all.</param>
    /// <param name="messageId">With its angle brackets.</param>
    /// <param name="own">Links of its one recipient's own. Null: it has none.</param>
    public async ValueTask WriteAsync(
        ContentSink sink, ApiAddress? only, string messageId, MailLinks? own, CancellationToken cancel)
    {
        links = own;
        // It is not disposed of: the files are the form's.
        var message = Compose(only, messageId);
        await message.WriteToAsync(Format, new SinkStream(sink), cancel);
    }

    long stepsLeft = AllStepsMax;

    /// <summary>Of the message that is being written.</summary>
    MailLinks? links;

    MimeMessage Compose(ApiAddress? only, string messageId)
    {
        var message = new MimeMessage { Date = clock.GetUtcNow(), Subject = SubjectFor(only) };
        message.From.AddRange(request.From.Select(address => address.ToMime()));
        message.To.AddRange((only is null ? request.To : [only]).Select(address => address.ToMime()));
        message.Cc.AddRange(request.Cc.Select(address => address.ToMime()));
        message.Headers.Replace(HeaderId.MessageId, messageId);
        foreach (var (name, value) in request.Headers)
            AddHeader(message, name, Linked(FillLine(value, only)));
        if (HeaderOfTemplate("Reply-To", only) is { } replyTo && !request.Headers.Any(
            header => header.Key.Equals("Reply-To", StringComparison.OrdinalIgnoreCase)))
            AddHeader(message, "Reply-To", replyTo);
        foreach (var tag in request.Tags)
            message.Headers.Add("X-Mailgun-Tag", tag);
        if (request.Variables is { } variables && Folded(variables, only) is { } folded)
            message.Headers.Add("X-Mailgun-Variables", folded);
        if (request.RequiresTls)
            message.Headers.Add(MailgunFields.RequireTls, "yes");
        if (request.DeliverWithin is { } window)
            message.Headers.Add(MailgunFields.DeliverWithin, DeliveryWindow.Format(window));
        message.Body = Body(only);
        AddUnsubscribe(message);
        message.Prepare(EncodingConstraint.SevenBit);
        return message;
    }

    static void AddHeader(MimeMessage message, string name, string value)
    {
        // Its own place is taken: what we would have made is what the sender wants otherwise.
        if (name.Equals("Message-Id", StringComparison.OrdinalIgnoreCase))
            return;
        if (name.Equals("List-Unsubscribe", StringComparison.OrdinalIgnoreCase))
            value = WithoutEmptyLinks(value);
        if (value.Length == 0)
            return;
        if (name.Equals("Date", StringComparison.OrdinalIgnoreCase)
            || name.Equals("Sender", StringComparison.OrdinalIgnoreCase)
            || name.Equals("Reply-To", StringComparison.OrdinalIgnoreCase))
            message.Headers.Replace(name, Encoding.UTF8, value);
        else
            message.Headers.Add(name, Encoding.UTF8, value);
    }

    /// <summary>A link that nobody filled in goes with its comma.</summary>
    static string WithoutEmptyLinks(string value) => string.Join(", ", value.Split(',')
        .Select(link => link.Trim())
        .Where(link => link.Length > 0 && link is not ['<', '%', .., '%', '>']
            && !link.Contains("unsubscribe_email%", StringComparison.Ordinal)));

    /// <summary>The way to unsubscribe, where the sender names none of his own; by one click where there is
    /// one and the link is ours (RFC 8058 §3.1).</summary>
    void AddUnsubscribe(MimeMessage message)
    {
        const string list = "List-Unsubscribe", post = "List-Unsubscribe-Post";
        if (links is null)
            return;
        // RFC 2369 §3.2; and it cannot be folded (RFC 5322 §2.1.1).
        if (links.HasUnsubscribe && !message.Headers.Contains(list)
            && links.Unsubscribe.Length <= LinkCharactersMax)
            message.Headers.Add(list, $"<{links.Unsubscribe}>");
        if (links.IsOneClick(message.Headers[list]) && !message.Headers.Contains(post))
            message.Headers.Add(post, "List-Unsubscribe=One-Click");
    }

    MimeEntity Body(ApiAddress? only)
    {
        var texts = new List<MimeEntity>();
        var whole = request.Template is { } template ? Render(template.Body, TemplateEscaping.Html, only)
            : request.Html is { } own ? Fill(own, only) : null;
        // Some clients always send a text.
        if (request.Text is { } text && (text.Length > 0 || (whole is null && request.Amp is null)))
            texts.Add(PlainOf(Fill(text, only)));
        else if (request.MakesText && whole is not null)
            texts.Add(PlainOf(HtmlText.Of(whole)));
        if (request.Amp is { } amp)
            texts.Add(TextOf(TextFormat.Plain, "x-amp-html", Linked(Fill(amp, only))));
        if (whole is not null)
            texts.Add(WithInlines(TextOf(TextFormat.Html, "html", links?.InHtml(whole) ?? whole)));
        var body = texts is [var single] ? single : Parts(new MultipartAlternative(), texts);
        if (whole is null)
            body = WithInlines(body);
        var attachments = request.Attachments.Select(file => PartOf(file, isInline: false)).ToArray();
        return attachments.Length == 0 ? body : Parts(new Multipart("mixed"), [body, .. attachments]);
    }

    TextPart PlainOf(string text) => TextOf(TextFormat.Plain, "plain", links?.InText(text) ?? text);

    string Linked(string text) => links?.Fill(text) ?? text;

    MimeEntity WithInlines(MimeEntity body)
    {
        var inlines = request.Inlines.Select(file => PartOf(file, isInline: true)).ToArray();
        return inlines.Length == 0 ? body : Parts(new MultipartRelated(), [body, .. inlines]);
    }

    static Multipart Parts(Multipart whole, IEnumerable<MimeEntity> parts)
    {
        foreach (var part in parts)
            whole.Add(part);
        return whole;
    }

    static TextPart TextOf(TextFormat format, string subtype, string text)
    {
        var part = new TextPart(format);
        part.ContentType.MediaSubtype = subtype;
        part.SetText(Encoding.UTF8, text);
        return part;
    }

    static MimePart PartOf(ApiFile file, bool isInline)
    {
        var type = file.ContentType is { } said && ContentType.TryParse(said, out var known)
            ? known : ContentType.Parse(MimeTypes.GetMimeType(file.Name));
        var part = new MimePart(type)
        {
            FileName = file.Name,
            Content = new MimeContent(file.Read()),
            ContentTransferEncoding = ContentEncoding.Base64,
            ContentDisposition = new ContentDisposition(
                isInline ? ContentDisposition.Inline : ContentDisposition.Attachment),
        };
        part.ContentDisposition.FileName = file.Name;
        if (isInline)
            part.Headers.Replace(HeaderId.ContentId, Encoding.UTF8, $"<{file.Name}>");
        return part;
    }

    /// <summary>With places to fold it at. Null: a line would be longer than one may be.</summary>
    // RFC 5322 §2.1.1.
    string? Folded(string json, ApiAddress? only)
    {
        using var document = JsonDocument.Parse(json);
        string[] members = [.. document.RootElement.EnumerateObject().Select(member =>
            new JsonObject { [member.Name] = Fill(member.Value.GetString()!, only) }.ToJsonString()[1..^1])];
        return members.Any(member => member.Length > MemberCharactersMax) ? null
            : $"{{{string.Join(", ", members)}}}";
    }

    string SubjectFor(ApiAddress? only) =>
        request.Subject.Length > 0 ? FillLine(request.Subject, only)
            : HeaderOfTemplate("Subject", only) ?? "";

    /// <summary>Null: there is no template, or it has no such field.</summary>
    string? HeaderOfTemplate(string name, ApiAddress? only) =>
        request.Template?.Headers.GetValueOrDefault(name) is { } line
            ? Line(Render(line, TemplateEscaping.None, only)) : null;

    /// <summary>What a recipient of a batch has is filled in before it is escaped, and once.</summary>
    string Render(HandlebarsTemplate template, TemplateEscaping escaping, ApiAddress? only)
    {
        var made = template.Render(
            request.TemplateVariables, escaping, text => Fill(text, only),
            new RenderLimits(octetsMax, Math.Min(StepsMax, stepsLeft)));
        stepsLeft -= made.Steps;
        return made.Text ?? throw new ApiException(400,
            "the template makes more than limits.message-size, or takes too many steps");
    }

    /// <summary>For a header field: what a recipient's value holds of controls would begin another
    /// one.</summary>
    string FillLine(string text, ApiAddress? only) => Line(Fill(text, only));

    static string Line(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    string Fill(string text, ApiAddress? only) =>
        only is null || request.Batch is not { } variables ? text : variables.Fill(text, only);

    /// <summary>Only what a sink needs of a stream.</summary>
    sealed class SinkStream(ContentSink sink) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> octets, CancellationToken cancel = default) =>
            sink.Refusal is null ? sink.WriteAsync(new ReadOnlySequence<byte>(octets), cancel) : default;

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancel) =>
            WriteAsync(buffer.AsMemory(offset, count), cancel).AsTask();

        public override Task FlushAsync(CancellationToken cancel) => Task.CompletedTask;
        public override void Flush() { }
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
