using System.Diagnostics;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>When a sender is told; pure.</summary>
public static class BouncePolicy
{
    /// <summary>A report of this kind about this recipient is due to the message's sender.</summary>
    /// <param name="route">The recipient's route. Null: it is gone, and the door decides.</param>
    /// <remarks>A suppressed recipient never asks: it has no report (DESIGN §9.3).</remarks>
    public static bool IsDue(ReportKind kind, QueuedMessage message, RcptParameters dsn, RouteOptions? route)
    {
        // RFC 5321 §4.5.5: nothing is ever sent about mail from the null sender.
        if (message.Sender.IsNull || message.ReportOn is not null)
            return false;
        // No backscatter: mail from other MTAs has reports only where its route says so (DESIGN §9.3).
        if (!(route?.Bounce ?? message.Door != MailDoors.Mx))
            return false;
        // RFC 3461 §4.1: NEVER stands alone.
        return !dsn.Notify.HasFlag(DsnNotify.Never) && IsWanted(kind, dsn.Notify);
    }

    /// <summary>The same of a recipient: what becomes of members of a mailing list is told to its poster only
    /// where he alone posts.</summary>
    public static bool IsDueFor(ReportKind kind, QueuedMessage message, Recipient row, RouteOptions? route) =>
        message.ListOf(row) is not { KeepsReports: true } && !IsStrangersMail(message, row, route)
        && IsDue(kind, message, row.Dsn, route);

    /// <summary>It was forwarded, and its route speaks of the mail of our own people.</summary>
    static bool IsStrangersMail(QueuedMessage message, Recipient row, RouteOptions? route) =>
        message.Door == MailDoors.Mx && row is { Original: not null, List: null }
        && route is not null && (route.Accepts & (MailDoors.Mx | MailDoors.Forward)) == 0;

    /// <summary>What to tell after a next hop took the message. Null: nothing, it will tell itself or nobody
    /// asked.</summary>
    /// <param name="handedOver">How far it went: to its end, to a hop with DSN, or to one without.</param>
    public static ReportKind? AfterSuccess(HandOver handedOver, QueuedMessage message, Recipient row,
        RouteOptions? route)
    {
        ReportKind? kind = handedOver switch
        {
            // RFC 3461 §5.2.1: the parameters went along, the next hop reports.
            HandOver.ToHopWithDsn => null,
            // RFC 3461 §5.2.2 (b).
            HandOver.ToHopWithoutDsn => ReportKind.Relayed,
            HandOver.Final => ReportKind.Delivered,
            _ => throw new UnreachableException(),
        };
        return kind is { } due && !IsStrangersMail(message, row, route)
            && IsDue(due, message, row.Dsn, route) ? kind : null;
    }

    static bool IsWanted(ReportKind kind, DsnNotify notify) => kind switch
    {
        // RFC 3461 §4.1: without NOTIFY, failures are reported, and delays where we choose to.
        ReportKind.Failed => notify == DsnNotify.Unspecified || notify.HasFlag(DsnNotify.Failure),
        ReportKind.Delayed => notify == DsnNotify.Unspecified || notify.HasFlag(DsnNotify.Delay),
        ReportKind.Delivered or ReportKind.Relayed or ReportKind.Expanded =>
            notify.HasFlag(DsnNotify.Success),
        _ => throw new UnreachableException(),
    };
}

/// <summary>What a report says happened: the Action field of RFC 3464 §2.3.3.</summary>
public enum ReportKind { Failed, Delayed, Delivered, Relayed, Expanded }

/// <summary>How far a message went when it left us.</summary>
public enum HandOver
{
    /// <summary>To a relay that offered DSN and was given the parameters.</summary>
    ToHopWithDsn,

    /// <summary>To a relay that knows no DSN, such as an HTTP API.</summary>
    ToHopWithoutDsn,

    /// <summary>To its end: a script, a topic, a mailbox.</summary>
    Final,
}
