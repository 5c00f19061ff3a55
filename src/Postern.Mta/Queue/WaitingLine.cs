using System.Diagnostics.CodeAnalysis;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>Leased work of one lane in the order it is attempted: a higher priority first, and the flows of
/// one priority in turn.</summary>
/// <remarks>Guarded by its lane.</remarks>
/// <param name="keepsOrder">All of it is one flow, in the order in which it came.</param>
sealed class WaitingLine(bool keepsOrder)
{
    readonly SortedDictionary<int, Round> rounds = new(Comparer<int>.Create((a, b) => b.CompareTo(a)));

    public int Count { get; private set; }

    /// <summary>Those that were fetched from the store.</summary>
    public int FetchedCount { get; private set; }

    /// <summary>Those that came from a lane whose mail this one takes meanwhile.</summary>
    public int GuestCount { get; private set; }

    public void Enqueue(Work work)
    {
        // A reload may have changed it since the work got its turn.
        var priority = keepsOrder ? 0 : work.Decision.Route.Priority;
        if (!rounds.TryGetValue(priority, out var round))
            rounds.Add(priority, round = new Round(keepsOrder));
        round.Enqueue(work);
        Note(work, 1);
    }

    public bool TryDequeue([NotNullWhen(true)] out Work? work)
    {
        foreach (var round in rounds.Values)
        {
            if (!round.TryDequeue(out work))
                continue;
            Note(work, -1);
            return true;
        }
        work = null;
        return false;
    }

    /// <summary>It looks at every one: for an operator's question alone.</summary>
    public bool Holds(RecipientKey key) => rounds.Values.Any(round => round.Holds(key));

    void Note(Work work, int change)
    {
        Count += change;
        if (work.Content is not null)
            return;
        if (work.Decision.Lane == work.Decision.Home)
            FetchedCount += change;
        else
            GuestCount += change;
    }

    /// <summary>The flows of one priority; each gives one and goes to the end of the line.</summary>
    sealed class Round(bool keepsOrder)
    {
        readonly Dictionary<Flow, Queue<Work>> flows = [];
        readonly Queue<Queue<Work>> line = new();
        Queue<Work>? spare;

        public void Enqueue(Work work)
        {
            if (!flows.TryGetValue(FlowOf(work), out var flow))
            {
                flows.Add(FlowOf(work), flow = spare ?? new Queue<Work>());
                spare = null;
                line.Enqueue(flow);
            }
            flow.Enqueue(work);
        }

        public bool Holds(RecipientKey key) => line.SelectMany(flow => flow).Any(
            work => work.Message.Id == key.Message && work.Recipients.Any(row => row.Number == key.Number));

        public bool TryDequeue([NotNullWhen(true)] out Work? work)
        {
            if (!line.TryDequeue(out var flow))
            {
                work = null;
                return false;
            }
            work = flow.Dequeue();
            if (flow.Count > 0)
                line.Enqueue(flow);
            else
            {
                flows.Remove(FlowOf(work));
                spare = flow;
            }
            return true;
        }

        Flow FlowOf(Work work) => keepsOrder ? default : work.Flow;
    }
}
