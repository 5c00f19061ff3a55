using System.Text;
using Confluent.Kafka;
using Postern.Mta;
using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.PubSub;
using Postern.Tests.Doubles;

namespace Postern.Tests.Transports.Brokers;

public sealed class KafkaLinkTests : IAsyncDisposable
{
    const string Topic = "mail";

    readonly KafkaMock kafka = new();
    readonly KafkaLink link;

    public KafkaLinkTests() => link = new KafkaLink(
        new TransportOptions { Kind = TransportKind.Kafka, Servers = [kafka.Server], Topic = Topic });

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await link.DisposeAsync();
        kafka.Dispose();
    }

    [Fact]
    public async Task Publish_IsAcknowledgedWithKeyValueAndHeaders()
    {
        kafka.CreateTopic(Topic);
        Assert.Null(await link.CheckAsync(Cancel));
        Assert.Equal("0:0", Assert.IsType<PublishOutcome.Published>(await PublishAsync()).MessageId);
        var message = Assert.Single(kafka.ReadAll(Topic)).Message;
        Assert.Equal(("box@in.test", "document"), (message.Key, Encoding.UTF8.GetString(message.Value)));
        Assert.Equal("안녕@in.test", Encoding.UTF8.GetString(message.Headers.GetLastBytes("rcpt")));
    }

    [Fact]
    public async Task Publish_ToATopicThatIsMissing_IsAnAlarmUntilItIsMade()
    {
        Assert.IsType<PublishOutcome.Misconfigured>(await link.CheckAsync(Cancel));
        Assert.Equal("topic", Assert.IsType<PublishOutcome.Misconfigured>(await PublishAsync()).Kind);
        kafka.CreateTopic(Topic);
        Assert.IsType<PublishOutcome.Published>(await PublishAsync());
        Assert.Single(kafka.ReadAll(Topic));
    }

    [Fact]
    public async Task Publish_WhileNoBrokerAnswers_HoldsTheMailAndGoesOnAfterwards()
    {
        kafka.CreateTopic(Topic);
        Assert.IsType<PublishOutcome.Published>(await PublishAsync());
        kafka.SetDown();
        Assert.IsType<PublishOutcome.Unavailable>(await PublishAsync());
        kafka.SetUp();
        Assert.IsType<PublishOutcome.Published>(await PublishAsync());
    }

    [Fact]
    public async Task Publish_OfAMessageThatIsTooLarge_IsTheMessagesFaultAlone()
    {
        kafka.CreateTopic(Topic);
        kafka.RefuseOnce(ErrorCode.MsgSizeTooLarge);
        Assert.IsType<PublishOutcome.Refused>(await PublishAsync());
        Assert.IsType<PublishOutcome.Published>(await PublishAsync());
    }

    [Fact]
    public async Task Publish_WithoutTheRight_IsAnAlarmAndAskedAnew()
    {
        kafka.CreateTopic(Topic);
        kafka.RefuseOnce(ErrorCode.TopicAuthorizationFailed);
        Assert.IsType<PublishOutcome.Misconfigured>(await PublishAsync());
        Assert.IsType<PublishOutcome.Published>(await PublishAsync());
    }

    [Fact]
    public async Task Publish_GivenUp_ThrowsNothingElse()
    {
        kafka.CreateTopic(Topic);
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => link.PublishAsync(Message(), gone.Token));
    }

    [Theory]
    [InlineData(ErrorCode.SaslAuthenticationFailed, "login")]
    [InlineData(ErrorCode.Local_Authentication, "login")]
    [InlineData(ErrorCode.UnknownTopicOrPart, "topic")]
    [InlineData(ErrorCode.Local_UnknownTopic, "topic")]
    [InlineData(ErrorCode.TopicAuthorizationFailed, "topic")]
    [InlineData(ErrorCode.ClusterAuthorizationFailed, "topic")]
    [InlineData(ErrorCode.PolicyViolation, "topic")]
    public void Outcome_OperatorsCase_IsAnAlarm(ErrorCode code, string alarm) =>
        Assert.Equal(alarm, Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(code)).Kind);

    [Theory]
    [InlineData(ErrorCode.NotEnoughReplicas)]
    [InlineData(ErrorCode.NotEnoughReplicasAfterAppend)]
    [InlineData(ErrorCode.LeaderNotAvailable)]
    [InlineData(ErrorCode.NotLeaderForPartition)]
    [InlineData(ErrorCode.RequestTimedOut)]
    [InlineData(ErrorCode.KafkaStorageError)]
    [InlineData(ErrorCode.OutOfOrderSequenceNumber)]
    [InlineData(ErrorCode.Local_MsgTimedOut)]
    [InlineData(ErrorCode.Local_AllBrokersDown)]
    [InlineData(ErrorCode.Local_QueueFull)]
    [InlineData(ErrorCode.Local_Ssl)]
    [InlineData(ErrorCode.Unknown)]
    public void Outcome_TroubleOfTheServer_HoldsTheMail(ErrorCode code) =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(code));

    [Fact]
    public void Mechanism_ThatBrokersDoNotKnow_GivesWayToTheNext()
    {
        var error = new Error(ErrorCode.Local_Authentication,
            "SASL handshake failed: Broker: Unsupported SASL mechanism: broker's supported: PLAIN");
        Assert.Equal(SaslMechanism.ScramSha256, KafkaLink.NextMechanism(error, SaslMechanism.ScramSha512));
        Assert.Equal(SaslMechanism.Plain, KafkaLink.NextMechanism(error, SaslMechanism.ScramSha256));
        Assert.Equal(SaslMechanism.ScramSha512, KafkaLink.NextMechanism(error, SaslMechanism.Plain));
        Assert.Null(KafkaLink.NextMechanism(
            new Error(ErrorCode.SaslAuthenticationFailed, "invalid credentials"), SaslMechanism.Plain));
        Assert.IsType<PublishOutcome.Unavailable>(KafkaLink.OutcomeOf(error, Topic));
    }

    [Theory]
    [InlineData("mail", true)]
    [InlineData("mail.in_box-1", true)]
    [InlineData("", false)]
    [InlineData("..", false)]
    [InlineData("mail in", false)]
    [InlineData("projects/p/topics/t", false)]
    public void Topic_IsCheckedAsKafkaDoes(string text, bool isOne) =>
        Assert.Equal(isOne, KafkaLink.IsTopic(text));

    Task<PublishOutcome> PublishAsync() => link.PublishAsync(Message(), Cancel);

    static BrokerMessage Message() => new(
        "000000000YGJ0.1", "box@in.test", "document"u8.ToArray(),
        new Dictionary<string, string> { ["ce-id"] = "000000000YGJ0.1", ["rcpt"] = "안녕@in.test" });

    static PublishOutcome OutcomeOf(ErrorCode code) => KafkaLink.OutcomeOf(new Error(code, "no"), Topic);
}
