using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using Postern.Mta.Transports.PubSub.Wire;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Publishes messages of many attempts in shared requests.</summary>
/// <remarks>
/// A batch goes when it is full or its first message has lingered long enough. It is sent once: what fails
/// goes back to the queue, which is the only place that retries. One bad message fails its whole request, so
/// a refused request is halved until the bad one stands alone.
/// </remarks>
sealed partial class PubSubPublisher : IAsyncDisposable
{
    readonly string topic;
    readonly PubSubEndpoint endpoint;
    readonly PublishLimits limits;
    readonly TimeProvider clock;
    readonly GrpcChannel channel;
    readonly Publisher.PublisherClient client;
    readonly SemaphoreSlim calls;
    readonly Lock gate = new();
    readonly HashSet<Task> sending = [];
    Batch? filling;

    public PubSubPublisher(string topic, PubSubEndpoint endpoint, PublishLimits limits, TimeProvider clock)
    {
        this.topic = topic;
        this.endpoint = endpoint;
        this.limits = limits;
        this.clock = clock;
        calls = new SemaphoreSlim(limits.Calls);
        channel = GrpcChannel.ForAddress(endpoint.Address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = TimeSpan.FromSeconds(30),
                KeepAlivePingDelay = TimeSpan.FromSeconds(60),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            },
            DisposeHttpClient = true,
            MaxSendMessageSize = PublishLimits.RequestOctetsMax + (1 << 20),
        });
        client = new Publisher.PublisherClient(channel);
    }

    /// <summary>Told of each call of Publish when it has ended.</summary>
    public Action<PublishCall> Called { get; init; } = static _ => { };

    /// <summary>Publishes with whatever else is there. Never throws for what the service did.</summary>
    public Task<PublishOutcome> PublishAsync(PubsubMessage message)
    {
        var pending = new Pending(message);
        if (pending.Octets > PublishLimits.RequestOctetsMax)
            return Task.FromResult<PublishOutcome>(
                new PublishOutcome.Refused("the message is larger than Pub/Sub takes"));
        lock (gate)
        {
            // One key may stand in a request, and its queue lets the next one go when this one is there.
            if (message.OrderingKey.Length > 0)
            {
                var alone = new Batch();
                alone.Add(pending);
                Send(alone);
                return pending.Outcome.Task;
            }
            if (filling is { } full && full.Octets + pending.Octets > PublishLimits.RequestOctetsMax)
                Seal(full);
            filling ??= Begin();
            filling.Add(pending);
            if (filling.Messages.Count >= Math.Min(limits.Messages, PublishLimits.RequestMessagesMax)
                || filling.Octets >= limits.Octets)
                Seal(filling);
        }
        return pending.Outcome.Task;
    }

    /// <summary>Sends what is there and waits for every answer, at most as long as one call may
    /// take.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] open;
        lock (gate)
        {
            if (filling is { } rest)
                Seal(rest);
            open = [.. sending];
        }
        await Task.WhenAll(open).ConfigureAwait(false);
        channel.Dispose();
        calls.Dispose();
    }

    Batch Begin()
    {
        var batch = new Batch();
        batch.Timer = clock.CreateTimer(
            _ =>
            {
                lock (gate)
                {
                    if (ReferenceEquals(filling, batch))
                        Seal(batch);
                }
            },
            null, limits.Linger, Timeout.InfiniteTimeSpan);
        return batch;
    }

    void Seal(Batch batch)
    {
        filling = null;
        batch.Timer?.Dispose();
        Send(batch);
    }

    void Send(Batch batch)
    {
        // Not on this thread: the gate is held, and a call may run a while before it first waits.
        var sent = Task.Run(() => SendAsync(batch.Messages));
        sending.Add(sent);
        _ = sent.ContinueWith(
            done =>
            {
                lock (gate)
                    sending.Remove(done);
            },
            CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    async Task SendAsync(List<Pending> messages)
    {
        await calls.WaitAsync().ConfigureAwait(false);
        try
        {
            await SendPartAsync(messages).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // A bug of ours: whoever waits hears of it, the dispatcher's loop records it.
            foreach (var pending in messages)
                pending.Outcome.TrySetException(e);
        }
        finally
        {
            calls.Release();
        }
    }

    async Task SendPartAsync(List<Pending> messages)
    {
        var request = new PublishRequest { Topic = topic };
        request.Messages.AddRange(messages.Select(static pending => pending.Message));
        var (ids, outcome) = await CallAsync(request).ConfigureAwait(false);
        if (outcome is PublishOutcome.Refused && messages.Count > 1)
        {
            var half = messages.Count / 2;
            await SendPartAsync(messages[..half]).ConfigureAwait(false);
            await SendPartAsync(messages[half..]).ConfigureAwait(false);
            return;
        }
        for (var i = 0; i < messages.Count; i++)
            messages[i].Outcome.SetResult(outcome ?? new PublishOutcome.Published(ids[i]));
    }

    async Task<(IReadOnlyList<string> Ids, PublishOutcome? Failure)> CallAsync(PublishRequest request)
    {
        var (call, withoutToken) = await PrepareAsync(CancellationToken.None).ConfigureAwait(false);
        if (withoutToken is not null)
            return ([], withoutToken);
        var started = clock.GetTimestamp();
        var code = StatusCode.Unknown;
        try
        {
            var response = await client.PublishAsync(request, call).ConfigureAwait(false);
            code = StatusCode.OK;
            return response.MessageIds.Count == request.Messages.Count
                ? (response.MessageIds, null)
                : ([], new PublishOutcome.Unavailable("the answer does not fit the request", null));
        }
        catch (RpcException e)
        {
            code = e.StatusCode;
            return ([], PublishOutcome.Of(e, topic));
        }
        finally
        {
            Called(new PublishCall(
                request.Messages.Count, request.CalculateSize(), code, clock.GetElapsedTime(started)));
        }
    }

    /// <summary>Credentials and deadline of one call, or why there are no credentials.</summary>
    async ValueTask<(CallOptions Call, PublishOutcome? WithoutToken)> PrepareAsync(CancellationToken cancel)
    {
        var metadata = new Metadata();
        var withoutToken = endpoint.Credentials is { } credentials
            ? await credentials.TryAddAsync(metadata, cancel).ConfigureAwait(false)
            : null;
        var deadline = clock.GetUtcNow().UtcDateTime + limits.CallLimit;
        return (new CallOptions(metadata, deadline, cancel), withoutToken);
    }

    sealed class Pending(PubsubMessage message)
    {
        // Tag and length of a message within the request.
        const int Framing = 6;

        public PubsubMessage Message => message;
        public int Octets { get; } = message.CalculateSize() + Framing;

        public TaskCompletionSource<PublishOutcome> Outcome { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    sealed class Batch
    {
        public List<Pending> Messages { get; } = [];
        public int Octets { get; private set; }
        public ITimer? Timer { get; set; }

        public void Add(Pending pending)
        {
            Debug.Assert(Messages.Count < PublishLimits.RequestMessagesMax);
            Messages.Add(pending);
            Octets += pending.Octets;
        }
    }
}

/// <summary>One call of Publish, for the metrics.</summary>
/// <param name="Octets">Of the request.</param>
readonly record struct PublishCall(int Messages, long Octets, StatusCode Code, TimeSpan Took);

/// <summary>When a batch goes; the first three are those of Google's own clients.</summary>
sealed record PublishLimits
{
    /// <summary>What the service takes in one request; octets with a reserve below its 10 MB.</summary>
    public const int RequestMessagesMax = 1000;
    public const int RequestOctetsMax = 9_500_000;

    public int Messages { get; init; } = 100;
    public int Octets { get; init; } = 1_000_000;
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Calls at the same time.</summary>
    public int Calls { get; init; } = 8;

    public TimeSpan CallLimit { get; init; } = TimeSpan.FromSeconds(60);
}
