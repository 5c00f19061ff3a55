using System.Diagnostics;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Mta.Transports;

/// <summary>
/// What an SMTP conversation proves, and whom it blames: the table of DESIGN §5, and nothing else.
/// </summary>
/// <remarks>Pure. Texts are Postfix's, since log readers know them.</remarks>
static partial class SmtpBlame
{
    static readonly EnhancedStatus NotReachable = new(4, 4, 1);
    static readonly EnhancedStatus ConnectionLost = new(4, 4, 2);
    static readonly EnhancedStatus NameUnknown = new(4, 4, 3);
    static readonly EnhancedStatus SecurityTrouble = new(4, 7, 0);
    static readonly EnhancedStatus TlsTrouble = new(4, 7, 5);

    /// <summary>A name that DNS does not know, or could not say.</summary>
    public static AttemptResult OfName(NextHop hop, LookupOutcome outcome, string host, string type)
    {
        var why = outcome switch
        {
            LookupOutcome.NoSuchName => "Host not found",
            LookupOutcome.NoRecords => "Host found but no data record of requested type",
            _ => "Host not found, try again",
        };
        var text = $"Host or domain name not found. Name service error for name={host} type={type}: {why}";
        var isProved = outcome is LookupOutcome.NoSuchName or LookupOutcome.NoRecords;
        // RFC 3463: 5.1.2 the domain does not exist, 5.4.4 it exists and takes mail nowhere.
        return hop.Origin == NextHopOrigin.RecipientDomain && isProved
            ? new AttemptResult.Failed(
                outcome == LookupOutcome.NoSuchName && host == hop.Host ? new(5, 1, 2) : new(5, 4, 4), text)
            : new AttemptResult.NextHopDown(NameUnknown, text, NextHopTrouble.Unreachable);
    }

    /// <summary>RFC 7505: the domain says that it takes no mail.</summary>
    public static AttemptResult OfNullMx(NextHop hop)
    {
        var text = $"Domain {hop.Host} does not accept mail (nullMX)";
        return hop.Origin == NextHopOrigin.RecipientDomain
            ? new AttemptResult.Failed(new(5, 1, 10), text)
            : new AttemptResult.NextHopDown(NameUnknown, text, NextHopTrouble.Unreachable);
    }

    /// <summary>An address we do not connect to.</summary>
    public static AttemptResult OfAddress(NextHop hop, RelayTarget target, AddressVerdict verdict)
    {
        var text = verdict == AddressVerdict.Ourselves
            ? $"mail for {hop.Host} loops back to myself ({target.HostAndAddress})"
            : $"{target.HostAndAddress} is no address of a public mail server";
        return hop.Origin == NextHopOrigin.RecipientDomain
            ? new AttemptResult.Failed(
                verdict == AddressVerdict.Ourselves ? new(5, 4, 6) : new(5, 4, 4), text)
            : new AttemptResult.NextHopDown(NotReachable, text, NextHopTrouble.Unreachable);
    }

    /// <summary>No TCP connection.</summary>
    public static AttemptResult OfConnect(RelayTarget target, string reason) => new AttemptResult.NextHopDown(
        NotReachable, $"connect to {target}: {reason}", NextHopTrouble.Unreachable);

