using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Postern.Smtp.Client;

/// <summary>
/// What was said so far in one transaction, and what follows from the replies; no octet is read here.
/// </summary>
/// <remarks>
/// Legal moves: flights of [RSET] MAIL RCPT... [DATA], their replies in order, then the content and its
/// reply. With PIPELINING a flight is as long as it may be, without it one command. 421 ends it at any stage.
/// Over LMTP the content has one reply for each accepted recipient, in their order.
/// </remarks>
sealed partial class ClientTransaction
{
    /// <summary>
    /// Commands in one flight: few enough that neither side's socket buffers fill (RFC 2920 §3.1).
    /// </summary>
    const int FlightCommandsMax = 100;

    readonly Envelope envelope;
    readonly ContentSource content;
    readonly Capabilities capabilities;
    readonly ContentWay way;
    readonly ClientProtocol protocol;
    readonly RecipientReply[] recipients;
    readonly Reply?[] finals;
    readonly int mailAt, dataAt;
    readonly long[] answeredAt;
    readonly bool isPipelined, needsUtf8;
    int written, answered, accepted;
    Reply? resetReply, mailReply, dataReply, finalReply;
    TransactionResult? result;

    public ClientTransaction(
        OutgoingMessage message, Capabilities capabilities, ContentWay way, SmtpStage firstStage,
        ClientProtocol protocol)
    {
        (envelope, content) = message;
        this.capabilities = capabilities;
        this.way = way;
        this.protocol = protocol;
        recipients = new RecipientReply[envelope.Recipients.Count];
        finals = protocol == ClientProtocol.Lmtp ? new Reply?[recipients.Length] : [];
        mailAt = firstStage == SmtpStage.Reset ? 1 : 0;
        dataAt = mailAt + 1 + recipients.Length;
        answeredAt = new long[dataAt + 2 + finals.Length];
        isPipelined = capabilities.Has(Extensions.Pipelining);
        needsUtf8 = NeedsSmtpUtf8(message, protocol);
    }

    /// <summary>
    /// The end of the content is on its way or may be: without a reply nothing is certain any more.
    /// </summary>
    public bool EndOfDataSent { get; set; }

    /// <summary>The peer is left in a transaction: RSET must come before the next MAIL.</summary>
    public bool LeavesPeerInside { get; private set; }

    /// <summary>The next reply belongs to this stage.</summary>
    public SmtpStage Stage
    {
        get
        {
            if (answered < mailAt)
                return SmtpStage.Reset;
            if (answered == mailAt)
                return SmtpStage.MailFrom;
            if (answered < dataAt)
                return SmtpStage.RcptTo;
            if (answered == dataAt && way == ContentWay.Data)
                return SmtpStage.Data;
            if (EndOfDataSent)
                return SmtpStage.EndOfData;
            return way == ContentWay.Data ? SmtpStage.Body : SmtpStage.Bdat;
        }
    }

    public TransactionMove Move
    {
        get
        {
            if (result is not null)
                return TransactionMove.Finish;
            if (answered < written)
                return TransactionMove.AwaitReply;
            if (mailReply is { IsPositive: false } && dataReply is not { Code: 354 })
                return End(new TransactionResult.MailRefused(mailReply));
            if (written < dataAt)
                return TransactionMove.SendFlight;
            if (accepted == 0)
                return dataReply is { Code: 354 } ? TransactionMove.SendLoneDot : EndWithoutRecipient();
            if (way == ContentWay.Chunks)
                return TransactionMove.SendChunks;
            if (written == dataAt)
                return TransactionMove.SendFlight;
            return way == ContentWay.Data ? TransactionMove.SendContent : throw new UnreachableException();
        }
    }

    /// <summary>
    /// How it ended; there once <see cref="Move"/> is <see cref="TransactionMove.Finish"/>.
    /// </summary>
    public TransactionResult Result => result ?? throw new UnreachableException();

    /// <summary>The RCPT replies so far, in the order of the envelope.</summary>
    public IReadOnlyList<RecipientReply> AnsweredRecipients
    {
        get
        {
            var count = Math.Clamp(answered - mailAt - 1, 0, recipients.Length);
            return count == recipients.Length ? recipients : recipients[..count];
        }
    }

