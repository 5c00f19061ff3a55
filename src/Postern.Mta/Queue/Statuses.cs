using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Enhanced status codes that Postern itself gives (RFC 3463).</summary>
static class Statuses
{
    public static readonly EnhancedStatus SystemStopping = new(4, 3, 2);
    public static readonly EnhancedStatus InternalTrouble = new(4, 3, 0);
    public static readonly EnhancedStatus BadConfiguration = new(4, 3, 5);
    public static readonly EnhancedStatus ConnectionLost = new(4, 4, 2);
    public static readonly EnhancedStatus ContentLost = new(4, 3, 0);

    /// <summary>Delivery not authorized (RFC 3463 §3.8): the suppression list names the address.</summary>
    public static readonly EnhancedStatus Suppressed = new(5, 7, 1);

    /// <summary>Routing loop (RFC 3463 §3.5).</summary>
    public static readonly EnhancedStatus Looping = new(5, 4, 6);

    /// <summary>A test is delivered nowhere.</summary>
    public static readonly EnhancedStatus TestMode = new(2, 0, 0);

    /// <summary>Nothing more is known (RFC 3463 §3.1).</summary>
    public static readonly EnhancedStatus Delayed = new(4, 0, 0);

    /// <summary>Delivery time expired (RFC 3463 §3.5).</summary>
    public static readonly EnhancedStatus Expired = new(4, 4, 7);
}
