using System.Net;
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
        if (await AskAsync(session, transaction, query["recipient"], cancel) is { } refusal)
        {
            await ReplyAsync(context, refusal);
            return;
        }
        await using var sink = await deliverPolicy.OpenContentAsync(session, transaction, cancel);
        while (sink.Refusal is null)
        {
            var read = await context.Request.BodyReader.ReadAsync(cancel);
            await sink.WriteAsync(read.Buffer, cancel);
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                break;
        }
        await ReplyAsync(
            context, sink.Refusal ?? await deliverPolicy.AcceptAsync(session, transaction, sink, cancel));
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
