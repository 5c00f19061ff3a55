using System.Text;

namespace Postern.Smtp.Server;

/// <summary>The rules of RFC 5321 for one session, without any input or output.</summary>
/// <remarks>
/// Phases are not named: they are what was said so far. No EHLO: <see cref="SessionFacts.Helo"/> is null. No
/// MAIL: the transaction is null. Content on its way: <see cref="Intake"/>. A login on its way: the SASL
/// step. TLS and authentication are facts. After STARTTLS a new session begins, so that nothing said in clear
/// is left (RFC 3207 §4.2).
/// </remarks>
sealed partial class SmtpSession(SessionFacts facts, SmtpServerOptions options, ISessionPolicy policy)
{
    // What the extensions add to a line: SIZE 26 (RFC 1870 §3), BODY 17, SMTPUTF8 10 (RFC 6531 §3.1), AUTH
    // 500 (RFC 4954 §3), ENVID and RET 116; NOTIFY and ORCPT 530 (RFC 3461 §6), UTF-8 in both.
    const int MailOctetsMore = 26 + 17 + 10 + 500 + 116;
    const int RcptOctetsMore = 530 + 10;
    const int HeloOctetsMax = 255;

    readonly HostReplies host = HostReplies.Of(options);
    MailTransaction? transaction;
    int errors, junk;

    /// <summary>So many errors that the session must end.</summary>
    public bool HasTooManyErrors => errors >= options.ErrorsMax;

    /// <summary>Answers one line, which is read before this returns; what waits is done in the returned
    /// task.</summary>
    public ValueTask<Step> RunAsync(ReadOnlySpan<byte> line, Waiting waiting, CancellationToken cancel)
    {
        if (sasl != SaslStep.None)
            return RespondAsync(line, cancel);
        var command = SmtpCommand.Parse(line);
        // Old programs on submission do not know.
        if (waiting == Waiting.MoreInput && facts.Kind == ListenerKind.Mx && EndsGroup(command.Verb))
            return Now(OutOfSync(facts.Helo is null ? Verb.Ehlo : command.Verb));
        if (line.Length + 2 > OctetsMax(command.Verb))
        {
            return Now(RefuseLine(command.Verb, "",
                command.Verb is Verb.Mail or Verb.Rcpt ? Replies.ParametersTooLong : Replies.LineTooLong));
        }
        if (line.ContainsAnyInRange((byte)0, (byte)0x1F) || line.Contains((byte)0x7F))
            return Now(RefuseLine(command.Verb, Text(command.Argument), Replies.BadSyntax));
        return command.Verb switch
        {
            Verb.Mail => MailAsync(command.Argument, cancel),
            Verb.Rcpt => RcptAsync(command.Argument, cancel),
            Verb.Data => DataAsync(command.Argument, cancel),
            Verb.Bdat => BdatAsync(command.Argument, cancel),
            Verb.Ehlo or Verb.Helo => HelloAsync(command.Verb, command.Argument),
            Verb.Rset => ResetAsync(command.Argument),
            Verb.Auth => AuthAsync(command.Argument, cancel),
            Verb.StartTls => Now(StartTls(command.Argument, waiting)),
            _ => Now(RunPlain(command.Verb, command.Argument)),
        };
    }

    /// <summary>A peer waits for the reply to this command before it goes on. RFC 2920 §3.1: to EHLO and
    /// DATA, and to every one where PIPELINING was not offered; Postfix's
    /// smtpd_forbid_unauth_pipelining.</summary>
    bool EndsGroup(Verb verb) => facts.Helo is null || !facts.IsExtended
        || verb is Verb.Ehlo or Verb.Helo or Verb.Data;

    /// <summary>Answers a line over every limit, of which nothing was kept.</summary>
    public Step TooLong() => EndSasl()
        ? Answer(Verb.Auth, "", Replies.AuthLineTooLong)
        : Answer(Verb.Unknown, "", Replies.LineTooLong);

    /// <summary>Answers a line that a lone LF ended; <paramref name="line"/> is without it.</summary>
    public Step BareLineFeed(ReadOnlySpan<byte> line) => EndSasl()
        ? Answer(Verb.Auth, "", Replies.BareLineFeed)
        : RefuseLine(SmtpCommand.Parse(line).Verb, "", Replies.BareLineFeed);