    /// <summary>
    /// The flight that was written last carries the one chunk: the connection adds BDAT and content to it.
    /// </summary>
    public bool FlightCarriesChunk { get; private set; }

    /// <summary>All commands and one chunk may go out together.</summary>
    public static bool FitsOneFlight(Envelope envelope) => envelope.Recipients.Count + 3 <= FlightCommandsMax;

    /// <summary>What the message needs and the peer does not offer; null when it may be sent.</summary>
    /// <param name="tls">Of the session. Null: it is in the clear.</param>
    public static TransactionResult? FindObstacle(
        OutgoingMessage message, Capabilities capabilities, ClientTlsFacts? tls, ClientProtocol protocol)
    {
        var content = message.Content;
        if (message.NeedsTls && tls is null)
            return new TransactionResult.NotOffered(NeededExtension.StartTls);
        // RFC 1870 §6.1: the client knows better than to try.
        if (capabilities.OctetsMax is { } limit && content.Octets > limit)
            return new TransactionResult.TooLarge(content.Octets, limit);
        if (NeedsSmtpUtf8(message, protocol) && !capabilities.Has(Extensions.SmtpUtf8))
            return new TransactionResult.NotOffered(NeededExtension.SmtpUtf8);
        // RFC 6152 §3: 8-bit octets never go to a server that does not offer it.
        if (content.HasEightBit && protocol == ClientProtocol.Smtp
            && !capabilities.Has(Extensions.EightBitMime))
            return new TransactionResult.NotOffered(NeededExtension.EightBitMime);
        return null;
    }

    /// <summary>Writes as many commands as may go in one flight.</summary>
    public void WriteFlight(CommandWriter commands)
    {
        var until = isPipelined ? Math.Min(written + FlightCommandsMax, dataAt + 1) : written + 1;
        while (written < until)
        {
            if (written < mailAt)
                commands.Begin("RSET"u8).End();
            else if (written == mailAt)
                WriteMail(commands);
            else if (written < dataAt)
                WriteRcpt(commands, envelope.Recipients[written - mailAt - 1]);
            else if (way == ContentWay.Data)
                commands.Begin("DATA"u8).End();
            else if (way == ContentWay.OneChunk)
                FlightCarriesChunk = true;
            else
                return;
            written++;
        }
    }

    /// <summary>The connection sent what <see cref="Move"/> asked for; the replies to it are due.</summary>
    public void ContentSent()
    {
        // RFC 2033 §4.2: one for each RCPT that succeeded, so none where none did.
        written += protocol == ClientProtocol.Lmtp ? accepted : 1;
        if (protocol == ClientProtocol.Lmtp && accepted == 0)
            EndWithoutRecipient();
    }

    /// <summary>The reply to what was asked first of what is unanswered.</summary>
    /// <param name="at">Timestamp of the connection's clock.</param>
    public void Take(Reply reply, long at)
    {
        var stage = Stage;
        answeredAt[answered] = at;
        if (reply.Code == 421 && !(stage == SmtpStage.EndOfData && protocol == ClientProtocol.Lmtp))
        {
            // RFC 5321 §3.8: it may come in answer to anything, and the connection is over.
            result = new TransactionResult.PeerClosing(stage, reply, AnsweredRecipients);
            return;
        }
        var isExpected = stage == SmtpStage.Data
            ? reply.Code == 354 || reply.Code >= 400
            : !reply.IsIntermediate;
        if (!isExpected || (stage == SmtpStage.Reset && !reply.IsPositive))
        {
            End(LossCause.ProtocolError, $"unexpected reply to {stage.CommandName()}: {reply}");
            return;
        }
        Record(stage, reply);
        answered++;
    }

    /// <summary>A chunk before the last one was not taken.</summary>
    public void RefuseChunk(Reply reply)
    {
        finalReply = reply;
        LeavesPeerInside = true;
        result = reply.Code == 421
            ? new TransactionResult.PeerClosing(SmtpStage.Bdat, reply, recipients)
            : new TransactionResult.DataRefused(SmtpStage.Bdat, reply, recipients);
    }

