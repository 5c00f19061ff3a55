using Google.Protobuf;
using Grpc.Core;
using Postern.Mta.Transports.PubSub;
using Postern.Mta.Transports.PubSub.Wire;

namespace Postern.Tests.Transports.PubSub;

public sealed class PubSubPublisherTests
{
    static readonly PublishLimits Patient = new() { Linger = TimeSpan.FromMilliseconds(300) };

    [Fact]
    public async Task Publish_ManyAtOnce_GoInBatchesAndEachGetsItsOwnId()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, Patient);
        var texts = Enumerable.Range(0, 250).Select(i => $"message {i}").ToArray();
        var outcomes = await Task.WhenAll(texts.Select(text => publisher.PublishAsync(Message(text))));
        Assert.Equal([50, 100, 100], fake.Requests.Select(request => request.Messages.Count).Order());
        Assert.Equal(texts, outcomes.Select(outcome =>
            fake.Published[Assert.IsType<PublishOutcome.Published>(outcome).MessageId].Data.ToStringUtf8()));
    }

    [Fact]
    public async Task Publish_BatchReachesAMegabyte_Goes()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits { Linger = TimeSpan.FromDays(1) });
        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => publisher.PublishAsync(Message(new string('x', 500_000)))));
        Assert.All(outcomes, outcome => Assert.IsType<PublishOutcome.Published>(outcome));
        Assert.Equal([2, 2], fake.Requests.Select(request => request.Messages.Count));
    }

    [Fact]
    public async Task Publish_WouldPassTheHardCap_GoesInTheNextRequest()
    {
        await using var fake = await FakePubSub.StartAsync();
        var limits = new PublishLimits { Octets = 20_000_000, Linger = TimeSpan.FromMilliseconds(300) };
        await using var publisher = Publisher(fake, limits);
        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 2).Select(_ => publisher.PublishAsync(Message(new string('x', 6_000_000)))));
        Assert.All(outcomes, outcome => Assert.IsType<PublishOutcome.Published>(outcome));
        Assert.Equal(2, fake.Requests.Count);
    }

    [Fact]
    public async Task Publish_LargerThanARequest_IsRefusedWithoutACall()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, Patient);
        var outcome = await publisher.PublishAsync(Message(new string('x', 9_600_000)));
        Assert.IsType<PublishOutcome.Refused>(outcome);
        Assert.Empty(fake.Requests);
    }

    [Fact]
    public async Task Publish_OneBadMessageInABatch_FailsAlone()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, Patient);
        var bad = Message("bad");
        bad.Attributes.Add("goog-x", "1");
        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 100).Select(i => publisher.PublishAsync(i == 37 ? bad : Message($"{i}"))));
        Assert.IsType<PublishOutcome.Refused>(outcomes[37]);
        Assert.Equal(99, outcomes.Count(outcome => outcome is PublishOutcome.Published));
        Assert.Equal(99, fake.Published.Count);
    }

    [Theory]
    [InlineData(StatusCode.Aborted, "Unavailable")]
    [InlineData(StatusCode.Cancelled, "Unavailable")]
    [InlineData(StatusCode.DeadlineExceeded, "Unavailable")]
    [InlineData(StatusCode.Internal, "Unavailable")]
    [InlineData(StatusCode.ResourceExhausted, "Unavailable")]
    [InlineData(StatusCode.Unavailable, "Unavailable")]
    [InlineData(StatusCode.Unknown, "Unavailable")]
    [InlineData(StatusCode.NotFound, "Misconfigured")]
    [InlineData(StatusCode.PermissionDenied, "Misconfigured")]
    [InlineData(StatusCode.Unauthenticated, "Misconfigured")]
    [InlineData(StatusCode.FailedPrecondition, "Misconfigured")]
    [InlineData(StatusCode.Unimplemented, "Misconfigured")]
    [InlineData(StatusCode.InvalidArgument, "Refused")]
    [InlineData(StatusCode.OutOfRange, "Refused")]
    public async Task Publish_Code_HasItsClass(StatusCode code, string kind)
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits());
        fake.Fault = (_, _) => throw FakePubSub.Error(code, "so it is");
        var outcome = await publisher.PublishAsync(Message("x"));
        Assert.Equal(kind, outcome.GetType().Name);
        Assert.Single(fake.Requests);
    }

    [Fact]
    public async Task Publish_TopicHasASchema_IsNoFaultOfTheMessage()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits());
        fake.Fault = (_, _) =>
            throw FakePubSub.Error(StatusCode.InvalidArgument, "Message failed schema validation.");
        Assert.IsType<PublishOutcome.Misconfigured>(await publisher.PublishAsync(Message("x")));
    }

    [Fact]
    public async Task Publish_RetryInfo_IsHonoured()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits());
        fake.Fault = (_, _) => throw FakePubSub.Error(
            StatusCode.ResourceExhausted, "quota", TimeSpan.FromSeconds(17));
        var outcome = Assert.IsType<PublishOutcome.Unavailable>(await publisher.PublishAsync(Message("x")));
        Assert.Equal(TimeSpan.FromSeconds(17), outcome.RetryAfter);
    }

    [Fact]
    public async Task Publish_AnswerIsLost_IsUnavailableAndARepeatIsAllowed()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits());
        fake.LoseAnswer = () => throw FakePubSub.Error(StatusCode.Unavailable, "lost");
        Assert.IsType<PublishOutcome.Unavailable>(await publisher.PublishAsync(Message("x")));
        fake.LoseAnswer = static () => { };
        Assert.IsType<PublishOutcome.Published>(await publisher.PublishAsync(Message("x")));
        Assert.Equal(2, fake.Published.Count);
    }

    [Fact]
    public async Task Publish_CallHangs_EndsAtItsDeadline()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher =
            Publisher(fake, new PublishLimits { CallLimit = TimeSpan.FromMilliseconds(500) });
        fake.Fault = (_, context) =>
            Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
        var outcome = Assert.IsType<PublishOutcome.Unavailable>(await publisher.PublishAsync(Message("x")));
        Assert.StartsWith("DeadlineExceeded", outcome.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publish_NobodyListens_IsUnavailable()
    {
        var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits());
        await fake.DisposeAsync();
        Assert.IsType<PublishOutcome.Unavailable>(await publisher.PublishAsync(Message("x")));
    }

    [Fact]
    public async Task Publish_ManyBatches_KeepsToTheCallsAllowed()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var publisher = Publisher(fake, new PublishLimits { Messages = 1, Calls = 3 });
        var (running, most) = (0, 0);
        using var gate = new SemaphoreSlim(0);
        var three = new TaskCompletionSource();
        fake.Fault = async (_, context) =>
        {
            var now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            if (now == 3)
                three.TrySetResult();
            await gate.WaitAsync(context.CancellationToken);
            Interlocked.Decrement(ref running);
        };
        var all = Enumerable.Range(0, 20).Select(i => publisher.PublishAsync(Message($"{i}"))).ToArray();
        await three.Task;
        gate.Release(20);
        await Task.WhenAll(all);
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task Dispose_WhileABatchFills_SendsItFirst()
    {
        await using var fake = await FakePubSub.StartAsync();
        var publisher = Publisher(fake, new PublishLimits { Linger = TimeSpan.FromDays(1) });
        var outcome = publisher.PublishAsync(Message("x"));
        await publisher.DisposeAsync();
        Assert.IsType<PublishOutcome.Published>(await outcome);
    }

    static void InterlockedMax(ref int most, int value)
    {
        for (var seen = most; value > seen; seen = most)
            Interlocked.CompareExchange(ref most, value, seen);
    }

    static PubSubPublisher Publisher(FakePubSub fake, PublishLimits limits) =>
        new(FakePubSub.Topic, fake.Endpoint, limits, TimeProvider.System);

    static PubsubMessage Message(string text) => new() { Data = ByteString.CopyFromUtf8(text) };
}
