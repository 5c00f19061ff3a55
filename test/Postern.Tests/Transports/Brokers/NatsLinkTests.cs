using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.PubSub;

namespace Postern.Tests.Transports.Brokers;

public sealed class NatsLinkTests
{
    [Theory]
    [InlineData(10002, "topic")]
    [InlineData(10023, "topic")]
    [InlineData(10039, "topic")]
    [InlineData(10047, "topic")]
    [InlineData(10059, "topic")]
    [InlineData(10076, "topic")]
    [InlineData(10077, "topic")]
    [InlineData(10109, "topic")]
    public void Outcome_OperatorsCase_IsAnAlarm(int code, string alarm) =>
        Assert.Equal(alarm, Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(Answer(code))).Kind);

    [Theory]
    [InlineData(10008)]
    [InlineData(10060)]
    [InlineData(10071)]
    [InlineData(0)]
    [InlineData(99999)]
    public void Outcome_TroubleOfTheServer_HoldsTheMail(int code) =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(Answer(code)));

    [Fact]
    public void Outcome_OfAMessageOverTheStreamsLimit_IsTheMessagesFault()
    {
        Assert.IsType<PublishOutcome.Refused>(OutcomeOf(Answer(10054)));
        Assert.IsType<PublishOutcome.Refused>(OutcomeOf(new NatsPayloadTooLargeException("large")));
    }

    [Fact]
    public void Outcome_OfAConnectionThatWasRefusedItsLogin_IsAnAlarm() =>
        Assert.Equal("login", Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(
            new NatsException("can not start", new NatsServerException("authorization violation")))).Kind);

    [Fact]
    public void Outcome_OfASubjectThatTheUserMayNotUse_IsAnAlarm()
    {
        var outcome = OutcomeOf(new NatsLink.PermissionException("permissions violation"));
        Assert.Contains("publish on mail.in", Assert.IsType<PublishOutcome.Misconfigured>(outcome).Mend,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Outcome_WhereNobodyListens_NamesTheStreamThatIsMissing()
    {
        var outcome = OutcomeOf(new NatsNoRespondersException());
        Assert.Contains("--subjects mail.in", Assert.IsType<PublishOutcome.Misconfigured>(outcome).Mend,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Outcome_OfALateAnswerOrABrokenConnection_HoldsTheMail()
    {
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(new NatsNoReplyException()));
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(new NatsJSPublishNoResponseException()));
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(new OperationCanceledException()));
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(new IOException("broken\r\npipe")));
    }

    [Theory]
    [InlineData("mail")]
    [InlineData("mail.in.box-1")]
    public void Subject_OfWholeParts_IsOne(string text) => Assert.True(NatsLink.IsSubject(text));

    [Theory]
    [InlineData("")]
    [InlineData("mail.")]
    [InlineData(".mail")]
    [InlineData("mail..in")]
    [InlineData("mail.*")]
    [InlineData("mail.>")]
    [InlineData("mail in")]
    [InlineData("mail\r\nPUB")]
    public void Subject_WithWildcardsOrSpace_IsNone(string text) => Assert.False(NatsLink.IsSubject(text));

    static NatsJSApiException Answer(int code) =>
        new(new ApiError { Code = 503, ErrCode = code, Description = "no" });

    static PublishOutcome OutcomeOf(Exception error) => NatsLink.OutcomeOf(error, "mail.in");
}
