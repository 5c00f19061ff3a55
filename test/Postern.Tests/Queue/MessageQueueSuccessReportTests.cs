using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>Reports of success: who asked for one, and who is the one to tell.</summary>
public sealed class MessageQueueSuccessReportTests
{
    [Theory]
    [InlineData(HandOver.ToHopWithoutDsn, "relayed")]
    [InlineData(HandOver.Final, "delivered")]
    public async Task Success_ThatTheSenderAskedFor_IsReported(HandOver handedOver, string action)
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(RelayedBy(handedOver));
        await hall.Queue.AcceptAsync(WithNotify(hall, DsnNotify.Success, "b@example.net"));
        await hall.RunAsync();
        var report = hall.Relay.Attempts[1];
        Assert.Contains($"Action: {action}\r\n", hall.Relay.Contents[1], StringComparison.Ordinal);
        Assert.Equal(report.Message.Id, hall.Events(EventKind.Relayed).First().Other);
        Assert.Empty(hall.Events(EventKind.BouncedToSender));
    }

    [Theory]
    [InlineData(HandOver.ToHopWithDsn, DsnNotify.Success)]
    [InlineData(HandOver.ToHopWithoutDsn, DsnNotify.Failure)]
    [InlineData(HandOver.Final, DsnNotify.Unspecified)]
    public async Task Success_ThatTheNextHopTellsOrNobodyAskedFor_IsNotReported(
        HandOver handedOver, DsnNotify notify)
    {
        await using var hall = new MailHall();
        hall.Relay.Answer(RelayedBy(handedOver));
        await hall.Queue.AcceptAsync(WithNotify(hall, notify, "b@example.net"));
        await hall.RunAsync();
        Assert.Single(hall.Relay.Attempts);
    }

    [Fact]
    public async Task SuccessAndFailure_InOneAttempt_AreTwoReports()
    {
        await using var hall = new MailHall();
        hall.Relay.AnswerEach(RelayedBy(HandOver.ToHopWithoutDsn), Results.Failed);
        await hall.Queue.AcceptAsync(
            WithNotify(hall, DsnNotify.Success | DsnNotify.Failure, "b@example.net", "c@example.net"));
        await hall.RunAsync();
        Assert.Equal(3, hall.Relay.Attempts.Count);
        string[] actions = [.. hall.Relay.Contents.Skip(1).Select(
            text => text.Split("Action: ")[1].Split('\r')[0]).Order(StringComparer.Ordinal)];
        Assert.Equal(["failed", "relayed"], actions);
    }

    static AttemptResult.Relayed RelayedBy(HandOver handedOver) =>
        new AttemptResult.Relayed(new(2, 0, 0), "Ok", null, handedOver);

    static NewMail WithNotify(MailHall hall, DsnNotify notify, params string[] to)
    {
        var mail = Mail(hall.Letter(), to);
        return mail with
        {
            Recipients = [.. mail.Recipients.Select(one => one with
            {
                Recipient = one.Recipient with
                {
                    Parameters = RcptParameters.None with { Notify = notify },
                },
            })],
        };
    }
}
