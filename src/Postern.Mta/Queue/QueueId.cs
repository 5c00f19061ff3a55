using System.Globalization;

namespace Postern.Mta.Queue;

/// <summary>The name of a message: 41 bits of milliseconds since 2020, 10 of node, 12 of sequence; also the
/// rowid.</summary>
/// <remarks>Shown as 13 capitals of Crockford's base32. Grows within a node, also when the clock goes back
/// (DESIGN §9.3).</remarks>
public readonly record struct QueueId(long Value) : IComparable<QueueId>
{
    const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const int Characters = 13;

    internal static readonly DateTimeOffset Origin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Behind all that are given out.</summary>
    public static readonly QueueId End = new(long.MaxValue);

    /// <summary>The first one that can be given out at a moment.</summary>
    public static QueueId FirstAt(DateTimeOffset at)
    {
        var ms = Math.Ceiling((at - Origin).TotalMilliseconds);
        return new QueueId((long)Math.Clamp(ms, 0, long.MaxValue >> 22) << 22);
    }

    /// <summary>When it was given out, to the millisecond, as far as the clock was right.</summary>
    public DateTimeOffset At => Origin.AddMilliseconds(Value >> 22);

    public int CompareTo(QueueId other) => Value.CompareTo(other.Value);

    public static bool operator <(QueueId left, QueueId right) => left.Value < right.Value;
    public static bool operator >(QueueId left, QueueId right) => left.Value > right.Value;
    public static bool operator <=(QueueId left, QueueId right) => left.Value <= right.Value;
    public static bool operator >=(QueueId left, QueueId right) => left.Value >= right.Value;

    public override string ToString() => string.Create(Characters, Value, static (text, value) =>
    {
        for (var i = text.Length - 1; i >= 0; i--, value >>= 5)
            text[i] = Alphabet[(int)(value & 31)];
    });

    /// <summary>Reads 13 characters of either case; Crockford's look-alikes (O, I, L) are
    /// understood.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out QueueId id)
    {
        id = default;
        if (text.Length != Characters)
            return false;
        long value = 0;
        foreach (var character in text)
        {
            var digit = Alphabet.IndexOf(Canonical(character), StringComparison.Ordinal);
            if (digit < 0 || value >> 58 != 0)
                return false;
            value = (value << 5) | (long)digit;
        }
        id = new QueueId(value);
        return true;
    }

    static char Canonical(char character) => char.ToUpper(character, CultureInfo.InvariantCulture) switch
    {
        'O' => '0',
        'I' or 'L' => '1',
        var other => other,
    };
}

/// <summary>Gives out ids: unique within the node, never going back with the clock.</summary>
/// <param name="last">The greatest id the store has seen.</param>
public sealed class QueueIdSource(TimeProvider clock, int node, QueueId last)
{
    const int SequenceBits = 12;

    long previous = last.Value;

    public QueueId Next()
    {
        while (true)
        {
            var seen = Volatile.Read(ref previous);
            var ms = (long)(clock.GetUtcNow() - QueueId.Origin).TotalMilliseconds;
            var now = (ms << 22) | ((long)node << SequenceBits);
            // Behind the last one (same millisecond, full sequence or a clock that went back): the next free
            // number of this node.
            var next = now > seen ? now : After(seen);
            if (Interlocked.CompareExchange(ref previous, next, seen) == seen)
                return new QueueId(next);
        }
    }

    long After(long seen)
    {
        const long sequenceMax = (1L << SequenceBits) - 1;
        if ((seen & sequenceMax) < sequenceMax && ((seen >> SequenceBits) & 1023) == node)
            return seen + 1;
        return (((seen >> 22) + 1) << 22) | ((long)node << SequenceBits);
    }
}
