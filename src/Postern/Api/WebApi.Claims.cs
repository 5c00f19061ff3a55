using Postern.Mta.Queue;
using Postern.Mta.Transports.Claims;

namespace Postern.Api;

/// <summary>Messages that were put aside, by the signed link that their document has.</summary>
sealed partial class WebApi
{
    /// <remarks>The name becomes a number before it becomes a path: nothing a peer writes is one.</remarks>
    async Task FetchClaimAsync(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "private, no-store";
        headers["Referrer-Policy"] = "no-referrer";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentDisposition = "attachment";
        // Should a browser show it after all, what somebody mailed runs nothing here.
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        var query = context.Request.Query;
        if (!ClaimFiles.TryReadName((string)context.GetRouteValue("name")!, out var id))
        {
            await ErrorAsync(context, 403, "this link was not made here", null);
            return;
        }
        switch (agent.ClaimLinks.Judge(id, query["expires"].ToString(), query["signature"].ToString()))
        {
            case ClaimRight.None:
                await ErrorAsync(context, 403, "this link was not made here", null);
                break;
            case ClaimRight.Expired:
                await ErrorAsync(
                    context, 403, "this link has expired",
                    "fetch within claim-expires, or have the message published again");
                break;
            default:
                await SendClaimAsync(context, id);
                break;
        }
    }

    async Task SendClaimAsync(HttpContext context, QueueId id)
    {
        if (ClaimFiles.Find(agent.Options, id) is not { } path)
        {
            await ErrorAsync(context, 404, "the message is no longer here", null);
            return;
        }
        try
        {
            // RFC 9110 §14.2: parts of it are the framework's to send.
            await TypedResults.PhysicalFile(path, "message/rfc822", enableRangeProcessing: true)
                .ExecuteAsync(context);
        }
        catch (FileNotFoundException) when (!context.Response.HasStarted)
        {
            await ErrorAsync(context, 404, "the message is no longer here", null);
        }
    }
}