    /// <summary>The peer refused in the middle of the content.</summary>
    public void RefuseEarly(Reply reply)
    {
        finalReply = reply;
        result = reply.Code == 421
            ? new TransactionResult.PeerClosing(SmtpStage.Body, reply, recipients)
            : new TransactionResult.Completed(recipients, reply);
    }

    /// <summary>No answer will come.</summary>
    public void End(LossCause cause, string detail, SmtpStage? at = null)
    {
        if (mailReply is { IsPositive: false })
            End(new TransactionResult.MailRefused(mailReply));
        else if (answered >= dataAt && accepted == 0)
            EndWithoutRecipient();
        else if (EndOfDataSent && protocol == ClientProtocol.Lmtp)
            result = new TransactionResult.Delivered(recipients, finals, new MissingReplies(cause, detail));
        else if (EndOfDataSent)
            result = new TransactionResult.Uncertain(cause, detail, AnsweredRecipients);
        else
            result = new TransactionResult.Lost(at ?? Stage, cause, detail, AnsweredRecipients);
    }

    TransactionMove End(TransactionResult ending)
    {
        LeavesPeerInside = true;
        result = ending;
        return TransactionMove.Finish;
    }

    TransactionMove EndWithoutRecipient() => End(new TransactionResult.NoRecipientAccepted(recipients));

    void Record(SmtpStage stage, Reply reply)
    {
        switch (stage)
        {
            case SmtpStage.Reset:
                resetReply = reply;
                break;
            case SmtpStage.MailFrom:
                mailReply = reply;
                break;
            case SmtpStage.RcptTo:
                var index = answered - mailAt - 1;
                recipients[index] = new RecipientReply(envelope.Recipients[index], reply);
                accepted += reply.IsPositive ? 1 : 0;
                break;
            case SmtpStage.Data:
                dataReply = reply;
                // A refusal of MAIL or of all recipients is the reason for this one and comes first.
                if (reply.Code != 354 && accepted > 0 && mailReply is { IsPositive: true })
                    End(new TransactionResult.DataRefused(SmtpStage.Data, reply, recipients));
                break;
            default:
                if (protocol == ClientProtocol.Lmtp)
                    ConcludeOne(reply);
                else
                    Conclude(reply);
                break;
        }
    }

    /// <summary>The answer for the first accepted recipient that has none yet.</summary>
    void ConcludeOne(Reply reply)
    {
        for (var i = 0; i < finals.Length; i++)
        {
            if (!recipients[i].IsAccepted || finals[i] is not null)
                continue;
            finals[i] = reply;
            // RFC 5321 §3.8: after 421 there is no answer for those behind it, and this one is theirs.
            if (reply.Code != 421)
                break;
        }
        if (reply.Code != 421 && answered + 1 < written)
            return;
        EndOfDataSent = false;
        result = new TransactionResult.Delivered(recipients, finals, null);
    }

    void Conclude(Reply reply)
    {
        EndOfDataSent = false;
        finalReply = reply;
        if (mailReply is { IsPositive: false })
            End(new TransactionResult.MailRefused(mailReply));
        else if (accepted == 0)
            EndWithoutRecipient();
        else
            result = new TransactionResult.Completed(recipients, reply);
        // RFC 3030 §2: after a refused chunk the transaction is still open.
        LeavesPeerInside |= way != ContentWay.Data && !reply.IsPositive;
    }

    void WriteMail(CommandWriter commands)
    {
        commands.Begin("MAIL FROM:"u8).AddPath(envelope.ReversePath.Mailbox);
        if (capabilities.Has(Extensions.Size))
            commands.Add(" SIZE="u8).Add(content.Octets);
        if (content.HasEightBit && capabilities.Has(Extensions.EightBitMime))
            commands.Add(" BODY=8BITMIME"u8);
        if (needsUtf8)
            commands.Add(" SMTPUTF8"u8);
        if (capabilities.Has(Extensions.Dsn))
        {
            if (envelope.Parameters.Return != DsnReturn.Unspecified)
                commands.Add(envelope.Parameters.Return == DsnReturn.Full ? " RET=FULL"u8 : " RET=HDRS"u8);
            if (envelope.Parameters.EnvelopeId is { } id)
                commands.Add(" ENVID="u8).AddXtext(id);
        }
        commands.End();
    }

