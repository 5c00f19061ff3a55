using System.Diagnostics;

namespace Postern.Smtp.Client;

/// <summary>
/// The rules of one session with a relay, from greeting to readiness; no octet is read or written here.
/// </summary>
/// <remarks>
/// <para>Legal moves: Greeting, Ehlo (or Helo after a 5xx), then StartTls, which ends this session, or Auth,
/// then Ready. The session after STARTTLS is a new one that begins with Ehlo.</para>
/// <para>With a login configured Ready is reached through Auth only. With TLS required it is reached
/// encrypted only.</para>
/// </remarks>
sealed partial class SmtpClientSession(SmtpClientOptions options, CommandWriter commands, ClientTlsFacts? tls)
{
    SmtpStage stage;

    /// <summary>What this session's EHLO reply offered.</summary>
    public Capabilities Capabilities { get; private set; } = Capabilities.None;

    /// <summary>What was asked last, as it may be shown: of a login the mechanism alone. Null: nothing, the
    /// relay speaks first.</summary>
    public string? Said => stage switch
    {
        SmtpStage.Greeting => null,
        SmtpStage.Ehlo when options.Protocol == ClientProtocol.Lmtp => $"LHLO {options.HeloName}",
        SmtpStage.Ehlo => $"EHLO {options.HeloName}",
        SmtpStage.Helo => $"HELO {options.HeloName}",
        SmtpStage.StartTls => "STARTTLS",
        SmtpStage.Auth => authSaid,
        _ => throw new UnreachableException(),
    };

    /// <summary>The first move: wait for the greeting.</summary>
    public SetupStep Begin()
    {
        stage = SmtpStage.Greeting;
        return new SetupStep.Ask(stage);
    }

    /// <summary>The first move after STARTTLS: there is no second greeting (RFC 3207 §4.2).</summary>
    public SetupStep BeginAfterStartTls() => Ehlo();

    /// <summary>A reply to what was asked last.</summary>
    public SetupStep Take(Reply reply) => stage switch
    {
        SmtpStage.Greeting => TakeGreeting(reply),
        SmtpStage.Ehlo => TakeEhlo(reply),
        SmtpStage.Helo => reply.IsPositive ? Secure() : Refused(reply),
        SmtpStage.StartTls => TakeStartTls(reply),
        SmtpStage.Auth => TakeAuth(reply),
        _ => throw new UnreachableException(),
    };

    SetupStep TakeGreeting(Reply reply) => reply.Code == 220 ? Ehlo() : Refused(reply);

    SetupStep.Ask Ehlo()
    {
        // RFC 2033 §4.1: LHLO in the place of EHLO, so that neither side takes the other for SMTP.
        commands.Begin(options.Protocol == ClientProtocol.Lmtp ? "LHLO "u8 : "EHLO "u8)
            .Add(options.HeloName).End();
        return Ask(SmtpStage.Ehlo);
    }

    SetupStep TakeEhlo(Reply reply)
    {
        if (reply.IsPositive)
        {
            Capabilities = Capabilities.Parse(reply);
            return Secure();
        }
        // RFC 5321 §3.2: a server without EHLO says 5xx to it and gets HELO.
        if (!reply.IsPermanent || options.Protocol == ClientProtocol.Lmtp)
            return Refused(reply);
        commands.Begin("HELO "u8).Add(options.HeloName).End();
        return Ask(SmtpStage.Helo);
    }

    SetupStep Secure()
    {
        if (tls is not null || options.Tls == TlsMode.None)
            return LogIn();
        if (Capabilities.Has(Extensions.StartTls))
        {
            commands.Begin("STARTTLS"u8).End();
            return Ask(SmtpStage.StartTls);
        }
        return options.Tls == TlsMode.Opportunistic
            ? LogIn()
            : new SetupStep.End(new OpenResult.TlsNotOffered());
    }

    SetupStep TakeStartTls(Reply reply)
    {
        if (reply.Code == 220)
            return new SetupStep.StartTls();
        // RFC 3207 §4: 454 and 501 leave the session as it was; whether to go on in the clear is policy.
        var goesOn = options.Tls == TlsMode.Opportunistic && reply.Code >= 400 && reply.Code != 421;
        return goesOn ? LogIn() : Refused(reply);
    }

    SetupStep.Ask Ask(SmtpStage next)
    {
        stage = next;
        return new SetupStep.Ask(next);
    }

    SetupStep.End Refused(Reply reply) => new(
        reply.Code >= 400
            ? new OpenResult.Refused(stage, reply)
            : new OpenResult.Lost(
                stage, LossCause.ProtocolError, $"unexpected reply to {stage.CommandName()}: {reply}"));
}
