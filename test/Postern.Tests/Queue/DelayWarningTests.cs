using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class DelayWarningTests
{
    static readonly CancellationToken None = CancellationToken.None;

    static readonly TimeSpan Patience = TimeSpan.FromHours(4);

    static MailHall Late() => new(OptionsOf(
        Route("patient", to: ["*@patient.net"]), Route("all") with { DelayWarning = Patience }));

    /// <summary>What housekeeping does every 30 s.</summary>
    static async Task LookAsync(MailHall hall)
    {
        Assert.Null(await hall.Queue.LookAtOldAsync(default, None));
        await hall.RunAsync();
    }

    [Fact]
    public async Task ARecipientThatWaitsLonger_IsToldOnce_InTheCommitOfItsEvent()
    {
        await using var hall = Late();
        hall.Relay.Otherwise = Results.Greylisted;
        var id = await hall.AcceptAsync("b@example.net", "c@patient.net");
        await hall.RunAsync();
        hall.Clock.Advance(Patience);
        await LookAsync(hall);
        Assert.Empty(hall.Events(EventKind.Delayed));

        hall.Clock.Advance(TimeSpan.FromSeconds(1));
        hall.Store.Holds = HeldChanges.All;
        var look = hall.Queue.LookAtOldAsync(default, None).AsTask();
        Assert.Empty(hall.Events(EventKind.Delayed));
        hall.Store.Settle(1);
        hall.Store.Holds = HeldChanges.None;
        await look;
        var delayed = Assert.Single(hall.Events(EventKind.Delayed));
        Assert.Equal(("b@example.net", "4.7.1", "come back later"),
            (delayed.RecipientAddress, delayed.Status, delayed.Reply));
        var report = await hall.Store.ReadMessageAsync(delayed.Other!.Value, None);
        Assert.Equal((true, id), (report!.Message.Sender.IsNull, report.Message.ReportOn));
        await LookAsync(hall);
        Assert.Single(hall.Events(EventKind.Delayed));
        Assert.True(hall.Store.Recipients[0].DelayTold);
        Assert.Equal(RecipientState.Deferred, hall.Store.Recipients[0].State);
    }

    [Fact]
    public async Task TheReport_IsOfRfc3464_AndSaysUntilWhenItIsTried()
    {
        await using var hall = Late();
        hall.Relay.Otherwise = Results.Unreachable;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Patience + TimeSpan.FromSeconds(1));
        hall.Relay.Answer(Results.Greylisted);
        hall.Relay.Otherwise = Results.Relayed;
        await LookAsync(hall);
        await hall.PassAsync(TimeSpan.FromMinutes(1));
        var text = Assert.Single(
            hall.Relay.Contents, content => content.Contains("Delayed Mail", StringComparison.Ordinal));
        foreach (var field in (string[])[
            "To: sender@example.org", "Action: delayed", "Status: 4.4.1",
            "Final-Recipient: rfc822; b@example.net", "Will-Retry-Until: Wed, 7 Jan 2026 03:04:05 +0000",
            "connection refused"])
            Assert.Contains(field, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DsnNotify.Unspecified, "sender@example.org", 1)]
    [InlineData(DsnNotify.Delay, "sender@example.org", 1)]
    [InlineData(DsnNotify.Delay | DsnNotify.Failure, "sender@example.org", 1)]
    [InlineData(DsnNotify.Failure, "sender@example.org", 0)]
    [InlineData(DsnNotify.Never, "sender@example.org", 0)]
    [InlineData(DsnNotify.Delay, "", 0)]
    public async Task Notify_AndTheNullSender_Decide(DsnNotify notify, string sender, int warnings)
    {
        await using var hall = Late();
        hall.Relay.Otherwise = Results.Greylisted;
        var mail = Mail(hall.Letter(sender), "b@example.net");
        var to = mail.Recipients[0].Recipient with
        {
            Parameters = RcptParameters.None with { Notify = notify },
        };
        await hall.Queue.AcceptAsync(mail with { Recipients = [mail.Recipients[0] with { Recipient = to }] });
        await hall.RunAsync();
        hall.Clock.Advance(Patience + TimeSpan.FromSeconds(1));
        await LookAsync(hall);
        Assert.Equal(warnings, hall.Events(EventKind.Delayed).Count());
    }

    [Fact]
    public async Task MailOfOtherServers_HasNone_WithoutBounce()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("all") with { DelayWarning = Patience, Accepts = MailDoors.Mx }));
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.AcceptAsync(hall.Letter(door: MailDoors.Mx), "b@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Patience + TimeSpan.FromSeconds(1));
        await LookAsync(hall);
        Assert.Empty(hall.Events(EventKind.Delayed));
    }

    [Fact]
    public async Task HeldMail_IsNobodysDelay()
    {
        await using var hall = Late();
        hall.Relay.Otherwise = Results.Greylisted;
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await hall.Queue.HoldAsync(new QueueSelection.Matching(QueueFilter.All), "kim", None);
        hall.Clock.Advance(Patience + TimeSpan.FromSeconds(1));
        await LookAsync(hall);
        Assert.Empty(hall.Events(EventKind.Delayed));
    }

    [Fact]
    public async Task ALookAtOldMail_GoesOnOverEmptyPages_AndEndsWhereMailIsYoung()
    {
        await using var hall = Late();
        // The first look of a process is at all that an earlier one left.
        await LookAsync(hall);
        hall.Store.ListScanMax = 1;
        hall.Relay.Otherwise = Results.Unreachable;
        for (var i = 0; i < 3; i++)
            await hall.AcceptAsync($"r{i}@example.net");
        await hall.RunAsync();
        hall.Clock.Advance(Patience + TimeSpan.FromHours(2));
        var young = await hall.AcceptAsync("young@example.net");
        await hall.AcceptAsync("younger@example.net");
        var steps = 0;
        QueueId? next = default(QueueId);
        for (; next is { } key; steps++)
        {
            Assert.True(key < young);
            next = await hall.Queue.LookAtOldAsync(key, None);
        }
        Assert.Equal((4, 3), (steps, hall.Events(EventKind.Delayed).Count()));
    }
}
