using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Net.Http.Headers;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Api.Mailgun;

/// <summary>Messages whose content is still here: what <c>store()</c> keeps, what waits, and what
/// <c>queue.keep-content</c> keeps.</summary>
sealed partial class MailgunFace
{
    const string StoredPath = "/v3/domains/{domain}/messages/{key}";

    void MapStored(IEndpointRouteBuilder web)
    {
        web.MapGet(StoredPath, context => ServeAsync(context, ShowStoredAsync));
        web.MapPost(StoredPath, context => ServeAsync(context, ResendAsync));
        web.MapDelete(StoredPath, context => ServeAsync(context, DropStoredAsync));
        web.MapGet(StoredPath + "/attachments/{number}", context => ServeAsync(context, SendFileAsync));
    }

    async Task<JsonObject> ShowStoredAsync(HttpContext context, string domain)
    {
        using var open = await OpenStoredAsync(context, domain);
        await using var mail = await ParsedMail.ReadAsync(
            open.Content, agent.Options.Data, context.RequestAborted);
        var json = new JsonObject
        {
            ["sender"] = open.Message.Sender.Mailbox?.ToString() ?? "",
            ["recipients"] = string.Join(", ", open.Recipients),
            ["from"] = mail.TextOf("From"),
            ["subject"] = mail.TextOf("Subject"),
        };
        var wanted = context.Request.Headers.Accept.ToString();
        if (wanted.Contains("message/rfc2822", StringComparison.OrdinalIgnoreCase)
            || wanted.Contains("message/rfc822", StringComparison.OrdinalIgnoreCase))
        {
            json["body-mime"] = await ReadMimeAsync(open.Content, context.RequestAborted);
            return json;
        }
        AddBodies(json, mail);
        AddFiles(json, mail, UrlOf(context));
        json["message-headers"] = InboundForm.HeadersOf(mail);
        foreach (var (name, value) in mail.Fields)
        {
            var title = ParsedMail.TitleOf(name);
            if (!InboundForm.IsOurs(name) && !json.ContainsKey(title))
                json[title] = value;
        }
        return json;
    }

    static void AddBodies(JsonObject json, ParsedMail mail)
    {
        var plain = mail.PlainOrMade ?? "";
        var split = QuotedText.Of(plain);
        json["body-plain"] = plain;
        json["stripped-text"] = split.Text;
        json["stripped-signature"] = split.Signature;
        if (mail.Html is not { } html)
            return;
        json["body-html"] = html;
        json["stripped-html"] = QuotedHtml.Of(html);
    }

    static void AddFiles(JsonObject json, ParsedMail mail, string url)
    {
        json["attachments"] = InboundForm.AttachmentsAt(url, mail.Attachments);
        json["content-id-map"] = InboundForm.ContentIds(
            mail.Attachments, number => InboundForm.AttachmentUrl(url, number));
    }

    /// <summary>JSON holds text alone: octets that are no UTF-8 stand for the characters with their
    /// numbers.</summary>
    static async ValueTask<string> ReadMimeAsync(ContentSource content, CancellationToken cancel)
    {
        using var octets = new MemoryStream();
        var reader = content.OpenReader();
        await reader.CopyToAsync(octets, cancel);
        await reader.CompleteAsync();
        var mime = octets.GetBuffer().AsSpan(0, (int)octets.Length);
        return (System.Text.Unicode.Utf8.IsValid(mime) ? Encoding.UTF8 : Encoding.Latin1).GetString(mime);
    }

    async Task<JsonObject> SendFileAsync(HttpContext context, string domain)
    {
        using var open = await OpenStoredAsync(context, domain);
        await using var mail = await ParsedMail.ReadAsync(
            open.Content, agent.Options.Data, context.RequestAborted);
        if (!int.TryParse(
            (string)context.GetRouteValue("number")!, NumberStyles.None, CultureInfo.InvariantCulture,
            out var number) || number < 1 || number > mail.Attachments.Count)
            throw new ApiException(404, "Attachment not found");
        var file = mail.Attachments[number - 1];
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(file.Name);
        // A stranger made it: a browser that is led here shows nothing of it as a page of ours.
        context.Response.Headers.ContentDisposition = disposition.ToString();
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers.ContentSecurityPolicy = "sandbox";
        context.Response.ContentType = file.ContentType;
        context.Response.ContentLength = file.Octets;
        await context.Response.StartAsync(context.RequestAborted);
        await file.WriteToAsync(context.Response.Body, context.RequestAborted);
        return [];
    }

