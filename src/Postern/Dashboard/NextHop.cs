using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Dashboard;

/// <summary>A lane as the pages show it: how it does, and how much waits for it.</summary>
/// <param name="Waiting">Recipients, as last counted.</param>
/// <param name="Alarm">What is wrong with its transport. Null: nothing is.</param>
public sealed record NextHop(
    string Lane, string Transport, int InFlight, int ConcurrencyMax, int Waiting, ClosedLane? Closed,
    double? PerSecond, Alarm? Alarm)
{
    /// <summary>Of every transport that is configured, and of what waits without one.</summary>
    internal static IReadOnlyList<NextHop> All(MailTransferAgent agent)
    {
        var waiting = agent.Waiting.ToDictionary(total => total.Lane);
        var alarms = agent.Alarms.Raised;
        var hops = agent.Lanes().Select(lane => new NextHop(
            lane.Lane, lane.Transport, lane.InFlight, lane.ConcurrencyMax,
            waiting.GetValueOrDefault(lane.Lane)?.Recipients ?? 0, lane.Closed, lane.PerSecond,
            AlarmOf(lane.Transport))).ToList();
        hops.AddRange(waiting.Values.Where(total => hops.TrueForAll(hop => hop.Lane != total.Lane)).Select(
            total => new NextHop(
                total.Lane, total.Transport, 0, 0, total.Recipients, null, null, AlarmOf(total.Transport))));
        hops.AddRange(agent.Options.Transports.Keys.Where(
            name => hops.TrueForAll(hop => hop.Transport != name)).Select(
            name => new NextHop(name, name, 0, 0, 0, null, null, AlarmOf(name))));
        return [.. hops.OrderBy(hop => hop.Closed is null).ThenByDescending(hop => hop.Waiting)
            .ThenBy(hop => hop.Lane, StringComparer.Ordinal)];

        Alarm? AlarmOf(string transport) => alarms.FirstOrDefault(alarm => alarm.Subject == transport);
    }
}
