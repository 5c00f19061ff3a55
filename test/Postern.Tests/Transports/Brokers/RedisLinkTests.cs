using System.Security.Authentication;
using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.PubSub;
using StackExchange.Redis;

namespace Postern.Tests.Transports.Brokers;

public sealed class RedisLinkTests
{
    [Theory]
    [InlineData(RedisErrorKind.NoAuth, "login")]
    [InlineData(RedisErrorKind.WrongPass, "login")]
    [InlineData(RedisErrorKind.NoPermission, "topic")]
    [InlineData(RedisErrorKind.WrongType, "topic")]
    [InlineData(RedisErrorKind.OutOfMemory, "topic")]
    [InlineData(RedisErrorKind.Misconfigured, "topic")]
    [InlineData(RedisErrorKind.UnknownCommand, "topic")]
    public void Outcome_OperatorsCase_IsAnAlarm(RedisErrorKind kind, string alarm) =>
        Assert.Equal(alarm, Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(
            new RedisServerException(kind, CommandFlags.None, "no"))).Kind);

    [Theory]
    [InlineData(RedisErrorKind.Loading)]
    [InlineData(RedisErrorKind.ClusterDown)]
    [InlineData(RedisErrorKind.MasterDown)]
    [InlineData(RedisErrorKind.ReadOnly)]
    [InlineData(RedisErrorKind.NoReplicas)]
    [InlineData(RedisErrorKind.Busy)]
    [InlineData(RedisErrorKind.UnknownError)]
    public void Outcome_TroubleOfTheServer_HoldsTheMail(RedisErrorKind kind) =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(
            new RedisServerException(kind, CommandFlags.None, "no")));

    [Fact]
    public void Outcome_OfAConnectionThatWasRefusedItsLogin_IsAnAlarm() =>
        Assert.Equal("login", Assert.IsType<PublishOutcome.Misconfigured>(OutcomeOf(
            new RedisConnectionException(ConnectionFailureType.AuthenticationFailure, CommandFlags.None, "no",
                null, CommandStatus.Unknown))).Kind);

    [Fact]
    public void Outcome_OfACertificateThatDoesNotHold_IsNoCaseOfTheLogin() =>
        Assert.IsType<PublishOutcome.Unavailable>(OutcomeOf(new RedisConnectionException(
            ConnectionFailureType.AuthenticationFailure, CommandFlags.None, "no",
            new AuthenticationException("certificate"), CommandStatus.Unknown)));

    [Fact]
    public void Outcome_OfALateAnswer_HoldsTheMailInOneBoundedLine()
    {
        var outcome = OutcomeOf(new TimeoutException("late\r\n" + new string('x', 1000)));
        var text = Assert.IsType<PublishOutcome.Unavailable>(outcome).Text;
        Assert.StartsWith("late  x", text, StringComparison.Ordinal);
        Assert.Equal(300, text.Length);
    }

    static PublishOutcome OutcomeOf(Exception error) => RedisLink.OutcomeOf(error, "mail");
}
