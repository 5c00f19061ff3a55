namespace Postern.Fuzz;

/// <summary>Makes new inputs from known ones; the same chance gives the same inputs.</summary>
sealed class Mutator
{
    static readonly byte[] Telling = "\r\n\0\t .,:;<>@\"\\[]+-=0123456789\x7F"u8.ToArray();
    readonly Random chance;
    readonly byte[][] words;
    readonly int octetsMax;

    public Mutator(FuzzTarget target, Random chance)
    {
        this.chance = chance;
        words = [.. target.Words.Select(OctetText.Decode)];
        octetsMax = target.OctetsMax;
    }

    /// <summary>One of <paramref name="pool"/> after one to eight changes.</summary>
    public byte[] Next(IReadOnlyList<byte[]> pool)
    {
        var octets = new List<byte>(pool[chance.Next(pool.Count)]);
        // Few changes reach depth, many reach width: half of all inputs have one or two.
        for (var left = 1 << chance.Next(4); left > 0; left--)
            Change(octets, pool);
        if (octets.Count > octetsMax)
            octets.RemoveRange(octetsMax, octets.Count - octetsMax);
        return [.. octets];
    }

    void Change(List<byte> octets, IReadOnlyList<byte[]> pool)
    {
        var at = chance.Next(octets.Count + 1);
        var length = Math.Min(octets.Count - at, 1 << chance.Next(8));
        switch (chance.Next(11))
        {
            case 0 when at < octets.Count:
                octets[at] ^= (byte)(1 << chance.Next(8));
                break;
            case 1 when at < octets.Count:
                octets[at] = (byte)chance.Next(256);
                break;
            case 2 when at < octets.Count:
                octets[at] = Telling[chance.Next(Telling.Length)];
                break;
            case 3:
                octets.Insert(at, Telling[chance.Next(Telling.Length)]);
                break;
            case 4:
                octets.RemoveRange(at, length);
                break;
            case 5:
                octets.InsertRange(chance.Next(octets.Count + 1), octets.GetRange(at, length));
                break;
            case 6:
                Repeat(octets, at, length);
                break;
            case 7:
                Splice(octets, at, pool[chance.Next(pool.Count)]);
                break;
            case 8 when at < octets.Count:
                octets.RemoveAt(at);
                break;
            default:
                octets.InsertRange(at, words[chance.Next(words.Length)]);
                break;
        }
    }

    /// <summary>The way to limits of length: one piece many times.</summary>
    void Repeat(List<byte> octets, int at, int length)
    {
        var times = Math.Min(1 << chance.Next(11), (octetsMax - octets.Count) / Math.Max(length, 1));
        var piece = octets.GetRange(at, length);
        var repeated = new List<byte>(Math.Max(times, 0) * length);
        for (; times > 0; times--)
            repeated.AddRange(piece);
        octets.InsertRange(at, repeated);
    }

    void Splice(List<byte> octets, int at, byte[] other)
    {
        var from = chance.Next(other.Length + 1);
        var length = chance.Next(other.Length - from + 1);
        if (chance.Next(2) == 0)
            octets.RemoveRange(at, octets.Count - at);
        octets.InsertRange(at, other.AsSpan(from, length).ToArray());
    }
}