    /// <summary>Refuses a line as a whole. Without the count of BDAT nobody knows where the next command
    /// begins, and content must never be read as commands: the only safe answer is to close.</summary>
    Step RefuseLine(Verb verb, string argument, Reply reply)
    {
        var step = Answer(verb, argument, reply);
        return verb == Verb.Bdat ? step with { Then = Then.Close, End = SessionEnd.ProtocolError } : step;
    }

    /// <summary>The peer spoke, or spoke on, where it had to wait for us.</summary>
    public Step OutOfSync(Verb verb) =>
        Answer(verb, "", Replies.Synchronization) with { Then = Then.Close, End = SessionEnd.EarlyTalker };

    /// <summary>A handshake came where commands are spoken.</summary>
    public Step UnexpectedTls() =>
        Answer(
            Verb.Unknown, "", Replies.TlsRecord) with
        { Then = Then.Close, End = SessionEnd.ProtocolError };

    /// <summary>Forgets the transaction and frees what it holds.</summary>
    public async ValueTask AbandonAsync()
    {
        transaction = null;
        if (Intake is { } intake)
        {
            Intake = null;
            await intake.DisposeAsync();
        }
    }

    Step RunPlain(Verb verb, ReadOnlySpan<byte> argument)
    {
        switch (verb)
        {
            case Verb.Noop:
                return Junk(verb, Replies.Ok);
            case Verb.Help:
                return Junk(verb, Replies.Help);
            case Verb.Vrfy:
                // RFC 5321 §7.3: known and unknown get the same answer.
                return argument.IsEmpty ? Answer(verb, "", Replies.VrfySyntax)
                    : Junk(verb, Replies.CannotVerify);
            case Verb.Quit:
                return Answer(verb, "", Replies.Bye) with { Then = Then.Close, End = SessionEnd.Quit };
            case Verb.Lhlo:
                return Answer(verb, Text(argument), Replies.NotLmtp);
            case Verb.NotImplemented:
                return Answer(verb, Text(argument), Replies.NotImplemented);
            case Verb.Forbidden:
                policy.Refused(facts, transaction, NameOf(verb), Text(argument), Replies.Forbidden);
                return new Step(Replies.Forbidden, Then.Close, End: SessionEnd.ProtocolError);
            default:
                return Answer(Verb.Unknown, Text(argument), Replies.UnknownCommand);
        }
    }

    async ValueTask<Step> HelloAsync(Verb verb, string? name)
    {
        if (name is null)
            return Answer(verb, "", verb == Verb.Ehlo ? Replies.EhloSyntax : Replies.HeloSyntax);
        // RFC 5321 §4.1.4: EHLO in mid-session is RSET too.
        await AbandonAsync();
        facts.Helo = name;
        facts.IsExtended = verb == Verb.Ehlo;
        return Junk(verb, facts.IsExtended ? host.Ehlo(facts) : host.Helo);
    }

    // Deviation from RFC 5321 §4.1.2: any visible text is taken. Phones and old PCs send names with spaces,
    // underscores or Hangul, and the name proves nothing. It is a peer's text: escaped wherever it is shown.
    ValueTask<Step> HelloAsync(Verb verb, ReadOnlySpan<byte> argument) =>
        HelloAsync(verb, argument.Length is 0 or > HeloOctetsMax ? null : Text(argument));

    ValueTask<Step> ResetAsync(ReadOnlySpan<byte> argument)
    {
        if (!argument.IsEmpty)
            return Now(Answer(Verb.Rset, Text(argument), Replies.RsetSyntax));
        return Intake is null ? Now(Forget()) : FinishAsync();

        Step Forget()
        {
            transaction = null;
            return Junk(Verb.Rset, Replies.Ok);
        }

        async ValueTask<Step> FinishAsync()
        {
            await AbandonAsync();
            return Junk(Verb.Rset, Replies.Ok);
        }
    }

    Step StartTls(ReadOnlySpan<byte> argument, Waiting waiting)
    {
        if (!argument.IsEmpty)
            return Answer(Verb.StartTls, Text(argument), Replies.StartTlsSyntax);
        if (facts.Tls is not null)
            return Answer(Verb.StartTls, "", Replies.AlreadyTls);
        if (options.Tls != TlsMode.StartTls || options.TlsOptions is null)
            return Answer(Verb.StartTls, "", Replies.NotImplemented);
        if (transaction is not null)
            return Answer(Verb.StartTls, "", Replies.InsideTransaction);
        // RFC 3207 §4: nothing may follow; what does was put there by somebody in between.
        if (waiting == Waiting.MoreInput)
            return OutOfSync(Verb.StartTls);
        return policy.MayHandshake(facts)
            ? Answer(Verb.StartTls, "", Replies.ReadyForTls) with { Then = Then.StartTls }
            : Answer(Verb.StartTls, "", Replies.TlsThrottled);
    }