    /// <summary>As it is, to others, through the door of the API.</summary>
    async Task<JsonObject> ResendAsync(HttpContext context, string domain)
    {
        await using var form = await ReadFormAsync(context);
        var to = SendRequest.ReadTo(form);
        if (to.Count > SendRequest.RecipientsMax)
            throw new ApiException(400, $"Too many recipients, max is {SendRequest.RecipientsMax}");
        using var open = await OpenStoredAsync(context, domain);
        CheckStore();
        await using var sink = door.OpenContent();
        var octets = new Octets(sink, agent.Options.Limits.MessageSize + FormOctetsMax);
        await CopyAsync(open.Content, octets, context.RequestAborted);
        var room = agent.Options.Limits.MessageSize + FormOctetsMax;
        Check(octets, ref room);
        var sender = open.Message.Sender;
        var facts = ApiDoor.Finish(sink);
        return await AcceptAsync([new ApiMail(
            sink, sender, Admit(domain, sender, to), ClientOf(context, domain),
            (open.Message.Options ?? new MailOptions { Domain = domain }) with
            {
                IsTest = false,
                DeliverAt = null,
            })
        {
            // It has asked for what it wants when it came, and a stranger never may.
            Author = ContentAuthor.Stranger,
        }], Queued(facts.MessageId ?? $"<{ApiDoor.IdOf(sink)}@{agent.Options.Hostname}>"), once: null);
    }

    static async ValueTask CopyAsync(ContentSource content, Octets to, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            while (await reader.ReadAsync(cancel) is { Buffer.IsEmpty: false } read)
            {
                try
                {
                    await to.WriteAsync(read.Buffer, cancel);
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    async Task<JsonObject> DropStoredAsync(HttpContext context, string domain)
    {
        var stored = await FindStoredAsync(context, domain);
        if (!await agent.Queue.DropKeptAsync(stored.Message.Id, CancellationToken.None))
            throw new ApiException(409, "the message still waits for its delivery");
        return new JsonObject { ["message"] = "Message has been deleted" };
    }

    /// <exception cref="ApiException">There is none of this key in the domain.</exception>
    async ValueTask<OpenMail> OpenStoredAsync(HttpContext context, string domain)
    {
        var stored = await FindStoredAsync(context, domain);
        var content = await agent.Store.OpenContentAsync(stored.Message, context.RequestAborted)
            ?? throw MessageNotFound();
        return new OpenMail(stored, content);
    }

    /// <exception cref="ApiException">There is none of this key in the domain.</exception>
    async ValueTask<StoredMessage> FindStoredAsync(HttpContext context, string domain) =>
        QueueId.TryParse((string)context.GetRouteValue("key")!, out var id)
            && await agent.Queue.FindKeptAsync(id, context.RequestAborted) is { } stored
            && string.Equals(DomainOf(stored.Message), domain, StringComparison.OrdinalIgnoreCase)
                ? stored : throw MessageNotFound();

    static ApiException MessageNotFound() => new(404, "Message not found");

    /// <summary>Whose it is. Mail that came in is its sender's by no means: anybody may write his name. Null:
    /// no domain's.</summary>
    static string? DomainOf(QueuedMessage message) => message.Options?.Domain
        ?? (message.Door == MailDoors.Mx ? null : message.Sender.Mailbox?.Domain);

    static string UrlOf(HttpContext context) =>
        $"{context.Request.Scheme}://{context.Request.Host}{context.Request.Path}";

    /// <summary>A message and its content, as it would go out.</summary>
    sealed class OpenMail(StoredMessage stored, StoredContent content) : IDisposable
    {
        public QueuedMessage Message => stored.Message;

        /// <summary>Of the envelope.</summary>
        public IEnumerable<Mailbox> Recipients =>
            stored.Recipients.Where(row => row.Parent is null).Select(row => row.Address);

        public ContentSource Content { get; } = new EditedContent(stored.Message, content);

        public void Dispose() => content.Dispose();
    }
}
