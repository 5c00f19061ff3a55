using System.Net;

namespace Postern.Mta.Accounts;

/// <summary>
/// Slows and then refuses logins after failed ones, per address and per account (DESIGN §9.5).
/// </summary>
/// <remarks>
/// Each failure counts for 10 minutes. The second and later ones wait, doubling up to 8 s; at the limit the
/// address, or the account, is refused until its failures have aged. An IPv6 client counts by its /64. A
/// login that succeeds clears the address, not the account: who guesses is not helped by its owner. Memory is
/// bounded: beyond the limit of entries those that ended longest ago go first, then the oldest. Safe for
/// several threads.
/// </remarks>
public sealed class LoginThrottle(TimeProvider clock)
{
    /// <summary>Failures of one address before it is refused.</summary>
    public const int AddressFailuresMax = 10;

    /// <summary>
    /// Failures of one account, from wherever; higher, so that strangers do not lock its owner out at once.
    /// </summary>
    public const int AccountFailuresMax = 50;

    /// <summary>Entries of addresses and of accounts, each about 100 octets.</summary>
    public const int EntriesMax = 20_000;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan DelayMax = TimeSpan.FromSeconds(8);

    readonly Lock gate = new();
    readonly FailureCounts addresses = new();
    readonly FailureCounts accounts = new();

    /// <summary>How long a login is refused from now on. Null: it may be tried.</summary>
    public TimeSpan? RefusedFor(IPAddress address, string account)
    {
        var now = clock.GetTimestamp();
        lock (gate)
        {
            var left = Math.Max(
                Left(addresses.Find(KeyOf(address)), AddressFailuresMax, now),
                Left(accounts.Find(KeyOf(account)), AccountFailuresMax, now));
            return left > 0 ? TimeSpan.FromSeconds((double)left / clock.TimestampFrequency) : null;
        }
    }

    /// <summary>Counts a failed login.</summary>
    /// <returns>How long the answer is to be held back.</returns>
    public TimeSpan Failed(IPAddress address, string account)
    {
        var now = clock.GetTimestamp();
        lock (gate)
        {
            var failures = addresses.Add(KeyOf(address), now, WindowTicks);
            accounts.Add(KeyOf(account), now, WindowTicks);
            return failures < 2 ? TimeSpan.Zero
                : TimeSpan.FromSeconds(Math.Min(1 << Math.Min(failures - 2, 10), DelayMax.TotalSeconds));
        }
    }

    public void Succeeded(IPAddress address)
    {
        lock (gate)
            addresses.Remove(KeyOf(address));
    }

    long WindowTicks => (long)(Window.TotalSeconds * clock.TimestampFrequency);

    long Left(Failures? failures, int max, long now) =>
        failures is { } there && there.Count >= max ? Math.Max(0, there.LastAt + WindowTicks - now) : 0;

    /// <summary>A client as it is counted: an IPv6 one by its /64.</summary>
    internal static string KeyOf(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var octets = address.GetAddressBytes();
        return Convert.ToHexString(octets.Length == 16 ? octets.AsSpan(0, 8) : octets);
    }

    /// <summary>
    /// A peer may send any name: long ones are cut, and no two names of accounts are that long.
    /// </summary>
    static string KeyOf(string account) =>
        account.Length <= AccountDirectory.NameCharactersMax ? account
            : account[..(AccountDirectory.NameCharactersMax + 1)];
}

/// <summary>Failed logins of one address or account.</summary>
readonly record struct Failures(int Count, long LastAt);

/// <summary>Failures by key, the oldest in front, at most <see cref="LoginThrottle.EntriesMax"/>.</summary>
sealed class FailureCounts
{
    readonly Dictionary<string, LinkedListNode<(string Key, Failures Failures)>> nodes =
        new(StringComparer.Ordinal);
    readonly LinkedList<(string Key, Failures Failures)> byAge = new();

    public int Count => nodes.Count;

    public Failures? Find(string key) => nodes.TryGetValue(key, out var node) ? node.Value.Failures : null;

    /// <summary>Adds one failure; those older than the window are forgotten.</summary>
    /// <returns>How many there are now.</returns>
    public int Add(string key, long now, long window)
    {
        var count = 1;
        if (nodes.Remove(key, out var known))
        {
            byAge.Remove(known);
            if (now - known.Value.Failures.LastAt < window)
                count = known.Value.Failures.Count + 1;
        }
        if (nodes.Count >= LoginThrottle.EntriesMax)
            Remove(byAge.First!.Value.Key);
        nodes.Add(key, byAge.AddLast((key, new Failures(count, now))));
        return count;
    }

    public void Remove(string key)
    {
        if (nodes.Remove(key, out var node))
            byAge.Remove(node);
    }
}
