using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>Octets of fresh content that wait in memory for their first attempt (DESIGN §9.3).</summary>
/// <remarks>Any thread. A sender may hold twice as much as is still free (dynamic thresholds, Choudhury and
/// Hahne 1998), so that one that sends in bulk always leaves room for the others.</remarks>
sealed class FreshMemory
{
    const long OctetsMax = 32L << 20;
    const int ShareOfFree = 2;

    readonly Lock gate = new();
    readonly Dictionary<Flow, long> held = [];
    long total;

    /// <summary>Counts it.</summary>
    /// <returns>False: there is too much of it; it has to be read back from the store later.</returns>
    public bool Take(Flow flow, long octets)
    {
        octets = InSegments(octets);
        lock (gate)
        {
            total += octets;
            var mine = held.GetValueOrDefault(flow) + octets;
            held[flow] = mine;
            return mine <= ShareOfFree * (OctetsMax - total);
        }
    }

    /// <summary>What was taken is free again.</summary>
    public void Return(Flow flow, long octets)
    {
        octets = InSegments(octets);
        lock (gate)
        {
            total -= octets;
            var left = held[flow] - octets;
            if (left == 0)
                held.Remove(flow);
            else
                held[flow] = left;
        }
    }

    /// <summary>Content lies in whole segments: many small messages hold far more than their
    /// octets.</summary>
    static long InSegments(long octets) =>
        (octets + PooledContent.SegmentOctets - 1)
        / PooledContent.SegmentOctets * PooledContent.SegmentOctets;
}
