using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>Facts of SMTP sessions on their way into the log; called by the doors, on any thread, never
/// waiting.</summary>
/// <remarks>Between the lines of a session and those of events the order is that of the calls and the
/// commits.</remarks>
public sealed class SessionLog
{
    /// <summary>Refused commands that are told of in a minute; how many more there were is told in the
    /// next.</summary>
    public const int RefusalsPerMinuteMax = 6000;

    readonly LineFormat format;
    readonly LogOutput output;
    readonly TimeProvider clock;
    readonly Lock gate = new();
    long minuteBegunAt;
    long refusals;

    internal SessionLog(LineFormat format, LogOutput output, TimeProvider clock)
    {
        this.format = format;
        this.output = output;
        this.clock = clock;
        minuteBegunAt = clock.GetTimestamp();
    }

    public void Connected(SessionFacts session) =>
        output.Append((format, session, at: clock.GetUtcNow()),
            static (lines, fact) => fact.format.Connected(lines, fact.session, fact.at));

    /// <summary>A command got a 4xx or 5xx. Passwords in the argument of AUTH are never shown.</summary>
    public void Refused(SessionFacts session, MailTransaction? transaction, string verb, string argument,
        Reply reply)
    {
        if (!HasRoom(out var heldBack))
            return;
        if (heldBack > 0)
            output.Append((format, heldBack, at: clock.GetUtcNow()),
                static (lines, fact) => fact.format.Lost(lines, fact.heldBack, fact.at));
        output.Append(
            (format, refusal: new SessionRefusal(session, transaction, verb, argument, reply,
                clock.GetUtcNow())),
            static (lines, fact) => fact.format.Refused(lines, fact.refusal));
    }

    /// <param name="heldBack">Lines of the minute before that were not written and are not told of
    /// yet.</param>
    bool HasRoom(out long heldBack)
    {
        heldBack = 0;
        lock (gate)
        {
            if (clock.GetElapsedTime(minuteBegunAt) >= TimeSpan.FromMinutes(1))
            {
                heldBack = Math.Max(0, refusals - RefusalsPerMinuteMax);
                (minuteBegunAt, refusals) = (clock.GetTimestamp(), 0);
            }
            return ++refusals <= RefusalsPerMinuteMax;
        }
    }

    public void Ended(SessionFacts session, SessionEnd end) =>
        output.Append((format, session, end, at: clock.GetUtcNow()),
            static (lines, fact) => fact.format.Ended(lines, fact.session, fact.end, fact.at));
}
