using System.Globalization;
using System.Net;
using System.Text;
using Postern.Mta;

namespace Postern.Api;

/// <summary>What the sandbox's provider got, as JSON and as a plain page.</summary>
sealed partial class WebApi
{
    void MapSandbox(WebApplication web)
    {
        web.MapGet("/admin/v1/sandbox/messages", context => AnswerAsync(
            context, new SandboxPage(sandbox!.Messages), AdminJson.Default.SandboxPage));
        web.MapGet("/sandbox/{number}", RawAsync);
    }

    async Task PageAsync(HttpContext context)
    {
        if (!IsShown(context))
        {
            await ErrorAsync(
                context, 404, "there is no page on this listener", "add \"dashboard\" to its serves");
            return;
        }
        var page = new StringBuilder("""
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Postern sandbox</title>
            <style>body{font:15px system-ui;margin:2rem;max-width:60rem}td,th{padding:.3rem 1rem .3rem 0;
            text-align:left;border-bottom:1px solid #ccc}</style>
            <h1>Postern sandbox</h1>
            <p>What the provider inside the sandbox was given. Nothing left this machine.</p>
            <table><tr><th>#<th>at<th>from<th>to<th>
            """);
        foreach (var message in sandbox!.Messages.Reverse())
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{message.Number}<td>{message.At:u}<td>");
            var sender = message.Sender.Length == 0 ? "<>" : message.Sender;
            page.Append(WebUtility.HtmlEncode(sender)).Append("<td>");
            page.Append(WebUtility.HtmlEncode(string.Join(", ", message.Recipients)));
            page.Append(
                CultureInfo.InvariantCulture, $"<td><a href=\"/sandbox/{message.Number}\">text</a>\n");
        }
        page.Append("</table></html>\n");
        Protect(context, "text/html; charset=utf-8");
        await context.Response.WriteAsync(page.ToString(), context.RequestAborted);
    }

    async Task RawAsync(HttpContext context)
    {
        var number = (string)context.GetRouteValue("number")!;
        var message = sandbox!.Messages.FirstOrDefault(
            m => m.Number.ToString(CultureInfo.InvariantCulture) == number);
        if (message is null || !IsShown(context))
        {
            await ErrorAsync(context, 404, "there is no such message in the sandbox", null);
            return;
        }
        Protect(context, "text/plain; charset=utf-8");
        await context.Response.WriteAsync(message.Content, context.RequestAborted);
    }

    static bool IsShown(HttpContext context) => HttpDoor.Of(context).Serves.Contains(HttpFace.Dashboard);

    /// <summary>A mail is anybody's text: no script runs, and plain text stays plain.</summary>
    static void Protect(HttpContext context, string type)
    {
        context.Response.ContentType = type;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'";
    }
}
