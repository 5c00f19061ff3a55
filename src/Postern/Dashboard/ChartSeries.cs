namespace Postern.Dashboard;

/// <summary>One line of a chart.</summary>
/// <param name="Values">Oldest first. Null: nothing was measured.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<double?> Values);
