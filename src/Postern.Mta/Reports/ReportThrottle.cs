using Postern.Mta.Accounts;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>Caps the reports that go to one address, whose owner may have sent none of it.</summary>
/// <remarks>What is over the cap is not lost: a failure stays as a dead letter. Addresses beyond its memory
/// have no report. Safe for several threads.</remarks>
public sealed class ReportThrottle(TimeProvider clock)
{
    /// <summary>To one address in one window.</summary>
    public const int ReportsMax = 100;

    public static readonly TimeSpan Window = TimeSpan.FromHours(1);

    readonly WindowThrottle throttle = new(clock, ReportsMax, Window, Uncounted.Stay);

    /// <returns>False: this address has had as many as it gets.</returns>
    public bool TryTake(Mailbox to) => throttle.TryTake(to.ToString());
}
