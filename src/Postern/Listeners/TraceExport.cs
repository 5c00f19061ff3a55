using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Postern.Mta;
using Postern.Mta.Events;

namespace Postern.Listeners;

/// <summary>Sends spans to the collector, in the background.</summary>
/// <remarks>A collector that is down or slow costs spans: what does not fit into the queue is dropped, and no
/// mail waits for it. It lives longer than the agent, whose last attempts end while it stops.</remarks>
sealed class TraceExport : IDisposable
{
    /// <summary>Spans that wait; about 2 MB.</summary>
    const int WaitingMax = 2048;

    const int SpansPerRequestMax = 512;
    const int PauseMs = 2000;
    const int RequestMs = 5000;

    /// <summary>For the last spans, within what a stop may take.</summary>
    const int LastMs = 900;

    readonly TracerProvider provider;

    TraceExport(TelemetryOptions telemetry, string hostname, string version, TimeProvider clock)
    {
        Traces = new MailTraces(telemetry.Addresses, clock);
        provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(MailTraces.SourceName)
            .ConfigureResource(resource => resource.AddService(
                "postern", serviceVersion: version, serviceInstanceId: hostname))
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(telemetry.Sample)))
            .AddProcessor(new BatchActivityExportProcessor(
                new OtlpTraceExporter(OptionsOf(telemetry)), WaitingMax, PauseMs, RequestMs,
                SpansPerRequestMax))
            .Build();
    }

    public MailTraces Traces { get; }

    /// <summary>Null: the configuration names no collector.</summary>
    public static TraceExport? Start(PosternOptions options, string version, TimeProvider clock) =>
        options.Telemetry.Otlp is null ? null
            : new TraceExport(options.Telemetry, options.Hostname, version, clock);

    static OtlpExporterOptions OptionsOf(TelemetryOptions telemetry)
    {
        var isGrpc = telemetry.Protocol == OtlpProtocol.Grpc;
        var root = telemetry.Otlp!.TrimEnd('/');
        return new OtlpExporterOptions
        {
            Endpoint = new Uri(isGrpc ? root : root + "/v1/traces"),
            Protocol = isGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf,
            Headers = telemetry.Headers?.Value,
            TimeoutMilliseconds = RequestMs,
        };
    }

    public void Dispose()
    {
        provider.Shutdown(LastMs);
        provider.Dispose();
        Traces.Dispose();
    }
}
