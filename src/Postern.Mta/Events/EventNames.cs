using System.Diagnostics;

namespace Postern.Mta.Events;

/// <summary>The names of events on every face: log, API, webhooks, dashboard, metrics.</summary>
public static class EventNames
{
    /// <summary>The public name; raised and cleared alarms are both <c>alarm</c>.</summary>
    public static string Of(EventKind kind) => kind switch
    {
        EventKind.Accepted => "accepted",
        EventKind.Rejected => "rejected",
        EventKind.Delivered => "delivered",
        EventKind.Failed => "failed",
        EventKind.Opened => "opened",
        EventKind.Clicked => "clicked",
        EventKind.Unsubscribed => "unsubscribed",
        EventKind.Complained => "complained",
        EventKind.Stored => "stored",
        EventKind.Routed => "routed",
        EventKind.Attempted => "attempted",
        EventKind.Relayed => "relayed",
        EventKind.Held => "held",
        EventKind.Released => "released",
        EventKind.Retried => "retried",
        EventKind.Cancelled => "cancelled",
        EventKind.Expired => "expired",
        EventKind.Expanded => "expanded",
        EventKind.Delayed => "delayed",
        EventKind.BouncedToSender => "bounced-to-sender",
        EventKind.DeadLettered => "dead-lettered",
        EventKind.Replayed => "replayed",
        EventKind.AlarmRaised or EventKind.AlarmCleared => "alarm",
        EventKind.Operated => "operated",
        _ => throw new UnreachableException(),
    };

    public static EventLevel LevelOf(MailEvent mailEvent) => mailEvent.Kind switch
    {
        EventKind.Failed when mailEvent.Severity == EventSeverity.Temporary => EventLevel.Warn,
        EventKind.Failed or EventKind.Expired or EventKind.DeadLettered or EventKind.AlarmRaised =>
            EventLevel.Error,
        EventKind.Rejected or EventKind.Complained or EventKind.Attempted or EventKind.Held
            or EventKind.Delayed => EventLevel.Warn,
        _ => EventLevel.Info,
    };

    public static string Of(EventLevel level) => level switch
    {
        EventLevel.Info => "info",
        EventLevel.Warn => "warn",
        EventLevel.Error => "error",
        _ => throw new UnreachableException(),
    };
}

/// <summary>Mailgun's three log levels.</summary>
public enum EventLevel { Info, Warn, Error }