    void WriteRcpt(CommandWriter commands, EnvelopeRecipient recipient)
    {
        commands.Begin("RCPT TO:"u8).AddPath(recipient.Path.Mailbox);
        if (capabilities.Has(Extensions.Dsn))
        {
            if (recipient.Parameters.Notify != DsnNotify.Unspecified)
                WriteNotify(commands, recipient.Parameters.Notify);
            if (recipient.Parameters.OriginalRecipient is { } original)
                WriteOriginal(commands, original);
        }
        commands.End();
    }

    // RFC 3461 §4.1: NEVER stands alone.
    static void WriteNotify(CommandWriter commands, DsnNotify notify)
    {
        commands.Add(" NOTIFY="u8);
        if (notify.HasFlag(DsnNotify.Never))
        {
            commands.Add("NEVER"u8);
            return;
        }
        var separator = ""u8;
        if (notify.HasFlag(DsnNotify.Success))
        {
            commands.Add("SUCCESS"u8);
            separator = ","u8;
        }
        if (notify.HasFlag(DsnNotify.Failure))
        {
            commands.Add(separator).Add("FAILURE"u8);
            separator = ","u8;
        }
        if (notify.HasFlag(DsnNotify.Delay))
            commands.Add(separator).Add("DELAY"u8);
    }

    // RFC 3461 §4.2: addr-type ";" xtext; the semicolon is part of the syntax, not of the xtext.
    void WriteOriginal(CommandWriter commands, string original)
    {
        var semicolon = original.IndexOf(';', StringComparison.Ordinal);
        if (semicolon <= 0)
            return;
        if (original.StartsWith("utf-8;", StringComparison.Ordinal))
        {
            // RFC 6533 §3: no xtext. As it came where SMTPUTF8 is spoken, else each character as \x{HEX}.
            var text = needsUtf8 ? original : EmbedUnicode(original);
            if (Encoding.UTF8.GetByteCount(text) <= PathParameters.OriginalRecipientOctetsMax)
                commands.Add(" ORCPT="u8).Add(text);
            return;
        }
        commands.Add(" ORCPT="u8).Add(original[..(semicolon + 1)]).AddXtext(original[(semicolon + 1)..]);
    }

    static string EmbedUnicode(string text)
    {
        var embedded = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.IsAscii)
                embedded.Append((char)rune.Value);
            else
                embedded.Append(CultureInfo.InvariantCulture, $"\\x{{{rune.Value:X}}}");
        }
        return embedded.ToString();
    }

    // Deviation, for mail to a mailbox: over LMTP content goes as it is, whatever is offered. Nobody passes
    // it on, and Dovecot up to 2.3 stores header fields in UTF-8 without offering SMTPUTF8 (RFC 6531 §3.1).
    static bool NeedsSmtpUtf8(OutgoingMessage message, ClientProtocol protocol)
    {
        var (envelope, content) = message;
        if ((content.HasEightBitHeader && protocol == ClientProtocol.Smtp)
            || envelope.ReversePath.Mailbox is { IsInternational: true })
            return true;
        foreach (var recipient in envelope.Recipients)
        {
            if (recipient.Path.Mailbox.IsInternational)
                return true;
        }
        return false;
    }
}

/// <summary>How content goes over the wire.</summary>
enum ContentWay
{
    /// <summary>DATA, dots stuffed.</summary>
    Data,

    /// <summary>One last chunk in the same flight as MAIL and RCPT (RFC 3030 §2, RFC 2920).</summary>
    OneChunk,

    /// <summary>Chunks of bounded size, after a recipient was accepted.</summary>
    Chunks,
}

/// <summary>What a transaction asks of the connection next.</summary>
enum TransactionMove
{
    /// <summary>Let the transaction write its next flight, and send it.</summary>
    SendFlight,

    /// <summary>Read one reply and give it to the transaction.</summary>
    AwaitReply,

    /// <summary>Send the content after 354, with its end.</summary>
    SendContent,

    /// <summary>Send the content in chunks and take the replies.</summary>
    SendChunks,

    /// <summary>
    /// 354 came though every recipient was refused: the shortest content there is (RFC 2920 §3.1).
    /// </summary>
    SendLoneDot,

    /// <summary>The result is there.</summary>
    Finish,
}
