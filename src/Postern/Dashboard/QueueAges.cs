using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>What waits, by next hop and age: the largest lanes, and all others together.</summary>
/// <param name="Others">Null: there are no others.</param>
public sealed record QueueAges(
    IReadOnlyList<LaneTotal> Lanes, QueueTotal? Others, QueueTotal All, QueueTotal Held)
{
    const int LanesMax = 20;

    internal static QueueAges Of(IReadOnlyList<LaneTotal> waiting, IReadOnlyList<int> held)
    {
        var lanes = waiting.OrderByDescending(lane => lane.Recipients)
            .ThenBy(lane => lane.Lane, StringComparer.Ordinal).ToList();
        return new QueueAges(
            [.. lanes.Take(LanesMax)], lanes.Count > LanesMax ? Sum(lanes[LanesMax..]) : null, Sum(lanes),
            new QueueTotal(
                "", held.Sum(), [.. Columns.Select(column => (long)held.ElementAtOrDefault(column))]));
    }

    static IEnumerable<int> Columns => Enumerable.Range(0, QueueTotals.AgesMinutes.Count + 1);

    internal static QueueTotal Sum(params IReadOnlyList<LaneTotal> lanes) => new(
        "", lanes.Sum(lane => (long)lane.Recipients),
        [.. Columns.Select(column => lanes.Sum(lane => (long)lane.ByAge.ElementAtOrDefault(column)))]);
}
