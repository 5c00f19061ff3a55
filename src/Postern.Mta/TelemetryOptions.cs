using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[telemetry]</c>.</summary>
public sealed record TelemetryOptions
{
    /// <summary>Where the collector is, without the path of a signal. Null: there are no traces.</summary>
    public string? Otlp { get; init; }

    public OtlpProtocol Protocol { get; init; } = OtlpProtocol.Http;

    /// <summary><c>name=value</c> with commas in between. Null: none.</summary>
    public Secret? Headers { get; init; }

    /// <summary>From 0 to 1: of the messages that come without a trace of their submitter's.</summary>
    public double Sample { get; init; } = 1;

    /// <summary>Senders, recipients, clients and Message-IDs stand in spans.</summary>
    public bool Addresses { get; init; }

    internal static readonly SettingTable<TelemetryOptions> Settings = new(
        "Traces of messages, sent to an OpenTelemetry collector. A change needs a restart.")
    {
        new ValueSetting<TelemetryOptions, string?>("otlp", Kinds.Text.OrNull(),
            "Where its OTLP receiver is, `\"http://127.0.0.1:4318\"`; over http `/v1/traces` is put behind "
            + "it. One that is down costs spans and nothing else.",
            o => o.Otlp, (o, v) => o with { Otlp = v }) { DefaultDoc = "there are no traces" },
        new ValueSetting<TelemetryOptions, OtlpProtocol>("protocol", Kinds.Word<OtlpProtocol>(),
            "How it is spoken to: protobuf over HTTP, or gRPC (usually port 4317).",
            o => o.Protocol, (o, v) => o with { Protocol = v }),
        new ValueSetting<TelemetryOptions, Secret?>("headers", Kinds.Secret.OrNull(),
            "Headers of each request, by reference: `name=value`, with commas in between; off loopback over "
            + "https alone.",
            o => o.Headers, (o, v) => o with { Headers = v }) { DefaultDoc = "none" },
        new ValueSetting<TelemetryOptions, double>("sample", Kinds.Fraction,
            "How many messages have a trace, from 0 to 1. A submitter that sends a trace of its own has "
            + "decided for its message.",
            o => o.Sample, (o, v) => o with { Sample = v }),
        new ValueSetting<TelemetryOptions, bool>("addresses", Kinds.Flag,
            "Whether senders, recipients, Message-IDs, addresses of clients and whole replies stand in "
            + "spans. A subject never does.",
            o => o.Addresses, (o, v) => o with { Addresses = v }),
    };
}

public enum OtlpProtocol { Http, Grpc }
