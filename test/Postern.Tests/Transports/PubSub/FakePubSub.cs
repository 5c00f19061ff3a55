using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Postern.Mta.Transports.PubSub;
using Postern.Mta.Transports.PubSub.Wire;
using Wire = Postern.Mta.Transports.PubSub.Wire;

namespace Postern.Tests.Transports.PubSub;

/// <summary>The Publisher service with the live one's limits, in this process, on a free port of
/// loopback.</summary>
sealed class FakePubSub : IAsyncDisposable
{
    public const string Topic = "projects/acme/topics/mail";

    readonly WebApplication application;
    int lastId;

    FakePubSub(WebApplication application) => this.application = application;

    /// <summary>Requests in the order of their arrival, refused ones too.</summary>
    public ConcurrentQueue<PublishRequest> Requests { get; } = [];

    /// <summary>What was taken, by id.</summary>
    public ConcurrentDictionary<string, PubsubMessage> Published { get; } = [];

    /// <summary>Asked before anything else; what it throws is the answer.</summary>
    public Func<PublishRequest, ServerCallContext, Task> Fault { get; set; } = static (_, _) =>
        Task.CompletedTask;

    /// <summary>Asked after the messages were taken; what it throws is a lost answer.</summary>
    public Action LoseAnswer { get; set; } = static () => { };

    /// <summary>The refusal of a look at the topic. Null: it may be looked at.</summary>
    public RpcException? TopicRefusal { get; set; }

    /// <summary>What the caller may do with the topic. Null: the question is not known here.</summary>
    public string[]? Permissions { get; set; }

    public PubSubEndpoint Endpoint { get; private set; } = null!;

    public static async Task<FakePubSub> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc(static options => options.MaxReceiveMessageSize = 12 << 20);
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(
            System.Net.IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        FakePubSub? fake = null;
        builder.Services.AddSingleton(_ => fake!);
        var application = builder.Build();
        application.MapGrpcService<PublisherDouble>();
        application.MapGrpcService<PermissionsDouble>();
        fake = new FakePubSub(application);
        await application.StartAsync();
        var address = application.Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!
            .Addresses.Single();
        fake.Endpoint = PubSubEndpoint.Emulator("127.0.0.1", new Uri(address).Port);
        return fake;
    }

    /// <summary>An error as the live service words it, with RetryInfo where there is a delay.</summary>
    public static RpcException Error(StatusCode code, string text, TimeSpan? retryAfter = null)
    {
        var trailers = new Metadata();
        if (retryAfter is { } delay)
        {
            var status = new ErrorStatus { Code = (int)code, Message = text };
            status.Details.Add(new Any
            {
                TypeUrl = "type.googleapis.com/google.rpc.RetryInfo",
                Value = new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) }.ToByteString(),
            });
            trailers.Add("grpc-status-details-bin", status.ToByteArray());
        }
        return new RpcException(new Status(code, text), trailers);
    }

    public async ValueTask DisposeAsync()
    {
        // Calls that hang on purpose are not waited for.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await application.StopAsync(now.Token);
        await application.DisposeAsync();
    }

    async Task<PublishResponse> PublishAsync(PublishRequest request, ServerCallContext context)
    {
        Requests.Enqueue(request);
        await Fault(request, context);
        if (request.Topic != Topic)
            throw Error(StatusCode.NotFound, "Resource not found (resource=mail).");
        if (FindViolation(request) is { } violation)
            throw Error(StatusCode.InvalidArgument, violation);
        var response = new PublishResponse();
        foreach (var message in request.Messages)
        {
            var id = Interlocked.Increment(ref lastId).ToString(CultureInfo.InvariantCulture);
            Published[id] = message;
            response.MessageIds.Add(id);
        }
        LoseAnswer();
        return response;
    }

    static string? FindViolation(PublishRequest request)
    {
        if (request.Messages.Count is 0 or > 1000 || request.CalculateSize() > 10_000_000)
            return "The request is empty or too large.";
        foreach (var message in request.Messages)
        {
            if (message.Data.IsEmpty && message.Attributes.Count == 0)
                return "A message is empty.";
            if (message.Attributes.Count > 100)
                return "Too many attributes.";
            foreach (var (key, value) in message.Attributes)
            {
                if (key.Length == 0 || key.StartsWith("goog", StringComparison.Ordinal)
                    || Encoding.UTF8.GetByteCount(key) > 256 || Encoding.UTF8.GetByteCount(value) > 1024)
                    return $"Attribute {key} is invalid.";
            }
        }
        return null;
    }

    sealed class PublisherDouble(FakePubSub fake) : Publisher.PublisherBase
    {
        public override Task<PublishResponse> Publish(PublishRequest request, ServerCallContext context) =>
            fake.PublishAsync(request, context);

        public override Task<Wire.Topic> GetTopic(GetTopicRequest request, ServerCallContext context) =>
            fake.TopicRefusal is { } refusal ? throw refusal
            : request.Topic != Topic ? throw Error(StatusCode.NotFound, "Resource not found (resource=mail).")
            : Task.FromResult(new Wire.Topic { Name = request.Topic });
    }

    sealed class PermissionsDouble(FakePubSub fake) : IAMPolicy.IAMPolicyBase
    {
        public override Task<TestIamPermissionsResponse> TestIamPermissions(
            TestIamPermissionsRequest request, ServerCallContext context)
        {
            var response = new TestIamPermissionsResponse();
            response.Permissions.AddRange(
                (fake.Permissions ?? throw Error(StatusCode.Unimplemented, "unknown")).Intersect(
                    request.Permissions));
            return Task.FromResult(response);
        }
    }
}
