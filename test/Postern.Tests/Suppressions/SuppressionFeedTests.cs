using Postern.Mta.Events;
using Postern.Mta.Suppressions;
using Postern.Tests.Doubles;

namespace Postern.Tests.Suppressions;

public sealed class SuppressionFeedTests
{
    static MailEvent Failed(string? status, string? reply = null, RemoteFacts? remote = null) => new()
    {
        Kind = EventKind.Failed,
        Severity = EventSeverity.Permanent,
        At = MailHall.Start,
        Status = status,
        Reply = reply,
        Remote = remote,
    };

    static RemoteFacts Told(string? reason, string? type = null) => new(
        "webhook", "e1", MailHall.Start, reason,
        type is null ? null : $$$"""{"delivery-status":{"bounce-type":"{{{type}}}"}}""");

    [Theory]
    [InlineData("5.1.1", true)]
    [InlineData("5.1.2", true)]
    [InlineData("5.1.3", true)]
    [InlineData("5.1.6", true)]
    [InlineData("5.1.10", true)]
    [InlineData("5.2.1", true)]
    [InlineData("5.2.2", false)]
    [InlineData("5.1.8", false)]
    [InlineData("5.7.1", false)]
    [InlineData("5.0.0", false)]
    [InlineData("4.4.7", false)]
    public void Failure_OfAnAttempt_CountsWhenTheAddressIsGone(string status, bool expected) => Assert.Equal(
        expected ? SuppressionKind.Bounce : null,
        SuppressionFeed.KindOf(Failed(status, $"host mx said: 550 {status} no (in reply to RCPT TO)")));

    [Fact]
    public void Failure_AtMail_IsAboutTheSender() => Assert.Null(SuppressionFeed.KindOf(
        Failed("5.1.2", "host mx said: 550 5.1.2 bad domain (in reply to MAIL FROM command)")));

    [Fact]
    public void Failure_ForTheTimeBeing_PutsNobodyOnTheList() => Assert.Null(SuppressionFeed.KindOf(
        Failed("5.1.1") with { Severity = EventSeverity.Temporary }));

    [Theory]
    [InlineData("bounce", "hard", "5.7.1", true)]
    [InlineData("bounce", "soft", "5.7.1", false)]
    [InlineData("bounce", null, null, true)]
    [InlineData("bounce", null, "5.1.1", true)]
    [InlineData("bounce", null, "5.7.1", false)]
    [InlineData("generic", null, "5.0.0", false)]
    [InlineData("espblock", "hard", "5.7.1", false)]
    [InlineData("suppress-bounce", null, null, false)]
    [InlineData("old", null, "4.4.7", false)]
    [InlineData(null, null, "5.1.1", true)]
    public void Failure_ThatIsTold_CountsAsTheProviderCallsIt(
        string? reason, string? type, string? status, bool expected) => Assert.Equal(
        expected ? SuppressionKind.Bounce : null,
        SuppressionFeed.KindOf(Failed(status, remote: Told(reason, type))));

    [Theory]
    [InlineData(EventKind.Complained, SuppressionKind.Complaint)]
    [InlineData(EventKind.Unsubscribed, SuppressionKind.Unsubscribe)]
    public void Wish_OfTheRecipient_Counts(EventKind kind, SuppressionKind expected) => Assert.Equal(
        expected, SuppressionFeed.KindOf(Failed(null) with { Kind = kind, Severity = null }));

    [Theory]
    [InlineData(EventKind.Delivered)]
    [InlineData(EventKind.Opened)]
    [InlineData(EventKind.Rejected)]
    [InlineData(EventKind.Expired)]
    public void OtherEvent_CountsForNothing(EventKind kind) =>
        Assert.Null(SuppressionFeed.KindOf(Failed("5.1.1") with { Kind = kind }));

    [Fact]
    public void Bounce_TellsCodeWordsAndWhen()
    {
        var entry = SuppressionFeed.EntryOf(
            Failed("5.1.1", "host mx said: 551 5.1.1 gone (in reply to RCPT TO command)"),
            SuppressionKind.Bounce);
        Assert.Equal(
            new Suppression { Since = MailHall.Start, Code = "551", Error = "5.1.1 gone" }, entry);
    }
}
