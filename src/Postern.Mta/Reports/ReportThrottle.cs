using Postern.Mta.Accounts;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>Caps the reports that go to one address, whose owner may have sent none of it.</summary>
/// <remarks>
/// A count for each address, and all begin anew after <see cref="Window"/>. What is over the cap is not lost:
/// a failure stays as a dead letter. Memory is bounded: addresses beyond
/// <see cref="LoginThrottle.EntriesMax"/> in one window have no report. Safe for several threads.
/// </remarks>
public sealed class ReportThrottle(TimeProvider clock)
{
    /// <summary>To one address in one window.</summary>
    public const int ReportsMax = 100;

    public static readonly TimeSpan Window = TimeSpan.FromHours(1);

    readonly Lock gate = new();
    readonly Dictionary<string, int> counts = new(StringComparer.OrdinalIgnoreCase);
    long begunAt = clock.GetTimestamp();

    /// <returns>False: this address has had as many as it gets.</returns>
    public bool TryTake(Mailbox to)
    {
        var key = to.ToString();
        lock (gate)
        {
            if (clock.GetElapsedTime(begunAt) >= Window)
            {
                counts.Clear();
                begunAt = clock.GetTimestamp();
            }
            var count = counts.GetValueOrDefault(key);
            if (count >= ReportsMax || (count == 0 && counts.Count >= LoginThrottle.EntriesMax))
                return false;
            counts[key] = count + 1;
            return true;
        }
    }
}