    /// <summary>The session did not get ready: always the next hop's matter.</summary>
    public static AttemptResult OfOpen(
        OpenResult result, RelayTarget target, NextHopOrigin origin, LoginNeed login)
    {
        var host = target.HostAndAddress;
        return result switch
        {
            OpenResult.Refused refused => OfRefusedSession(refused, host, origin),
            OpenResult.TlsNotOffered => new AttemptResult.NextHopDown(
                new(4, 7, 4),
                $"TLS is required, but was not offered by host {host}",
                NextHopTrouble.Unreachable)
            {
                Alarm = login == LoginNeed.Configured
                    ? LoginAlarm($"no TLS for the login at {target.Host}")
                    : null,
            },
            OpenResult.TlsFailed failed => new AttemptResult.NextHopDown(
                TlsTrouble,
                $"Cannot start TLS: handshake failure with {host}: {failed.Reason}",
                NextHopTrouble.Unreachable),
            OpenResult.CertificateRefused refused => new AttemptResult.NextHopDown(
                TlsTrouble,
                $"Server certificate not verified: {host}: {refused.Reason}",
                NextHopTrouble.Unreachable),
            OpenResult.LoginNotOffered => LoginTrouble(
                $"a login is configured, but host {host} does not offer AUTH"),
            OpenResult.LoginNeedsTls => LoginTrouble(
                $"a login is configured, but the session with host {host} is not encrypted"),
            OpenResult.NoCommonMechanism none => LoginTrouble(
                $"SASL authentication failed; host {host} offers no mechanism we know ({none.Offered})"),
            OpenResult.PeerNotProven unproven => LoginTrouble(
                $"SASL authentication failed; server {host}, {unproven.Mechanism}: {unproven.Reason}"),
            OpenResult.LoginRefused refused => OfRefusedLogin(refused, host),
            OpenResult.Lost lost => new AttemptResult.NextHopDown(
                ConnectionLost, LossText(
                    lost.Stage, lost.Cause, lost.Detail, host), NextHopTrouble.Unreachable),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>What is lost, said as Postfix says it.</summary>
    public static string LossText(SmtpStage stage, LossCause cause, string detail, string host)
    {
        return cause switch
        {
            LossCause.PeerClosed or LossCause.Broken =>
                $"lost connection with {host} while {stage.Activity()}",
            LossCause.TimedOut => $"conversation with {host} timed out while {stage.Activity()}",
            LossCause.ProtocolError => $"Protocol error: host {host}: {detail}",
            LossCause.Stopped => $"delivery to {host} stopped while {stage.Activity()}",
            _ => throw new UnreachableException(),
        };
    }

    static AttemptResult.NextHopDown OfRefusedSession(
        OpenResult.Refused refused, string host, NextHopOrigin origin)
    {
        var text = refused.Stage == SmtpStage.Greeting
            ? $"host {host} refused to talk to me: {refused.Reply}"
            : SaidText(host, refused.Reply, refused.Stage);
        return new AttemptResult.NextHopDown(
            Transient(refused.Reply.Status, new(4, 0, 0)), text, NextHopTrouble.Refusing)
        {
            Alarm = AlarmOf(refused.Reply, origin),
            SlowDown = IsThrottling(refused.Reply, origin),
        };
    }

    static AlarmNotice? AlarmOf(Reply reply, NextHopOrigin origin) =>
        origin == NextHopOrigin.Configured ? AccountRefusals.Find(reply) : null;

    /// <summary>A lower pace helps: it is not the account that is refused.</summary>
    static bool IsThrottling(Reply reply, NextHopOrigin origin) =>
        SaysSlowDown(reply) && AlarmOf(reply, origin) is null;

    static AttemptResult.NextHopDown OfRefusedLogin(OpenResult.LoginRefused refused, string host)
    {
        var text = $"SASL authentication failed; server {host} said: {refused.Reply}";
        // RFC 4954 §6: 454 is a passing failure of the server; 5xx is about the login.
        var alarm = refused.Reply.IsPermanent
            ? AccountRefusals.Find(refused.Reply) ?? LoginAlarm(text)
            : AccountRefusals.Find(refused.Reply);
        var status = Transient(refused.Reply.Status, SecurityTrouble);
        return new AttemptResult.NextHopDown(status, text, NextHopTrouble.Refusing) { Alarm = alarm };
    }

    static AttemptResult.NextHopDown LoginTrouble(string text) =>
        new(SecurityTrouble, text, NextHopTrouble.Refusing) { Alarm = LoginAlarm(text) };

    static AlarmNotice LoginAlarm(string text) =>
        new("login", text, "check the login and the TLS setting of this transport");

    static string SaidText(string host, Reply reply, SmtpStage stage) =>
        $"host {host} said: {reply} (in reply to {stage.CommandName()})";

    /// <summary>A peer's status, made one of a deferral.</summary>
    static EnhancedStatus Transient(EnhancedStatus? status, EnhancedStatus otherwise) =>
        status is { } given ? given with { Class = 4 } : otherwise;
}

/// <summary>Whether the transport has a login.</summary>
enum LoginNeed
{
    None,
    Configured,
}
