using System.Text;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Fuzz.Targets;

/// <summary>One command line: verb, path and parameters.</summary>
/// <remarks>
/// What MAIL and RCPT were understood as is written by the client and read again: the next hop must
/// understand the same. Nothing taken from a line holds a control character.
/// </remarks>
sealed class CommandTarget : FuzzTarget
{
    const Extensions Everything = Extensions.Pipelining | Extensions.Size | Extensions.EightBitMime
        | Extensions.SmtpUtf8 | Extensions.Dsn;

    static readonly Capabilities Peer = new(Everything, [], null);
    static readonly EnvelopeRecipient Anybody =
        new(new ForwardPath(Parse("a@b.example"u8)), RcptParameters.None);

    public override string Name => "command";

    public override IReadOnlyList<string> Words { get; } =
    [
        "MAIL FROM:<", "RCPT TO:<", "> ", "EHLO ", "HELO ", "BDAT ", "AUTH ", "DATA", "QUIT", "STARTTLS",
        "XCLIENT ", " SIZE=", "99999999999999999999", " BODY=8BITMIME", " BODY=7BIT", " SMTPUTF8",
        " RET=FULL", " RET=HDRS", " ENVID=", "+2B", "+0D", "+3D", " AUTH=<>", " NOTIFY=", "NEVER", "SUCCESS",
        "FAILURE", "DELAY", ",", " ORCPT=", "rfc822;", "utf-8;", "\\\\x{E9}", "@[IPv6:::1]", "@[192.0.2.1]",
        "@x.example,@y.example:", "\"quoted \\\\\" part\"@d.example", "\\xec\\x95\\x84", "\\xc2\\x85",
        "\\xe2\\x80\\xa8", "\\xe2\\x80\\xae",
    ];

    public override int Run(byte[] input)
    {
        var command = SmtpCommand.Parse(input);
        var argument = command.Argument;
        Finding.Unless(argument.IsEmpty || argument[^1] != (byte)' ', "an argument ends with a space");
        if (command.Verb == Verb.Unknown)
            return Magnitude(input.Length);
        Finding.Unless(argument.IsEmpty || argument[0] != (byte)' ', "an argument begins with a space");
        var upper = input.ToArray();
        Ascii.ToUpperInPlace(upper, out _);
        Finding.Unless(SmtpCommand.Parse(upper).Verb == command.Verb, "a verb depends on its case");
        return command.Verb switch
        {
            Verb.Mail => Shape((int)Verb.Mail, RunMail(argument)),
            Verb.Rcpt => Shape((int)Verb.Rcpt, RunRcpt(argument)),
            var other => Shape((int)other, Magnitude(argument.Length)),
        };
    }

    static int RunMail(ReadOnlySpan<byte> argument)
    {
        if (!SmtpCommand.TrySkipKeyword(ref argument, "FROM:"u8))
            return 1;
        if (!EnvelopePath.TryRead(argument, out var mailbox, out var rest))
            return 2;
        CheckPath(argument, rest);
        var fault = PathParameters.ReadMail(rest, out var parameters, out var culprit);
        if (fault != ParameterFault.None)
        {
            CheckCulprit(rest, culprit);
            return Shape(3, (int)fault, Magnitude(culprit.Length));
        }
        CheckText(parameters.EnvelopeId);
        Finding.Unless(parameters.DeclaredOctets is null or >= 0, "a declared size is negative");
        if (mailbox is not { IsInternational: true } || parameters.SmtpUtf8)
            SendOn(new Envelope(new ReversePath(mailbox), parameters, [Anybody]));
        return Shape(
            4, mailbox is null ? 0 : mailbox.Domain.Length == 0 ? 1 : 2, (int)parameters.Body,
            (int)parameters.Return,
            parameters.SmtpUtf8 ? 1 : 0, Magnitude(parameters.DeclaredOctets ?? 0),
            Magnitude(parameters.EnvelopeId?.Length ?? 0));
    }

