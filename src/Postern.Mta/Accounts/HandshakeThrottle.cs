using System.Net;

namespace Postern.Mta.Accounts;

/// <summary>Caps the TLS handshakes that one address may begin: each costs us a signature.</summary>
/// <remarks>
/// A count for each address, and all begin anew after <see cref="Window"/>. Memory is bounded: addresses
/// beyond <see cref="LoginThrottle.EntriesMax"/> in one window are not counted. Safe for several threads.
/// </remarks>
public sealed class HandshakeThrottle(TimeProvider clock)
{
    /// <summary>Of one address in one window: twice what <c>limits.connections-per-client</c> lets it have
    /// open by default.</summary>
    public const int HandshakesMax = 100;

    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    readonly Lock gate = new();
    readonly Dictionary<string, int> counts = new(StringComparer.Ordinal);
    long begunAt = clock.GetTimestamp();

    /// <returns>False: this address has begun too many.</returns>
    public bool TryBegin(IPAddress address)
    {
        var key = LoginThrottle.KeyOf(address);
        lock (gate)
        {
            if (clock.GetElapsedTime(begunAt) >= Window)
            {
                counts.Clear();
                begunAt = clock.GetTimestamp();
            }
            var count = counts.GetValueOrDefault(key);
            if (count >= HandshakesMax)
                return false;
            if (count > 0 || counts.Count < LoginThrottle.EntriesMax)
                counts[key] = count + 1;
            return true;
        }
    }
}
