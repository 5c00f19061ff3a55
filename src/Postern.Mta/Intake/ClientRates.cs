using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Postern.Mta.Configuration;

namespace Postern.Mta.Intake;

/// <summary>Caps what one client, and one network, of the mx listeners may do in a time.</summary>
/// <remarks>
/// A token bucket for each, full at first, in memory alone: after a restart nobody has done anything. Memory
/// is bounded, and nobody is pushed out of it: a bucket that is full again is as good as none and makes room,
/// and where none is, who comes new is not counted. So a flood from very many networks stops no good client,
/// and frees none of those that are held back. Safe for several threads.
/// </remarks>
sealed class ClientRates(TimeProvider clock)
{
    readonly RateCounts[] clients = NewCounts(clock);
    readonly RateCounts[] networks = NewCounts(clock);

    /// <summary>Asks for one more, and takes it.</summary>
    /// <returns>False: the client, or its network, has done too much.</returns>
    public bool TryTake(ClientDeed deed, IPAddress client, PosternOptions options)
    {
        var rates = options.Inbound.Rates;
        var (own, shared) = deed switch
        {
            ClientDeed.Connection => (rates.Connections, rates.NetworkConnections),
            ClientDeed.Message => (rates.Messages, rates.NetworkMessages),
            _ => (rates.Recipients, rates.NetworkRecipients),
        };
        // Who is held back itself takes nothing from its neighbours.
        return (own is not { } rate || clients[(int)deed].TryTake(ClientNetwork.OfHost(client), rate))
            && (shared is not { } wide || networks[(int)deed].TryTake(
                ClientNetwork.Of(client, options.Limits.NetworkIPv4, options.Limits.NetworkIPv6), wide));
    }

    static RateCounts[] NewCounts(TimeProvider clock) =>
        [.. Enum.GetValues<ClientDeed>().Select(_ => new RateCounts(clock))];
}

/// <summary>What is counted of clients.</summary>
enum ClientDeed
{
    Connection,
    Message,
    Recipient,
}

/// <summary>Token buckets by network.</summary>
sealed class RateCounts(TimeProvider clock)
{
    /// <summary>Each about 100 octets. There are six such tables.</summary>
    public const int EntriesMax = 20_000;

    /// <summary>Making room looks at every entry.</summary>
    static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);

    readonly Lock gate = new();
    readonly Dictionary<ClientNetwork, Bucket> buckets = [];
    long? sweptAt;

    public bool TryTake(ClientNetwork key, Rate rate)
    {
        lock (gate)
        {
            var now = clock.GetTimestamp();
            ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(buckets, key);
            if (Unsafe.IsNullRef(ref known))
            {
                if (buckets.Count < EntriesMax || TryMakeRoom(rate, now))
                    buckets.Add(key, new Bucket(rate.Count - 1, now));
                return true;
            }
            var tokens = TokensOf(known, rate, now);
            var isFree = tokens >= 1;
            known = new Bucket(isFree ? tokens - 1 : tokens, now);
            return isFree;
        }
    }

    bool TryMakeRoom(Rate rate, long now)
    {
        if (sweptAt is { } at && clock.GetElapsedTime(at, now) < SweepEvery)
            return false;
        sweptAt = now;
        foreach (var (key, bucket) in buckets)
        {
            if (TokensOf(bucket, rate, now) >= rate.Count)
                buckets.Remove(key);
        }
        return buckets.Count < EntriesMax;
    }

    double TokensOf(Bucket bucket, Rate rate, long now) => Math.Min(
        rate.Count,
        bucket.Tokens + (clock.GetElapsedTime(bucket.FilledAt, now) / rate.Per * rate.Count));

    readonly record struct Bucket(double Tokens, long FilledAt);
}
