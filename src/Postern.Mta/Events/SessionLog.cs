using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>Facts of SMTP sessions on their way into the log; called by the doors, on any thread, never
/// waiting.</summary>
/// <remarks>Between the lines of a session and those of events the order is that of the calls and the
/// commits.</remarks>
public sealed class SessionLog
{
    readonly LineFormat format;
    readonly LogOutput output;
    readonly TimeProvider clock;

    internal SessionLog(LineFormat format, LogOutput output, TimeProvider clock)
    {
        this.format = format;
        this.output = output;
        this.clock = clock;
    }

    public void Connected(SessionFacts session) =>
        output.Append((format, session, at: clock.GetUtcNow()),
            static (lines, fact) => fact.format.Connected(lines, fact.session, fact.at));

    /// <summary>A command got a 4xx or 5xx. Passwords in the argument of AUTH are never shown.</summary>
    public void Refused(SessionFacts session, MailTransaction? transaction, string verb, string argument,
        Reply reply) =>
        output.Append(
            (format, refusal: new SessionRefusal(session, transaction, verb, argument, reply,
                clock.GetUtcNow())),
            static (lines, fact) => fact.format.Refused(lines, fact.refusal));

    public void Ended(SessionFacts session, SessionEnd end) =>
        output.Append((format, session, end, at: clock.GetUtcNow()),
            static (lines, fact) => fact.format.Ended(lines, fact.session, fact.end, fact.at));
}
