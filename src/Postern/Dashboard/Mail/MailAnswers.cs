using System.Globalization;
using System.Net;
using Microsoft.Net.Http.Headers;
using Postern.Listeners;
using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Dashboard.Mail;

/// <summary>What a mail is made of, each at an address of its own: the document of the frame, the source, the
/// files.</summary>
/// <remarks>All of it is a stranger's. Each answer stands under a policy that lets nothing run, whoever opens
/// it and however.</remarks>
static class MailAnswers
{
    /// <summary>The addresses below a mail of the sandbox and a message of ours.</summary>
    public static IEnumerable<(string Path, Func<Visit, Task> Answer)> All { get; } =
    [
        ("/sandbox/{number}/html", visit => WithSandboxAsync(visit, SendDocumentAsync)),
        ("/sandbox/{number}/source", visit => WithSandboxAsync(visit, SendSourceAsync)),
        ("/sandbox/{number}/part/{part}", visit => WithSandboxAsync(visit, SendFileAsync)),
        ("/messages/{id}/content/html", visit => WithStoredAsync(visit, SendDocumentAsync)),
        ("/messages/{id}/content/source", visit => WithStoredAsync(visit, SendSourceAsync)),
        ("/messages/{id}/content/part/{part}", visit => WithStoredAsync(visit, SendFileAsync)),
    ];

    /// <summary>The mail of the sandbox that the path names. Null: there is none.</summary>
    public static SandboxMessage? FindSandboxed(Visit visit) => int.TryParse(
        visit.Part("number"), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? visit.Sandbox?.Find(number) : null;

    static Task WithSandboxAsync(Visit visit, Func<Visit, ContentSource, Task> send) =>
        FindSandboxed(visit) is { } message
            ? send(visit, new OctetsContent(message.Octets)) : RefuseAsync(visit, 404);

    static async Task WithStoredAsync(Visit visit, Func<Visit, ContentSource, Task> send)
    {
        if (visit.Access is not { Role: >= OperatorRole.Operator })
        {
            await RefuseAsync(visit, 403);
            return;
        }
        using var mail = QueueId.TryParse(visit.Part("id"), out var id)
            ? await StoredMail.OpenAsync(visit.Agent, id, visit.Cancel) : null;
        await (mail is null ? RefuseAsync(visit, 404) : send(visit, mail.Content));
    }

    static Task RefuseAsync(Visit visit, int status)
    {
        visit.SetStatus(status);
        Guard(visit.Http.Response, "text/plain; charset=utf-8", "default-src 'none'");
        return visit.Http.Response.WriteAsync(
            (status == 403 ? visit.Words.NotAllowed : visit.Words.NotFound) + "\n", visit.Cancel);
    }

    static async Task SendDocumentAsync(Visit visit, ContentSource content)
    {
        var view = await MailView.ReadAsync(content, visit.Agent.Options.Data, visit.Cancel);
        var remote = visit.Query("remote") == "1" ? RemotePictures.Loaded : RemotePictures.LeftOut;
        Guard(visit.Http.Response, "text/html; charset=utf-8", PolicyOf(remote));
        await visit.Http.Response.WriteAsync(DocumentOf(view, remote, visit.Words), visit.Cancel);
    }

    /// <summary>For the frame: nothing runs, nothing loads, and it is framed by our pages alone.</summary>
    public static string PolicyOf(RemotePictures remote) =>
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; img-src data:"
        + (remote == RemotePictures.Loaded ? " https: http:" : "");

    /// <summary>Where the HTML cannot be shown: why, and its words.</summary>
    public static string DocumentOf(MailView view, RemotePictures remote, Words words)
    {
        MailHtml? mail = null;
        var trouble = view.IsCut ? MailHtmlTrouble.TooLarge
            : MailHtml.TryMake(view.Html ?? "", view.Pictures, remote, out mail);
        return trouble is not { } why ? mail!.Document : $$"""
            <!doctype html><html lang="{{words.Language}}"><head><meta charset="utf-8"><title></title><style>
            html{background:#fff;color:#000;color-scheme:light;font-family:sans-serif}
            pre{white-space:pre-wrap;overflow-wrap:anywhere}
            </style></head><body><p>{{WebUtility.HtmlEncode(words.MailHtmlNotShown(why))}}</p>
            <pre>{{WebUtility.HtmlEncode(view.Text)}}</pre></body></html>
            """;
    }

    /// <summary>As it came, as plain text, or to be saved.</summary>
    static async Task SendSourceAsync(Visit visit, ContentSource content)
    {
        var isSaved = visit.Query("save") == "1";
        Guard(
            visit.Http.Response, isSaved ? "application/octet-stream" : "text/plain; charset=utf-8",
            "sandbox; default-src 'none'");
        if (isSaved)
            NameFile(visit.Http.Response, "message.eml");
        visit.Http.Response.ContentLength = content.Octets;
        var reader = content.OpenReader();
        await reader.CopyToAsync(visit.Http.Response.BodyWriter, visit.Cancel);
        await reader.CompleteAsync();
    }

    static async Task SendFileAsync(Visit visit, ContentSource content)
    {
        await using var mail = await MailView.OpenAsync(content, visit.Agent.Options.Data, visit.Cancel);
        if (!int.TryParse(
            visit.Part("part"), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || number < 1 || number > mail.Attachments.Count)
        {
            await RefuseAsync(visit, 404);
            return;
        }
        var file = mail.Attachments[number - 1];
        var isHarmless = file.ContentType is "text/plain" or "image/png" or "image/jpeg" or "image/gif"
            or "image/webp";
        Guard(
            visit.Http.Response, isHarmless ? file.ContentType : "application/octet-stream",
            "sandbox; default-src 'none'");
        NameFile(visit.Http.Response, MailView.NameOf(file));
        visit.Http.Response.ContentLength = file.Octets;
        await visit.Http.Response.StartAsync(visit.Cancel);
        await file.WriteToAsync(visit.Http.Response.Body, visit.Cancel);
    }

    // RFC 6266 §4.3: the plain name for those that know no better, the other in UTF-8.
    static void NameFile(HttpResponse response, string name)
    {
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(name);
        response.Headers.ContentDisposition = disposition.ToString();
    }

    static void Guard(HttpResponse response, string type, string policy)
    {
        response.ContentType = type;
        response.Headers.ContentSecurityPolicy = policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        response.Headers.CacheControl = "no-store";
    }
}
