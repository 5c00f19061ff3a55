using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>The time that the queue reckons by: it goes on evenly, whatever becomes of the wall clock (DESIGN
/// §9.2).</summary>
/// <remarks>
/// Any thread. Due times and the ends of keeping are stored in this time, so that a jump of the wall clock
/// moves none of them and no row is written anew: on the wall clock they shift with it. What is shown to
/// people and to peers is wall-clock time. Eras say how the two lay to each other, and with
/// that how old a message is; they are stored with each jump, so that a restart counts on.
/// </remarks>
sealed class QueueClock
{
    /// <summary>The kind, and the name, of the store's one object.</summary>
    public const string ObjectKind = "clock";

    /// <summary>A step of the wall clock up to this is none of ours.</summary>
    public static readonly TimeSpan JumpMin = TimeSpan.FromSeconds(5);

    /// <summary>After a jump nothing expires for so long.</summary>
    public static readonly TimeSpan QuietTime = TimeSpan.FromHours(1);

    /// <summary>A clock that jumps all the time must not fill the memory.</summary>
    const int ErasMax = 20;

    readonly Lock gate = new();
    readonly TimeProvider clock;
    readonly List<Era> eras = [];
    DateTimeOffset anchor;
    long anchoredAt;
    long? jumpedAt;

    public QueueClock(TimeProvider clock)
    {
        this.clock = clock;
        anchor = clock.GetUtcNow();
        anchoredAt = clock.GetTimestamp();
        eras.Add(new Era(DateTimeOffset.MinValue, DateTimeOffset.MaxValue, TimeSpan.Zero));
    }

    /// <summary>In the queue's time.</summary>
    public DateTimeOffset Now
    {
        get
        {
            lock (gate)
                return anchor + clock.GetElapsedTime(anchoredAt);
        }
    }

    /// <summary>A jump is not long ago.</summary>
    public bool IsQuiet
    {
        get
        {
            lock (gate)
                return jumpedAt is { } at && clock.GetElapsedTime(at) < QuietTime;
        }
    }

    /// <summary>How old a message is that arrived then on the wall clock. Of two readings the younger
    /// one.</summary>
    public TimeSpan AgeOf(DateTimeOffset arrivedAt)
    {
        lock (gate)
        {
            if (eras is [var only])
                return Now - Subtract(arrivedAt, only.Ahead);
            // The running era ends now: nothing has arrived later.
            var now = Subtract(Now, -(eras[^1].Ahead + JumpMin));
            var ahead = eras
                .Where(era => era.From <= arrivedAt && arrivedAt <= (era == eras[^1] ? now : era.To))
                .Select(era => era.Ahead).DefaultIfEmpty(eras[^1].Ahead).Min();
            return Now - Subtract(arrivedAt, ahead);
        }
    }

    /// <summary>The latest moment of the wall clock at which something of this age may have
    /// arrived.</summary>
    public DateTimeOffset ArrivalOf(TimeSpan age)
    {
        lock (gate)
            return Subtract(Now - age, -eras.Max(era => era.Ahead));
    }

    /// <summary>A moment of the queue's time as the wall clock will show it.</summary>
    public DateTimeOffset ToWall(DateTimeOffset at)
    {
        lock (gate)
            return Subtract(at, -eras[^1].Ahead);
    }

    /// <summary>Takes over from an earlier process.</summary>
    /// <param name="stored">The store's objects of <see cref="ObjectKind"/>.</param>
    /// <param name="lastDue">The latest due time in the store. Null: nothing is deferred.</param>
    /// <param name="waitMax">No due time lies further ahead than this when it is written: what does was
    /// written by a clock that was ahead of this one.</param>
    public void Begin(IEnumerable<StoredObject> stored, DateTimeOffset? lastDue, TimeSpan waitMax)
    {
        lock (gate)
        {
            var wall = clock.GetUtcNow();
            if (Read(stored) is { Count: > 0 } known)
            {
                eras.Clear();
                eras.AddRange(known);
                GoOn(wall, since: Subtract(known[^1].From, known[^1].Ahead));
            }
            if (lastDue - waitMax is { } behind && behind > Now)
            {
                Anchor(behind);
                Turn(wall, wall - behind);
            }
        }
    }

    /// <summary>Looks whether the wall clock has jumped.</summary>
    /// <param name="jump">How far.</param>
    /// <param name="row">What is to be stored of it.</param>
    public bool TryNoteJump(out TimeSpan jump, out ObjectChange? row)
    {
        lock (gate)
        {
            row = null;
            var (wall, now) = (clock.GetUtcNow(), Now);
            jump = wall - now - eras[^1].Ahead;
            if (jump.Duration() <= JumpMin)
                return false;
            Turn(wall, wall - now);
            jumpedAt = clock.GetTimestamp();
            row = new ObjectChange(
                ObjectKind, ObjectKind, JsonSerializer.SerializeToUtf8Bytes(eras, ClockJson.Default.ListEra));
            return true;
        }
    }

    /// <summary>The wall clock is still as it jumped, or was set right since: whichever is earlier, but not
    /// before the jump.</summary>
    void GoOn(DateTimeOffset wall, DateTimeOffset since)
    {
        var still = Subtract(wall, eras[^1].Ahead);
        if (still >= since && (wall < since || still <= wall))
        {
            Anchor(still);
            return;
        }
        Anchor(wall >= since ? wall : since);
        Turn(wall, wall - Now);
    }

    void Anchor(DateTimeOffset at) => (anchor, anchoredAt) = (at, clock.GetTimestamp());

    /// <summary>Begins an era. Its edges are blurred by what a jump is and by how late it is seen.</summary>
    void Turn(DateTimeOffset wall, TimeSpan ahead)
    {
        var ended = Subtract(Now, -eras[^1].Ahead);
        eras[^1] = eras[^1] with { To = Subtract(ended, -JumpMin) };
        eras.Add(new Era(Subtract(wall, JumpMin), DateTimeOffset.MaxValue, ahead));
        if (eras.Count <= ErasMax)
            return;
        eras.RemoveAt(0);
        eras[0] = eras[0] with { From = DateTimeOffset.MinValue };
    }

    /// <summary>Held within what a moment can be: a wall clock may say anything.</summary>
    static DateTimeOffset Subtract(DateTimeOffset at, TimeSpan time) => new(
        Math.Clamp(at.UtcTicks - time.Ticks, 0, DateTimeOffset.MaxValue.UtcTicks), TimeSpan.Zero);

    static List<Era>? Read(IEnumerable<StoredObject> stored)
    {
        // A row of a later version must not keep the server from starting.
        try
        {
            return stored.FirstOrDefault() is { } row
                ? JsonSerializer.Deserialize(row.Json.Span, ClockJson.Default.ListEra) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A stretch of the wall clock without a jump.</summary>
/// <param name="Ahead">How far the wall clock is before the queue's time.</param>
sealed record Era(DateTimeOffset From, DateTimeOffset To, TimeSpan Ahead);

[JsonSerializable(typeof(List<Era>))]
sealed partial class ClockJson : JsonSerializerContext;
