using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.PubSub;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Postern.Tests.Transports.Brokers;

public sealed class RabbitmqLinkTests
{
    [Theory]
    [InlineData(403, "ACCESS_REFUSED - write access to exchange 'mail' refused")]
    [InlineData(404, "NOT_FOUND - no exchange 'mail' in vhost '/'")]
    [InlineData(530, "NOT_ALLOWED - vhost mail not found")]
    public void Outcome_OperatorsCase_IsAnAlarm(int code, string text) =>
        Assert.Equal(
            "topic", Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(Closed(code, text))).Kind);

    [Theory]
    [InlineData(320, "CONNECTION_FORCED - broker forced connection closure")]
    [InlineData(406, "PRECONDITION_FAILED - fast reply consumer does not exist")]
    [InlineData(506, "RESOURCE_ERROR")]
    [InlineData(541, "INTERNAL_ERROR")]
    [InlineData(0, "")]
    public void Outcome_TroubleOfTheServer_HoldsTheMail(int code, string text) =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(Closed(code, text)));

    [Theory]
    [InlineData(311, "CONTENT_TOO_LARGE")]
    [InlineData(406, "PRECONDITION_FAILED - message size 9 is larger than configured max size 8")]
    public void Outcome_OfAMessageOverTheLimit_IsTheMessagesFault(int code, string text) =>
        Assert.IsType<PublishOutcome.Refused>(OutcomeOf(Closed(code, text)));

    [Fact]
    public void Outcome_OfAMessageThatNoQueueGot_IsAnAlarm()
    {
        var outcome = OutcomeOf(new PublishReturnException(1, "returned", "mail", "in", 312, "NO_ROUTE"));
        var wrong = Assert.IsType<PublishOutcome.Misconfigured>(outcome);
        Assert.Equal(("topic", "no queue got it: 312 NO_ROUTE"), (wrong.Kind, wrong.Text));
    }

    [Fact]
    public void Outcome_OfANegativeConfirm_HoldsTheMail() =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(new PublishException(1, isReturn: false)));

    [Fact]
    public void Outcome_WhereOneOfTheServersRefusesTheLogin_IsAnAlarm() =>
        Assert.Equal("login", Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(
            new BrokerUnreachableException(new AggregateException(
                new IOException("no connection"), new AuthenticationFailureException("refused"))))).Kind);

    [Fact]
    public void Outcome_WhereNoServerAnswers_HoldsTheMail() =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(
            new BrokerUnreachableException(new IOException("no connection"))));

    [Fact]
    public void Outcome_WhereAServerFallsSilentWhileItGreets_NamesTheVirtualHostToo() =>
        Assert.Contains("virtual host", Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(
            new BrokerUnreachableException(new OperationCanceledException()))).Text,
            StringComparison.Ordinal);

    static OperationInterruptedException Closed(int code, string text) =>
        new(new ShutdownEventArgs(ShutdownInitiator.Peer, (ushort)code, text));

    static PublishOutcome OutcomeOf(Exception error) => RabbitmqLink.OutcomeOf(error, "mail", "in");
}
