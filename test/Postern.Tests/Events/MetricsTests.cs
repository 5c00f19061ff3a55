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
        metrics.Observe(new QueueGauges(() => [], () => [], () => []), alarms);
        metrics.ObserveProcess("1.2.3", filesMax: 1024, () => DateTimeOffset.UnixEpoch);
        listener.Start();
        var document = File.ReadAllText(Repository.PathOf("docs/operate/metrics.md"));
        Assert.Equal(23, seen.Count);
        Assert.All(seen, name => Assert.Contains($"| `{name}` |", document, StringComparison.Ordinal));
    }

    [Fact]
    public void Process_TellsWhatALinuxHasOfIt()
    {
        var values = new Dictionary<string, double>();
        using var metrics = new Metrics();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter == metrics.Meter)
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((one, value, _, _) => values[one.Name] = value);
        listener.SetMeasurementEventCallback<long>((one, value, _, _) => values[one.Name] = value);
        listener.SetMeasurementEventCallback<int>((one, value, tags, _) =>
        {
            var labels = tags.ToArray().Select(tag => $" {tag.Key}={tag.Value}");
            values[one.Name + string.Concat(labels)] = value;
        });
        metrics.ObserveProcess("1.2.3", filesMax: 1024, () => DateTimeOffset.FromUnixTimeSeconds(77));
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(1, values["postern_build_info version=1.2.3"]);
        Assert.Equal(77, values["postern_certificate_end"]);
        Assert.Equal(1024, values["process_max_fds"]);
        Assert.InRange(values["process_open_fds"], 3, 100_000);
        Assert.InRange(values["process_resident_memory"], 1 << 20, 1L << 40);
        Assert.InRange(values["process_cpu"], 0.001, 1e9);
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        Assert.InRange(values["process_start_time"], now - 86_400, now);
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
