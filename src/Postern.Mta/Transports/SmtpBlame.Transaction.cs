using System.Diagnostics;
using System.Text.RegularExpressions;
using Postern.Mta.Reports;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Mta.Transports;

/// <summary>From MAIL on: one result per recipient.</summary>
static partial class SmtpBlame
{
    static readonly string[] SlowDownWords =
    [
        "rate limit", "ratelimit", "rate exceeded", "too many", "throttl", "too fast", "slow down",
        "unusual rate", "sending rate", "message rate", "too much mail", "unexpected volume", "server busy",
    ];

    /// <summary>The results of a transaction, in the order of the attempt's recipients.</summary>
    /// <param name="count">Recipients of the attempt.</param>
    /// <param name="handedOver">What an acceptance here means for reports of success.</param>
    public static AttemptResult[] OfTransaction(
        TransactionResult result, RelayTarget target, NextHopOrigin origin, int count,
        HandOver handedOver)
    {
        var host = target.HostAndAddress;
        return result switch
        {
            TransactionResult.Completed done => Each(count, done.Recipients, host, origin,
                done.FinalReply.IsPositive
                    ? OfAcceptance(done.FinalReply, handedOver)
                    : OfContent(done.FinalReply, SmtpStage.EndOfData, host, origin)),
            TransactionResult.Delivered delivered => [.. delivered.Recipients.Select((recipient, i) =>
                recipient.IsAccepted
                    ? OfDelivery(delivered, delivered.FinalReplies[i], host, handedOver)
                    : OfRcpt(recipient.Reply, host, origin))],
            TransactionResult.MailRefused refused => Each(count, [], host, origin,
                OfContent(refused.Reply, SmtpStage.MailFrom, host, origin)),
            TransactionResult.NoRecipientAccepted none => Each(count, none.Recipients, host, origin, null),
            TransactionResult.DataRefused refused => Each(count, refused.Recipients, host, origin,
                OfContent(refused.Reply, refused.Stage, host, origin)),
            TransactionResult.PeerClosing closing => Each(count, closing.Recipients, host, origin,
                OfClosing(closing, host, origin)),
            TransactionResult.NotOffered missing => Each(
                count, [], host, origin, OfMissing(missing.Extension, host)),
            TransactionResult.TooLarge large => Each(count, [], host, origin, new AttemptResult.Failed(
                new(5, 3, 4),
                $"message size {large.Octets} exceeds size limit {large.OctetsMax} of server {host}")),
            TransactionResult.ClosedWhileIdle idle => Each(
                count, [], host, origin, new AttemptResult.NextHopDown(
                ConnectionLost, $"lost connection with {host}: {idle.Detail}", NextHopTrouble.Unreachable)),
            TransactionResult.Lost lost => Each(
                count, lost.Recipients, host, origin, new AttemptResult.NextHopDown(
                ConnectionLost, LossText(
                    lost.Stage, lost.Cause, lost.Detail, host), NextHopTrouble.Unreachable)),
            TransactionResult.Uncertain unknown => Each(
                count, unknown.Recipients, host, origin, new AttemptResult.Uncertain(
                ConnectionLost, LossText(SmtpStage.EndOfData, unknown.Cause, unknown.Detail, host))),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>Its text says slow down, or its code does where the text says nothing else: 421, 451 4.7.x
    /// (Microsoft's servers), 432 (Exchange's, for too many at once), and 452 that is not about a
    /// mailbox.</summary>
    public static bool SaysSlowDown(Reply reply)
    {
        // RFC 3463 §3.6: X.5.3 is about the recipients of one message.
        if (!reply.IsTransient || reply.Status is { Subject: 5, Detail: 3 })
            return false;
        var text = string.Join(' ', reply.Lines);
        // The same where no status says so.
        if (reply.Code != 421 && text.Contains("too many recipients", StringComparison.OrdinalIgnoreCase))
            return false;
        if (SlowDownWords.Any(w => text.Contains(w, StringComparison.OrdinalIgnoreCase)))
            return true;
        return reply.Code switch
        {
            421 or 432 => true,
            451 => reply.Status is { Subject: 7 } && !SaysGreylisted(text),
            452 => reply.Status is null or { Subject: not (1 or 2) },
            _ => false,
        };
    }

    /// <summary>By the word, in whichever spelling.</summary>
    public static bool SaysGreylisted(string text) => Greylisting.IsMatch(text);

    [GeneratedRegex("gr[ae]y.?list", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    static partial Regex Greylisting { get; }

    /// <summary>Refused recipients have their own reply; all others share the common result.</summary>
    static AttemptResult[] Each(
        int count, IReadOnlyList<RecipientReply> replies, string host, NextHopOrigin origin,
        AttemptResult? common)
    {
        var results = new AttemptResult[count];
        for (var i = 0; i < count; i++)
        {
            results[i] = i < replies.Count && !replies[i].IsAccepted
                ? OfRcpt(replies[i].Reply, host, origin)
                : common ?? throw new UnreachableException();
        }
        return results;
    }

    static AttemptResult OfRcpt(Reply reply, string host, NextHopOrigin origin)
    {
        var text = SaidText(host, reply, SmtpStage.RcptTo);
        if (OfAccount(reply, text, origin) is { } account)
            return account;
        return Refused(reply, text, Blame.Recipient);
    }

    static AttemptResult.Relayed OfAcceptance(Reply reply, HandOver handedOver) =>
        new(reply.Status ?? new(2, 0, 0), reply.ToString(), RemoteId(reply), handedOver);

    /// <summary>The answer of LMTP for one recipient, who alone is to blame.</summary>
    static AttemptResult OfDelivery(
        TransactionResult.Delivered delivered, Reply? reply, string host, HandOver handedOver) =>
        reply switch
        {
            null => new AttemptResult.Uncertain(ConnectionLost, LossText(
                SmtpStage.EndOfData, delivered.Missing!.Cause, delivered.Missing.Detail, host)),
            { IsPositive: true } => OfAcceptance(reply, handedOver),
            { Code: 421 } => new AttemptResult.NextHopDown(
                Transient(reply.Status, new(4, 3, 2)), SaidText(host, reply, SmtpStage.EndOfData),
                NextHopTrouble.Refusing),
            _ => Refused(reply, SaidText(host, reply, SmtpStage.EndOfData), Blame.Recipient),
        };

    /// <summary>A refusal of the whole message: to MAIL, DATA or the end of the content.</summary>
    static AttemptResult OfContent(Reply reply, SmtpStage stage, string host, NextHopOrigin origin)
    {
        var text = SaidText(host, reply, stage);
        if (OfAccount(reply, text, origin) is { } account)
            return account;
        return Refused(reply, text, Blame.Message);
    }

    static AttemptResult Refused(Reply reply, string text, Blame blame)
    {
        if (reply.IsPermanent)
            return new AttemptResult.Failed(reply.Status ?? new(5, 0, 0), text);
        return new AttemptResult.Deferred(reply.Status ?? new(4, 0, 0), text, blame)
        {
            SlowDown = SaysSlowDown(reply),
        };
    }

    static AttemptResult.NextHopDown OfClosing(
        TransactionResult.PeerClosing closing, string host, NextHopOrigin origin) =>
        new(Transient(closing.Reply.Status, new(
            4, 3, 2)), SaidText(host, closing.Reply, closing.Stage), NextHopTrouble.Refusing)
        {
            Alarm = AlarmOf(closing.Reply, origin),
            SlowDown = IsThrottling(closing.Reply, origin),
        };

    /// <summary>
    /// Trouble with our own account is the next hop's, whatever its code (DESIGN §1.1 law 5).
    /// </summary>
    static AttemptResult.NextHopDown? OfAccount(Reply reply, string text, NextHopOrigin origin)
    {
        if (AlarmOf(reply, origin) is not { } alarm)
            return null;
        var status = Transient(reply.Status, SecurityTrouble);
        return new AttemptResult.NextHopDown(status, text, NextHopTrouble.Refusing) { Alarm = alarm };
    }

    static AttemptResult.Unsupported OfMissing(NeededExtension extension, string host) => extension switch
    {
        NeededExtension.SmtpUtf8 => new AttemptResult.Unsupported(
            new(5, 6, 7), $"SMTPUTF8 is required, but was not offered by host {host}"),
        NeededExtension.EightBitMime => new AttemptResult.Unsupported(
            new(5, 6, 3), $"8BITMIME is required, but was not offered by host {host}"),
        // Of the registry of statuses: encryption needed.
        NeededExtension.StartTls => new AttemptResult.Unsupported(
            new(5, 7, 10), $"the message requires TLS, but the session with host {host} is in the clear"),
        _ => throw new UnreachableException(),
    };

    /// <summary>
    /// The id behind "queued as", as Postfix, Exim ("id=") and most others say it. Null: none is told.
    /// </summary>
    static string? RemoteId(Reply reply)
    {
        var text = reply.Lines[^1];
        foreach (var mark in (ReadOnlySpan<string>)["queued as ", "id="])
        {
            var at = text.IndexOf(mark, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
                continue;
            var id = text[(at + mark.Length)..];
            var end = id.AsSpan().IndexOfAny(' ', ')', ';');
            return end < 0 ? id : id[..end];
        }
        return null;
    }
}
