using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Tests.Events;

/// <summary>What became of each recipient, in whatever order it was told.</summary>
public sealed class TimelineTests
{
    static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    static MailEvent Fact(EventKind kind, int minute, int recipient = 1) => new()
    {
        Kind = kind,
        At = Start.AddMinutes(minute),
        Message = new QueueId(1),
        Recipient = recipient,
        RecipientAddress = $"r{recipient}@example.net",
    };

    /// <summary>Told an hour after it happened.</summary>
    static MailEvent Told(EventKind kind, int minute, EventSeverity? severity = null) =>
        Fact(kind, minute + 60) with
        {
            Severity = severity,
            Remote = new RemoteFacts("webhook", $"{kind}{minute}", Start.AddMinutes(minute), null, null),
        };

    static Timeline Of(params MailEvent[] facts) =>
        Timeline.Of([.. facts.Select((fact, i) => new StoredEvent(i + 1, fact))]);

    static string FateOf(params MailEvent[] facts) => Assert.Single(Of(facts).Recipients).Fate;

    [Theory]
    [InlineData(EventKind.Accepted, "waiting")]
    [InlineData(EventKind.Attempted, "waiting")]
    [InlineData(EventKind.Held, "held")]
    [InlineData(EventKind.Relayed, "relayed")]
    [InlineData(EventKind.Delivered, "delivered")]
    [InlineData(EventKind.Failed, "failed")]
    [InlineData(EventKind.Cancelled, "cancelled")]
    [InlineData(EventKind.Expired, "expired")]
    [InlineData(EventKind.Expanded, "expanded")]
    [InlineData(EventKind.Opened, "waiting")]
    public void Fate_IsWhatHappenedLast(EventKind kind, string fate) =>
        Assert.Equal(fate, FateOf(Fact(EventKind.Accepted, 0), Fact(kind, 1)));

    [Fact]
    public void Delay_ToldAfterTheDelivery_DoesNotUndoIt() => Assert.Equal("delivered", FateOf(
        Fact(EventKind.Relayed, 0), Told(EventKind.Delivered, 5),
        Told(EventKind.Failed, 3, EventSeverity.Temporary)));

    [Fact]
    public void Relay_CommittedAfterTheDeliveryWasTold_DoesNotUndoIt() => Assert.Equal("delivered", FateOf(
        Fact(EventKind.Accepted, 0), Told(EventKind.Delivered, 5), Fact(EventKind.Relayed, 6)));

    [Fact]
    public void Bounce_AfterADelivery_Counts_InWhateverOrderTheyAreTold()
    {
        MailEvent delivered = Told(EventKind.Delivered, 5), bounced = Told(EventKind.Failed, 9,
            EventSeverity.Permanent);
        Assert.Equal("failed", FateOf(Fact(EventKind.Relayed, 0), delivered, bounced));
        Assert.Equal("failed", FateOf(Fact(EventKind.Relayed, 0), bounced, delivered));
    }

    [Fact]
    public void EndOfALifetime_ToldAsAFailureToo_StaysExpired() => Assert.Equal("expired", FateOf(
        Fact(EventKind.Accepted, 0), Fact(EventKind.Expired, 5), Fact(EventKind.Failed, 5)));

    [Fact]
    public void Recipients_AreToldApart_WithTransportIdAndReactions()
    {
        var life = Of(
            Fact(EventKind.Accepted, 0), Fact(EventKind.Accepted, 0, 2),
            Fact(EventKind.Relayed, 1) with { Transport = "mailgun", RemoteId = "<1@mg>" },
            Told(EventKind.Opened, 2), Told(EventKind.Opened, 3), Told(EventKind.Complained, 4));
        Assert.Equal(["relayed", "waiting"], life.Recipients.Select(one => one.Fate));
        Assert.Equal(("mailgun", "<1@mg>"), (life.Recipients[0].Transport, life.Recipients[0].RemoteId));
        Assert.Equal(["opened", "complained"], life.Recipients[0].Reactions);
        Assert.Equal("r2@example.net", life.Recipients[1].Address);
    }
}
