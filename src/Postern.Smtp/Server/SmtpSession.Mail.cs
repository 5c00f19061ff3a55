namespace Postern.Smtp.Server;

/// <summary>MAIL (RFC 5321 §4.1.1.2).</summary>
sealed partial class SmtpSession
{
    ValueTask<Step> MailAsync(ReadOnlySpan<byte> argument, CancellationToken cancel)
    {
        if (facts.Helo is null)
            return Now(Answer(Verb.Mail, Text(argument), Replies.HelloFirst));
        if (transaction is not null)
            return Now(Answer(Verb.Mail, Text(argument), Replies.NestedMail));
        var given = argument;
        if (!SmtpCommand.TrySkipKeyword(ref argument, "FROM:"u8))
            return Now(Answer(Verb.Mail, Text(given), Replies.MailSyntax));
        if (!EnvelopePath.TryRead(argument, out var mailbox, out var rest))
            return Now(Answer(Verb.Mail, Text(given), Replies.BadSender));
        var fault = PathParameters.ReadMail(rest, out var parameters, out var culprit);
        // RFC 5321 §4.1.1.2: parameters belong to extensions, and HELO was told of none.
        if (fault == ParameterFault.None && !rest.IsEmpty && !facts.IsExtended)
            fault = ParameterFault.Unsupported;
        if (fault != ParameterFault.None)
            return Now(Answer(Verb.Mail, Text(given), ReplyTo(fault, culprit)));
        // RFC 6531 §3.5.
        if (mailbox is { IsInternational: true } && !parameters.SmtpUtf8)
            return Now(Answer(Verb.Mail, Text(given), Replies.SenderNeedsUtf8));
        // RFC 1870 §6.1: the declared size is a promise we can refuse at once.
        if (parameters.DeclaredOctets > options.ContentOctetsMax)
            return Now(Answer(Verb.Mail, Text(given), host.SizeExceeded));
        return MailAsync(new ReversePath(mailbox), parameters, cancel);
    }

    async ValueTask<Step> MailAsync(ReversePath path, MailParameters parameters, CancellationToken cancel)
    {
        if (await policy.MailAsync(facts, path, parameters, cancel) is { } refusal)
            return Answer(Verb.Mail, $"FROM:{path}", refusal);
        transaction = new MailTransaction(path, parameters);
        refusedRecipients = 0;
        return Answer(Verb.Mail, "", Replies.SenderOk);
    }

    static Reply ReplyTo(ParameterFault fault, ReadOnlySpan<byte> culprit) => fault switch
    {
        ParameterFault.Unsupported => Replies.UnsupportedOption(culprit),
        ParameterFault.BadSize => Replies.BadSize,
        _ => Replies.BadParameter,
    };
}
