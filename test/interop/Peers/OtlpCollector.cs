using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Postern.Interop.Peers;

/// <summary>An OpenTelemetry collector on a loopback port, as far as traces over HTTP go: it decodes
/// ExportTraceServiceRequest (opentelemetry-proto, trace/v1/trace.proto) and keeps the spans.</summary>
sealed class OtlpCollector : IAsyncDisposable
{
    readonly WebApplication app;

    OtlpCollector(WebApplication app) => this.app = app;

    public ConcurrentQueue<CollectedSpan> Spans { get; } = new();

    /// <summary>Values of the header <c>x-token</c>, as they came.</summary>
    public ConcurrentQueue<string> Tokens { get; } = new();

    public string Url => app.Urls.Single();

    public static async Task<OtlpCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var made = new OtlpCollector(app);
        app.MapPost("/v1/traces", made.TakeAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return made;
    }

    public IEnumerable<CollectedSpan> Of(string trace) => Spans.Where(span => span.Trace == trace);

    async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        Tokens.Enqueue(context.Request.Headers["x-token"].ToString());
        // resource_spans = 1; in it scope_spans = 2; in it spans = 2.
        foreach (var resource in FieldsOf(body.ToArray()).Where(field => field.Number == 1))
        {
            foreach (var scope in FieldsOf(resource.Octets).Where(field => field.Number == 2))
            {
                foreach (var span in FieldsOf(scope.Octets).Where(field => field.Number == 2))
                    Spans.Enqueue(CollectedSpan.Read(FieldsOf(span.Octets)));
            }
        }
        context.Response.ContentType = "application/x-protobuf";
    }

    /// <summary>The fields of one message: number, octets of a text or message, value of a number.</summary>
    internal static List<(int Number, byte[] Octets, ulong Value)> FieldsOf(byte[] message)
    {
        var fields = new List<(int, byte[], ulong)>();
        var input = new CodedInputStream(message);
        while (input.ReadTag() is > 0 and var tag)
        {
            var number = WireFormat.GetTagFieldNumber(tag);
            fields.Add(WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => (number, input.ReadBytes().ToByteArray(), 0UL),
                WireFormat.WireType.Varint => (number, [], input.ReadUInt64()),
                WireFormat.WireType.Fixed64 => (number, [], input.ReadFixed64()),
                WireFormat.WireType.Fixed32 => (number, [], input.ReadFixed32()),
                var other => throw new InvalidDataException($"wire type {other}"),
            });
        }
        return fields;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}

/// <param name="Trace">32 hex digits.</param>
/// <param name="Parent">16 hex digits; empty: it has none.</param>
/// <param name="Kind">1 internal, 2 server, 3 client, 5 consumer.</param>
sealed record CollectedSpan(
    string Trace, string Id, string Parent, string Name, ulong Kind, ulong Start, ulong End,
    IReadOnlyDictionary<string, string> Tags)
{
    public static CollectedSpan Read(List<(int Number, byte[] Octets, ulong Value)> fields)
    {
        byte[] Octets(int number) => fields.Find(field => field.Number == number).Octets ?? [];
        ulong Value(int number) => fields.Find(field => field.Number == number).Value;
        return new CollectedSpan(
            Convert.ToHexStringLower(Octets(1)), Convert.ToHexStringLower(Octets(2)),
            Convert.ToHexStringLower(Octets(4)), System.Text.Encoding.UTF8.GetString(Octets(5)), Value(6),
            Value(7), Value(8), fields.Where(field => field.Number == 9).Select(field => TagOf(field.Octets))
                .ToDictionary(tag => tag.Key, tag => tag.Value));
    }

    /// <summary>key = 1, value = 2; in it a text is 1 and a whole number 3.</summary>
    static KeyValuePair<string, string> TagOf(byte[] octets)
    {
        var pair = OtlpCollector.FieldsOf(octets);
        var value = OtlpCollector.FieldsOf(pair.Find(field => field.Number == 2).Octets ?? []);
        return KeyValuePair.Create(
            System.Text.Encoding.UTF8.GetString(pair.Find(field => field.Number == 1).Octets),
            value is [(1, var text, _)] ? System.Text.Encoding.UTF8.GetString(text)
                : value is [(_, _, var number)] ? $"{number}" : "");
    }
}
