namespace Postern.Mta.Accounts;

/// <summary>Caps what may be done for one key in a window of time.</summary>
/// <remarks>
/// A count for each key, and all begin anew after <paramref name="window"/>. Keys differ by more than case.
/// Memory is bounded: keys beyond <see cref="LoginThrottle.EntriesMax"/> in one window are not counted. Safe
/// for several threads.
/// </remarks>
/// <param name="max">For one key in one window.</param>
/// <param name="uncounted">What becomes of those that are not counted.</param>
sealed class WindowThrottle(TimeProvider clock, int max, TimeSpan window, Uncounted uncounted)
{
    readonly Lock gate = new();
    readonly Dictionary<string, int> counts = new(StringComparer.OrdinalIgnoreCase);
    long begunAt = clock.GetTimestamp();

    /// <returns>False: there has been too much for this key.</returns>
    public bool TryTake(string key)
    {
        lock (gate)
        {
            if (clock.GetElapsedTime(begunAt) >= window)
            {
                counts.Clear();
                begunAt = clock.GetTimestamp();
            }
            var count = counts.GetValueOrDefault(key);
            if (count == 0 && counts.Count >= LoginThrottle.EntriesMax)
                return uncounted == Uncounted.Pass;
            if (count >= max)
                return false;
            counts[key] = count + 1;
            return true;
        }
    }
}

/// <summary>What becomes of keys for which there is no memory.</summary>
enum Uncounted
{
    Pass,
    Stay,
}
