using System.Net;

namespace Postern.Mta.Accounts;

/// <summary>Caps the TLS handshakes that one address may begin: each costs us a signature.</summary>
/// <remarks>Addresses beyond its memory are let through: a flood from so many is not stopped by counting.
/// Safe for several threads.</remarks>
public sealed class HandshakeThrottle(TimeProvider clock)
{
    /// <summary>Of one address in one window: twice what <c>limits.connections-per-client</c> lets it have
    /// open by default.</summary>
    public const int HandshakesMax = 100;

    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    readonly WindowThrottle throttle = new(clock, HandshakesMax, Window, Uncounted.Pass);

    /// <returns>False: this address has begun too many.</returns>
    public bool TryBegin(IPAddress address) => throttle.TryTake(LoginThrottle.KeyOf(address));
}
