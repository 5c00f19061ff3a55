using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Postern.Mta.Suppressions;

/// <summary>A set of names of several parts that keeps only a hash of each: 9 to 12 octets a name, however
/// long it is.</summary>
/// <remarks>
/// Any thread. It may hold a name that was never added, by an equal hash; it never misses one that was. The
/// hash is a polynomial modulo 2^61-1 at a point drawn anew in each process, so that nobody can choose names
/// that meet: two names of n characters do so with a chance of n in 2^61. Open addressing with linear
/// probing; what is removed leaves no mark behind.
/// </remarks>
sealed class HashedNames
{
    const ulong Modulus = (1UL << 61) - 1;
    const int SlotsMin = 64;

    readonly ulong point = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8))
        % (Modulus - 1) + 1;
    readonly Lock gate = new();

    /// <summary>0 is an empty slot.</summary>
    ulong[] slots = new ulong[SlotsMin];

    int count;

    public int Count => Volatile.Read(ref count);

    /// <summary>What it takes in memory.</summary>
    public long Octets => (long)slots.Length * sizeof(ulong);

    /// <summary>The hash of a name, or of its first parts and one more.</summary>
    /// <param name="hash">Of the parts before. 0: there are none.</param>
    public ulong HashOf(ulong hash, string part)
    {
        foreach (var character in part)
            hash = Step(hash, character + 1UL);
        // Where the part ends; it also spreads names that differ in their last characters alone.
        hash = Step(hash, 0);
        return hash == 0 ? 1 : hash;
    }

    public void Add(ulong hash)
    {
        lock (gate)
        {
            if (slots[FindSlot(hash)] == hash)
                return;
            if (count + 1 > slots.Length / 20 * 17)
                Grow();
            slots[FindSlot(hash)] = hash;
            count++;
        }
    }

    public bool Contains(ulong hash)
    {
        lock (gate)
            return slots[FindSlot(hash)] == hash;
    }

    public void Remove(ulong hash)
    {
        lock (gate)
        {
            var gap = FindSlot(hash);
            if (slots[gap] != hash)
                return;
            count--;
            // What stands behind and would no longer be found moves into the gap.
            for (var at = Next(gap); slots[at] != 0; at = Next(at))
            {
                var home = HomeOf(slots[at]);
                var staysReachable = gap <= at ? gap < home && home <= at : gap < home || home <= at;
                if (staysReachable)
                    continue;
                slots[gap] = slots[at];
                gap = at;
            }
            slots[gap] = 0;
        }
    }

    void Grow()
    {
        var old = slots;
        slots = new ulong[old.Length + old.Length / 4];
        foreach (var hash in old)
        {
            if (hash != 0)
                slots[FindSlot(hash)] = hash;
        }
    }

    /// <summary>Where the hash stands, or the empty slot where it would.</summary>
    int FindSlot(ulong hash)
    {
        var at = HomeOf(hash);
        while (slots[at] != 0 && slots[at] != hash)
            at = Next(at);
        return at;
    }

    /// <summary>The hash as a fraction of its range, in slots.</summary>
    int HomeOf(ulong hash) => (int)Math.BigMul(hash << 3, (ulong)slots.Length, out _);

    int Next(int at) => at + 1 == slots.Length ? 0 : at + 1;

    /// <summary>One step of Horner's rule.</summary>
    ulong Step(ulong hash, ulong next)
    {
        var high = Math.BigMul(hash, point, out var low);
        // 2^61 is 1 here: what stands above it is added below.
        var sum = (low & Modulus) + ((low >> 61) | (high << 3)) + next;
        sum = (sum & Modulus) + (sum >> 61);
        return sum >= Modulus ? sum - Modulus : sum;
    }
}
