using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Smtp;

namespace Postern.Tests.Reports;

public sealed class BouncePolicyTests
{
    [Theory]
    [InlineData(ReportKind.Failed, DsnNotify.Unspecified, true)]
    [InlineData(ReportKind.Failed, DsnNotify.Failure, true)]
    [InlineData(ReportKind.Failed, DsnNotify.Success | DsnNotify.Delay, false)]
    [InlineData(ReportKind.Failed, DsnNotify.Never, false)]
    [InlineData(ReportKind.Delayed, DsnNotify.Unspecified, true)]
    [InlineData(ReportKind.Delayed, DsnNotify.Failure, false)]
    [InlineData(ReportKind.Delayed, DsnNotify.Delay, true)]
    [InlineData(ReportKind.Relayed, DsnNotify.Unspecified, false)]
    [InlineData(ReportKind.Relayed, DsnNotify.Success, true)]
    [InlineData(ReportKind.Expanded, DsnNotify.Success, true)]
    public void Submission_ReportFollowsNotify(ReportKind kind, DsnNotify notify, bool due) =>
        Assert.Equal(due, BouncePolicy.IsDue(kind, Message("a@b.example"), new() { Notify = notify }, null));

    [Fact]
    public void NullSender_NeverGetsAReport() =>
        Assert.False(BouncePolicy.IsDue(ReportKind.Failed, Message(null), RcptParameters.None,
            new RouteOptions { Bounce = true }));

    [Theory]
    [InlineData(null, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Mx_ReportsOnlyWhereTheRouteSaysSo(bool? bounce, bool due) =>
        Assert.Equal(due, BouncePolicy.IsDue(
        ReportKind.Failed, Message("a@b.example") with { Door = MailDoors.Mx }, RcptParameters.None,
            new() { Bounce = bounce }));

    [Theory]
    [InlineData(HandOver.ToHopWithDsn, null)]
    [InlineData(HandOver.ToHopWithoutDsn, ReportKind.Relayed)]
    [InlineData(HandOver.Final, ReportKind.Delivered)]
    public void NotifySuccess_IsToldWhereTheNextHopWillNot(HandOver handOver, ReportKind? expected) =>
        Assert.Equal(expected, BouncePolicy.AfterSuccess(
            handOver, Message("a@b.example"), new Recipient
            {
                Message = new QueueId(1),
                Number = 1,
                Address = Doubles.MailHall.Mailbox("b@c.example"),
                Dsn = new() { Notify = DsnNotify.Success },
                State = RecipientState.Active,
            }, null));

    static QueuedMessage Message(string? sender) => new()
    {
        Id = new QueueId(1),
        ArrivedAt = default,
        Door = MailDoors.Submission,
        Sender = sender is not null && Mailbox.TryParse(sender, out var mailbox) ? new ReversePath(mailbox)
            : default,
        Client = new(),
        ContentOctets = 1,
    };
}