    static int RunRcpt(ReadOnlySpan<byte> argument)
    {
        if (!SmtpCommand.TrySkipKeyword(ref argument, "TO:"u8))
            return 1;
        if (!EnvelopePath.TryRead(argument, out var mailbox, out var rest) || mailbox is null)
            return 2;
        CheckPath(argument, rest);
        var fault = PathParameters.ReadRcpt(rest, out var parameters, out var culprit);
        if (fault != ParameterFault.None)
        {
            CheckCulprit(rest, culprit);
            return Shape(3, (int)fault, Magnitude(culprit.Length));
        }
        CheckText(parameters.OriginalRecipient);
        SendOn(new Envelope(
            new ReversePath(null), MailParameters.None, [new(new ForwardPath(mailbox), parameters)]));
        return Shape(4, (int)parameters.Notify, Magnitude(parameters.OriginalRecipient?.Length ?? 0));
    }

    /// <summary>The client writes the envelope; each command of the flight is read as the next hop reads
    /// it.</summary>
    static void SendOn(Envelope envelope)
    {
        var output = new OutputBuffer();
        var transaction = new ClientTransaction(
            new OutgoingMessage(envelope, new NoContent()), Peer, ContentWay.Data, SmtpStage.MailFrom,
            ClientProtocol.Smtp);
        transaction.WriteFlight(new CommandWriter(output));
        var flight = Encoding.UTF8.GetString(output.Written.Span);
        output.Release();
        var lines = flight.Split("\r\n");
        Finding.Unless(lines.Length == 4 && lines[2] == "DATA", "a flight is MAIL, RCPT and DATA", flight);
        ReadMailAgain(lines[0], envelope);
        ReadRcptAgain(lines[1], envelope.Recipients[0]);
    }

    static void ReadMailAgain(string line, Envelope envelope)
    {
        var argument = SmtpCommand.Parse(Encoding.UTF8.GetBytes(line)).Argument;
        MailParameters? parameters = null;
        var understood = SmtpCommand.TrySkipKeyword(ref argument, "FROM:"u8)
            & EnvelopePath.TryRead(argument, out var mailbox, out var rest)
            && PathParameters.ReadMail(rest, out parameters, out _) == ParameterFault.None;
        Finding.Unless(understood, "MAIL that we send can be read", line);
        Finding.Unless(mailbox == envelope.ReversePath.Mailbox, "MAIL keeps its sender", line);
        Finding.Unless(
            parameters!.EnvelopeId == envelope.Parameters.EnvelopeId
            && parameters.Return == envelope.Parameters.Return,
            "MAIL keeps its parameters", line);
    }

    static void ReadRcptAgain(string line, EnvelopeRecipient recipient)
    {
        var argument = SmtpCommand.Parse(Encoding.UTF8.GetBytes(line)).Argument;
        RcptParameters? parameters = null;
        var understood = SmtpCommand.TrySkipKeyword(ref argument, "TO:"u8)
            & EnvelopePath.TryRead(argument, out var mailbox, out var rest)
            && PathParameters.ReadRcpt(rest, out parameters, out _) == ParameterFault.None;
        Finding.Unless(understood, "RCPT that we send can be read", line);
        Finding.Unless(mailbox == recipient.Path.Mailbox, "RCPT keeps its recipient", line);
        Finding.Unless(
            parameters!.Notify == recipient.Parameters.Notify
            && IsSameOriginal(parameters.OriginalRecipient, recipient.Parameters.OriginalRecipient),
            "RCPT keeps its parameters", line);
    }

    /// <summary>RFC 6533 §3: a utf-8 address may have been escaped for a hop, and left out where that made it
    /// too long.</summary>
    static bool IsSameOriginal(string? later, string? earlier) =>
        later == earlier
        || (earlier is not null && earlier.StartsWith("utf-8;", StringComparison.Ordinal)
            && !Ascii.IsValid(earlier)
            && (later is null || Ascii.IsValid(later)));

    static void CheckPath(ReadOnlySpan<byte> argument, ReadOnlySpan<byte> rest)
    {
        var path = argument[..^rest.Length];
        Finding.Unless(path.Length <= EnvelopePath.OctetsMax, "a path is over its limit");
        Finding.Unless(path[^1] == (byte)'>' && argument.EndsWith(rest), "a path ends at its bracket");
    }

    static void CheckCulprit(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> culprit) =>
        Finding.Unless(rest.IndexOf(culprit) >= 0, "a parameter at fault was given");

    static void CheckText(string? text) => Finding.Unless(
        text is null || MailboxTarget.IsPrintable(text),
        "a parameter holds no control character", text ?? "");

    static Mailbox Parse(ReadOnlySpan<byte> octets) =>
        Mailbox.TryParse(octets, out var mailbox) ? mailbox : throw new FormatException();
}