    /// <summary>A command that does nothing for mail; too many of them are an attack or a bug.</summary>
    Step Junk(Verb verb, Reply reply)
    {
        if (++junk <= options.JunkCommandsMax)
            return Answer(verb, "", reply);
        policy.Refused(facts, transaction, NameOf(verb), "", host.TooManyErrors);
        return new Step(host.TooManyErrors, Then.Close, End: SessionEnd.TooManyErrors);
    }

    /// <summary>Every reply to a command passes here once: counted, logged when it refuses, slowed after many
    /// refusals.</summary>
    Step Answer(Verb verb, string argument, Reply reply)
    {
        facts.Counts.Add(CountName(verb), reply);
        if (reply.Code < 400)
            return new Step(reply);
        errors++;
        policy.Refused(facts, transaction, NameOf(verb), argument, reply);
        var delay = errors > options.ErrorsBeforeDelay ? options.ErrorDelay : TimeSpan.Zero;
        // RFC 5321 §3.8: 421 means that we close.
        return reply.Code == 421
            ? new Step(reply, Then.Close, Delay: delay, End: SessionEnd.Refused)
            : new Step(reply, Delay: delay);
    }

    int OctetsMax(Verb verb) => verb switch
    {
        Verb.Mail => options.CommandOctetsMax + MailOctetsMore,
        Verb.Rcpt => options.CommandOctetsMax + RcptOctetsMore,
        Verb.Auth => options.AuthOctetsMax,
        _ => options.CommandOctetsMax,
    };

    static ValueTask<Step> Now(Step step) => new(step);

    /// <summary>A peer's octets as text, for facts and logs; what is no UTF-8 becomes U+FFFD.</summary>
    static string Text(ReadOnlySpan<byte> octets) => Encoding.UTF8.GetString(octets);

    /// <summary>The verb as logs show it.</summary>
    static string NameOf(Verb verb) => verb switch
    {
        Verb.Helo => "HELO",
        Verb.Ehlo => "EHLO",
        Verb.Lhlo => "LHLO",
        Verb.Mail => "MAIL",
        Verb.Rcpt => "RCPT",
        Verb.Data => "DATA",
        Verb.Bdat => "BDAT",
        Verb.Rset => "RSET",
        Verb.Noop => "NOOP",
        Verb.Vrfy => "VRFY",
        Verb.Help => "HELP",
        Verb.Quit => "QUIT",
        Verb.StartTls => "STARTTLS",
        Verb.Auth => "AUTH",
        _ => "UNKNOWN",
    };

    /// <summary>The verb as Postfix counts it on its disconnect line.</summary>
    static string CountName(Verb verb) => verb switch
    {
        Verb.Helo => "helo",
        Verb.Ehlo => "ehlo",
        Verb.Lhlo => "lhlo",
        Verb.Mail => "mail",
        Verb.Rcpt => "rcpt",
        Verb.Data => "data",
        Verb.Bdat => "bdat",
        Verb.Rset => "rset",
        Verb.Noop => "noop",
        Verb.Vrfy => "vrfy",
        Verb.Help => "help",
        Verb.Quit => "quit",
        Verb.StartTls => "starttls",
        Verb.Auth => "auth",
        _ => "unknown",
    };
}

/// <summary>What the connection does after a command.</summary>
enum Then
{
    NextCommand,

    /// <summary>Read to the end of DATA into <see cref="SmtpSession.Intake"/>.</summary>
    ReadData,

    /// <summary>Read <see cref="Step.Octets"/> into <see cref="SmtpSession.Intake"/>.</summary>
    ReadChunk,

    /// <summary>Drop <see cref="Step.Octets"/>, then reply.</summary>
    SkipChunk,

    StartTls,
    Close,
}

/// <summary>The answer to one command: a reply, after <paramref name="Delay"/>, and what comes
/// then.</summary>
/// <param name="Reply">Null when the reply comes only after the content.</param>
/// <param name="End">How the session ends, with <see cref="Then.Close"/>.</param>
readonly record struct Step(
    Reply? Reply,
    Then Then = Then.NextCommand,
    long Octets = 0,
    TimeSpan Delay = default,
    SessionEnd End = SessionEnd.Quit);
