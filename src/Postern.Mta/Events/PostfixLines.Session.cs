using System.Buffers;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

sealed partial class PostfixLines
{
    const UnsafeCharacters Masked = UnsafeCharacters.AsQuestionMark;

    public override void Connected(IBufferWriter<byte> output, SessionFacts session, DateTimeOffset at)
    {
        Begin(output, session, at).Write("connect from "u8);
        WritePeer(output, session);
        output.Write("\n"u8);
    }

    public override void Refused(IBufferWriter<byte> output, SessionRefusal refusal)
    {
        // As in Postfix, a command that is no SMTP shows only in the counts of the disconnect line.
        if (refusal.Reply.Code is >= 500 and <= 504)
            return;
        var verb = VerbOf(refusal.Verb).ToUpperInvariant();
        if (verb == "AUTH")
        {
            Begin(output, refusal.Session, refusal.At).Write("warning: "u8);
            WritePeer(output, refusal.Session);
            new LineWriter(output, Masked).Write(": SASL "u8).Write(refusal.Shown)
                .Write(" authentication failed: "u8)
                .Text(refusal.Reply.ToString()).EndLine();
            return;
        }
        Begin(output, refusal.Session, refusal.At).Write("NOQUEUE: reject: "u8)
            .Write(verb is "DATA" or "BDAT" ? "END-OF-MESSAGE" : verb).Write(" from "u8);
        WritePeer(output, refusal.Session);
        WriteReason(new LineWriter(output, Masked), refusal);
        WriteEnvelope(new LineWriter(output, Masked), refusal);
    }

    public override void Ended(IBufferWriter<byte> output, SessionFacts session, SessionEnd end,
        DateTimeOffset at)
    {
        WriteEnd(output, session, end, at);
        Begin(output, session, at).Write("disconnect from "u8);
        WritePeer(output, session);
        var line = new LineWriter(output, Masked);
        var (goodOfAll, all) = (0, 0);
        foreach (var count in CountsOf(session))
        {
            WriteCount(line, count.Verb, count.Good, count.All);
            goodOfAll += count.Good;
            all += count.All;
        }
        WriteCount(line, "commands", goodOfAll, all);
        line.EndLine();
    }

    void WriteEnd(IBufferWriter<byte> output, SessionFacts session, SessionEnd end, DateTimeOffset at)
    {
        var last = session.Counts.Last is { } verb ? VerbOf(verb).ToUpperInvariant() : "CONNECT";
        var words = end switch
        {
            SessionEnd.PeerClosed or SessionEnd.ConnectionLost => "lost connection after ",
            SessionEnd.TimedOut => "timeout after ",
            SessionEnd.TooManyErrors => "too many errors after ",
            SessionEnd.EarlyTalker => "improper command pipelining after ",
            SessionEnd.TlsFailed => "SSL_accept error from ",
            _ => null,
        };
        if (words is null)
            return;
        var line = Begin(output, session, at).Write(words);
        if (end != SessionEnd.TlsFailed)
            line.Write(last).Write(" from "u8);
        WritePeer(output, session);
        line.Write(end == SessionEnd.TlsFailed ? ": handshake failed\n"u8 : "\n"u8);
    }

    static void WriteCount(LineWriter line, string verb, int good, int all)
    {
        line.Write(" "u8).Write(verb).Write("="u8).Number(good);
        if (good != all)
            line.Write("/"u8).Number(all);
    }

    /// <summary><c>: 550 5.1.1 &lt;rcpt&gt;: reason</c>; the path is not said twice.</summary>
    static void WriteReason(LineWriter line, SessionRefusal refusal)
    {
        line.Write(": "u8).Number(refusal.Reply.Code).Write(" "u8);
        if (refusal.Reply.Status is { } status)
            line.Write(status.ToString()).Write(" "u8);
        var text = string.Join(' ', refusal.Reply.Lines);
        if (refusal.Path is { } path && !text.StartsWith('<'))
            line.Write("<"u8).Text(path).Write(">: "u8);
        line.Text(text);
    }

    static void WriteEnvelope(LineWriter line, SessionRefusal refusal)
    {
        var isMail = refusal.Verb.Equals("MAIL", StringComparison.OrdinalIgnoreCase);
        var sender = isMail ? refusal.Path : refusal.Sender;
        line.Write(";"u8);
        if (isMail || refusal.Transaction is not null)
            line.Write(" from=<"u8).Text(sender).Write(">"u8);
        var recipient = isMail ? null : refusal.Path ?? refusal.Recipient;
        if (recipient is not null)
            line.Write(" to=<"u8).Text(recipient).Write(">"u8);
        line.Write(" proto="u8).Write(refusal.Session.IsExtended ? "ESMTP"u8 : "SMTP"u8);
        if (refusal.Session.Helo is { } helo)
            line.Write(" helo=<"u8).Text(helo).Write(">"u8);
        line.EndLine();
    }

    /// <summary>A rejection that was committed as an event, by a door that has no sessions.</summary>
    void WriteRejected(IBufferWriter<byte> output, MailEvent mailEvent)
    {
        var client = mailEvent.Client;
        var line = Begin(output, "smtpd", mailEvent.At, client?.Port ?? 0)
            .Write("NOQUEUE: reject: RCPT from "u8)
            .Text(client?.Name ?? "unknown").Write("["u8).Text(client?.Address).Write("]: "u8)
                .Text(mailEvent.Reply)
            .Write("; from=<"u8).Text(mailEvent.Sender).Write(">"u8);
        if (mailEvent.RecipientAddress is { } recipient)
            line.Write(" to=<"u8).Text(recipient).Write(">"u8);
        line.Write(" proto="u8).Text(client?.Protocol).Write(" helo=<"u8).Text(client?.Helo).Write(">\n"u8);
    }

    LineWriter Begin(IBufferWriter<byte> output, SessionFacts session, DateTimeOffset at) =>
        Begin(output, "smtpd", at, session.Remote.Port);

    static void WritePeer(IBufferWriter<byte> output, SessionFacts session) =>
        new LineWriter(output, Masked).Write("unknown["u8).Write(AddressOf(session.Remote)).Write("]"u8);
}
