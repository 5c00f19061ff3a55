namespace Postern.Smtp.Server;

/// <summary>RCPT (RFC 5321 §4.1.1.3).</summary>
sealed partial class SmtpSession
{
    int refusedRecipients;

    ValueTask<Step> RcptAsync(ReadOnlySpan<byte> argument, CancellationToken cancel)
    {
        if (transaction is null)
            return Now(Answer(Verb.Rcpt, Text(argument), Replies.MailFirst));
        // RFC 3030 §2: the recipients of chunked content are settled before the first chunk.
        if (Intake is not null)
            return Now(Answer(Verb.Rcpt, Text(argument), Replies.InsideBdat));
        var given = argument;
        if (!SmtpCommand.TrySkipKeyword(ref argument, "TO:"u8))
            return Now(Refuse(given, Replies.RcptSyntax));
        if (!EnvelopePath.TryRead(argument, out var mailbox, out var rest) || mailbox is null)
            return Now(Refuse(given, Replies.BadRecipient));
        var fault = PathParameters.ReadRcpt(rest, out var parameters, out var culprit);
        if (fault == ParameterFault.None && !rest.IsEmpty && !facts.IsExtended)
            fault = ParameterFault.Unsupported;
        if (fault != ParameterFault.None)
            return Now(Refuse(given, ReplyTo(fault, culprit)));
        // RFC 6531 §3.5.
        if (mailbox.IsInternational && !transaction.Parameters.SmtpUtf8)
            return Now(Refuse(given, Replies.SenderNeedsUtf8));
        // RFC 5321 §4.5.3.1.10: those accepted before stay valid.
        if (transaction.Recipients.Count >= options.RecipientsMax)
            return Now(Refuse(given, Replies.TooManyRecipients));
        return RcptAsync(transaction, new EnvelopeRecipient(new ForwardPath(mailbox), parameters), cancel);
    }

    async ValueTask<Step> RcptAsync(
        MailTransaction current, EnvelopeRecipient recipient, CancellationToken cancel)
    {
        if (await policy.RcptAsync(facts, current, recipient, cancel) is { } refusal)
        {
            refusedRecipients++;
            return Answer(Verb.Rcpt, $"TO:{recipient.Path}", refusal);
        }
        current.Add(recipient);
        return Answer(Verb.Rcpt, "", Replies.RecipientOk);
    }

    Step Refuse(ReadOnlySpan<byte> argument, Reply reply)
    {
        refusedRecipients++;
        return Answer(Verb.Rcpt, Text(argument), reply);
    }
}
