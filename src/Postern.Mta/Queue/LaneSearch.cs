using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>A search through a closed lane, a step at a time, for recipients that may leave it.</summary>
/// <remarks>
/// For each transport that may stand in there is one. It stops in front of the first recipient that the
/// transport has no room for, goes on from there when there is room, and is over at the lane's end; so what
/// cannot leave is read once and holds up nobody. What comes into the lane behind it is looked for from its
/// first to its last, then the search goes on where it was; likewise the first recipient of each closed lane
/// of a transport with many, when its probe is due. A change of health begins it anew. Guarded by its lane.
/// </remarks>
/// <param name="target">The transport. Empty: whatever does not belong into the lane any more.</param>
/// <param name="generation">Of the health, when it began.</param>
sealed class LaneSearch(string target, int generation)
{
    const int StepMin = 50;
    const int StepMax = 1000;

    /// <summary>Lanes that are remembered; more closed ones than this wait for a change of health.</summary>
    const int ClosedMax = 1000;

    readonly Dictionary<string, DueKey> closed = [];
    bool isForProbe;
    DueKey to;
    (DueKey First, DueKey Last)? came;
    (DueKey Until, DueKey Then)? detour;
    bool isReading;

    public string Target => target;
    public int Generation => generation;

    /// <summary>Nothing lies ahead that was not looked at.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Lanes whose want of room ended the last step.</summary>
    public IReadOnlyCollection<string> Full { get; private set; } = [];

    /// <summary>Closed lanes of the target that recipients were passed by for.</summary>
    public IReadOnlyCollection<string> Closed => closed.Keys;

    /// <summary>How many recipients the next step reads: more of them while few may leave.</summary>
    public int Limit { get; private set; } = StepMin;

    public int Steps { get; private set; }

    /// <summary>Where the next step begins: behind this key.</summary>
    public DueKey Begin()
    {
        Steps++;
        isReading = true;
        if (came is { } keys && keys.First.CompareTo(to) <= 0)
        {
            var last = keys.Last.CompareTo(to) < 0 ? keys.Last : to;
            detour = detour is { } old ? (Max(old.Until, last), old.Then) : (last, to);
            to = keys.First with { Number = keys.First.Number - 1 };
        }
        came = null;
        return to;
    }

    /// <summary>A step was made.</summary>
    public void End(LeasedWindow window)
    {
        isReading = false;
        foreach (var (lane, key) in window.Closed)
        {
            if (closed.Count < ClosedMax)
                closed.TryAdd(lane, key);
        }
        // Whoever was remembered for the probe has gone: another may wait for that lane, anywhere.
        if (isForProbe && window.Leased == 0)
            came = (default, Max(to, came?.Last ?? default));
        isForProbe = false;
        to = window.Stop ?? window.Last;
        Full = window.Full;
        IsOver = window.Stop is null && window.Fetched < Limit && came is null;
        // In a lane for each domain the others may have room.
        Limit = Full.Contains(target) ? Math.Clamp(window.Leased * 2, StepMin, StepMax)
            : Math.Min(Limit * 2, StepMax);
        if (detour is { } around && to.CompareTo(around.Until) >= 0)
        {
            to = Max(to, around.Then);
            detour = null;
        }
    }

    /// <summary>A recipient came into the lane, or was there and is due now.</summary>
    public void NoteCame(DueKey key)
    {
        IsOver = false;
        // Whether the step that is being made reads it is not known.
        if (!isReading && key.CompareTo(to) > 0)
            return;
        came = came is { } keys ? (Min(keys.First, key), Max(keys.Last, key)) : (key, key);
    }

    /// <summary>The probe of a closed lane is due: where the first of its recipients was.</summary>
    public void NoteProbeDue(string lane)
    {
        if (!closed.Remove(lane, out var key))
            return;
        isForProbe = true;
        NoteCame(key);
    }

    /// <summary>Deferred ones have fallen due: they stand at the end.</summary>
    public void NoteDue() => IsOver = false;

    static DueKey Max(DueKey one, DueKey other) => one.CompareTo(other) > 0 ? one : other;

    static DueKey Min(DueKey one, DueKey other) => one.CompareTo(other) < 0 ? one : other;
}

/// <summary>What a search wants of a fetch.</summary>
/// <param name="After">It goes on behind this key.</param>
/// <param name="Target">The transport it is for.</param>
readonly record struct SearchStep(DueKey After, string Target);
