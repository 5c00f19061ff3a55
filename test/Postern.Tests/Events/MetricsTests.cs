using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Events;
using Postern.Smtp.Server;

namespace Postern.Tests.Events;

public sealed class MetricsTests
{
    [Fact]
    public void CountersAndGauges_CarryTheDocumentedNames()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        using var metrics = new Metrics();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter == metrics.Meter)
                {
                    seen.Add(instrument.Name);
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        var alarms = new AlarmBoard(new FakeTimeProvider());
        metrics.Observe(() => [new QueueSize("mailgun", "waiting", 7)], alarms);
        listener.Start();
        var document = File.ReadAllText(Repository.PathOf("docs/operate/metrics.md"));
        Assert.Equal(14, seen.Count);
        Assert.All(seen, name => Assert.Contains($"| `{name}` |", document, StringComparison.Ordinal));
    }

    [Fact]
    public void SessionEnd_IsCountedUnderTheLogsName()
    {
        var tags = new List<string>();
        using var metrics = new Metrics();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter == metrics.Meter && instrument.Name == "postern_sessions")
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, measured, _) =>
        {
            foreach (var tag in measured)
                tags.Add($"{tag.Key}={tag.Value}");
        });
        listener.Start();
        metrics.SessionEnded(SampleEvents.Session(), SessionEnd.EarlyTalker);
        Assert.Equal(["listener=mx-25", "end=early-talker"], tags);
    }
}
