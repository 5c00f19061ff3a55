using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Api;

/// <summary><c>deliver</c>: the mx door for a script behind another MTA's pipe, over
/// <c>deliver.sock</c>.</summary>
sealed partial class WebApi
{
    /// <summary>The same rules as at the MX listener, one recipient after the other, then the
    /// content.</summary>
    async Task DeliverAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var cancel = context.RequestAborted;
        var sender = query["sender"].ToString().Trim('<', '>');
        Mailbox? mailbox = null;
        if (sender.Length > 0 && !string.Equals(sender, "MAILER-DAEMON", StringComparison.OrdinalIgnoreCase)
            && !Mailbox.TryParse(sender, out mailbox))
        {
            await ReplyAsync(context, Replies.BadSender);
            return;
        }
        var session = SessionOf(query);
        var transaction = new MailTransaction(new ReversePath(mailbox), MailParameters.None);
        if (await AskAsync(session, transaction, query["recipient"], cancel) is { } no)
        {
            await ReplyAsync(context, no);
            return;
        }
        await using var sink = await deliverPolicy.OpenContentAsync(session, transaction, cancel);
        var refusal = await ReceiveAsync(context, sink);
        await ReplyAsync(
            context, refusal ?? await deliverPolicy.AcceptAsync(session, transaction, sink, cancel));
    }

    /// <summary>The caller reads no answer before its message has gone.</summary>
    static async Task RefuseDeliverAsync(HttpContext context, string refusal)
    {
        await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        await ErrorAsync(
            context, 403, refusal, "put it into that group, or run postern deliver as Postern's own user");
    }

    /// <summary>Reads to the end, also what is refused by then: the caller reads no answer before.</summary>
    async ValueTask<Reply?> ReceiveAsync(HttpContext context, ContentSink sink)
    {
        // Our own limit answers with a reply; and a script that takes its time is no attacker.
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        context.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        var (octets, octetsMax) = (0L, agent.Options.Limits.MessageSize);
        while (true)
        {
            var read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
            octets += read.Buffer.Length;
            if (sink.Refusal is null && octets <= octetsMax)
                await sink.WriteAsync(read.Buffer, context.RequestAborted);
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return sink.Refusal ?? (octets > octetsMax ? Replies.SizeExceeded(octetsMax) : null);
        }
    }

    async ValueTask<Reply?> AskAsync(
        SessionFacts session, MailTransaction transaction, IReadOnlyList<string?> recipients,
            CancellationToken cancel)
    {
        if (await deliverPolicy.MailAsync(session, transaction.ReversePath, transaction.Parameters, cancel)
            is { } atMail)
            return atMail;
        foreach (var text in recipients)
        {
            if (!Mailbox.TryParse(text ?? "", out var mailbox))
                return Replies.BadRecipient;
            var recipient = new EnvelopeRecipient(new ForwardPath(mailbox), RcptParameters.None);
            if (await deliverPolicy.RcptAsync(session, transaction, recipient, cancel) is { } atRcpt)
                return atRcpt;
            transaction.Add(recipient);
        }
        return transaction.Recipients.Count == 0 ? Replies.NoValidRecipients : null;
    }

    SessionFacts SessionOf(IQueryCollection query) => new()
    {
        Listener = "deliver",
        Kind = ListenerKind.Mx,
        Remote = new IPEndPoint(
            IPAddress.TryParse(query["client-address"].ToString(), out var client) ? client
                : IPAddress.Loopback, 0),
        Local = new IPEndPoint(IPAddress.Loopback, 0),
        StartedAt = clock.GetUtcNow(),
        Helo = query["helo"].FirstOrDefault() ?? "localhost",
        IsExtended = true,
        IsProxied = true,
    };

    static Task ReplyAsync(HttpContext context, Reply reply) =>
        AnswerAsync(context, new Delivered(reply.ToString(), reply.Code), AdminJson.Default.Delivered);
}
