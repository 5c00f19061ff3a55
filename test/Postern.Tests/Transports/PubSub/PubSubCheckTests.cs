using Grpc.Core;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Transports;
using Postern.Mta.Transports.PubSub;

namespace Postern.Tests.Transports.PubSub;

/// <summary>The look at a topic before there is mail for it.</summary>
public sealed class PubSubCheckTests
{
    const string MayPublish = "pubsub.topics.publish";

    static readonly RpcException MayNotRead =
        FakePubSub.Error(StatusCode.PermissionDenied, "User not authorized to perform this action.");

    [Fact]
    public async Task Check_TopicThatIsMissing_IsAnAlarm()
    {
        await using var fake = await FakePubSub.StartAsync();
        var wrong = Assert.IsType<TransportFinding.Wrong>(await CheckAsync(fake, FakePubSub.Topic + "-2"));
        Assert.Equal("topic", wrong.Alarm.Kind);
        Assert.Contains("Resource not found", wrong.Alarm.Text, StringComparison.Ordinal);
        Assert.Contains($"create {FakePubSub.Topic}-2", wrong.Alarm.Mend, StringComparison.Ordinal);
        Assert.Empty(fake.Requests);
    }

    [Theory]
    [InlineData(true, "we may not publish")]
    [InlineData(false, "does not exist, or we may not publish")]
    public async Task Check_TopicThatTakesNothingFromUs_IsAnAlarm(bool mayRead, string text)
    {
        await using var fake = await FakePubSub.StartAsync();
        fake.TopicRefusal = mayRead ? null : MayNotRead;
        fake.Permissions = ["pubsub.topics.get"];
        var wrong = Assert.IsType<TransportFinding.Wrong>(await CheckAsync(fake, FakePubSub.Topic));
        Assert.Equal("topic", wrong.Alarm.Kind);
        Assert.Contains(text, wrong.Alarm.Text, StringComparison.Ordinal);
        Assert.Contains("roles/pubsub.publisher", wrong.Alarm.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_PublisherThatMayNotReadTheTopic_IsWell()
    {
        await using var fake = await FakePubSub.StartAsync();
        fake.TopicRefusal = MayNotRead;
        fake.Permissions = [MayPublish];
        var well = Assert.IsType<TransportFinding.Well>(await CheckAsync(fake, FakePubSub.Topic));
        Assert.Equal(["topic", "login"], well.DisprovedKinds);
    }

    [Fact]
    public async Task Check_WhereTheSecondQuestionIsUnknown_TheTopicIsEnough()
    {
        await using var fake = await FakePubSub.StartAsync();
        Assert.IsType<TransportFinding.Well>(await CheckAsync(fake, FakePubSub.Topic));
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.PermissionDenied)]
    public async Task Check_WithoutAnAnswer_ProvesNothing(StatusCode code)
    {
        await using var fake = await FakePubSub.StartAsync();
        fake.TopicRefusal = FakePubSub.Error(code, "no");
        Assert.IsType<TransportFinding.Unproved>(await CheckAsync(fake, FakePubSub.Topic));
    }

    static async Task<TransportFinding> CheckAsync(FakePubSub fake, string topic)
    {
        await using var transport = new PubSubTransport(
            "topic", new TransportOptions { Kind = TransportKind.Pubsub, Topic = topic },
            new InboundSource("mx.b.example", "0.1.0", "+", "/nonexistent"), fake.Endpoint,
            new PublishLimits(), TimeProvider.System);
        return await transport.CheckAsync(TestContext.Current.CancellationToken);
    }
}
