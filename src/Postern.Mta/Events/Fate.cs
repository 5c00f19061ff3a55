using System.Diagnostics;

namespace Postern.Mta.Events;

/// <summary>What became of a recipient; of a message, that of the recipient who wants attention first: the
/// order here.</summary>
public enum Fate
{
    Failed,
    Expired,
    Held,
    Waiting,

    /// <summary>The provider tries again.</summary>
    Delayed,

    Relayed,
    Cancelled,
    Delivered,

    /// <summary>It became others.</summary>
    Expanded,
}

/// <summary>How fates follow from events, and their names.</summary>
public static class Fates
{
    /// <summary>How many there are.</summary>
    public const int Count = (int)Fate.Expanded + 1;

    /// <summary>As every face names it.</summary>
    public static string Word(Fate fate) => fate switch
    {
        Fate.Failed => "failed",
        Fate.Expired => "expired",
        Fate.Held => "held",
        Fate.Waiting => "waiting",
        Fate.Delayed => "delayed",
        Fate.Relayed => "relayed",
        Fate.Cancelled => "cancelled",
        Fate.Delivered => "delivered",
        Fate.Expanded => "expanded",
        _ => throw new UnreachableException(),
    };

    public static bool TryParse(string word, out Fate fate)
    {
        for (fate = 0; (int)fate < Count; fate++)
        {
            if (string.Equals(word, Word(fate), StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>What an event makes of its recipient. Null: it changes nothing.</summary>
    internal static Fate? Of(MailEvent fact) => fact.Kind switch
    {
        EventKind.Failed when fact.Severity == EventSeverity.Temporary => Fate.Delayed,
        EventKind.Failed => Fate.Failed,
        EventKind.Relayed => Fate.Relayed,
        EventKind.Delivered => Fate.Delivered,
        EventKind.Held => Fate.Held,
        EventKind.Expanded => Fate.Expanded,
        EventKind.Cancelled => Fate.Cancelled,
        EventKind.Expired => Fate.Expired,
        EventKind.Accepted or EventKind.Routed or EventKind.Attempted or EventKind.Released
            or EventKind.Retried => Fate.Waiting,
        _ => null,
    };

    /// <summary>Providers tell out of order: what ends a recipient stands before what does not, the later
    /// before the earlier. The end of a lifetime is told as a failure too, and says more.</summary>
    internal static bool Gives(Fate known, DateTimeOffset since, Fate fate, DateTimeOffset at) =>
        !(IsEnd(known) && (!IsEnd(fate) || at < since)) && (known, fate) is not (Fate.Expired, Fate.Failed);

    static bool IsEnd(Fate fate) => fate is Fate.Delivered or Fate.Failed;
}
